using System.Collections.Immutable;
using System.Globalization;
using System.Net;
using Vrrp.Daemon.Configuration.Diagnostics;
using Vrrp.Daemon.Configuration.Model;
using Vrrp.Daemon.Configuration.Syntax;
using Vrrp.Daemon.Ipvs;

namespace Vrrp.Daemon.Configuration.Binding;

/// <summary>virtual_server with its real_server and sorry_server, virtual_server_group, and the root block SSL.</summary>
internal sealed class VirtualServerBinder(
    DiagnosticBag diagnostics, BlockReader reader, ValueReaders values, ForwardingReader forwardings, HealthCheckBinder checks)
{
    /// <summary>Bound of every time of the director, 31 days.</summary>
    public const decimal MaxSeconds = 2_678_400;

    public static readonly TimeSpan DefaultInterval = TimeSpan.FromSeconds(60);
    public static readonly TimeSpan DefaultConnectTimeout = TimeSpan.FromSeconds(5);

    private const string Schedulers = "rr wrr lc wlc lblc lblcr sh mh dh fo ovf sed nq twos";

    private const string DefaultScheduler = "wlc";

    /// <summary>A service without a port, or with firewall marks, needs persistence: this one if none is asked for.</summary>
    private const uint DefaultPersistence = 360;

    // A range may not make the kernel's table out of one line.
    private const int MaxGroupServices = 65536;

    private readonly List<StatementSyntax> _servers = [];
    private readonly Dictionary<string, (Token Name, List<GroupEntry> Entries)> _groups = new(StringComparer.Ordinal);
    private TlsClient? _tls;

    public void BindServer(StatementSyntax block) => _servers.Add(block);

    public void BindGroup(StatementSyntax block)
    {
        if (block.Words.Length != 2)
        {
            diagnostics.NotOneName(block.Name, block.Name.Text, block.Words.Length - 1);
            return;
        }

        var name = block.Words[1];
        if (_groups.TryGetValue(name.Text, out var earlier))
        {
            diagnostics.DuplicateName(name, "virtual_server_group", earlier.Name.Span);
            return;
        }

        var entries = new List<GroupEntry>();
        foreach (var statement in block.Block?.Statements ?? [])
        {
            if (statement.Words.Length > 0)
                ReadGroupEntry(statement, entries);
        }

        if (entries.Count == 0)
            diagnostics.EmptyServerGroup(name);
        _groups.Add(name.Text, (name, entries));
    }

    public void BindTls(StatementSyntax block)
    {
        string? password = null, authority = null, certificate = null, key = null;
        foreach (var s in reader.Read(block.Block, "SSL"))
        {
            switch (s.Name.Text)
            {
                case "password":
                    password = s.Words[1].Text;
                    break;
                case "ca":
                    authority = s.Words[1].Text;
                    break;
                case "certificate":
                    certificate = s.Words[1].Text;
                    break;
                case "key":
                    key = s.Words[1].Text;
                    break;
            }
        }

        if (certificate is null || key is null)
            diagnostics.IncompleteTlsClient(block.Name);
        else
            _tls = new(password is null ? null : Secret.FromText(password), authority, certificate, key);
    }

    /// <summary>Applies the globals, completes and checks everything that was bound: groups and globals may come in any order.</summary>
    public ImmutableArray<VirtualServer> Complete(GlobalDefs defs)
    {
        var result = ImmutableArray.CreateBuilder<VirtualServer>();
        var taken = new Dictionary<ServiceKey, SourceSpan>();
        var names = new HashSet<string>(StringComparer.Ordinal);
        foreach (var block in _servers)
        {
            if (Bind(block, defs) is not { } server)
                continue;
            if (server.Services.FirstOrDefault(taken.ContainsKey) is { Family: not 0 } twice)
            {
                diagnostics.OverlappingVirtualServer(block.Words[1], twice.ToString(), taken[twice]);
                continue;
            }

            foreach (var service in server.Services)
                taken.Add(service, server.Span);
            // Two virtual servers may use one group for different protocols.
            if (!names.Add(server.Name))
            {
                server = server with { Name = $"{server.Name}:{ServiceKey.ProtocolName(server.Services[0].Protocol)}" };
                names.Add(server.Name);
            }

            result.Add(server);
        }

        return result.DrainToImmutable();
    }

    private VirtualServer? Bind(StatementSyntax block, GlobalDefs defs)
    {
        if (ReadTarget(block) is not { } target)
            return null;
        var draft = new Draft(block, target);
        foreach (var statement in reader.Read(block.Block, "virtual_server " + target.Title))
        {
            if (!BindBalancing(draft, statement) && !BindCheckDefaults(draft, statement))
                BindRest(draft, statement);
        }

        ReportRefused(draft);
        if (draft.Reals.Count == 0)
        {
            diagnostics.NoRealServers(draft.Name);
            return null;
        }

        ApplyDefaults(draft);
        var services = target.Services(draft.Protocol, draft.Family ?? FamilyOf(draft));
        if (services.Length == 0)
            return null;
        var (flags, timeout) = Persistence(draft, services);
        var server = new VirtualServer
        {
            Name = target.Group ?? services[0].ToString(),
            Span = block.Span,
            GroupName = target.Group,
            Services = services,
            Scheduler = draft.Scheduler?.Text ?? DefaultScheduler,
            Flags = flags,
            PersistenceTimeout = timeout,
            PersistencePrefix = Granularity(draft, services[0].Family),
            PersistenceEngine = draft.PersistenceEngine,
            Forwarding = draft.Forwarding!.Value,
            SorryServer = Sorry(draft, services),
            QuorumUp = ValueReaders.AsScriptUser(draft.QuorumUp, defs),
            QuorumDown = ValueReaders.AsScriptUser(draft.QuorumDown, defs),
            HaSuspend = HaSuspend(draft),
            Omega = draft.Omega,
            SmtpAlert = draft.SmtpAlert ?? defs.SmtpAlertChecker ?? defs.SmtpAlert ?? false,
            RealServers = RealServers(draft, services, defs),
        };
        if (server.RealServers.IsEmpty)
        {
            diagnostics.NoRealServers(draft.Name);
            return null;
        }

        return Quorum(draft, server);
    }

    private Target? ReadTarget(StatementSyntax block)
    {
        var words = block.Words;
        switch (words.Length)
        {
            case >= 3 when words[1].Text == "group":
                if (_groups.TryGetValue(words[2].Text, out var group))
                    return group.Entries.Count == 0 ? null : new(words[2].Text, words[2].Text, group.Entries);
                diagnostics.UnknownServerGroup(words[2], _groups.Keys);
                return null;
            case >= 3 when words[1].Text == "fwmark":
                return values.Integer(words[2], "fwmark", 1, int.MaxValue, DiagnosticSeverity.Error) is { } mark
                    ? new(null, $"fwmark {mark}", [new() { Mark = (uint)mark }]) : null;
            case >= 2 when words[1].Text is not ("fwmark" or "group"):
                if (!IPAddressValue.TryParse(words[1].Text, out var address))
                {
                    diagnostics.NotAVirtualServer(words[1]);
                    return null;
                }

                ushort port = 0;
                if (words.Length > 2 && !ushort.TryParse(words[2].Text, NumberStyles.None, CultureInfo.InvariantCulture, out port))
                {
                    diagnostics.NotAVirtualServer(words[2]);
                    return null;
                }

                if (words.Length > 3)
                    diagnostics.ExtraWords(words[3].Span.To(words[^1].Span), "virtual_server", 2);
                return new(null, words[1].Text, [new() { Address = address, Port = port }]);
            default:
                diagnostics.NotAVirtualServer(block.Name);
                return null;
        }
    }

    private bool BindBalancing(Draft d, StatementSyntax s)
    {
        switch (s.Name.Text)
        {
            case "lb_algo" or "lvs_sched":
                if (Schedulers.Split(' ').Contains(s.Words[1].Text))
                    d.Scheduler = s.Words[1];
                else
                    d.UnknownSchedulers.Add(s.Words[1]);
                return true;
            case "lb_kind" or "lvs_method":
                d.Forwarding = forwardings.Read(s, d.Refused) ?? d.Forwarding;
                return true;
            case "protocol":
                switch (s.Words[1].Text.ToUpperInvariant())
                {
                    case "TCP":
                        d.Protocol = TransportProtocol.Tcp;
                        break;
                    case "UDP":
                        d.Protocol = TransportProtocol.Udp;
                        break;
                    case "SCTP":
                        d.Protocol = TransportProtocol.Sctp;
                        break;
                    default:
                        d.UnknownProtocols.Add(s.Words[1]);
                        break;
                }

                d.ProtocolPlace = s.Words[1];
                return true;
            case "persistence_timeout":
                d.Persistence = s.Words.Length < 2 ? DefaultPersistence : (uint?)values.Integer(s, 1, (int)MaxSeconds) ?? d.Persistence;
                return true;
            case "persistence_granularity":
                d.Granularity = s.Words[1];
                return true;
            case "persistence_engine":
                if (s.Words[1].Text is { Length: > 0 and <= 15 } engine && engine.All(char.IsAsciiLetterOrDigit))
                    d.PersistenceEngine = engine;
                else
                    diagnostics.UnknownChoice(s.Words[1], s.Name.Text, "the name of an engine, as sip");
                return true;
            case "ops":
                d.OnePacket = s.Name;
                return true;
            case "hashed":
                return true;
            case "flag-1" or "flag-2" or "flag-3" or "sh-port" or "sh-fallback" or "mh-port" or "mh-fallback":
                BindSchedulerFlag(d, s.Name);
                return true;
            case "ip_family":
                if (s.Words[1].Text is "inet" or "inet6")
                    d.Family = s.Words[1].Text == "inet" ? IPFamily.IPv4 : IPFamily.IPv6;
                else
                    diagnostics.UnknownChoice(s.Words[1], s.Name.Text, "inet or inet6");
                return true;
            default:
                return false;
        }
    }

    private void BindSchedulerFlag(Draft d, Token word)
    {
        string scheduler = word.Text[..2];
        if (scheduler is "sh" or "mh" && d.Scheduler?.Text != scheduler)
        {
            diagnostics.FlagNeedsScheduler(word, scheduler);
            return;
        }

        d.Flags |= word.Text switch
        {
            "flag-1" or "sh-fallback" or "mh-fallback" => ServiceFlags.Scheduler1,
            "flag-2" or "sh-port" or "mh-port" => ServiceFlags.Scheduler2,
            _ => ServiceFlags.Scheduler3,
        };
    }

    private bool BindCheckDefaults(Draft d, StatementSyntax s)
    {
        if (ReadCheckDefault(d.Checks, new(), s) is not { } changed)
            return false;
        d.Checks = changed;
        return true;
    }

    /// <summary>A keyword that virtual_server and real_server share and hand on to checkers; null: it is none.</summary>
    private CheckDefaults? ReadCheckDefault(CheckDefaults before, CheckDefaults outer, StatementSyntax s) => s.Name.Text switch
    {
        "delay_loop" => before with { Interval = values.Seconds(s, 0.000001m, MaxSeconds, Used(before.Interval ?? outer.Interval, DefaultInterval)) ?? before.Interval },
        "connect_timeout" => before with
        {
            ConnectTimeout = values.Seconds(s, 0.000001m, MaxSeconds, Used(before.ConnectTimeout ?? outer.ConnectTimeout, DefaultConnectTimeout)) ?? before.ConnectTimeout,
        },
        "retry" => before with { Retries = values.Integer(s, 0, int.MaxValue, used: Used(before.Retries ?? outer.Retries)) ?? before.Retries },
        "delay_before_retry" => before with { RetryDelay = values.Seconds(s, 0, MaxSeconds) ?? before.RetryDelay },
        "warmup" => before with { WarmUp = values.Seconds(s, 0, MaxSeconds) ?? before.WarmUp },
        "alpha" => before with { Alpha = values.Switch(s) ?? before.Alpha },
        "virtualhost" => before with { VirtualHost = s.Words[1].Text },
        _ => null,
    };

    /// <summary>What is used in the place of a time that cannot be read.</summary>
    public static string Used(TimeSpan? earlier, TimeSpan standard) => FormattableString.Invariant($"{(earlier ?? standard).TotalSeconds} s");

    /// <summary>The same of a number; null: each check has its own default.</summary>
    private static string? Used(int? earlier) => earlier?.ToString(CultureInfo.InvariantCulture);

    private void BindRest(Draft d, StatementSyntax s)
    {
        switch (s.Name.Text)
        {
            case "sorry_server":
                if (values.Address(s.Words[1], s.Name.Text) is { } address)
                    d.Sorry = (address, (ushort?)(s.Words.Length > 2 ? values.Integer(s.Words[2], "port", 0, 65535) : 0) ?? 0, s);
                break;
            case "sorry_server_inhibit":
                if (d.Sorry is null)
                    diagnostics.SorryOptionBeforeServer(s.Name);
                d.SorryInhibit = d.Sorry is not null;
                break;
            case "sorry_server_lvs_method":
                d.SorryForwarding = forwardings.Read(s, d.RefusedForSorry) ?? d.SorryForwarding;
                break;
            case "quorum":
                d.Quorum = values.Integer(s, 1, int.MaxValue, used: Used(d.Quorum?.Value ?? 1)) is { } quorum ? (quorum, s.Words[1]) : d.Quorum;
                break;
            case "hysteresis":
                d.Hysteresis = values.Integer(s, 0, int.MaxValue, used: Used(d.Hysteresis?.Value ?? 0)) is { } hysteresis ? (hysteresis, s.Words[1]) : d.Hysteresis;
                break;
            case "quorum_up":
                d.QuorumUp = ValueReaders.Command(s);
                break;
            case "quorum_down":
                d.QuorumDown = ValueReaders.Command(s);
                break;
            case "ha_suspend":
                d.HaSuspend = s.Name;
                break;
            case "omega":
                d.Omega = true;
                break;
            case "inhibit_on_failure":
                d.Inhibit = true;
                break;
            case "weight":
                d.Weight = values.Integer(s, 0, int.MaxValue, used: Used(d.Weight)) ?? d.Weight;
                break;
            case "smtp_alert":
                d.SmtpAlert = values.Switch(s) ?? d.SmtpAlert;
                break;
            case "real_server":
                d.Reals.Add(s);
                break;
        }
    }

    /// <summary>Choices that there are not, now that it is known what the block has instead.</summary>
    private void ReportRefused(Draft d)
    {
        foreach (var word in d.UnknownSchedulers)
            diagnostics.UnknownScheduler(word, Schedulers, d.Scheduler?.Text ?? DefaultScheduler);
        var forwarding = d.Forwarding ?? new(ForwardingMethod.Masquerade);
        forwardings.Report(d.Refused, forwarding);
        forwardings.Report(d.RefusedForSorry, d.SorryForwarding ?? forwarding);
        string protocol = d.Protocol == TransportProtocol.None ? "UDP" : d.Protocol.ToString().ToUpperInvariant();
        foreach (var word in d.UnknownProtocols)
            diagnostics.UnknownChoice(word, "protocol", "TCP, UDP or SCTP", protocol);
    }

    private void ApplyDefaults(Draft d)
    {
        // A line that is there and wrong has said what is used instead; only one that is not there is missed.
        var name = d.Name;
        if (d.Scheduler is null && d.UnknownSchedulers.Count == 0)
            diagnostics.BalancingDefault(name, "lb_algo", DefaultScheduler);
        if (d.Forwarding is null && d.Refused.Count == 0)
            diagnostics.BalancingDefault(name, "lb_kind", "NAT");
        d.Forwarding ??= new(ForwardingMethod.Masquerade);
        bool allMarks = d.Target.Entries.All(entry => entry.Mark != 0);
        if (allMarks && d.ProtocolPlace is not null)
            diagnostics.ProtocolOfMark(d.ProtocolPlace);
        if (!allMarks && d.Protocol == TransportProtocol.None)
        {
            if (d.UnknownProtocols.Count == 0)
                diagnostics.BalancingDefault(name, "protocol", "UDP");
            d.Protocol = TransportProtocol.Udp;
        }

        if (d.OnePacket is { } ops && !allMarks && d.Protocol != TransportProtocol.Udp)
        {
            diagnostics.OnePacketNeedsUdp(ops);
            d.OnePacket = null;
        }
    }

    private static IPFamily FamilyOf(Draft d)
    {
        foreach (var real in d.Reals)
        {
            // A tunnel may lead into the other family; everything else shows the service's.
            if (real.Words.Length > 1 && IPAddressValue.TryParse(real.Words[1].Text, out var address))
                return address.Family;
        }

        return IPFamily.IPv4;
    }

    private (ServiceFlags Flags, uint Timeout) Persistence(Draft d, ImmutableArray<ServiceKey> services)
    {
        uint timeout = d.Persistence;
        if (timeout == 0 && services.Any(service => service is { FirewallMark: 0, Port: 0 }))
        {
            diagnostics.PersistenceSwitchedOn(d.Name, DefaultPersistence);
            timeout = DefaultPersistence;
        }

        var flags = d.Flags;
        if (timeout != 0)
            flags |= ServiceFlags.Persistent;
        if (d.OnePacket is not null)
            flags |= ServiceFlags.OnePacket;
        return (flags, timeout);
    }

    private byte? Granularity(Draft d, IPFamily family)
    {
        if (d.Granularity is not { } word)
            return null;
        if (family == IPFamily.IPv6)
            return (byte?)values.Integer(word, "persistence_granularity", 1, 128);
        if (IPAddress.TryParse(word.Text, out var mask) && mask.GetAddressBytes() is { Length: 4 } octets)
        {
            uint bits = ((uint)octets[0] << 24) | ((uint)octets[1] << 16) | ((uint)octets[2] << 8) | octets[3];
            // Ones, then zeros, and not only zeros.
            if (bits != 0 && (~bits & (~bits + 1)) == 0)
                return (byte)System.Numerics.BitOperations.PopCount(bits);
        }

        diagnostics.NotANetmask(word);
        return null;
    }

    private bool HaSuspend(Draft d)
    {
        if (d.HaSuspend is null || d.Target.Entries.Any(entry => entry.Mark == 0))
            return d.HaSuspend is not null;
        diagnostics.SuspendWithoutAddress(d.HaSuspend);
        return false;
    }

    private SorryServer? Sorry(Draft d, ImmutableArray<ServiceKey> services)
    {
        if (d.Sorry is not { } sorry)
            return null;
        var forwarding = d.SorryForwarding ?? d.Forwarding!.Value;
        var words = sorry.Line.Words;
        if (!CanCarry(words[1], forwarding, services[0], sorry.Address))
            return null;
        ushort port = Port(words[words.Length > 2 ? 2 : 1], sorry.Port, forwarding, services[0]);
        WarnOfItself(words[1], sorry.Address, port, services);
        return new(sorry.Address, port, forwarding, d.SorryInhibit);
    }

    private ImmutableArray<RealServer> RealServers(Draft d, ImmutableArray<ServiceKey> services, GlobalDefs defs)
    {
        var result = ImmutableArray.CreateBuilder<RealServer>();
        var notChecked = new List<(Token Place, StatementSyntax? Lost)>();
        var seen = new Dictionary<DestinationKey, SourceSpan>();
        foreach (var block in d.Reals)
        {
            if (RealServer(d, block, services, defs) is not { } real)
                continue;
            if (!seen.TryAdd(DirectorState.KeyOf(real), block.Span))
            {
                diagnostics.DuplicateRealServer(block.Words[1], DirectorState.KeyOf(real).ToString(), seen[DirectorState.KeyOf(real)]);
                continue;
            }

            WarnOfItself(block.Words[1], real.Address, real.Port, services);
            if (real.Checks.IsEmpty)
                notChecked.Add((block.Words[1], LostCheck(block)));
            result.Add(real);
        }

        bool othersAreChecked = notChecked.Count < result.Count;
        foreach (var (place, lost) in notChecked)
        {
            if (lost is not null)
                diagnostics.CheckLost(place, lost.Name);
            else if (othersAreChecked)
                diagnostics.NeverChecked(place);
        }

        return result.DrainToImmutable();
    }

    private RealServer? RealServer(Draft d, StatementSyntax block, ImmutableArray<ServiceKey> services, GlobalDefs defs)
    {
        var service = services[0];
        if (block.Words.Length < 2 || !IPAddressValue.TryParse(block.Words[1].Text, out var address))
        {
            diagnostics.NotARealServer(block.Words.Length < 2 ? block.Name : block.Words[1]);
            return null;
        }

        ushort written = 0;
        if (block.Words.Length > 2 && !ushort.TryParse(block.Words[2].Text, NumberStyles.None, CultureInfo.InvariantCulture, out written))
        {
            diagnostics.NotARealServer(block.Words[2]);
            return null;
        }

        if (block.Words.Length > 3)
            diagnostics.ExtraWords(block.Words[3].Span.To(block.Words[^1].Span), "real_server", 2);

        var forwarding = d.Forwarding!.Value;
        int weight = d.Weight;
        bool inhibit = d.Inhibit;
        bool? smtpAlert = null;
        ScriptCommand? up = null, down = null;
        uint upper = 0, lower = 0;
        Token? lowerPlace = null;
        var refused = new List<StatementSyntax>();
        var defaults = new CheckDefaults();
        var blocks = new List<StatementSyntax>();
        foreach (var s in reader.Read(block.Block, "real_server " + block.Words[1].Text))
        {
            if (HealthCheckBinder.IsCheck(s.Name.Text))
            {
                blocks.Add(s);
                continue;
            }

            if (ReadCheckDefault(defaults, d.Checks, s) is { } changed)
            {
                defaults = changed;
                continue;
            }

            switch (s.Name.Text)
            {
                case "weight":
                    weight = values.Integer(s, 0, int.MaxValue, used: Used(weight)) ?? weight;
                    break;
                case "lvs_method":
                    forwarding = forwardings.Read(s, refused) ?? forwarding;
                    break;
                case "inhibit_on_failure":
                    inhibit = values.Switch(s) ?? inhibit;
                    break;
                case "smtp_alert":
                    smtpAlert = values.Switch(s) ?? smtpAlert;
                    break;
                case "notify_up":
                    up = ValueReaders.Command(s);
                    break;
                case "notify_down":
                    down = ValueReaders.Command(s);
                    break;
                case "uthreshold":
                    upper = (uint?)values.Integer(s, 0, int.MaxValue) ?? upper;
                    break;
                case "lthreshold":
                    lower = (uint?)values.Integer(s, 0, int.MaxValue) ?? lower;
                    lowerPlace = s.Words[1];
                    break;
            }
        }

        forwardings.Report(refused, forwarding);
        if (lowerPlace is not null && lower > upper)
        {
            diagnostics.ThresholdsCrossed(lowerPlace);
            lower = upper;
        }

        if (!CanCarry(block.Words[1], forwarding, service, address))
            return null;
        ushort port = Port(block.Words.Length > 2 ? block.Words[2] : block.Words[1], written, forwarding, service);
        var inherited = new CheckDefaults
        {
            Interval = defaults.Interval ?? d.Checks.Interval,
            ConnectTimeout = defaults.ConnectTimeout ?? d.Checks.ConnectTimeout,
            Retries = defaults.Retries ?? d.Checks.Retries,
            RetryDelay = defaults.RetryDelay ?? d.Checks.RetryDelay,
            WarmUp = defaults.WarmUp ?? d.Checks.WarmUp,
            Alpha = defaults.Alpha ?? d.Checks.Alpha,
            VirtualHost = defaults.VirtualHost ?? d.Checks.VirtualHost,
        };
        var serverInterval = inherited.Interval ?? DefaultInterval;
        return new()
        {
            Address = address,
            Port = port,
            Span = block.Span,
            Weight = weight,
            Forwarding = forwarding,
            InhibitOnFailure = inhibit,
            UpperThreshold = upper,
            LowerThreshold = lower,
            NotifyUp = ValueReaders.AsScriptUser(up, defs),
            NotifyDown = ValueReaders.AsScriptUser(down, defs),
            SmtpAlert = smtpAlert ?? defs.SmtpAlertChecker ?? defs.SmtpAlert ?? true,
            Checks = [.. blocks.SelectMany(check => checks.Bind(
                // A check goes to the port that is written, also where the table cannot have it.
                check, address, written == 0 ? port : written, inherited, serverInterval, _tls, defs.ScriptUser, defs.ScriptGroup))
                .Select(check => check is FileCheck file ? file with { BaseWeight = weight } : check)],
        };
    }

    /// <summary>What was meant as a check of a real server that has none: one without what it needs, or a word that is no keyword and looks like one.</summary>
    private static StatementSyntax? LostCheck(StatementSyntax block) => block.Block?.Statements.FirstOrDefault(statement =>
        statement.Words.Length > 0 && (statement.Block is not null || HealthCheckBinder.LooksLikeCheck(KeywordTable.Blocks["real_server"], statement.Name.Text)));

    /// <summary>A destination that is the service itself is found on this host again, whatever it is forwarded by.</summary>
    private void WarnOfItself(Token place, IPAddressValue address, ushort port, ImmutableArray<ServiceKey> services)
    {
        foreach (var service in services)
        {
            if (service.FirewallMark == 0 && service.Address == address && service.Port == port)
            {
                diagnostics.ServerIsItself(place, service.ToString());
                return;
            }
        }
    }

    private bool CanCarry(Token place, Forwarding forwarding, ServiceKey service, IPAddressValue address)
    {
        if (address.Family == service.Family || forwarding.Method == ForwardingMethod.Tunnel)
            return true;
        diagnostics.OtherFamilyNeedsTunnel(place, service.Family);
        return false;
    }

    // Only NAT rewrites ports; by a mark a service has none to compare with.
    private ushort Port(Token place, ushort port, Forwarding forwarding, ServiceKey service)
    {
        if (forwarding.Method == ForwardingMethod.Masquerade || port == service.Port)
            return port;
        if (port != 0)
            diagnostics.PortIsTheServices(place, service.Port);
        return service.Port;
    }

    private VirtualServer Quorum(Draft d, VirtualServer server)
    {
        long total = server.RealServers.Sum(real => (long)real.Weight);
        long quorum = d.Quorum?.Value ?? 1;
        // Weight 0 everywhere is an operator's way to rest a service; no quorum would be right for it.
        if (quorum > total && total > 0)
        {
            diagnostics.QuorumTooHigh(d.Quorum?.Place ?? d.Name, quorum, total);
            quorum = total;
        }

        long hysteresis = d.Hysteresis?.Value ?? 0;
        if (hysteresis >= quorum)
        {
            diagnostics.HysteresisTooHigh(d.Hysteresis!.Value.Place, quorum - 1);
            hysteresis = quorum - 1;
        }

        return server with { Quorum = (uint)quorum, Hysteresis = (uint)hysteresis };
    }

    private void ReadGroupEntry(StatementSyntax statement, List<GroupEntry> entries)
    {
        var words = statement.Words;
        if (words[0].Text == "fwmark")
        {
            if (words.Length < 2)
                diagnostics.BadGroupEntry(words[0]);
            else if (values.Integer(words[1], "fwmark", 1, int.MaxValue) is { } mark)
            {
                IPFamily? family = words.Length < 3 ? null : words[2].Text switch { "inet" => IPFamily.IPv4, "inet6" => IPFamily.IPv6, _ => null };
                if (words.Length > 2 && family is null)
                    diagnostics.UnknownChoice(words[2], "fwmark", "inet or inet6");
                entries.Add(new() { Mark = (uint)mark, Family = family });
            }

            return;
        }

        ushort port = 0;
        if (words.Length > 1)
        {
            if (values.Integer(words[1], "port", 0, 65535) is not { } given)
                return;
            port = (ushort)given;
        }

        if (Range(words[0].Text) is not { } range)
        {
            diagnostics.BadGroupEntry(words[0]);
            return;
        }

        if (entries.Count + range.Count > MaxGroupServices)
        {
            diagnostics.GroupTooLarge(words[0], MaxGroupServices);
            return;
        }

        foreach (var address in Addresses(range.First, range.Count))
            entries.Add(new() { Address = address, Port = port });
    }

    /// <summary>One address, <c>10.0.0.1-5</c>, <c>fd00::1-ff</c>, <c>10.0.0.1-10.0.0.5</c> or <c>10.0.0.0/29</c>; null: none of these.</summary>
    private static (IPAddressValue First, int Count)? Range(string text)
    {
        int slash = text.IndexOf('/', StringComparison.Ordinal);
        if (slash > 0)
        {
            if (!IPAddressValue.TryParse(text[..slash], out var network)
                || !int.TryParse(text.AsSpan(slash + 1), NumberStyles.None, CultureInfo.InvariantCulture, out int length)
                || length > network.Length * 8 || (network.Length * 8) - length > 16)
                return null;
            return (network, 1 << ((network.Length * 8) - length));
        }

        int dash = text.IndexOf('-', StringComparison.Ordinal);
        if (!IPAddressValue.TryParse(dash < 0 ? text : text[..dash], out var first))
            return null;
        if (dash < 0)
            return (first, 1);
        string end = text[(dash + 1)..];
        int from = Low(first);
        int? to = IPAddressValue.TryParse(end, out var last) && end.Length > 4 && last.Family == first.Family && High(last) == High(first) ? Low(last)
            : int.TryParse(end, first.Family == IPFamily.IPv4 ? NumberStyles.None : NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out int low)
                && low <= (first.Family == IPFamily.IPv4 ? 255 : 65535) ? low : null;
        return to >= from ? (first, to.Value - from + 1) : null;
    }

    private static IEnumerable<IPAddressValue> Addresses(IPAddressValue first, int count)
    {
        var octets = new byte[first.Length];
        first.Write(octets);
        for (int i = 0; i < count; i++)
        {
            yield return IPAddressValue.Read(octets);
            for (int at = octets.Length - 1; at >= 0 && ++octets[at] == 0; at--)
            {
            }
        }
    }

    private static int Low(IPAddressValue address)
    {
        Span<byte> octets = stackalloc byte[address.Length];
        address.Write(octets);
        return address.Family == IPFamily.IPv4 ? octets[3] : (octets[14] << 8) | octets[15];
    }

    private static string High(IPAddressValue address)
    {
        Span<byte> octets = stackalloc byte[address.Length];
        address.Write(octets);
        return Convert.ToHexString(octets[..(address.Family == IPFamily.IPv4 ? 3 : 14)]);
    }

    private sealed record GroupEntry
    {
        public IPAddressValue Address { get; init; }

        public ushort Port { get; init; }

        public uint Mark { get; init; }

        public IPFamily? Family { get; init; }
    }

    private sealed record Target(string? Group, string Title, IReadOnlyList<GroupEntry> Entries)
    {
        public ImmutableArray<ServiceKey> Services(TransportProtocol protocol, IPFamily markFamily) => [.. Entries.Select(entry => entry.Mark != 0
            ? ServiceKey.ByMark(entry.Mark, entry.Family ?? markFamily)
            : ServiceKey.ByAddress(protocol, entry.Address, entry.Port)).Distinct()];
    }

    private sealed class Draft(StatementSyntax block, Target target)
    {
        public StatementSyntax Block => block;

        public Target Target => target;

        /// <summary>The word that says which it is: address, mark or group.</summary>
        public Token Name => block.Words[block.Words[1].Text is "group" or "fwmark" ? 2 : 1];

        public Token? Scheduler { get; set; }

        public List<Token> UnknownSchedulers { get; } = [];

        public Forwarding? Forwarding { get; set; }

        /// <summary>Lines with a method of forwarding that there is not.</summary>
        public List<StatementSyntax> Refused { get; } = [];

        public List<StatementSyntax> RefusedForSorry { get; } = [];

        public List<Token> UnknownProtocols { get; } = [];

        public TransportProtocol Protocol { get; set; }

        public Token? ProtocolPlace { get; set; }

        public ServiceFlags Flags { get; set; }

        public uint Persistence { get; set; }

        public Token? Granularity { get; set; }

        public string? PersistenceEngine { get; set; }

        public Token? OnePacket { get; set; }

        public IPFamily? Family { get; set; }

        public (IPAddressValue Address, ushort Port, StatementSyntax Line)? Sorry { get; set; }

        public bool SorryInhibit { get; set; }

        public Forwarding? SorryForwarding { get; set; }

        public (int Value, Token Place)? Quorum { get; set; }

        public (int Value, Token Place)? Hysteresis { get; set; }

        public ScriptCommand? QuorumUp { get; set; }

        public ScriptCommand? QuorumDown { get; set; }

        public Token? HaSuspend { get; set; }

        public bool Omega { get; set; }

        public bool Inhibit { get; set; }

        public int Weight { get; set; } = 1;

        public bool? SmtpAlert { get; set; }

        public CheckDefaults Checks { get; set; } = new();

        public List<StatementSyntax> Reals { get; } = [];
    }
}
