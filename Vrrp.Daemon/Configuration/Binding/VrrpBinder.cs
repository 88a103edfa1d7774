using System.Collections.Immutable;
using System.Text;
using Vrrp.Daemon.Configuration.Diagnostics;
using Vrrp.Daemon.Configuration.Model;
using Vrrp.Daemon.Configuration.Syntax;
using Vrrp.Daemon.Failover;

namespace Vrrp.Daemon.Configuration.Binding;

/// <summary>vrrp_instance, vrrp_sync_group, static_ipaddress and garp_group.</summary>
internal sealed class VrrpBinder(DiagnosticBag diagnostics, BlockReader reader, ValueReaders values, TrackingBinder tracking)
{
    private const int MaxAdvertisedAddresses = 255;

    private readonly AddressReader _addresses = new(diagnostics, values);
    private readonly List<Draft> _drafts = [];
    private readonly List<GroupDraft> _groups = [];
    private readonly Dictionary<string, Token> _instanceNames = new(StringComparer.Ordinal);
    private readonly Dictionary<string, Token> _groupNames = new(StringComparer.Ordinal);
    private readonly List<AddressEntry> _static = [];
    private readonly Dictionary<string, (TimeSpan? Arp, TimeSpan? Neighbor)> _announcementGroups = new(StringComparer.Ordinal);

    public void BindInstance(StatementSyntax block)
    {
        if (OneName(block) is not { } name)
            return;
        if (!_instanceNames.TryAdd(name.Text, name))
        {
            diagnostics.DuplicateName(name, "vrrp_instance", _instanceNames[name.Text].Span);
            return;
        }

        var draft = new Draft(name, block.Words[0].Span.To(name.Span));
        foreach (var statement in reader.Read(block.Block, "vrrp_instance " + name.Text))
        {
            if (!BindIdentity(draft, statement) && !BindTimers(draft, statement))
                BindNotify(draft.Notify, statement, n => draft.Notify = n, a => draft.SmtpAlert = a, p => draft.NotifyPriorityChanges = p);
        }

        _drafts.Add(draft);
    }

    public void BindGroup(StatementSyntax block)
    {
        if (OneName(block) is not { } name)
            return;
        if (!_groupNames.TryAdd(name.Text, name))
        {
            diagnostics.DuplicateName(name, "vrrp_sync_group", _groupNames[name.Text].Span);
            return;
        }

        var draft = new GroupDraft(name, block.Words[0].Span.To(name.Span));
        foreach (var statement in reader.Read(block.Block, "vrrp_sync_group " + name.Text))
        {
            switch (statement.Name.Text)
            {
                case "group":
                    draft.Members.AddRange(ValueReaders.Words(statement.Block!));
                    break;
                case "track_interface":
                    tracking.ReadInterfaces(statement, draft.Interfaces);
                    break;
                case "track_script" or "track_file" or "track_process" or "track_bfd":
                    tracking.ReadObjects(statement, draft.Objects);
                    break;
                case "sync_group_tracking_weight":
                    draft.TrackingWeight = true;
                    break;
                default:
                    BindNotify(draft.Notify, statement, n => draft.Notify = n, a => draft.SmtpAlert = a, p => draft.NotifyPriorityChanges = p);
                    break;
            }
        }

        _groups.Add(draft);
    }

    public void BindStatic(StatementSyntax block) => _static.AddRange(_addresses.Read(block, isStatic: true));

    public void BindAnnouncementGroup(StatementSyntax block)
    {
        var interfaces = new List<string>();
        TimeSpan? arp = null, neighbor = null;
        foreach (var statement in reader.Read(block.Block, "garp_group"))
        {
            switch (statement.Name.Text)
            {
                case "garp_interval":
                    arp = values.Seconds(statement, 0, AnnouncementReader.MaxSeconds);
                    break;
                case "gna_interval":
                    neighbor = values.Seconds(statement, 0, AnnouncementReader.MaxSeconds);
                    break;
                case "interface":
                    interfaces.Add(statement.Words[1].Text);
                    break;
                case "interfaces":
                    interfaces.AddRange(ValueReaders.Words(statement.Block!).Select(w => w.Text));
                    break;
            }
        }

        // The first group with an interface holds.
        foreach (string name in interfaces)
            _announcementGroups.TryAdd(name, (arp, neighbor));
    }

    /// <summary>Applies the globals, completes and checks everything that was bound.</summary>
    public DaemonConfig Complete(GlobalDefs defs, string path, ImmutableArray<InactiveBlock> inactive)
    {
        var instances = new List<VrrpInstance>();
        var kept = new List<Draft>();
        foreach (var draft in _drafts)
        {
            if (Complete(draft, defs) is { } instance)
            {
                instances.Add(instance);
                kept.Add(draft);
            }
        }

        CheckSharedAddresses(instances, kept);
        CheckVirtualRouterIds(instances, kept, defs);
        var groups = CompleteGroups(instances, kept, defs);
        var statics = ImmutableArray.CreateBuilder<StaticAddress>();
        var seen = new HashSet<(IPAddressValue, string)>();
        foreach (var entry in _static)
        {
            var address = entry.Address.Interface is null ? entry.Address with { Interface = defs.DefaultInterface } : entry.Address;
            if (!seen.Add((address.Address, address.Interface!)))
                diagnostics.DuplicateAddress(entry.Place, default);
            else
                statics.Add(new() { Address = address, TrackGroup = entry.TrackGroup });
        }

        return new()
        {
            Path = path,
            GlobalDefs = defs,
            Instances = [.. instances],
            SyncGroups = groups,
            StaticAddresses = statics.DrainToImmutable(),
            InactiveBlocks = inactive,
        };
    }

    private Token? OneName(StatementSyntax block)
    {
        if (block.Words.Length == 2)
            return block.Words[1];
        diagnostics.NotOneName(block.Name, block.Name.Text, block.Words.Length - 1);
        return null;
    }

