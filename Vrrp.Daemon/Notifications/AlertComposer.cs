using System.Collections.Immutable;
using System.Globalization;
using System.Text;
using Vrrp.Daemon.Configuration.Model;
using Vrrp.Daemon.Failover;
using Vrrp.Daemon.Ipvs;

namespace Vrrp.Daemon.Notifications;

/// <summary>
/// Which event becomes which mail, and its text. Subjects and the first line of the text are keepalived's, so that filters go on working;
/// what an operator needs besides follows. Pure but for remembering what was told last; for one thread at a time.
/// </summary>
internal sealed class AlertComposer(string hostName)
{
    /// <summary>Characters of a subject; keepalived cuts at 256 octets.</summary>
    private const int MaximumSubject = 400;

    /// <summary>Virtual addresses and members that a mail lists.</summary>
    private const int MaximumListed = 50;

    private readonly Dictionary<string, VrrpState> _told = new(StringComparer.Ordinal);
    private readonly Dictionary<string, (IPAddressValue Address, Priority Priority)> _peers = new(StringComparer.Ordinal);
    private readonly Dictionary<string, Priority> _priorities = new(StringComparer.Ordinal);
    private DaemonConfig? _config;
    private readonly Dictionary<string, VrrpInstance> _instances = new(StringComparer.Ordinal);
    private readonly HashSet<string> _running = new(StringComparer.Ordinal);
    private HashSet<string> _configured = [];

    /// <summary>The tag that subjects begin with.</summary>
    public string RouterId => _config?.GlobalDefs.RouterId ?? hostName;

    /// <summary>Takes a configuration over; what was told stays told.</summary>
    public void Configure(DaemonConfig config)
    {
        _config = config;
        // What leaves the configuration still has its end to tell.
        foreach (var instance in config.Instances)
            _instances[instance.Name] = instance;
        _configured = config.Instances.Select(instance => instance.Name).ToHashSet(StringComparer.Ordinal);
        foreach (string gone in _instances.Keys.Where(name => !_configured.Contains(name) && !_running.Contains(name)).ToArray())
            _instances.Remove(gone);
    }

    /// <summary>Takes note of a priority for the mails to come; there is none for it alone.</summary>
    public void Note(PriorityChanged changed)
    {
        if (_running.Contains(changed.VirtualRouter))
            _priorities[changed.VirtualRouter] = changed.To;
    }

    /// <summary>An instance goes on under another name. To be told before <see cref="Configure"/>.</summary>
    public void Rename(string from, string to)
    {
        if (_told.Remove(About(from), out var state))
            _told[About(to)] = state;
        if (_peers.Remove(from, out var peer))
            _peers[to] = peer;
        if (_priorities.Remove(from, out var priority))
            _priorities[to] = priority;
        if (_running.Remove(from))
            _running.Add(to);
    }

    /// <summary>The mail for a transition of an instance.</summary>
    /// <param name="transition">What happened.</param>
    /// <param name="isStopping">Whether the daemon is on its way out; else what ends has left the configuration.</param>
    /// <param name="at">When it happened.</param>
    /// <returns>Null: none.</returns>
    public Alert? Compose(RouterTransition transition, bool isStopping, DateTimeOffset at)
    {
        if (_instances.GetValueOrDefault(transition.VirtualRouter) is not { } instance)
            return null;
        Follow(transition);
        if (!transition.Peer.IsNone)
            _peers[instance.Name] = (transition.Peer, transition.PeerPriority);
        _priorities[instance.Name] = transition.EffectivePriority;
        string about = About(instance.Name);
        if (!instance.SmtpAlert || !IsNews(about, transition.To))
            return null;
        var (happened, lead) = transition.To switch
        {
            VrrpState.Master => (Entering(transition.To), "VRRP Instance is now owning VRRP VIPs"),
            VrrpState.Initialize when isStopping => ("Stopping", "VRRP Instance stopping"),
            VrrpState.Initialize => ("Deleted", "VRRP Deleted at reload"),
            _ => (Entering(transition.To), "VRRP Instance is no longer owning VRRP VIPs"),
        };
        var facts = new Facts(lead);
        facts.Add("State", $"{TransitionText.Name(transition.To)}, was {TransitionText.Name(transition.From)}");
        string reason = TransitionText.Reason(transition);
        facts.Add("Reason", reason);
        facts.Add("Time", Time(at));
        facts.Add("Router", RouterId);
        AddHost(facts, transition.PrimaryAddress.IsNone ? null : $"{transition.PrimaryAddress} on {instance.Interface}");
        AddInstance(facts, instance, transition.EffectivePriority);
        AddPeer(facts, "Peer", instance.Name);
        AddGroup(facts, instance.SyncGroup);
        return Finish(about, happened, reason, at, facts);
    }

