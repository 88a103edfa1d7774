using System.Collections.Immutable;

namespace Vrrp.Daemon.Demo;

/// <summary>The story did not go as it must.</summary>
internal sealed class DemoFailedException(string message) : Exception(message);

/// <summary>
/// The story: both start, the Master dies, comes back, and leaves cleanly. Everything is made when it begins and gone when it is disposed.
/// </summary>
internal sealed class DemoStory : IAsyncDisposable
{
    // Beyond the protocol's minimum. A busy machine may be late; half a second late is no failover by the protocol any more.
    private static readonly TimeSpan OverheadLimit = TimeSpan.FromMilliseconds(500);

    // Frames reach the client and the director at the same time, give or take the kernel's scheduling.
    private static readonly TimeSpan Accuracy = TimeSpan.FromMilliseconds(5);

    private readonly DemoPlan _plan;
    private readonly DemoClock _clock;
    private readonly Action<DemoEntry> _tell;
    private readonly Pulse _pulse = new();
    private readonly DirectoryInfo _folder;
    private readonly DemoNetwork _network;
    private readonly ProcessLauncher _launcher;
    private readonly ClientProbe _client;
    private readonly MailSink _mailbox;
    private readonly List<TransitionFigures> _transitions = [];
    private readonly List<string> _problems = [];

    /// <exception cref="Vrrp.Linux.LinuxException">The kernel or a sandbox refuses.</exception>
    /// <exception cref="Vrrp.Netlink.NetlinkException">The kernel refuses a link.</exception>
    public DemoStory(DemoPlan plan, DemoClock clock, Action<DemoEntry> tell)
    {
        (_plan, _clock, _tell) = (plan, clock, tell);
        _network = new DemoNetwork();
        try
        {
            Wire = new WireLog(plan, _pulse, tell);
            _client = new ClientProbe(plan, clock, Wire, _network.Client);
            _mailbox = new MailSink(clock, _network.Client, _pulse);
            // Only its owner may look inside: the mode is 0700.
            _folder = Directory.CreateTempSubdirectory("vrrp-demo-");
            _launcher = new ProcessLauncher();
        }
        catch
        {
            _client?.Dispose();
            _network.Dispose();
            throw;
        }

        Directors = [.. DemoPlan.Directors.Select(director => new DirectorProcess(
            plan, director, clock, _launcher, _network.Directors[director.Index], _folder.FullName, _pulse, tell))];
    }

    public WireLog Wire { get; }

    public ImmutableArray<DirectorProcess> Directors { get; }

    public ImmutableArray<TransitionFigures> Transitions => [.. _transitions];

    public ImmutableArray<string> Problems => [.. _problems];

    /// <summary>What the operators got, in its order.</summary>
    public ImmutableArray<DemoMail> Mails => _mailbox.Mails;

    /// <summary>Plays the story.</summary>
    /// <exception cref="DemoFailedException">Something that must happen did not.</exception>
    public async Task RunAsync(CancellationToken cancellationToken)
    {
        var (first, second) = (Directors[0], Directors[1]);
        await StartAsync(first, second, cancellationToken).ConfigureAwait(false);
        await FailOverAsync(first, second, cancellationToken).ConfigureAwait(false);
        await ReturnAsync(first, second, cancellationToken).ConfigureAwait(false);
        await HandOverAsync(first, second, cancellationToken).ConfigureAwait(false);
    }

    public async ValueTask DisposeAsync()
    {
        try
        {
            foreach (var director in Directors)
                await director.DisposeAsync().ConfigureAwait(false);
        }
        finally
        {
            _launcher.Dispose();
            await _mailbox.DisposeAsync().ConfigureAwait(false);
            _client.Dispose();
            _network.Dispose();
            _folder.Delete(recursive: true);
        }
    }

    private async Task StartAsync(DirectorProcess first, DirectorProcess second, CancellationToken cancellationToken)
    {
        Chapter("Both directors start");
        var cause = _clock.Now;
        await LaunchAsync(first, cause, cancellationToken).ConfigureAwait(false);
        await LaunchAsync(second, _clock.Now, cancellationToken).ConfigureAwait(false);
        await TakeoverAsync(first, cause, _plan.DownInterval(first.Plan), cancellationToken).ConfigureAwait(false);
        await SettleAsync(cancellationToken).ConfigureAwait(false);
        Record(new Facts("start", "both start", null, first, cause)
        {
            CountedFrom = "its own start",
            Minimum = _plan.DownInterval(first.Plan),
        });
    }