    private bool BindIdentity(Draft d, StatementSyntax s)
    {
        switch (s.Name.Text)
        {
            case "state":
                if (s.Words[1].Text is "MASTER" or "BACKUP")
                    d.State = (s.Words[1].Text == "MASTER" ? WantedState.Master : WantedState.Backup, s.Words[1]);
                else
                    diagnostics.UnknownState(s.Words[1]);
                return true;
            case "interface":
                d.Interface = (values.InterfaceName(s.Words[1]), s.Words[1]);
                return true;
            case "virtual_router_id":
                d.VirtualRouterIdPlace = s.Words[1];
                d.VirtualRouterId = values.Integer(s, 1, 255, DiagnosticSeverity.Error) is { } id ? new VirtualRouterId(id) : null;
                return true;
            case "priority":
                d.PriorityPlace = s.Words[1];
                d.Priority = values.Integer(s, 1, 255, DiagnosticSeverity.Error);
                return true;
            case "advert_int":
                if (values.Seconds(s, 0.01m, 255) is { } interval)
                    d.Interval = (interval, s.Words[1]);
                return true;
            case "authentication":
                BindAuthentication(d, s);
                return true;
            case "virtual_ipaddress":
                d.Addresses.AddRange(_addresses.Read(s, isStatic: false));
                return true;
            case "virtual_ipaddress_excluded":
                d.Excluded.AddRange(_addresses.Read(s, isStatic: false));
                return true;
            case "no_virtual_ipaddress":
                d.NoAddresses = true;
                return true;
            case "unicast_src_ip":
                if (values.Address(s.Words[1], s.Name.Text) is { } unicast)
                    d.UnicastSource = (unicast, s.Words[1]);
                return true;
            case "mcast_src_ip":
                if (values.Address(s.Words[1], s.Name.Text) is { } multicast)
                    d.MulticastSource = (multicast, s.Words[1]);
                return true;
            case "mcast_dst_ip":
                if (values.MulticastAddress(s, null) is { } group)
                    d.MulticastGroup = (group, s.Words[1]);
                return true;
            case "unicast_peer":
                d.UnicastPlace = s.Name;
                BindPeers(d, s);
                return true;
            case "unicast_ttl":
                d.UnicastTtl = values.Integer(s, 0, 255) ?? d.UnicastTtl;
                return true;
            case "check_unicast_src":
                d.CheckUnicastSource = true;
                return true;
            case "unicast_fault_no_peer":
                d.FaultWithoutPeers = true;
                return true;
            case "track_src_ip":
                d.TrackSource = true;
                return true;
            case "nopreempt":
                d.NoPreempt = s.Name;
                return true;
            case "preempt":
                d.NoPreempt = null;
                return true;
            case "preempt_delay":
                if (values.Seconds(s, 0, 1000) is { } delay)
                    d.PreemptDelay = (delay, s.Name);
                return true;
            case "version":
                d.Version = values.Version(s) ?? d.Version;
                d.VersionPlace = s.Words[1];
                return true;
            case "native_ipv6":
                d.NativeIPv6 = true;
                return true;
            case "track_interface":
                tracking.ReadInterfaces(s, d.TrackInterfaces);
                return true;
            case "track_script" or "track_file" or "track_process" or "track_bfd":
                tracking.ReadObjects(s, d.TrackedObjects);
                return true;
            case "dont_track_primary":
                d.TrackPrimary = false;
                return true;
            case "strict_mode":
                d.Strict = values.Switch(s) ?? d.Strict;
                return true;
            case "accept":
                d.Accept = (true, s.Name);
                return true;
            case "no_accept":
                d.Accept = (false, s.Name);
                return true;
            default:
                return false;
        }
    }

    private bool BindTimers(Draft d, StatementSyntax s)
    {
        switch (s.Name.Text)
        {
            case "garp_master_delay":
                d.MasterDelay = values.Seconds(s, 0, AnnouncementReader.MaxSeconds) ?? d.MasterDelay;
                return true;
            case "garp_master_repeat":
                d.MasterRepeat = AnnouncementReader.Repeat(diagnostics, values, s) ?? d.MasterRepeat;
                return true;
            case "garp_master_refresh":
                d.MasterRefresh = values.Seconds(s, 0, AnnouncementReader.MaxSeconds) ?? d.MasterRefresh;
                return true;
            case "garp_master_refresh_repeat":
                d.MasterRefreshRepeat = AnnouncementReader.Repeat(diagnostics, values, s) ?? d.MasterRefreshRepeat;
                return true;
            case "garp_lower_prio_delay":
                d.LowerDelay = values.Seconds(s, 0, AnnouncementReader.MaxSeconds) ?? d.LowerDelay;
                return true;
            case "garp_lower_prio_repeat":
                d.LowerRepeat = values.Integer(s, 0, int.MaxValue) ?? d.LowerRepeat;
                return true;
            case "lower_prio_no_advert":
                d.LowerNoAdvert = values.Switch(s) ?? d.LowerNoAdvert;
                return true;
            case "higher_prio_send_advert":
                d.HigherSendAdvert = values.Switch(s) ?? d.HigherSendAdvert;
                return true;
            case "down_timer_adverts":
                if (values.Integer(s, 1, 100) is { } adverts)
                    d.DownTimerAdverts = (adverts, s.Name);
                return true;
            case "owner_ignore_adverts":
                if (values.Switch(s) is { } ignore)
                    d.OwnerIgnore = (ignore, s.Name);
                return true;
            case "v3_checksum_as_v2":
                d.ChecksumAsVersion2 = values.Switch(s) ?? d.ChecksumAsVersion2;
                return true;
            case "old_unicast_checksum":
                d.OldUnicastChecksum = s.Words.Length == 1;
                // "never" forbids keepalived to switch by itself, which is not done here anyway.
                if (s.Words.Length > 1 && s.Words[1].Text != "never")
                    diagnostics.UnknownOption(s.Words[1], s.Name.Text, secondAddress: false);
                return true;
            case "skip_check_adv_addr":
                if (values.Switch(s) is { } skip)
                {
                    // keepalived looks at whether the word is valid, not at what it says.
                    d.SkipCheck = true;
                    if (!skip)
                        diagnostics.SwitchTurnsOnAnyway(s.Words[1], s.Name.Text);
                }

                return true;
            case "promote_secondaries":
                d.PromoteSecondaries = true;
                return true;
            default:
                return false;
        }
    }

