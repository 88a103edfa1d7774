using System.Collections.Immutable;
using System.Runtime.InteropServices;
using Vrrp.Links;
using Vrrp.Linux;
using Vrrp.Packets;

namespace Vrrp;

/// <summary>
/// All virtual routers of a node, synchronously: input in, <see cref="IVrrpStateMachine.Step"/>, actions out, the next deadline.
/// It has no thread and no clock; whoever drives it gives the time. One turn is <see cref="BeginTurn"/>, the Receive calls,
/// <see cref="EndTurn"/>.
/// </summary>
internal sealed partial class VrrpEngine : IPacketSink, IInterfaceSink, ISendFailureSink, IDisposable
{
    /// <summary>Packets read from one link in one turn, so that a flood cannot hold up deadlines.</summary>
    public const int ReceiveLimit = 512;

    /// <summary>Lateness from which all sockets are read before any deadline is acted on, reported ready or not.</summary>
    private const long LateNanoseconds = 1_000_000;

    /// <summary>Lateness that is a stall worth telling.</summary>
    private const long StallNanoseconds = 20_000_000;

    /// <summary>Time from a refused address or a failing socket to the next attempt.</summary>
    private const long RetryNanoseconds = 5_000_000_000;

    /// <summary>A Master answers lower ones at most once in this time.</summary>
    private const long AnswerNanoseconds = 10_000_000;

    /// <summary>The same thing is told again after this time.</summary>
    private const long RepeatNoticeNanoseconds = 60_000_000_000;

    /// <summary>The same kind of thing of another source is told after this time.</summary>
    private const long OtherNoticeNanoseconds = 1_000_000_000;

    /// <summary>Takeovers whose advertisements may wait for those behind them.</summary>
    private const int TakeoverBatch = 32;

    private readonly IVrrpPlatform _platform;
    private readonly IFrameCodec _codec;
    private readonly IVrrpStateMachine _machine;
    private readonly Action<VrrpNotification> _notify;
    private readonly IInterfaceMonitor _monitor;
    private readonly IAddressTable _addressTable;
    private readonly List<VirtualRouter?> _routers = [];
    private readonly Stack<int> _freeTokens = new();
    private readonly Dictionary<string, VirtualRouter> _byName = new(StringComparer.Ordinal);
    private readonly Dictionary<int, EngineInterface> _interfaces = [];
    private readonly Dictionary<string, EngineInterface> _interfacesByName = new(StringComparer.Ordinal);
    private readonly Dictionary<string, SyncGroupState> _groups = new(StringComparer.Ordinal);
    private readonly Dictionary<IPAddressValue, int> _configured = [];
    private readonly List<IVrrpLink> _links = [];
    private readonly DeadlineQueue _deadlines = new();
    private readonly List<VirtualRouter> _masters = [];
    private readonly List<VirtualRouter> _takeovers = [];
    private readonly List<(VirtualRouter Router, int Error)> _failing = [];
    private readonly List<AddressAssignment> _aheadAssignments = [];
    private AddressOutcome[] _aheadOutcomes = [];
    private readonly List<SyncGroupState> _dirtyGroups = [];
    private readonly Dictionary<(int Interface, PacketRejection Reason), (Instant At, long Untold)> _toldUnknown = [];
    private Instant _now;
    private VirtualRouter[] _roster = [];
    private bool _isRosterStale;
    private int _depth;
    private bool _isListing;
    private bool _addressesWereRemoved;
    private bool _routersHaveLeft;
    private bool _virtualAddressesChanged;
    private long _worstStall;
    private Instant _nextStallNotice;

    public VrrpEngine(
        IVrrpPlatform platform, IFrameCodec codec, IVrrpStateMachine machine, Action<VrrpNotification> notify)
    {
        _platform = platform;
        _codec = codec;
        _machine = machine;
        _notify = notify;
        _monitor = platform.OpenMonitor();
        _addressTable = platform.OpenAddressTable();
        _acceptFilter = platform.OpenAcceptFilter();
    }

    /// <summary>Told when a link is opened, so that its descriptor can be waited for.</summary>
    public Action<IVrrpLink>? LinkOpened { get; set; }

