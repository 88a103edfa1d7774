using System.Globalization;
using System.Runtime.InteropServices;
using Vrrp.Linux;

namespace Vrrp.Daemon.Ipvs;

/// <summary>The kernel's errno of a change as a sentence that names the object and, where one is known, the remedy.</summary>
internal static class IpvsErrorText
{
    private const int ESRCH = 3;
    private const int ENOMEM = 12;
    private const int ERANGE = 34;

    public static string Describe(IpvsChange change, int error)
    {
        string subject = change.Destination is { } destination
            ? $"real server {destination.Key} of virtual server {change.Service.Key}"
            : $"virtual server {change.Service.Key}";
        string verb = change.Kind switch
        {
            IpvsChangeKind.AddService or IpvsChangeKind.AddDestination => "added",
            IpvsChangeKind.UpdateService or IpvsChangeKind.UpdateDestination => "changed",
            _ => "removed",
        };
        return string.Create(CultureInfo.InvariantCulture, $"The {subject} cannot be {verb}: {Reason(change, error)}.");
    }

    private static string Reason(IpvsChange change, int error)
    {
        bool isService = change.Destination is null;
        bool isWholeService = change.Kind is IpvsChangeKind.AddService or IpvsChangeKind.UpdateService;
        return error switch
        {
            Errno.ENOENT when isWholeService && change.Service.PersistenceEngine is { } engine =>
                $"the kernel has no scheduler '{change.Service.Scheduler}' or no persistence engine '{engine}' (modules ip_vs_{change.Service.Scheduler}, ip_vs_pe_{engine})",
            Errno.ENOENT when isWholeService => $"the kernel has no scheduler '{change.Service.Scheduler}' (module ip_vs_{change.Service.Scheduler})",
            Errno.ENOENT => "the kernel has no such real server",
            ESRCH => "the kernel has no such virtual server",
            Errno.EEXIST => isService ? "it exists already" : "the service has it already",
            ERANGE => "its weight is negative or its lower threshold is above the upper one",
            Errno.EINVAL when !isService && change.Service.Key.Family != change.Destination!.Key.Address.Family =>
                "IPv4 and IPv6 can be mixed only with TUN, and not while a synchronisation daemon runs",
            Errno.EINVAL when !isService => "the kernel takes no such address or forwarding method; an address of this host cannot be forwarded to",
            Errno.EAFNOSUPPORT => "this kernel's IPVS does not do IPv6",
            Errno.EPROTONOSUPPORT => $"this kernel's IPVS does not do {ServiceKey.ProtocolName(change.Service.Key.Protocol)}",
            Errno.EPERM => "permission is missing (CAP_NET_ADMIN)",
            ENOMEM => "the kernel is out of memory",
            Errno.ENOBUFS => "the kernel's answer was lost; what it did is read again",
            _ => string.Create(CultureInfo.InvariantCulture, $"{Marshal.GetPInvokeErrorMessage(error)} (errno {error})"),
        };
    }
}