    /// <summary>The mail for a transition of a sync group.</summary>
    public Alert? Compose(GroupTransition transition, bool isStopping, DateTimeOffset at)
    {
        string about = $"VRRP Group {transition.Group.Name}";
        if (!transition.Group.SmtpAlert || !IsNews(about, transition.To))
            return null;
        string state = TransitionText.Name(transition.To);
        var (happened, lead) = transition.To switch
        {
            VrrpState.Initialize when isStopping => ("Stopping", "All VRRP group instances are now stopping"),
            VrrpState.Initialize => ("Deleted", "VRRP Deleted at reload"),
            _ => (Entering(transition.To), $"All VRRP group instances are now in {state} state"),
        };
        var facts = new Facts(lead);
        facts.Add("State", $"{state}, was {TransitionText.Name(transition.From)}");
        string reason = $"{transition.First.VirtualRouter}: {TransitionText.Reason(transition.First)}";
        facts.Add("Reason", reason);
        facts.Add("Time", Time(at));
        facts.Add("Router", RouterId);
        AddHost(facts);
        foreach (string name in transition.Members.Take(MaximumListed))
        {
            if (_instances.GetValueOrDefault(name) is { } member)
                facts.Add("Member", Member(member));
        }

        AddRest(facts, "Member", transition.Members.Length);
        return Finish(about, happened, reason, at, facts);
    }

    /// <summary>The mail for what happened to a real server or a quorum.</summary>
    public Alert? Compose(DirectorEvent happened, DateTimeOffset at) => happened switch
    {
        RealServerChanged { RealServer.SmtpAlert: true } changed => Compose(changed, at),
        QuorumChanged { VirtualServer.SmtpAlert: true } changed => Compose(changed, at),
        _ => null,
    };

    /// <summary>The mail for trouble of what checks and balances itself.</summary>
    /// <param name="problem">What is wrong, as a sentence; null: nothing any more.</param>
    /// <param name="at">Since when.</param>
    public Alert? ComposeTrouble(string? problem, DateTimeOffset at)
    {
        if (_config?.GlobalDefs is not { } globals || !(globals.SmtpAlertChecker ?? globals.SmtpAlert ?? false))
            return null;
        var facts = new Facts(problem is null ? "Virtual servers are balanced again" : "Virtual servers are not balanced as configured");
        string reason = problem ?? "what was wrong is over";
        facts.Add("Reason", reason);
        facts.Add("Time", Time(at));
        facts.Add("Router", RouterId);
        AddHost(facts);
        return Finish("Healthcheckers", problem is null ? "UP" : "DOWN", reason, at, facts);
    }

    /// <summary>A mail that only says that mail arrives.</summary>
    public Alert ComposeTest(DateTimeOffset at)
    {
        var facts = new Facts("This is a test of mail alerts");
        facts.Add("Reason", "'vrrp alert test' was run");
        facts.Add("Time", Time(at));
        facts.Add("Router", RouterId);
        AddHost(facts);
        foreach (var instance in (_config?.Instances ?? []).Where(instance => instance.SmtpAlert).Take(MaximumListed))
            facts.Add("Instance", Describe(instance));
        return Finish("Alert", "Test", "a test", at, facts);
    }

    private Alert Compose(RealServerChanged changed, DateTimeOffset at)
    {
        var (server, real) = (changed.VirtualServer, changed.RealServer);
        var protocol = server.Services.FirstOrDefault().Protocol;
        string transport = ServiceKey.ProtocolName(protocol == TransportProtocol.None ? TransportProtocol.Tcp : protocol);
        string name = string.Create(CultureInfo.InvariantCulture, $"[{real.Address}]:{transport}:{real.Port}");
        string reason = changed.Reason ?? (changed.IsUp ? "its checks succeed" : "no reason given");
        var facts = new Facts(Lead(changed));
        facts.Add("State", changed.IsUp ? changed.IsInitial ? "UP" : "UP, was DOWN" : changed.IsInitial ? "DOWN" : "DOWN, was UP");
        facts.Add("Reason", reason);
        facts.Add("Time", Time(at));
        facts.Add("Router", RouterId);
        AddHost(facts);
        facts.Add("Real server", string.Create(CultureInfo.InvariantCulture, $"{name}, weight {real.Weight}"));
        facts.Add("Virtual server", server.Name);
        if (changed.Check is { } check)
            facts.Add("Check", check.Kind);
        return Finish($"Realserver {name} of virtual server {server.Name}", changed.IsUp ? "UP" : "DOWN", reason, at, facts);
    }