    private async Task FailOverAsync(DirectorProcess first, DirectorProcess second, CancellationToken cancellationToken)
    {
        Chapter($"{first.Plan.Name} dies: SIGKILL, and its cable is out");
        var cause = _clock.Now;
        first.Kill();
        // A killed daemon leaves its address in a kernel that would go on answering; a machine that dies does not.
        _network.Unplug(first.Plan);
        Cause(cause, $"{first.Plan.Name} is killed");
        await TakeoverAsync(second, cause, _plan.DownInterval(second.Plan), cancellationToken).ConfigureAwait(false);
        await SettleAsync(cancellationToken).ConfigureAwait(false);
        Record(new Facts("failover", $"SIGKILL {first.Plan.Name}", first, second, cause)
        {
            CountedFrom = "last advert heard",
            CountedAt = Wire.LastAdvert(first.Plan, _clock.Now) ?? throw new DemoFailedException($"no advert of {first.Plan.Name} was heard"),
            Minimum = _plan.DownInterval(second.Plan),
        });
        if (!_network.HasVirtualAddress(first.Plan))
            _problems.Add($"{first.Plan.Name} was killed, and yet its kernel no longer had {DemoPlan.VirtualAddress}");
    }

    private async Task ReturnAsync(DirectorProcess first, DirectorProcess second, CancellationToken cancellationToken)
    {
        Chapter($"{first.Plan.Name} comes back, with the address it left behind");
        var cause = _clock.Now;
        _network.Plug(first.Plan);
        Cause(cause, $"{first.Plan.Name} is plugged in and started again");
        await LaunchAsync(first, cause, cancellationToken).ConfigureAwait(false);
        await RequireAsync(
            () => first.HasCleanedUp && (first.State != "BACKUP" || !_network.HasVirtualAddress(first.Plan)),
            $"{first.Plan.Name} did not remove the address that it left behind",
            TimeSpan.Zero,
            cancellationToken).ConfigureAwait(false);
        await TakeoverAsync(first, cause, _plan.DownInterval(first.Plan), cancellationToken).ConfigureAwait(false);
        await SettleAsync(cancellationToken).ConfigureAwait(false);
        Record(new Facts("return", $"{first.Plan.Name} is back", second, first, cause)
        {
            CountedFrom = "its own start",
            Minimum = _plan.DownInterval(first.Plan),
        });
        if (_network.HasVirtualAddress(second.Plan))
            _problems.Add($"{second.Plan.Name} is Backup and still has {DemoPlan.VirtualAddress}");
    }

    private async Task HandOverAsync(DirectorProcess first, DirectorProcess second, CancellationToken cancellationToken)
    {
        Chapter($"{first.Plan.Name} is stopped cleanly");
        var cause = _clock.Now;
        first.Terminate();
        Cause(cause, $"SIGTERM to {first.Plan.Name}");
        await TakeoverAsync(second, cause, _plan.SkewTime(second.Plan), cancellationToken).ConfigureAwait(false);
        await RequireAsync(
            () => !first.IsRunning, $"{first.Plan.Name} did not end after SIGTERM", _plan.SkewTime(second.Plan), cancellationToken)
            .ConfigureAwait(false);
        await SettleAsync(cancellationToken).ConfigureAwait(false);
        var figures = Record(new Facts("handover", $"SIGTERM {first.Plan.Name}", first, second, cause)
        {
            CountedFrom = "priority 0 advert",
            CountedAt = Wire.FirstAdvert(first.Plan, cause, farewell: true)
                ?? throw new DemoFailedException($"{first.Plan.Name} left without an advert with priority 0"),
            Minimum = _plan.SkewTime(second.Plan),
        });
        if (figures.LostProbes != 0)
            _problems.Add($"the clean hand-over lost {figures.LostProbes} of {figures.Probes} pings; it must lose none");
        if (_network.HasVirtualAddress(first.Plan))
            _problems.Add($"{first.Plan.Name} stopped cleanly and still has {DemoPlan.VirtualAddress}");
        await RequireMailsAsync(first, second, cancellationToken).ConfigureAwait(false);
        Cause(_clock.Now, "everything is taken down");
    }

    /// <summary>What both were told to say by mail, in the order in which each said it.</summary>
    private async Task RequireMailsAsync(DirectorProcess first, DirectorProcess second, CancellationToken cancellationToken)
    {
        string[] ofFirst = ["Entering BACKUP state", "Entering MASTER state", "Entering BACKUP state", "Entering MASTER state", "Stopping"];
        string[] ofSecond = ["Entering BACKUP state", "Entering MASTER state", "Entering BACKUP state", "Entering MASTER state"];
        await RequireAsync(
            () => Said(first).SequenceEqual(ofFirst) && Said(second).SequenceEqual(ofSecond),
            "the mails of all transitions did not come to the mailbox",
            TimeSpan.Zero,
            cancellationToken).ConfigureAwait(false);

        IEnumerable<string> Said(DirectorProcess director)
        {
            string lead = $"[{director.Plan.Name}] VRRP Instance {DemoPlan.VirtualRouter} - ";
            return Mails.Where(mail => mail.Subject.StartsWith(lead, StringComparison.Ordinal)).Select(mail => mail.Subject[lead.Length..]);
        }
    }