    /// <summary>Told before a link is closed.</summary>
    public Action<IVrrpLink>? LinkClosing { get; set; }

    public IInterfaceMonitor Monitor => _monitor;

    public int RouterCount => _byName.Count;

    /// <summary>Whether marked addresses that no router of this node holds are leftovers; not while another process may hold them.</summary>
    public bool RemovesLeftBehind { get; set; } = true;

    public NodeCounters Counters { get; } = new();

    /// <summary>All routers as of the last turn: what other threads find their <see cref="VirtualRouter.Vitals"/> and counters by.</summary>
    public IReadOnlyList<VirtualRouter> Roster => Volatile.Read(ref _roster);

    /// <summary>When <see cref="EndTurn"/> has work, at the latest.</summary>
    public Instant NextDeadline => Instant.Min(_deadlines.Earliest, _owedAt);

    /// <summary>Entries in the queue, stale ones included.</summary>
    public int QueuedDeadlines => _deadlines.Count;

    /// <summary>Lists interfaces. Call once, before anything else.</summary>
    public void Start(Instant now)
    {
        _now = now;
        _monitor.List(this);
        _addressesWereRemoved = false;
    }

    /// <summary>
    /// Begins a turn. When a deadline is late, the sockets are read before anything is concluded from silence: what came in while this
    /// process did not run is there. <see cref="EndTurn"/> acts on deadlines up to <paramref name="now"/> and no later ones.
    /// </summary>
    public void BeginTurn(Instant now)
    {
        _now = now;
        var earliest = _deadlines.Earliest;
        if (earliest.IsNever || now.Nanoseconds - earliest.Nanoseconds < LateNanoseconds)
            return;
        if (now.Nanoseconds - earliest.Nanoseconds >= StallNanoseconds)
            SuspectMasters();
        ReceiveInterfaces();
        for (int i = 0; i < _links.Count; i++)
            _links[i].Receive(this, ReceiveLimit);
    }

    private void SuspectMasters()
    {
        long worst = 0;
        foreach (var router in _routers)
        {
            if (router is not { State.State: VrrpState.Master })
                continue;
            long late = _now.Nanoseconds - router.State.Deadline.Nanoseconds;
            // Less than an interval cost nobody an advertisement.
            if (late >= router.Config.AdvertisementInterval.Nanoseconds)
                worst = Math.Max(worst, late);
            // A peer waits for its down interval from the last advertisement; the one that is late was due one interval after that.
            if (late > (router.Config.DownTimerAdverts - 1) * router.Config.AdvertisementInterval.Nanoseconds)
                Dispatch(router, VrrpEvent.Stalled);
        }

        if (worst < StallNanoseconds)
            return;
        _worstStall = Math.Max(_worstStall, worst);
        if (_now < _nextStallNotice)
            return;
        _notify(new EngineStalled(_now, TimeSpan.FromTicks(_worstStall / 100)));
        _nextStallNotice = _now.AddNanoseconds(RepeatNoticeNanoseconds);
        _worstStall = 0;
    }

    /// <summary>Reads packets of a link that is ready.</summary>
    public void Receive(IVrrpLink link) => link.Receive(this, ReceiveLimit);

    /// <summary>Reads changes of interfaces and addresses.</summary>
    public void ReceiveInterfaces()
    {
        _isHearing = true;
        _monitor.Receive(this);
        _isHearing = false;
        foreach (var router in _givingUp)
        {
            if (router.IsGivingUp)
                GiveUp(router);
        }

        _givingUp.Clear();
    }