    private Alert Compose(QuorumChanged changed, DateTimeOffset at)
    {
        var server = changed.VirtualServer;
        string what = (changed.IsInitial, changed.HasQuorum) switch
        {
            (true, true) => "Starting with quorum up",
            (true, false) => "Starting with quorum down",
            (false, true) => "Gained quorum",
            (false, false) => "Lost quorum",
        };
        long needed = changed.HasQuorum ? (long)server.Quorum + server.Hysteresis : (long)server.Quorum - server.Hysteresis;
        string arithmetic = string.Create(
            CultureInfo.InvariantCulture,
            $"{server.Quorum}{(changed.HasQuorum ? '+' : '-')}{server.Hysteresis}={needed} {(changed.HasQuorum ? "<=" : ">")} {changed.LiveWeight}");
        var facts = new Facts($"{what} {arithmetic}");
        string reason = string.Create(CultureInfo.InvariantCulture, $"the servers that are up weigh {changed.LiveWeight}, the quorum is {server.Quorum}");
        facts.Add("State", changed.HasQuorum ? "UP" : "DOWN");
        facts.Add("Reason", reason);
        facts.Add("Time", Time(at));
        facts.Add("Router", RouterId);
        AddHost(facts);
        facts.Add("Virtual server", server.Name);
        if (server.SorryServer is { } sorry)
            facts.Add("Sorry server", string.Create(CultureInfo.InvariantCulture, $"[{sorry.Address}]:{sorry.Port}{(changed.HasQuorum ? "" : ", which serves now")}"));
        return Finish($"Virtualserver {server.Name}", changed.HasQuorum ? "UP" : "DOWN", reason, at, facts);
    }

    // What a filter of keepalived's mails looks for; a real server that goes with the daemon or a reload has no check to name.
    private static string Lead(RealServerChanged changed) => changed.Check is null
        ? changed.IsInitial ? "Initial state" : changed.Reason == "the daemon stops" ? "Shutting down" : "Removing"
        : (changed.Check, changed.IsUp) switch
        {
            (TcpCheck, true) => "TCP CHECK succeed on service",
            (TcpCheck, false) => "TCP CHECK failed on service",
            (UdpCheck, true) => "UDP CHECK succeed on service",
            (UdpCheck, false) => "UDP CHECK failed on service",
            (PingCheck, true) => "ICMP CHECK succeed on service",
            (PingCheck, false) => "ICMP CHECK failed on service",
            (MiscCheck, true) => "MISC CHECK succeeded on service",
            (MiscCheck, false) => "MISC CHECK failed on service",
            (DnsCheck, true) => "DNS_CHECK: succeed on service",
            (DnsCheck, false) => "DNS_CHECK: failed on service",
            (_, true) => "CHECK succeed on service",
            (_, false) => $"CHECK failed on service{(changed.Reason is { } reason ? $" : {reason}" : "")}",
        };

    private void Follow(RouterTransition transition)
    {
        string name = transition.VirtualRouter;
        if (transition.To != VrrpState.Initialize)
        {
            _running.Add(name);
            return;
        }

        _running.Remove(name);
        _peers.Remove(name);
        _priorities.Remove(name);
        if (!_configured.Contains(name))
            _instances.Remove(name);
    }

    private static string About(string instance) => $"VRRP Instance {instance}";

    private static string Entering(VrrpState state) => $"Entering {TransitionText.Name(state)} state";

    // As keepalived: only what differs from the state told last, so that a fault nobody was told of ends without a word.
    private bool IsNews(string about, VrrpState state)
    {
        if (state == VrrpState.Fault && _config!.GlobalDefs.NoEmailFaults)
            return false;
        if (_told.TryGetValue(about, out var told) && told == state)
            return false;
        if (state == VrrpState.Initialize)
            return _told.Remove(about);
        _told[about] = state;
        return true;
    }