    private void BindAuthentication(Draft d, StatementSyntax block)
    {
        d.AuthenticationPlace = block.Name;
        foreach (var s in reader.Read(block.Block, "authentication"))
        {
            if (s.Name.Text == "auth_type")
            {
                if (s.Words[1].Text is "PASS" or "AH")
                    d.AuthenticationType = s.Words[1];
                else
                {
                    diagnostics.UnknownAuthenticationType(s.Words[1]);
                    d.HasWrongAuthenticationType = true;
                }
            }
            else if (s.Name.Text == "auth_pass")
            {
                var word = s.Words[1];
                byte[] bytes = (word.Span.File?.Encoding ?? Encoding.UTF8).GetBytes(word.Text);
                if (bytes.Length > 8)
                    diagnostics.PasswordCut(word, bytes.Length);
                d.Password = new Secret(bytes.AsSpan(0, Math.Min(8, bytes.Length)));
                d.PasswordPlace = word;
            }
        }
    }

    private void BindPeers(Draft d, StatementSyntax list)
    {
        foreach (var statement in list.Block?.Statements ?? [])
        {
            if (statement.Words.Length == 0 || values.Address(statement.Words[0], list.Name.Text) is not { } address)
                continue;
            if (address.IsMulticast || address.IsUnspecified)
            {
                diagnostics.NotAHostAddress(statement.Words[0], list.Name.Text);
                continue;
            }

            var peer = new UnicastPeer(address);
            for (int i = 1; i < statement.Words.Length; i++)
            {
                var option = statement.Words[i];
                if (option.Text is not ("min_ttl" or "max_ttl"))
                    diagnostics.UnknownOption(option, list.Name.Text, IPAddressValue.TryParse(option.Text, out _));
                else if (i + 1 == statement.Words.Length)
                    diagnostics.OptionWithoutValue(option, list.Name.Text);
                else if (values.Integer(statement.Words[++i], option.Text, 0, 255) is { } ttl)
                    peer = option.Text == "min_ttl" ? peer with { MinTtl = (byte)ttl } : peer with { MaxTtl = (byte)ttl };
            }

            if (peer.MinTtl > peer.MaxTtl)
                diagnostics.TtlRangeEmpty(statement.Words[0]);
            if (d.PeerAddresses.Add(address))
                d.Peers.Add((peer, statement.Words[0]));
            else
                diagnostics.DuplicatePeer(statement.Words[0]);
        }
    }

    private void BindNotify(NotifyScripts notify, StatementSyntax s, Action<NotifyScripts> set, Action<bool?> alert, Action<bool?> priorityChanges)
    {
        ScriptCommand? Once(ScriptCommand? earlier)
        {
            if (earlier is null)
                return ValueReaders.Command(s);
            diagnostics.AlreadySpecified(s.Name);
            return earlier;
        }

        switch (s.Name.Text)
        {
            case "notify_master":
                set(notify with { Master = Once(notify.Master) });
                break;
            case "notify_backup":
                set(notify with { Backup = Once(notify.Backup) });
                break;
            case "notify_fault":
                set(notify with { Fault = Once(notify.Fault) });
                break;
            case "notify_stop":
                set(notify with { Stop = Once(notify.Stop) });
                break;
            case "notify_deleted":
                set(notify with { ReportDeleted = true, Deleted = Once(notify.Deleted) });
                break;
            case "notify":
                set(notify with { Any = Once(notify.Any) });
                break;
            case "notify_master_rx_lower_pri":
                set(notify with { MasterReceivedLowerPriority = Once(notify.MasterReceivedLowerPriority) });
                break;
            case "smtp_alert":
                alert(values.Switch(s));
                break;
            case "notify_priority_changes":
                priorityChanges(values.Switch(s));
                break;
        }
    }

    private static NotifyScripts AsScriptUser(NotifyScripts notify, GlobalDefs defs) => notify with
    {
        Master = ValueReaders.AsScriptUser(notify.Master, defs),
        Backup = ValueReaders.AsScriptUser(notify.Backup, defs),
        Fault = ValueReaders.AsScriptUser(notify.Fault, defs),
        Stop = ValueReaders.AsScriptUser(notify.Stop, defs),
        Deleted = ValueReaders.AsScriptUser(notify.Deleted, defs),
        Any = ValueReaders.AsScriptUser(notify.Any, defs),
        MasterReceivedLowerPriority = ValueReaders.AsScriptUser(notify.MasterReceivedLowerPriority, defs),
    };

