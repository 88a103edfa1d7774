using Vrrp.Linux;
using Vrrp.Netlink;

namespace Vrrp.Daemon.Hosting;

/// <summary>Exit statuses; where keepalived has one for the case it is the same.</summary>
internal static class ExitCode
{
    public const int Success = 0;
    public const int Usage = 1;
    public const int Configuration = 2;
    public const int Permission = 4;
    public const int NoConfiguration = 6;
    public const int InternalError = 70;

    /// <summary>For a failure that one line explains; null for one whose whole story is needed.</summary>
    public static int? Of(Exception failure) => failure switch
    {
        LinuxException { IsPermission: true } or NetlinkException { Error: Errno.EPERM or Errno.EACCES } => Permission,
        IOException => InternalError,
        ArgumentException => Configuration,
        _ => null,
    };
}