    /// <summary>Acts on the deadlines that had come when the turn began, and sends what is queued.</summary>
    public void EndTurn()
    {
        var now = _now;
        ApplyGroups();
        // Not before the sockets were read: what was taken away while this process stood still may be another Master's by now.
        RestoreAddresses();
        if (_owedAt <= now)
            RemoveOwed();
        while (_deadlines.TryTake(now, out var at, out int token))
        {
            var router = _routers[token];
            if (router is null || router.ArmedAt != at)
                continue;
            router.ArmedAt = Instant.Never;
            if (router.NextDeadline > now)
            {
                Arm(router);
                continue;
            }

            // Those that are Master go first: their peers wait for an advertisement, a takeover has waited already.
            (router.State.State == VrrpState.Master && !router.State.WantsMaster ? _masters : _takeovers).Add(router);
        }

        // Collected first: a router that is due again at once waits for the next turn, in which the sockets are read before.
        foreach (var router in _masters)
            RunDue(router);
        _masters.Clear();

        if (_takeovers.Count > 0)
        {
            Flush();
            for (int i = 0; i < _takeovers.Count; i++)
            {
                if (i % TakeoverBatch == 0)
                    InstallAhead(i, Math.Min(i + TakeoverBatch, _takeovers.Count));
                RunDue(_takeovers[i]);
                if (i % TakeoverBatch == TakeoverBatch - 1)
                    Flush();
            }

            _takeovers.Clear();
        }

        if (_virtualAddressesChanged)
            ReviseSources();
        // A member that was removed just now may have been what the others waited for.
        ApplyGroups();
        Flush();
        if (_isRosterStale)
        {
            _isRosterStale = false;
            Volatile.Write(ref _roster, [.. _byName.Values]);
        }
        if (_routersHaveLeft)
            CloseUnusedLinks();
    }

    private void Send()
    {
        for (int i = 0; i < _links.Count; i++)
            _links[i].Flush(this);
    }

    private void Flush()
    {
        Send();
        // Not while a link is being flushed: resigning sends, through the same link.
        for (int i = 0; i < _failing.Count; i++)
        {
            var (router, error) = _failing[i];
            if (router.State.State == VrrpState.Master)
                Stick(router, VrrpFaults.SendFailing, $"{router.ConsecutiveSendFailures} packets in a row could not be sent: {ErrorText(error)}");
        }

        _failing.Clear();
    }

    private void RunDue(VirtualRouter router)
    {
        if (_routers[router.Token] != router)
            return;
        if (router.StartAt <= _now)
        {
            router.StartAt = Instant.Never;
            Begin(router);
        }

        if (router.RetryAt <= _now)
        {
            router.RetryAt = Instant.Never;
            router.StickyFaults &= VrrpFaults.Declared;
            if (router is { OwesRemoval: true, HoldsAddresses: false })
                RemoveAddresses(router);
            if (router.Link is null)
                Bind(router);
            UpdateFaults(router, null);
        }

        if (router.RestoreAt <= _now)
        {
            router.RestoreAt = Instant.Never;
            _addressesWereRemoved = true;
            RestoreAddresses();
        }

        if (router.State.Deadline <= _now)
        {
            var late = _now - router.State.Deadline;
            if (late > router.Counters.MaxLateness)
                router.Counters.MaxLateness = late;
            if (router.Ahead is { } decided)
            {
                router.Ahead = null;
                Complete(router, decided);
            }
            else
            {
                Dispatch(router, VrrpEvent.DeadlineReached);
            }
        }

        if (router.Announcements.NextAt <= _now)
            AnnounceRound(router);
        Arm(router);
    }

    /// <summary>
    /// Of routers whose Master fell silent together, decides first and installs the addresses of all that take over in one batch: the kernel's
    /// lock is taken once. What was decided is then carried out router by router, before anything else can happen to them.
    /// </summary>
    private void InstallAhead(int from, int to)
    {
        if (to - from < 2)
            return;
        _aheadAssignments.Clear();
        for (int i = from; i < to; i++)
        {
            var router = _takeovers[i];
            // A member of a sync group waits for the others; whatever else is due may change what the deadline means.
            if (_routers[router.Token] != router || router.Group is not null || router.State.State != VrrpState.Backup
                || !router.Config.AcceptMode
                || router.State.Deadline > _now || router.StartAt <= _now || router.RetryAt <= _now)
            {
                continue;
            }

            var transition = _machine.Step(router.Config, router.State, VrrpEvent.DeadlineReached, _now);
            if (transition.Actions is not [VrrpAction.InstallAddresses, ..])
                continue;
            router.Ahead = transition;
            _aheadAssignments.AddRange(router.Assignments);
        }

        if (_aheadOutcomes.Length < _aheadAssignments.Count)
            _aheadOutcomes = new AddressOutcome[_aheadAssignments.Count];
        Install(CollectionsMarshal.AsSpan(_aheadAssignments), _aheadOutcomes);
        int next = 0;
        for (int i = from; i < to; i++)
        {
            var router = _takeovers[i];
            if (router.Ahead is null)
                continue;
            _aheadOutcomes.AsSpan(next, router.Assignments.Length).CopyTo(router.Outcomes);
            next += router.Assignments.Length;
            router.IsInstalledAhead = true;
        }
    }