    private VrrpInstance? Complete(Draft d, GlobalDefs defs)
    {
        var name = d.Name;
        bool strict = d.Strict ?? defs.Strict;
        var family = d.NativeIPv6 ? IPFamily.IPv6
            : d.Addresses.Count > 0 ? d.Addresses[0].Address.Address.Family
            : d.Peers.Count > 0 ? d.Peers[0].Peer.Address.Family
            : d.UnicastSource?.Value.Family ?? d.MulticastSource?.Value.Family ?? IPFamily.IPv4;
        var version = d.Version ?? defs.VrrpVersion;
        if (family == IPFamily.IPv6 && version != VrrpVersion.V3)
        {
            if (d.Version == VrrpVersion.V2)
                diagnostics.IPv6NeedsVersion3(d.VersionPlace!);
            version = VrrpVersion.V3;
        }

        bool valid = true;
        if (d.VirtualRouterIdPlace is null)
            diagnostics.MissingVirtualRouterId(name);
        valid &= d.VirtualRouterId is not null;
        valid &= d.PriorityPlace is null || d.Priority is not null;

        var addresses = KeepAddresses(d, family);
        var excluded = KeepExcluded(d, addresses);
        if (addresses.Count > MaxAdvertisedAddresses)
        {
            diagnostics.TooManyAddresses(addresses[MaxAdvertisedAddresses].Place, MaxAdvertisedAddresses);
            excluded.InsertRange(0, addresses[MaxAdvertisedAddresses..]);
            addresses.RemoveRange(MaxAdvertisedAddresses, addresses.Count - MaxAdvertisedAddresses);
        }

        if (addresses.Count == 0)
        {
            if (version == VrrpVersion.V3 || strict)
            {
                diagnostics.NoVirtualAddress(name, strict ? "strict mode" : "version 3");
                valid = false;
            }
            else if (!d.NoAddresses)
            {
                diagnostics.NoVirtualAddressVersion2(name);
            }
        }

        var peers = KeepPeers(d, family);
        bool unicast = peers.Length > 0;
        valid &= CheckInterface(d, unicast);
        var (state, priority) = CompleteRank(d, strict);
        bool owner = priority.IsOwner;
        var (preempt, preemptDelay) = CompletePreemption(d, state, owner, strict);
        var source = CompleteSource(d, family, unicast);
        if (strict && unicast)
            diagnostics.StrictWithUnicast(d.UnicastPlace!);
        if (strict && family == IPFamily.IPv6 && addresses.Count > 0 && !addresses[0].Address.Address.IsIPv6LinkLocal)
            diagnostics.StrictFirstAddressNotLinkLocal(addresses[0].Place);
        var authentication = CompleteAuthentication(d, version, strict, ref valid);
        var group = d.MulticastGroup?.Value ?? (family == IPFamily.IPv6 ? defs.MulticastGroup6 : defs.MulticastGroup4);
        if (d.MulticastGroup is { } configured && configured.Value.Family != family)
        {
            diagnostics.OtherFamilyIgnored(configured.Place, "mcast_dst_ip", family);
            group = family == IPFamily.IPv6 ? defs.MulticastGroup6 : defs.MulticastGroup4;
        }

        var interval = CompleteInterval(d, version);
        if (!valid)
            return null;
        bool checkSource = d.CheckUnicastSource || defs.CheckUnicastSource || peers.Any(p => p.MinTtl is not null || p.MaxTtl is not null);
        return new()
        {
            Name = name.Text,
            Span = d.Span,
            InitialState = state,
            Interface = d.Interface?.Value,
            VirtualRouterId = d.VirtualRouterId!.Value,
            Priority = priority,
            AdvertisementInterval = interval,
            Version = version,
            Family = family,
            Authentication = authentication,
            VirtualAddresses = [.. addresses.Select(a => a.Address)],
            ExcludedAddresses = [.. excluded.Select(a => a.Address)],
            UnicastPeers = peers,
            UnicastSource = unicast ? source : null,
            UnicastTtl = (byte)d.UnicastTtl,
            CheckUnicastSource = unicast && checkSource,
            FaultWithoutPeers = !unicast && d.FaultWithoutPeers && d.UnicastPlace is not null,
            MulticastSource = unicast ? null : source,
            MulticastGroup = group,
            TrackSourceAddress = d.TrackSource && source is not null,
            Preempt = preempt,
            PreemptDelay = preemptDelay,
            TrackInterfaces = CompleteTrackers(d, owner, [.. addresses, .. excluded]),
            TrackPrimaryInterface = d.TrackPrimary,
            TrackedObjects = CompleteTrackedObjects(d, owner),
            Announcements = CompleteAnnouncements(d, defs, strict),
            LowerPriorityNoAdvert = strict || (d.LowerNoAdvert ?? defs.LowerPriorityNoAdvert),
            HigherPrioritySendAdvert = !strict && (d.HigherSendAdvert ?? defs.HigherPrioritySendAdvert),
            DownTimerAdverts = CompleteDownTimer(d, defs, strict),
            Checksum = CompleteChecksum(d, defs, version, family, unicast),
            SkipCheckAdvertisedAddresses = d.SkipCheck ?? defs.SkipCheckAdvertisedAddresses,
            Strict = strict,
            Accept = CompleteAccept(d, version, strict, owner),
            OwnerIgnoreAdverts = CompleteOwnerIgnore(d, defs, owner, strict),
            PromoteSecondaries = d.PromoteSecondaries,
            Notify = AsScriptUser(d.Notify, defs),
            SmtpAlert = d.SmtpAlert ?? defs.SmtpAlertVrrp ?? defs.SmtpAlert ?? false,
            NotifyPriorityChanges = d.NotifyPriorityChanges ?? defs.NotifyPriorityChanges,
        };
    }

    private List<AddressEntry> KeepAddresses(Draft d, IPFamily family)
    {
        var kept = new List<AddressEntry>();
        var seen = new Dictionary<IPAddressValue, AddressEntry>();
        foreach (var entry in d.Addresses)
        {
            if (entry.Address.Address.Family != family)
                diagnostics.OtherFamilyIgnored(entry.Place, "virtual_ipaddress", family);
            else
            {
                // keepalived up to 2.3 advertises it twice, and 2.2 drops an advert with another number of addresses.
                if (!seen.TryAdd(entry.Address.Address, entry))
                    diagnostics.RepeatedAddress(entry.Place, seen[entry.Address.Address].Place.Span);
                kept.Add(entry);
            }
        }

        return kept;
    }

