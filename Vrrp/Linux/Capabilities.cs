using System.Globalization;

namespace Vrrp.Linux;

/// <summary>The capabilities that matter here, by the kernel's numbers.</summary>
internal enum Capability
{
    Kill = 5,
    SetGid = 6,
    SetUid = 7,
    NetBindService = 10,
    NetAdmin = 12,
    NetRaw = 13,
    IpcLock = 14,
    SysModule = 16,
    SysAdmin = 21,
    SysNice = 23,
    SysResource = 24,
}

/// <summary>What the calling thread may do.</summary>
/// <param name="Effective">The effective set, a bit for each capability.</param>
internal readonly record struct Capabilities(ulong Effective)
{
    /// <summary>Whether a capability is effective.</summary>
    public bool Has(Capability capability) => (Effective >> (int)capability & 1) != 0;

    /// <summary>Reads the set of the calling thread; none when /proc cannot tell.</summary>
    public static Capabilities Read()
    {
        try
        {
            return Parse(File.ReadAllText("/proc/thread-self/status"));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return default;
        }
    }

    /// <summary>Finds the CapEff line in the text of a status file.</summary>
    public static Capabilities Parse(ReadOnlySpan<char> status)
    {
        foreach (var line in status.EnumerateLines())
        {
            if (line.StartsWith("CapEff:")
                && ulong.TryParse(line["CapEff:".Length..].Trim(), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out ulong bits))
                return new(bits);
        }

        return default;
    }

    /// <summary>The capability as the kernel spells it.</summary>
    public static string NameOf(Capability capability) => capability switch
    {
        Capability.Kill => "CAP_KILL",
        Capability.SetGid => "CAP_SETGID",
        Capability.SetUid => "CAP_SETUID",
        Capability.NetBindService => "CAP_NET_BIND_SERVICE",
        Capability.NetAdmin => "CAP_NET_ADMIN",
        Capability.NetRaw => "CAP_NET_RAW",
        Capability.IpcLock => "CAP_IPC_LOCK",
        Capability.SysModule => "CAP_SYS_MODULE",
        Capability.SysAdmin => "CAP_SYS_ADMIN",
        Capability.SysNice => "CAP_SYS_NICE",
        Capability.SysResource => "CAP_SYS_RESOURCE",
        _ => capability.ToString(),
    };

    /// <summary>An exception that names the capability when the kernel refused for want of one.</summary>
    public static LinuxException Failure(string operation, int error, Capability capability) =>
        new(error is Errno.EPERM or Errno.EACCES ? $"{operation} ({NameOf(capability)} is missing)" : operation, error);

    /// <summary>Throws unless a capability is effective.</summary>
    /// <exception cref="LinuxException">It is not.</exception>
    public static void Demand(string operation, Capability capability)
    {
        if (!Read().Has(capability))
            throw Failure(operation, Errno.EPERM, capability);
    }
}
