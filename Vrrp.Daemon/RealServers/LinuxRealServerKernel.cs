using System.Collections.Immutable;
using System.Globalization;
using System.Text;
using Vrrp.Daemon.Ipvs;
using Vrrp.Linux;
using Vrrp.Netlink;
using static Vrrp.Netlink.RouteMessages;

namespace Vrrp.Daemon.RealServers;

/// <summary>Netlink and /proc/sys of the network namespace in which it is made; one thread makes and uses it.</summary>
internal sealed class LinuxRealServerKernel : IRealServerKernel, IDisposable
{
    private const int EROFS = 30;
    private const int O_RDONLY_CLOEXEC = 0x80000;
    private const int O_WRONLY_CLOEXEC = 0x80001;
    private const uint IFF_NOARP = 0x80;
    private const int MaximumValue = 64;

    private readonly NetlinkSocket _socket = new(Nlmsg.NETLINK_ROUTE, receiveBuffer: 1024 * 1024);
    private readonly LinkBuilder _links = new();
    private readonly byte[] _buffer = new byte[512];

    /// <inheritdoc/>
    public RealServerFacts Read()
    {
        var links = new LinkSink();
        var writer = new NetlinkWriter(_buffer);
        WriteLinkDump(ref writer, _socket.NextSequence());
        _socket.Query(writer.Written, links, "list the interfaces");
        var addresses = new AddressSink();
        writer = new NetlinkWriter(_buffer);
        WriteAddressDump(ref writer, _socket.NextSequence(), AF_UNSPEC, 0);
        _socket.Query(writer.Written, addresses, "list the addresses");

        var settings = ImmutableDictionary.CreateBuilder<KernelSetting, int>();
        foreach (string device in links.Found.Values.Select(device => device.Name).Prepend(KernelSetting.All))
        {
            foreach (string key in KernelSetting.Keys)
            {
                var setting = new KernelSetting(device, key);
                if (ReadSetting(setting) is { } value)
                    settings[setting] = value;
            }
        }

        return new(
            [.. links.Found.OrderBy(link => link.Key).Select(link => link.Value)],
            [.. addresses.Found.Where(address => links.Found.ContainsKey(address.InterfaceIndex))
                .Select(address => new AddressFacts(links.Found[address.InterfaceIndex].Name, address.Local, address.PrefixLength))],
            settings.ToImmutable());
    }

    /// <inheritdoc/>
    public bool Apply(RealServerChange change)
    {
        switch (change)
        {
            case RealServerChange.CreateTunnel create:
                return CreateTunnel(create.Device);
            case RealServerChange.DeleteTunnel delete:
                _links.Delete(delete.Device);
                return true;
            case RealServerChange.SetLink { Up: true } link:
                _links.SetUp(link.Device);
                return true;
            case RealServerChange.SetLink link:
                _links.SetDown(link.Device);
                return true;
            case RealServerChange.WriteSetting write:
                WriteSetting(write.Setting, write.To);
                return true;
            case RealServerChange.AddAddress add:
                return ChangeAddress(add.Vip, isAdded: true);
            case RealServerChange.RemoveAddress remove:
                return ChangeAddress(remove.Vip, isAdded: false);
            default:
                throw new ArgumentOutOfRangeException(nameof(change), change, null);
        }
    }

    public void Dispose()
    {
        _links.Dispose();
        _socket.Dispose();
    }

    /// <summary>What is in a file of one short line; null when there is no such file.</summary>
    private static unsafe string? ReadLine(string path)
    {
        int descriptor = NativeMethods.Open(path, O_RDONLY_CLOEXEC, 0);
        if (descriptor < 0)
            return Errno.Last == Errno.ENOENT ? null : throw new LinuxException($"read {path}", Errno.Last);
        byte* octets = stackalloc byte[MaximumValue];
        nint length = NativeMethods.Read(descriptor, octets, MaximumValue);
        int error = Errno.Last;
        _ = NativeMethods.Close(descriptor);
        return length >= 0 ? Encoding.ASCII.GetString(octets, (int)length).Trim()
            // A device that goes away meanwhile takes its settings with it.
            : error == Errno.ENOENT ? null : throw new LinuxException($"read {path}", error);
    }