    private List<AddressEntry> KeepExcluded(Draft d, List<AddressEntry> addresses)
    {
        var kept = new List<AddressEntry>();
        var seen = new Dictionary<IPAddressValue, SourceSpan>();
        foreach (var entry in addresses)
            seen[entry.Address.Address] = entry.Place.Span;
        foreach (var entry in d.Excluded)
        {
            if (seen.TryAdd(entry.Address.Address, entry.Place.Span))
                kept.Add(entry);
            else
                diagnostics.DuplicateAddress(entry.Place, seen[entry.Address.Address]);
        }

        return kept;
    }

    private ImmutableArray<UnicastPeer> KeepPeers(Draft d, IPFamily family)
    {
        var kept = ImmutableArray.CreateBuilder<UnicastPeer>();
        foreach (var (peer, place) in d.Peers)
        {
            if (peer.Address.Family != family)
                diagnostics.OtherFamilyIgnored(place, "unicast_peer", family);
            else if (peer.Address == d.UnicastSource?.Value)
                diagnostics.PeerIsOwnSource(place);
            if (peer.Address.Family == family)
                kept.Add(peer);
        }

        if (d.UnicastPlace is not null && kept.Count == 0)
            diagnostics.NoUnicastPeers(d.UnicastPlace, d.FaultWithoutPeers);
        return kept.DrainToImmutable();
    }

    private bool CheckInterface(Draft d, bool unicast)
    {
        if (d.Interface is not { } configured)
        {
            if (unicast && d.UnicastSource is not null)
                return true;
            diagnostics.MissingInterface(d.Name, unicast);
            return false;
        }

        if (configured.Value == "lo")
        {
            diagnostics.LoopbackInterface(configured.Place);
            return false;
        }

        if (configured.Value is null)
            diagnostics.UnusableInterface(configured.Place);
        return configured.Value is not null;
    }

    private (WantedState, Priority) CompleteRank(Draft d, bool strict)
    {
        var state = d.State?.Value;
        if (d.PriorityPlace is null && state == WantedState.Master)
            diagnostics.MasterWithoutPriority(d.State!.Value.Place);
        var priority = d.PriorityPlace is null
            ? state == WantedState.Master ? Priority.Owner : Priority.Default
            : new Priority(d.Priority ?? 100);
        state ??= priority.IsOwner ? WantedState.Master : WantedState.Backup;
        if (strict && (state == WantedState.Master) != priority.IsOwner)
        {
            diagnostics.StrictStateNotRank(d.State!.Value.Place, priority.IsOwner);
            state = priority.IsOwner ? WantedState.Master : WantedState.Backup;
        }

        return (state.Value, priority);
    }

    private (bool Preempt, TimeSpan Delay) CompletePreemption(Draft d, WantedState state, bool owner, bool strict)
    {
        bool preempt = d.NoPreempt is null;
        if (!preempt && (owner || state == WantedState.Master))
        {
            diagnostics.NoPreemptCleared(d.NoPreempt!, owner ? "priority 255" : "state MASTER");
            preempt = true;
        }

        var delay = d.PreemptDelay?.Value ?? TimeSpan.Zero;
        if (delay > TimeSpan.Zero && (strict || !preempt || state == WantedState.Master))
        {
            diagnostics.PreemptDelayCleared(d.PreemptDelay!.Value.Place, strict ? "strict mode" : !preempt ? "nopreempt" : "state MASTER");
            delay = TimeSpan.Zero;
        }

        return (preempt, delay);
    }

    private IPAddressValue? CompleteSource(Draft d, IPFamily family, bool unicast)
    {
        var source = unicast ? d.UnicastSource ?? d.MulticastSource : d.MulticastSource ?? d.UnicastSource;
        if (!unicast && d.UnicastSource is { } alone && d.UnicastPlace is null)
            diagnostics.UnicastSourceWithoutPeers(alone.Place);
        if (source is not { } chosen || chosen.Value.Family == family)
            return source?.Value;
        diagnostics.OtherFamilyIgnored(chosen.Place, "a source address", family);
        return null;
    }

    private Authentication? CompleteAuthentication(Draft d, VrrpVersion version, bool strict, ref bool valid)
    {
        if (d.AuthenticationPlace is null)
            return null;
        if (d.AuthenticationType is null)
        {
            if (d.Password is not null && !d.HasWrongAuthenticationType)
                diagnostics.PasswordWithoutType(d.AuthenticationPlace);
            return null;
        }

        if (version == VrrpVersion.V3 || strict)
        {
            diagnostics.AuthenticationDropped(d.AuthenticationPlace, version == VrrpVersion.V3 ? "version 3 has none" : "strict mode allows none (RFC 3768)");
            return null;
        }

        if (d.AuthenticationType.Text == "AH")
        {
            diagnostics.AuthenticationHeader(d.AuthenticationType);
            valid = false;
            return null;
        }

        if (d.Password is { Length: > 0 } password)
        {
            if (!password.Bytes.ContainsAnyExceptInRange((byte)0x01, (byte)0x7F))
                return new(AuthenticationType.Pass, password);
            diagnostics.PasswordNotAscii(d.PasswordPlace!);
            valid = false;
            return null;
        }

        diagnostics.EmptyPassword(d.PasswordPlace ?? d.AuthenticationPlace);
        return null;
    }