    private void Begin(VirtualRouter router)
    {
        RemoveLeftBehind(router);
        PrepareFilter(router);
        router.PendingDetail = router.Tracked.IsFaulty ? router.Tracked.Detail : null;
        Dispatch(router, VrrpEvent.Startup);
        router.PendingDetail = null;
    }

    private void Arm(VirtualRouter router)
    {
        var next = router.NextDeadline;
        if (next < router.ArmedAt)
        {
            router.ArmedAt = next;
            _deadlines.Add(next, router.Token);
        }
    }

    /// <summary>One event through the machine, its actions, and the sync group if the router has one.</summary>
    private void Dispatch(VirtualRouter router, in VrrpEvent input)
    {
        Complete(router, _machine.Step(router.Config, router.State, input, _now));
    }

    private void Complete(VirtualRouter router, in Transition transition)
    {
        if (router.IsGivingUp)
            GiveUp(router);
        _depth++;
        var before = router.State;
        bool hasMoved = before.State != transition.State.State;
        if (hasMoved && transition.Actions is [VrrpAction.InstallAddresses, ..] && !TakeAddresses(router))
        {
            Decline(router);
        }
        else
        {
            router.State = transition.State;
            bool wasCompleted = Execute(router, transition.Actions);
            if (wasCompleted && hasMoved && router.IsGivingUp)
                router.Untold = (transition, before.Faults, router.PendingDetail);
            else if (wasCompleted && hasMoved)
                Tell(router, transition, before.Faults);
        }

        if (before.IsHandingOver && !router.State.IsHandingOver)
            TellReleased(router);
        // An owner that leaves listens to its successor, whatever it dropped before.
        if (!before.IsHandingOver && router.State.IsHandingOver && router.Rules is { IsOwner: true } rules)
            router.Rules = rules with { IsOwner = false };
        if (router.Group is { } group && (hasMoved || before.WantsMaster != router.State.WantsMaster || before.Faults != router.State.Faults
            || Heeds(before) != Heeds(router.State)))
        {
            group.HasYielded |= before.State == VrrpState.Master && transition.State.State == VrrpState.Backup;
            MarkDirty(group);
        }

        router.PublishVitals();
        if (router.ArmedAt > router.NextDeadline)
            Arm(router);
        if (--_depth == 0)
        {
            ApplyGroups();
            if (router.IsRemoving && router.State is { State: VrrpState.Initialize, IsHandingOver: false })
                CompleteRemoval(router);
        }
    }

    private bool Execute(VirtualRouter router, ImmutableArray<VrrpAction> actions)
    {
        foreach (var action in actions)
        {
            switch (action)
            {
                case VrrpAction.InstallAddresses:
                    if (!TakeAddresses(router))
                    {
                        Resign(router);
                        return false;
                    }

                    router.HasTakenAddresses = false;
                    // Those that were on an interface of another number before.
                    UnblockAddresses(router);
                    break;
                case VrrpAction.RemoveAddresses:
                    // What was said as Master is said before the addresses are gone.
                    Send();
                    RemoveAddresses(router);
                    break;
                case VrrpAction.SendAdvertisement:
                    if (!AwaitsRestoration(router))
                        SendAdvertisement(router, router.State.EffectivePriority);
                    break;
                case VrrpAction.SendRelinquish:
                    SendAdvertisement(router, Priority.Relinquish);
                    // The farewell must not wait behind address work of this turn.
                    router.Link?.Flush(this);
                    break;
                case VrrpAction.AnnounceAddresses:
                    router.AnnouncementFailures = 0;
                    router.Announcements = AnnouncementSchedule.AfterTakeover(router.Config.Announcements, _now);
                    AnnounceRound(router);
                    break;
                case VrrpAction.ReannounceAddresses:
                    Reannounce(router);
                    break;
                case VrrpAction.StopAnnouncing:
                    router.Announcements = AnnouncementSchedule.Idle;
                    break;
            }
        }

        return true;
    }