    private async Task LaunchAsync(DirectorProcess director, TimeSpan after, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        await director.StartAsync().ConfigureAwait(false);
        await RequireAsync(
            () => director.Entered("BACKUP", after) is not null, $"{director.Plan.Name} did not start", TimeSpan.Zero, cancellationToken)
            .ConfigureAwait(false);
    }

    private async Task TakeoverAsync(DirectorProcess director, TimeSpan after, TimeSpan expected, CancellationToken cancellationToken)
    {
        await RequireAsync(
            () => director.Entered("MASTER", after) is not null,
            $"{director.Plan.Name} did not become Master",
            expected,
            cancellationToken).ConfigureAwait(false);
        await RequireAsync(
            () => Wire.FirstAdvert(director.Plan, after) is not null && Wire.FirstAnnouncement(director.Plan, after) is not null,
            $"{director.Plan.Name} is Master, but the client heard no advert and gratuitous ARP of it",
            TimeSpan.Zero,
            cancellationToken).ConfigureAwait(false);
        await RequireAsync(
            () => Wire.FirstAnswer(director.Plan, after) is not null,
            $"{director.Plan.Name} is Master, but does not answer pings of {DemoPlan.VirtualAddress}",
            TimeSpan.Zero,
            cancellationToken).ConfigureAwait(false);
    }

    private async Task RequireAsync(Func<bool> condition, string failure, TimeSpan expected, CancellationToken cancellationToken)
    {
        var limit = _plan.Patience(expected);
        bool isMet = await _pulse.WaitAsync(
            () => Directors.Any(director => director.UnexpectedEnd is not null) || condition(), limit, cancellationToken).ConfigureAwait(false);
        foreach (var director in Directors)
        {
            if (director.UnexpectedEnd is { } exitCode)
                throw new DemoFailedException($"{director.Plan.Name} ended by itself with exit status {exitCode}");
        }

        if (_client.Failure is { } broken)
            throw new DemoFailedException($"the client broke: {broken.Message}");
        if (!isMet)
            throw new DemoFailedException($"{failure} within {DemoText.Duration(limit)}");
    }

    /// <summary>Time to watch the new state, and for the last probes of it to be answered.</summary>
    private Task SettleAsync(CancellationToken cancellationToken) =>
        Task.Delay(_plan.Settle + DemoPlan.ProbeTimeout, TimeProvider.System, cancellationToken);

    private TransitionFigures Record(Facts facts)
    {
        var (to, cause) = (facts.To.Plan, facts.At);
        var announced = Wire.FirstAnnouncement(to, cause)!.Value;
        var (probes, lost, silence) = Wire.Probes(cause, _clock.Now - DemoPlan.ProbeTimeout);
        var figures = new TransitionFigures
        {
            Name = facts.Name,
            Cause = facts.Cause,
            From = facts.From?.Plan.Name,
            To = to.Name,
            At = cause,
            CountedFrom = facts.CountedFrom,
            Minimum = facts.Minimum,
            Measured = announced - facts.CountedAt,
            CauseToLastAdvert = facts.From is { } from ? Wire.LastAdvert(from.Plan, announced) - cause : null,
            CauseToFirstAdvert = Wire.FirstAdvert(to, cause)!.Value - cause,
            CauseToAnnouncement = announced - cause,
            CauseToAnswer = Wire.FirstAnswer(to, cause)!.Value - cause,
            Probes = probes,
            LostProbes = lost,
            LongestSilence = silence,
        };
        _transitions.Add(figures);
        // A start that nobody hears is somewhere after its cause.
        var overhead = figures.Overhead ?? figures.CauseToAnnouncement - figures.Minimum;
        if (figures.Overhead > OverheadLimit)
            _problems.Add($"{figures.Name}: {DemoText.Duration(overhead)} later than the protocol's {DemoText.Duration(figures.Minimum)}");
        else if (overhead < -Accuracy)
            _problems.Add($"{figures.Name}: {DemoText.Duration(-overhead)} earlier than the protocol's {DemoText.Duration(figures.Minimum)}");
        return figures;
    }

    private void Chapter(string text) => _tell(new(_clock.Now, "demo", DemoEntryKind.Chapter, text));

    private void Cause(TimeSpan at, string text) => _tell(new(at, "demo", DemoEntryKind.Cause, text));

    private sealed record Facts(string Name, string Cause, DirectorProcess? From, DirectorProcess To, TimeSpan At)
    {
        public required string CountedFrom { get; init; }

        public TimeSpan? CountedAt { get; init; }

        public required TimeSpan Minimum { get; init; }
    }
}