    private AdvertisementInterval CompleteInterval(Draft d, VrrpVersion version)
    {
        if (d.Interval is not { } configured)
            return AdvertisementInterval.OneSecond;
        decimal centiseconds = configured.Value.Ticks / (decimal)(TimeSpan.TicksPerMillisecond * 10);
        if (version == VrrpVersion.V2)
        {
            int seconds = Math.Clamp((int)Math.Floor(centiseconds / 100 + 0.5m), 1, AdvertisementInterval.MaxVersion2Seconds);
            if (seconds * 100 != centiseconds)
                diagnostics.IntervalRounded(configured.Place, AdvertisementInterval.FromSeconds(seconds), "version 2 has whole seconds");
            return AdvertisementInterval.FromSeconds(seconds);
        }

        int steps = Math.Max(1, (int)Math.Floor(centiseconds + 0.5m));
        if (steps > AdvertisementInterval.MaxVersion3Centiseconds)
        {
            var longest = AdvertisementInterval.FromCentiseconds(AdvertisementInterval.MaxVersion3Centiseconds);
            diagnostics.IntervalRounded(configured.Place, longest, "version 3 ends at 40.95 s");
            return longest;
        }

        if (steps != centiseconds)
            diagnostics.IntervalRounded(configured.Place, AdvertisementInterval.FromCentiseconds(steps), "version 3 has steps of 0.01 s");
        return AdvertisementInterval.FromCentiseconds(steps);
    }

    private ImmutableArray<TrackedInterface> CompleteTrackers(Draft d, bool owner, List<AddressEntry> entries)
    {
        ImmutableArray<TrackedInterface> tracked = [.. d.TrackInterfaces.Values];
        if (owner && tracked.Any(t => t.Weight != 0))
        {
            diagnostics.WeightOfOwner(d.Name, [.. tracked.Where(t => t.Weight != 0).Select(t => t.Name)], areIgnored: true);
            tracked = [.. tracked.Where(t => t.Weight == 0)];
        }

        var result = tracked.ToBuilder();
        var names = result.Select(t => t.Name).ToHashSet(StringComparer.Ordinal);
        foreach (var entry in entries)
        {
            if (entry.Track && entry.Address.Interface is { } carrier && carrier != d.Interface?.Value && names.Add(carrier))
                result.Add(new(carrier));
        }

        return result.ToImmutable();
    }

    /// <summary>An owner's priority does not change: what would change it is nothing, but for a file, which becomes a fault.</summary>
    private ImmutableArray<TrackedObject> CompleteTrackedObjects(Draft d, bool owner)
    {
        ImmutableArray<TrackedObject> tracked = [.. d.TrackedObjects.Values];
        return owner
            ? WithoutWeights(tracked, kind => kind != TrackedObjectKind.File, (names, areIgnored) => diagnostics.WeightOfOwner(d.Name, names, areIgnored))
            : tracked;
    }

    private GarpSettings CompleteAnnouncements(Draft d, GlobalDefs defs, bool strict)
    {
        var global = defs.Announcements;
        var (arp, neighbor) = _announcementGroups.GetValueOrDefault(d.Interface?.Value ?? "");
        return new()
        {
            MasterDelay = d.MasterDelay ?? global.MasterDelay,
            MasterRepeat = d.MasterRepeat ?? global.MasterRepeat,
            MasterRefresh = d.MasterRefresh ?? global.MasterRefresh,
            MasterRefreshRepeat = d.MasterRefreshRepeat ?? global.MasterRefreshRepeat,
            LowerPriorityDelay = strict ? TimeSpan.Zero : d.LowerDelay ?? global.LowerPriorityDelay,
            LowerPriorityRepeat = strict ? 0 : d.LowerRepeat ?? global.LowerPriorityRepeat,
            ArpInterval = arp ?? global.ArpInterval,
            NeighborInterval = neighbor ?? global.NeighborInterval,
        };
    }

    private int CompleteDownTimer(Draft d, GlobalDefs defs, bool strict)
    {
        int adverts = d.DownTimerAdverts?.Value ?? defs.DownTimerAdverts;
        if (!strict || adverts == 3)
            return adverts;
        if (d.DownTimerAdverts is { } configured)
            diagnostics.StrictDownTimer(configured.Place);
        return 3;
    }

    private static VrrpChecksum CompleteChecksum(Draft d, GlobalDefs defs, VrrpVersion version, IPFamily family, bool unicast)
    {
        if (version != VrrpVersion.V3 || family != IPFamily.IPv4)
            return VrrpChecksum.WithPseudoHeader;
        if (d.ChecksumAsVersion2 ?? defs.ChecksumAsVersion2)
            return VrrpChecksum.MessageOnly;
        return unicast && d.OldUnicastChecksum ? VrrpChecksum.WithMulticastPseudoHeader : VrrpChecksum.WithPseudoHeader;
    }

    private bool CompleteAccept(Draft d, VrrpVersion version, bool strict, bool owner)
    {
        if (owner)
            return true;
        if (strict && version == VrrpVersion.V2 && d.Accept is { Value: true } configured)
        {
            diagnostics.StrictAccept(configured.Place);
            return false;
        }

        return d.Accept?.Value ?? !strict;
    }

    private bool CompleteOwnerIgnore(Draft d, GlobalDefs defs, bool owner, bool strict)
    {
        if (!owner)
            return false;
        if (d.OwnerIgnore is { Value: false } configured)
        {
            diagnostics.OwnerIgnoresAnyway(configured.Place);
            return true;
        }

        return d.OwnerIgnore?.Value ?? defs.OwnerIgnoreAdverts ?? strict;
    }

    /// <summary>One address on one interface in two instances.</summary>
    private void CheckSharedAddresses(List<VrrpInstance> instances, List<Draft> drafts)
    {
        var seen = new Dictionary<(IPAddressValue, string), (int Instance, SourceSpan Span)>();
        for (int i = 0; i < instances.Count; i++)
        {
            var instance = instances[i];
            foreach (var address in instance.VirtualAddresses)
            {
                var key = (address.Address, address.Interface ?? instance.Interface ?? "");
                var place = drafts[i].Addresses.Find(a => a.Address.Address == address.Address)!.Place;
                if (!seen.TryAdd(key, (i, place.Span)) && seen[key].Instance != i)
                    diagnostics.AddressInTwoInstances(place, seen[key].Span);
            }
        }
    }