    private static void AddInstance(Facts facts, VrrpInstance instance, Priority effective)
    {
        facts.Add("Instance", Describe(instance));
        facts.Add("Priority", string.Create(CultureInfo.InvariantCulture, $"{effective} in force, {instance.Priority} configured"));
        foreach (var address in instance.VirtualAddresses.Concat(instance.ExcludedAddresses).Take(MaximumListed))
            facts.Add("VIP", $"{address.Address}/{address.PrefixLength.ToString(CultureInfo.InvariantCulture)}{(address.Interface is { } on && on != instance.Interface ? $" on {on}" : "")}");
        AddRest(facts, "VIP", instance.VirtualAddresses.Length + instance.ExcludedAddresses.Length);
    }

    private static string Describe(VrrpInstance instance) => string.Create(
        CultureInfo.InvariantCulture, $"{instance.Name} on {instance.Interface ?? "no interface"}, VRID {instance.VirtualRouterId.Value}, {instance.Family}, VRRPv{(int)instance.Version}");

    private string Member(VrrpInstance member)
    {
        var text = new StringBuilder(Describe(member));
        if (_priorities.TryGetValue(member.Name, out var priority))
            text.Append(CultureInfo.InvariantCulture, $", priority {priority}");
        if (_peers.TryGetValue(member.Name, out var peer))
            text.Append(CultureInfo.InvariantCulture, $", peer {TransitionText.Peer(peer.Address, peer.Priority)}");
        return text.Append(member.VirtualAddresses.IsEmpty ? "" : $", VIP {string.Join(", ", member.VirtualAddresses.Take(5).Select(vip => vip.Address.ToString()))}").ToString();
    }

    // Routers with one router_id, as a file that was copied has it, are still told apart.
    private void AddHost(Facts facts, string? address = null) => facts.Add("Host", address is null ? hostName : $"{hostName}, {address}");

    private void AddPeer(Facts facts, string name, string instance) => facts.Add(
        name,
        _peers.TryGetValue(instance, out var peer)
            ? TransitionText.Peer(peer.Address, peer.Priority)
            : "none was heard");

    private void AddGroup(Facts facts, string? name)
    {
        if (name is not null && _config!.SyncGroups.FirstOrDefault(group => group.Name == name) is { } group)
            facts.Add("Sync group", $"{name}: {string.Join(", ", group.Members.Take(MaximumListed))}{(group.Members.Length > MaximumListed ? ", …" : "")}");
    }

    private static void AddRest(Facts facts, string name, int count)
    {
        if (count > MaximumListed)
            facts.Add(name, string.Create(CultureInfo.InvariantCulture, $"and {count - MaximumListed} more"));
    }

    private Alert Finish(string about, string happened, string reason, DateTimeOffset at, Facts facts)
    {
        string subject = AlertText.OneLine($"[{RouterId}] {about} - {happened}");
        if (subject.Length > MaximumSubject)
        {
            // What a reader needs stands at the end.
            string end = $"… - {happened}";
            subject = string.Concat(subject.AsSpan(0, MaximumSubject - end.Length), end);
        }

        return new(about, happened, AlertText.OneLine(reason), at, subject, facts.ToString());
    }

    private static string Time(DateTimeOffset at) => AlertText.Time(at);

    /// <summary>keepalived's line, then names and values.</summary>
    private sealed class Facts(string lead)
    {
        private readonly StringBuilder _text = new($"=> {AlertText.OneLine(lead)} <=\n\n");

        public void Add(string name, string value) =>
            _text.Append(CultureInfo.InvariantCulture, $"{name + ":",-16}{AlertText.OneLine(value)}\n");

        public override string ToString() => _text.ToString();
    }
}

/// <summary>Pieces of the texts of mails.</summary>
internal static class AlertText
{
    /// <summary>With the zone's offset, so that nobody has to know where the router stands.</summary>
    public static string Time(DateTimeOffset at) => at.ToString("yyyy-MM-dd HH:mm:ss.fff zzz", CultureInfo.InvariantCulture);

    /// <summary>The text without line ends or other control characters.</summary>
    public static string OneLine(string text) => text.Any(IsForeign) ? string.Concat(text.Select(c => IsForeign(c) ? ' ' : c)) : text;

    private static bool IsForeign(char c) => char.IsControl(c) || c is '\u2028' or '\u2029';
}