    private static int? ReadSetting(KernelSetting setting) =>
        ReadLine(setting.Path) is not { } text ? null
        : int.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out int value) ? value
        : throw new IOException($"{setting} is '{text}', which is no number.");

    private static unsafe void WriteSetting(KernelSetting setting, int value)
    {
        int descriptor = NativeMethods.Open(setting.Path, O_WRONLY_CLOEXEC, 0);
        if (descriptor < 0)
            throw Refused(setting, value, Errno.Last);
        byte[] octets = Encoding.ASCII.GetBytes(value.ToString(CultureInfo.InvariantCulture) + "\n");
        fixed (byte* start = octets)
        {
            nint written = NativeMethods.Write(descriptor, start, (nuint)octets.Length);
            int error = Errno.Last;
            _ = NativeMethods.Close(descriptor);
            if (written != octets.Length)
                throw Refused(setting, value, error);
        }
    }

    private static IOException Refused(KernelSetting setting, int value, int error)
    {
        var refusal = new LinuxException(string.Create(CultureInfo.InvariantCulture, $"set {setting} to {value}"), error);
        return error switch
        {
            EROFS => new RealServerException(
                refusal.Message + " In a container /proc/sys is read-only: run this on the host, in the container's network namespace "
                + "('nsenter --net --target PID'), or give the container its settings when it is made ('docker run --sysctl').", refusal),
            Errno.EPERM or Errno.EACCES => new RealServerException(refusal.Message + " CAP_NET_ADMIN is missing: run it as root.", refusal),
            _ => refusal,
        };
    }

    private bool CreateTunnel(string device)
    {
        string kind = device == RealServerVip.IPv6Tunnel ? "ip6tnl" : "ipip";
        string module = device == RealServerVip.IPv6Tunnel ? "ip6_tunnel" : "ipip";
        string? problem = null;
        for (int attempt = 0; ; attempt++)
        {
            try
            {
                // The kernel looks for the module by itself; with it, its own device of that name may come.
                _links.CreateTunnel(device, kind);
                return true;
            }
            catch (NetlinkException exception) when (exception.Error == Errno.EEXIST)
            {
                return Exists(device) ? false : throw new RealServerException(
                    $"Cannot make {device}: another {kind} device takes packets from any peer already. Find it with "
                    + $"'ip -details link show type {kind}', and delete it or name it {device}.", exception);
            }
            catch (NetlinkException exception) when (exception.Error is Errno.EOPNOTSUPP && attempt == 0)
            {
                problem = KernelModule.LoadAsync(module, TimeProvider.System).GetAwaiter().GetResult();
            }
            catch (NetlinkException exception) when (exception.Error is Errno.EOPNOTSUPP)
            {
                throw new RealServerException(
                    $"Cannot make {device}: the kernel lacks its module {module}.{(problem is null ? "" : " " + problem)} Install the package that has it; "
                    + $"for a container, load it on the host: modprobe {module}.", exception);
            }
        }
    }

    private bool Exists(string device)
    {
        try
        {
            return _links.IndexOf(device) > 0;
        }
        catch (NetlinkException exception) when (exception.Error == Errno.ENODEV)
        {
            return false;
        }
    }

    private bool ChangeAddress(RealServerVip vip, bool isAdded)
    {
        var record = new AddressRecord
        {
            InterfaceIndex = _links.IndexOf(vip.Device),
            Local = vip.Address,
            Address = vip.Address,
            PrefixLength = vip.PrefixLength,
        };
        if (!vip.IsIPv4)
        {
            // Deprecated: what this host asks of others should not come from an address that they would answer to another host.
            (record.HasLifetime, record.Preferred, record.Valid) = (true, 0, INFINITY_LIFE_TIME);
            record.Flags = IFA_F_NODAD;
        }

        var writer = new NetlinkWriter(_buffer);
        WriteAddress(
            ref writer,
            isAdded ? RTM_NEWADDR : RTM_DELADDR,
            (ushort)(Nlmsg.NLM_F_REQUEST | Nlmsg.NLM_F_ACK | (isAdded ? Nlmsg.NLM_F_CREATE | Nlmsg.NLM_F_EXCL : 0)),
            _socket.NextSequence(),
            record);
        int error = _socket.TryQuery(writer.Written, null, out string? explanation);
        if (error == (isAdded ? Errno.EEXIST : Errno.EADDRNOTAVAIL))
            return false;
        if (error == Errno.EACCES && isAdded && !vip.IsIPv4)
        {
            throw new RealServerException(
                $"Cannot add {vip} to {vip.Device}: IPv6 is disabled there. Enable it: sysctl -w net.ipv6.conf.{vip.Device}.disable_ipv6=0.",
                new NetlinkException($"add {vip}", error, explanation));
        }

        if (error != 0)
            throw new NetlinkException(isAdded ? $"add {vip} to {vip.Device}" : $"remove {vip} from {vip.Device}", error, explanation);
        return true;
    }

    private sealed class LinkSink : INetlinkSink
    {
        public Dictionary<int, DeviceFacts> Found { get; } = [];

        public void Restart() => Found.Clear();

        public void Message(in NetlinkMessage message)
        {
            if (TryReadLink(message, out var link))
            {
                Found[link.Index] = new(
                    Encoding.UTF8.GetString(link.Name), (link.Flags & IFF_UP) != 0, (link.Flags & (IFF_LOOPBACK | IFF_NOARP)) == 0);
            }
        }
    }

    private sealed class AddressSink : INetlinkSink
    {
        public List<AddressRecord> Found { get; } = [];

        public void Restart() => Found.Clear();

        public void Message(in NetlinkMessage message)
        {
            if (TryReadAddress(message, out var address))
                Found.Add(address);
        }
    }
}