    /// <summary>The engine's own rule, so that what passes here can also run.</summary>
    private void CheckVirtualRouterIds(List<VrrpInstance> instances, List<Draft> drafts, GlobalDefs defs)
    {
        // This host need not be the one the file is for: an unnamed interface is that of another instance with the same source, or its own.
        var carriers = new Dictionary<IPAddressValue, string>();
        foreach (var instance in instances)
        {
            if (instance is { Interface: { } named, UnicastSource: { } source })
                carriers.TryAdd(source, named);
        }

        // Keyed so that thousands of instances need no comparison of all pairs.
        var seen = new Dictionary<WireIdentity, int>();
        for (int i = 0; i < instances.Count; i++)
        {
            var router = RouterMapping.Map(instances[i], defs, source => carriers.GetValueOrDefault(source) ?? $"interface of {source}");
            int other = int.MaxValue;
            foreach (var identity in router.WireIdentities)
            {
                if (!seen.TryAdd(identity, i) && seen[identity] != i)
                    other = Math.Min(other, seen[identity]);
            }

            if (other < int.MaxValue)
            {
                diagnostics.DuplicateVirtualRouterId(
                    drafts[i].VirtualRouterIdPlace!, instances[other].Name, drafts[other].VirtualRouterIdPlace!.Span, instances[i].Interface, instances[i].Family);
            }
        }
    }

    private ImmutableArray<SyncGroup> CompleteGroups(List<VrrpInstance> instances, List<Draft> drafts, GlobalDefs defs)
    {
        var result = ImmutableArray.CreateBuilder<SyncGroup>();
        var index = new Dictionary<string, int>(StringComparer.Ordinal);
        for (int i = 0; i < instances.Count; i++)
            index[instances[i].Name] = i;
        foreach (var group in _groups)
        {
            var members = new List<int>();
            foreach (var word in group.Members)
            {
                if (!index.TryGetValue(word.Text, out int at))
                {
                    // An instance with errors is reported already.
                    if (!_instanceNames.ContainsKey(word.Text))
                        diagnostics.UnknownMember(word, group.Name.Text, diagnostics.IsFull ? null : Nearest(word.Text, index.Keys));
                }
                else if (instances[at].SyncGroup is { } other)
                {
                    diagnostics.MemberTwice(word, group.Name.Text, other);
                }
                else
                {
                    members.Add(at);
                    instances[at] = instances[at] with { SyncGroup = group.Name.Text };
                }
            }

            if (members.Count == 0)
            {
                diagnostics.EmptyGroup(group.Name, group.Members.Count == 0);
                continue;
            }

            if (members.Count == 1)
                diagnostics.GroupOfOne(group.Name, instances[members[0]].Name);
            bool owners = members.TrueForAll(m => instances[m].Priority.IsOwner);
            foreach (int member in members)
            {
                var instance = instances[member];
                if (!owners && instance.InitialState == WantedState.Master)
                {
                    diagnostics.MemberDemoted(drafts[member].State?.Place ?? drafts[member].Name, instance.Name, group.Name.Text);
                    instance = instance with { InitialState = WantedState.Backup };
                }

                instances[member] = instance with { TrackInterfaces = MergeTrackers(instance, drafts[member], group) };
            }

            var objects = MergeTrackedObjects(group, members, instances, drafts);

            result.Add(new()
            {
                Name = group.Name.Text,
                Span = group.Span,
                Members = [.. members.Select(m => instances[m].Name)],
                TrackInterfaces = [.. group.Interfaces.Values],
                TrackedObjects = objects,
                TrackingWeight = group.TrackingWeight,
                Notify = AsScriptUser(group.Notify, defs),
                SmtpAlert = group.SmtpAlert ?? defs.SmtpAlertVrrp ?? defs.SmtpAlert ?? false,
                NotifyPriorityChanges = group.NotifyPriorityChanges ?? defs.NotifyPriorityChanges,
            });
        }

        return result.DrainToImmutable();
    }

    private ImmutableArray<TrackedInterface> MergeTrackers(VrrpInstance instance, Draft draft, GroupDraft group)
    {
        var own = instance.TrackInterfaces;
        if (!group.TrackingWeight && own.Any(t => t.Weight != 0))
        {
            diagnostics.WeightInGroup(draft.Name, group.Name.Text, [.. own.Where(t => t.Weight != 0).Select(t => t.Name)], areIgnored: false);
            own = WithoutWeights(own);
        }

        ImmutableArray<TrackedInterface> added = [.. group.Interfaces.Values];
        if (instance.Priority.IsOwner)
            added = WithoutWeights(added);
        return Merge(own, added, t => t.Name, t => t.Weight);
    }

    /// <summary>Gives every member the group's trackers, and none of its own whose weight would divide the group.</summary>
    /// <returns>The group's own, with the weights in force.</returns>
    private ImmutableArray<TrackedObject> MergeTrackedObjects(GroupDraft group, List<int> members, List<VrrpInstance> instances, List<Draft> drafts)
    {
        ImmutableArray<TrackedObject> added = [.. group.Objects.Values];
        if (members.FindIndex(m => instances[m].Priority.IsOwner) is >= 0 and var at)
        {
            string owner = instances[members[at]].Name;
            added = WithoutWeights(added, _ => false, (names, _) => diagnostics.GroupWeightWithOwner(group.Name, owner, names));
        }

        foreach (int member in members)
        {
            var instance = instances[member];
            var own = instance.TrackedObjects;
            // keepalived lets weights of processes be.
            if (!group.TrackingWeight)
            {
                own = WithoutWeights(
                    own,
                    kind => kind == TrackedObjectKind.Script,
                    (names, areIgnored) => diagnostics.WeightInGroup(drafts[member].Name, group.Name.Text, names, areIgnored),
                    kind => kind != TrackedObjectKind.Process);
            }

            instances[member] = instance with { TrackedObjects = Merge(own, added, t => (t.Kind, t.Name), t => t.Weight) };
        }

        return added;
    }