    /// <summary>Hosts may have learned the other Master for every address that moves with this one.</summary>
    private void Reannounce(VirtualRouter router)
    {
        router.Counters.LowerMastersHeard++;
        if (router.Group is null)
        {
            router.Announcements = router.Announcements.AfterLowerMaster(router.Config.Announcements, _now);
            return;
        }

        foreach (var member in router.Group.Members)
        {
            if (member.State.State != VrrpState.Master)
                continue;
            member.Announcements = member.Announcements.AfterLowerMaster(member.Config.Announcements, _now);
            Arm(member);
        }
    }

    private void ApplyGroups()
    {
        if (_dirtyGroups.Count == 0)
            return;
        _depth++;
        for (int i = 0; i < _dirtyGroups.Count; i++)
        {
            var group = _dirtyGroups[i];
            group.IsDirty = false;
            bool hasYielded = group.HasYielded;
            group.HasYielded = false;
            ReadFacts(group);
            bool isFaulty = SyncGroupRules.IsFaulty(group.Facts);
            foreach (var member in group.Members)
            {
                var own = OwnFaults(member);
                bool isDragged = isFaulty && own == VrrpFaults.None;
                SetFaults(member, isDragged ? VrrpFaults.SyncGroup : own, isDragged ? $"another member of sync group {group.Name} is in fault" : null);
            }

            if (isFaulty)
                continue;
            ReadFacts(group);
            switch (SyncGroupRules.Decide(group.Facts, hasYielded))
            {
                case SyncVerdict.BecomeMaster:
                    if (!TakeAddresses(group))
                        break;
                    foreach (var member in group.Members)
                    {
                        if (member.State.State == VrrpState.Backup)
                            Dispatch(member, VrrpEvent.GroupBecomesMaster);
                    }

                    break;
                case SyncVerdict.BecomeBackup:
                    foreach (var member in group.Members)
                    {
                        if (member.State.State == VrrpState.Master)
                            Dispatch(member, VrrpEvent.GroupBecomesBackup);
                    }

                    break;
            }
        }

        _dirtyGroups.Clear();
        _depth--;
    }

    /// <summary>Whether a Backup has heard a Master since it started, and let it be.</summary>
    private static bool Heeds(in MachineState state) => state is { State: VrrpState.Backup, MasterAddress.IsNone: false };

    private static void ReadFacts(SyncGroupState group)
    {
        if (group.Facts.Length != group.Members.Count)
            group.Facts = new SyncMember[group.Members.Count];
        for (int i = 0; i < group.Facts.Length; i++)
        {
            var state = group.Members[i].State;
            group.Facts[i] = new(state.State, state.WantsMaster, (state.Faults & ~VrrpFaults.SyncGroup) != VrrpFaults.None, Heeds(state));
        }
    }

    /// <summary>The engine cannot go on: say goodbye and take the addresses off, as far as that still works.</summary>
    /// <returns>What failed on the way; the rest was done all the same.</returns>
    public IReadOnlyList<Exception> Abandon(Instant now)
    {
        _now = now;
        var failures = new List<Exception>();
        var holders = _routers.Where(router => router is { HoldsAddresses: true }).Select(router => router!).ToArray();
        foreach (var router in holders)
            Try(() => SendAdvertisement(router, Priority.Relinquish));
        Try(Flush);
        foreach (var router in holders)
            Try(() => _addressTable.Remove(router.Assignments, new AddressOutcome[router.Assignments.Length]));
        Try(() => SetStaticAddresses([], now));
        return failures;

        void Try(Action action)
        {
            try
            {
                action();
            }
#pragma warning disable CA1031 // One that fails must not keep the next address on this host.
            catch (Exception exception)
#pragma warning restore CA1031
            {
                failures.Add(exception);
            }
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var link in _links)
        {
            LinkClosing?.Invoke(link);
            link.Dispose();
        }

        _links.Clear();
        _addressTable.Dispose();
        _acceptFilter?.Dispose();
        _monitor.Dispose();
    }
}