    /// <summary>What both track counts as the group has it, unless the member has it without weight.</summary>
    private static ImmutableArray<T> Merge<T, TKey>(ImmutableArray<T> own, ImmutableArray<T> groups, Func<T, TKey> key, Func<T, int> weight)
        where TKey : notnull
    {
        if (groups.IsEmpty)
            return own;
        var ofGroup = groups.ToDictionary(key);
        var names = own.Select(key).ToHashSet();
        return [.. own.Select(t => weight(t) != 0 ? ofGroup.GetValueOrDefault(key(t), t) : t), .. groups.Where(t => !names.Contains(key(t)))];
    }

    /// <summary>Those of a kind that is ignored with a weight go; the rest lose the weight.</summary>
    private static ImmutableArray<TrackedObject> WithoutWeights(
        ImmutableArray<TrackedObject> tracked, Func<TrackedObjectKind, bool> areIgnored, Action<ImmutableArray<string>, bool> report,
        Func<TrackedObjectKind, bool>? concerns = null)
    {
        bool IsWeighted(TrackedObject t) => t.Weight != 0 && (concerns is null || concerns(t.Kind));
        foreach (var same in tracked.Where(IsWeighted).GroupBy(t => areIgnored(t.Kind)))
            report([.. same.Select(t => t.Name)], same.Key);
        return [.. tracked.Where(t => !IsWeighted(t) || !areIgnored(t.Kind)).Select(t => IsWeighted(t) ? t with { Weight = 0 } : t)];
    }

    private static ImmutableArray<TrackedInterface> WithoutWeights(ImmutableArray<TrackedInterface> trackers) =>
        [.. trackers.Select(t => t with { Weight = 0 })];

    private static string? Nearest(string word, IEnumerable<string> names) =>
        names.FirstOrDefault(n => string.Equals(n, word, StringComparison.OrdinalIgnoreCase))
        ?? names.FirstOrDefault(n => n.Replace("_", "", StringComparison.Ordinal).Equals(word.Replace("_", "", StringComparison.Ordinal), StringComparison.OrdinalIgnoreCase));

    private sealed class Draft(Token name, SourceSpan span)
    {
        public Token Name { get; } = name;

        public SourceSpan Span { get; } = span;

        public (WantedState Value, Token Place)? State { get; set; }

        public (string? Value, Token Place)? Interface { get; set; }

        public VirtualRouterId? VirtualRouterId { get; set; }

        public Token? VirtualRouterIdPlace { get; set; }

        public int? Priority { get; set; }

        public Token? PriorityPlace { get; set; }

        public (TimeSpan Value, Token Place)? Interval { get; set; }

        public Token? AuthenticationPlace { get; set; }

        public bool HasWrongAuthenticationType { get; set; }

        public Token? AuthenticationType { get; set; }

        public Secret? Password { get; set; }

        public Token? PasswordPlace { get; set; }

        public List<AddressEntry> Addresses { get; } = [];

        public List<AddressEntry> Excluded { get; } = [];

        public bool NoAddresses { get; set; }

        public (IPAddressValue Value, Token Place)? UnicastSource { get; set; }

        public (IPAddressValue Value, Token Place)? MulticastSource { get; set; }

        public (IPAddressValue Value, Token Place)? MulticastGroup { get; set; }

        public Token? UnicastPlace { get; set; }

        public List<(UnicastPeer Peer, Token Place)> Peers { get; } = [];

        public HashSet<IPAddressValue> PeerAddresses { get; } = [];

        public int UnicastTtl { get; set; } = 255;

        public bool CheckUnicastSource { get; set; }

        public bool FaultWithoutPeers { get; set; }

        public bool TrackSource { get; set; }

        public Token? NoPreempt { get; set; }

        public (TimeSpan Value, Token Place)? PreemptDelay { get; set; }

        public VrrpVersion? Version { get; set; }

        public Token? VersionPlace { get; set; }

        public bool NativeIPv6 { get; set; }

        public OrderedDictionary<string, TrackedInterface> TrackInterfaces { get; } = new(StringComparer.Ordinal);

        public OrderedDictionary<(TrackedObjectKind, string), TrackedObject> TrackedObjects { get; } = [];

        public bool TrackPrimary { get; set; } = true;

        public bool? Strict { get; set; }

        public (bool Value, Token Place)? Accept { get; set; }

        public TimeSpan? MasterDelay { get; set; }

        public int? MasterRepeat { get; set; }

        public TimeSpan? MasterRefresh { get; set; }

        public int? MasterRefreshRepeat { get; set; }

        public TimeSpan? LowerDelay { get; set; }

        public int? LowerRepeat { get; set; }

        public bool? LowerNoAdvert { get; set; }

        public bool? HigherSendAdvert { get; set; }

        public (int Value, Token Place)? DownTimerAdverts { get; set; }

        public (bool Value, Token Place)? OwnerIgnore { get; set; }

        public bool? ChecksumAsVersion2 { get; set; }

        public bool OldUnicastChecksum { get; set; }

        public bool? SkipCheck { get; set; }

        public bool PromoteSecondaries { get; set; }

        public NotifyScripts Notify { get; set; } = new();

        public bool? SmtpAlert { get; set; }

        public bool? NotifyPriorityChanges { get; set; }
    }

    private sealed class GroupDraft(Token name, SourceSpan span)
    {
        public Token Name { get; } = name;

        public SourceSpan Span { get; } = span;

        public List<Token> Members { get; } = [];

        public OrderedDictionary<string, TrackedInterface> Interfaces { get; } = new(StringComparer.Ordinal);

        public OrderedDictionary<(TrackedObjectKind, string), TrackedObject> Objects { get; } = [];

        public bool TrackingWeight { get; set; }

        public NotifyScripts Notify { get; set; } = new();

        public bool? SmtpAlert { get; set; }

        public bool? NotifyPriorityChanges { get; set; }
    }
}
