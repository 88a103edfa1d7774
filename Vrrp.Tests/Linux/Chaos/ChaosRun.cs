using System.Globalization;
using System.Text.Json;
using Vrrp.Linux;
using Vrrp.Tests.Linux.Lab;

namespace Vrrp.Tests.Linux.Chaos;

/// <summary>Plays a plan with real daemons and says what a client saw of it.</summary>
internal sealed class ChaosRun
{
    private const int LogTail = 60;

    // Beyond it every fault would be within its margin.
    private const double MostSlowness = 8;
    private const string OnlyAdverts = "ip proto 112 or ip6 proto 112";

    // Long enough to see that nobody else answers, and that the Master goes on.
    private static readonly TimeSpan Quiet = TimeSpan.FromMilliseconds(250);

    private readonly ChaosPlan _plan;
    private readonly TimeSpan _usualMargin;
    private readonly MachineLoad _load;
    private readonly Laboratory _lab;
    private readonly IReadOnlyList<ChaosHost> _hosts;
    private readonly IReadOnlyList<(VirtualRouterSpec Router, ProbeTarget Target)> _targets;
    private readonly ChaosActions _actions;
    private readonly ChaosWitness _witness;
    private readonly List<ChaosOutcome> _outcomes = [];
    private readonly List<ChaosViolation> _violations = [];
    private Instant _start;
    private Instant _judged;
    private TimeSpan _largestMargin;
    private int _notJudged;

    private ChaosRun(ChaosPlan plan, TimeSpan margin, MachineLoad load, Laboratory lab, IReadOnlyList<ChaosHost> hosts)
    {
        (_plan, _usualMargin, _load, _lab, _hosts) = (plan, margin, load, lab, hosts);
        _largestMargin = margin;
        _targets = [.. from router in plan.Cluster.Routers
                       from vip in router.Vips
                       select (router, new ProbeTarget(IPAddressValue.From(vip), router.Network))];
        _actions = new(plan.Cluster, lab, hosts);
        _witness = new(plan.Cluster, lab, hosts);
    }

    private ChaosCluster Cluster => _plan.Cluster;

    private TimeSpan Elapsed => MonotonicClock.Now - _start;

    /// <summary>Plays a plan. The report has the violations; what breaks the run itself throws, with all that is known.</summary>
    public static async Task<ChaosReport> PlayAsync(ChaosPlan plan, TimeSpan margin)
    {
        var cluster = plan.Cluster;
        await using var lab = await Laboratory.CreateAsync(cluster.Networks, cluster.Directors.Count > 2, OnlyAdverts);
        List<MemoryGroup> groups = [];
        try
        {
            var hosts = new List<ChaosHost>();
            foreach (var (kind, index) in cluster.Directors.Select((kind, index) => (kind, index)))
                hosts.Add(await PrepareAsync(lab, plan, kind, index, groups));
            await using var load = new MachineLoad();
            var run = new ChaosRun(plan, margin, load, lab, hosts);
            using var prober = new VipProber(
                lab, [.. hosts.Select(host => host.Machine)], cluster.Networks, [.. run._targets.Select(target => target.Target)]);
            return await run.PlayAsync(prober);
        }
        catch (Exception exception)
        {
            var logs = lab.Directors.Select(director => $"===== {director}\n{director.Config}\n{string.Join('\n', director.Log.Since(Math.Max(0, director.Log.Count - LogTail)))}");
            throw new InvalidOperationException($"{plan}\n{exception.Message}\n{string.Join('\n', logs)}", exception);
        }
        finally
        {
            foreach (var director in lab.Directors)
                await director.KillAsync();
            foreach (var group in groups)
                await group.DisposeAsync();
        }
    }

    private static async Task<ChaosHost> PrepareAsync(Laboratory lab, ChaosPlan plan, DirectorKind kind, int index, List<MemoryGroup> groups)
    {
        var machine = index switch { 0 => lab.A, 1 => lab.B, _ => lab.Third! };
        var kinds = plan.Episodes.SelectMany(episode => episode.Faults).Where(fault => fault.Host == index).Select(fault => fault.Kind).ToHashSet();
        var volume = kinds.Contains(ChaosFaultKind.DiskFull)
            ? new StateVolume(await lab.AddVolumeAsync($"state-{machine.Name}", StateVolume.Kibibytes))
            : null;
        var memory = kinds.Contains(ChaosFaultKind.MemoryPressure) ? MemoryGroup.Create($"{lab.Prefix}{machine.Name}", lab.Changed) : null;
        if (memory is not null)
            groups.Add(memory);
        var director = lab.AddDirector(machine, kind, volume?.Path, memory?.Launcher);
        var host = new ChaosHost(machine, director, plan.Cluster.ToConfig(machine, ChaosCluster.Priority(index))) { Volume = volume, Memory = memory };
        await machine.IpAsync($"addr add 192.0.2.{machine.Number}/32 dev lo");
        for (var network = 0; network < plan.Cluster.Networks; network++)
            await host.ReplaceOwnAddressesAsync(network);
        return host;
    }

    private async Task<ChaosReport> PlayAsync(VipProber prober)
    {
        var before = await TakeStockAsync();
        await Task.WhenAll(_hosts.Select(_actions.StartAsync));
        await _lab.WaitForAsync("the first host to be the only Master", TimeSpan.FromMinutes(1), HasConverged);
        _start = MonotonicClock.Now;
        _judged = _start;
        foreach (var episode in _plan.Episodes)
        {
            if (!await PlayAsync(episode))
                break;
        }
        var length = Elapsed;
        await StopAsync();
        var after = await TakeStockAsync();
        var logs = _hosts.Where(host => host.Director.Kind == DirectorKind.Vrrp).ToArray();
        foreach (var host in logs)
            JudgeLog(host);
        if (prober.Failure is { } failure)
            throw new InvalidOperationException("The prober has failed.", failure);
        foreach (var (mac, count) in prober.Strangers)
            Violated($"{mac}, which is no director, answered {count} times", null);
        return new ChaosReport
        {
            Plan = _plan,
            Margin = _usualMargin,
            LargestMargin = _largestMargin,
            Outcomes = _outcomes,
            NotJudged = _notJudged,
            Length = length,
            Questions = _targets.Sum(target => (long)target.Target.Track.Count),
            LongestPause = prober.LongestPause,
            RealTimeRefused = prober.RealTimeRefused,
            LeakedAddresses = Compare(before, after, stock => stock.Addresses, "address") + Compare(before, after, stock => stock.Rules, "packet filter rule"),
            LeakedProcesses = Compare(before, after, stock => stock.Processes, "process"),
            Deaths = _hosts.Count(host => host.Director.HasDied),
            MemoryKills = _hosts.Sum(host => host.Memory?.Kills ?? 0),
            Violations = _violations,
        };
    }

    /// <summary>Returns whether the daemons agreed again, without which nothing further can be judged.</summary>
    private async Task<bool> PlayAsync(ChaosEpisode episode)
    {
        await UntilAsync(episode.At);
        var late = Elapsed - episode.At;
        var faults = await Task.WhenAll(episode.Faults.Select(fault => PerformAsync(fault, late)));
        var healed = faults.Max(fault => fault.HealedAt);
        var agreed = await HasConvergedInTimeAsync(healed, ChaosAllowance.Convergence(Cluster, faults) + Quiet);
        var convergence = Elapsed - healed;
        if (Slowness() > MostSlowness && (agreed || await HasConvergedAsync(Laboratory.Patience)))
        {
            _notJudged++;
            _judged = MonotonicClock.Now;
            return true;
        }

        if (!agreed)
        {
            ViolatedConvergence(episode, convergence);
            // Ever is better than never: it tells a slow recovery from none.
            agreed = await HasConvergedAsync(Laboratory.Patience);
            convergence = Elapsed - healed;
            _violations[^1] = _violations[^1] with { Text = $"{_violations[^1].Text}\n{(agreed ? $"they agreed after {convergence.TotalSeconds:0.000} s" : "they never agreed")}" };
        }

        var until = MonotonicClock.Now;
        var outcome = new ChaosOutcome
        {
            Episode = episode with { Faults = faults },
            LongestGap = TimeSpan.Zero,
            AllowedGap = ChaosAllowance.Gap(Cluster, faults),
            TwoHostMoments = 0,
            LongestTwoHosts = TimeSpan.Zero,
            AllowedTwoHosts = ChaosAllowance.TwoHosts(Cluster, faults),
            Convergence = convergence,
        };
        var margin = Margin();
        foreach (var (router, target) in _targets)
            outcome = Judge(outcome, router, target, faults, margin);
        _outcomes.Add(outcome);
        _judged = until;
        foreach (var host in _hosts.Where(host => host.Director.HasDied))
        {
            Violated($"{episode}: {host.Director} has ended with {host.Director.ExitCode}\n{string.Join('\n', host.Director.Log.Since(0).TakeLast(20))}", host.Director.Kind);
            return false;
        }
        return agreed;
    }

    private async Task<ChaosFault> PerformAsync(ChaosFault fault, TimeSpan late)
    {
        await UntilAsync(fault.At + late);
        var at = Elapsed;
        var heal = await _actions.BeginAsync(fault);
        await UntilAsync(at + fault.Duration);
        await heal();
        return fault with { At = at, Duration = Elapsed - at };
    }

    private ChaosOutcome Judge(ChaosOutcome outcome, VirtualRouterSpec router, ProbeTarget target, ChaosFault[] faults, TimeSpan margin)
    {
        var samples = target.Track.Since(_judged);
        var gaps = ProbeTrack.Gaps(samples).ToArray();
        foreach (var gap in gaps.Where(gap => gap.Length > outcome.AllowedGap + margin))
        {
            Violated(
                $"{outcome.Episode}: nobody answered for {target.Address} from {Text(gap.From)} for {gap.Length.TotalSeconds:0.000} s; allowed {outcome.AllowedGap.TotalSeconds:0.000} s\n{Claims(router, gap)}",
                _witness.CulpritOfGap(router, gap, faults, _start));
        }
        var twos = ProbeTrack.TwoHosts(samples).ToArray();
        foreach (var two in twos.Where(two => two.Length > outcome.AllowedTwoHosts + margin))
        {
            Violated(
                $"{outcome.Episode}: two hosts answered for {target.Address} from {Text(two.From)} for {two.Length.TotalSeconds:0.000} s; allowed {outcome.AllowedTwoHosts.TotalSeconds:0.000} s\n{Claims(router, two)}",
                _witness.CulpritOfTwoHosts(router, two, samples.Where(sample => sample.Time >= two.From && sample.Time <= two.To)));
        }
        return outcome with
        {
            LongestGap = Longest(outcome.LongestGap, gaps),
            TwoHostMoments = outcome.TwoHostMoments + twos.Length,
            LongestTwoHosts = Longest(outcome.LongestTwoHosts, twos),
        };
    }

    private static TimeSpan Longest(TimeSpan before, ProbeRun[] runs) => runs.Aggregate(before, (longest, run) => run.Length > longest ? run.Length : longest);

    private string Claims(VirtualRouterSpec router, ProbeRun run)
    {
        var from = run.From - Cluster.LongestDownInterval;
        return $"advertisements from {Text(from)} on: {_witness.Describe(router, from, run.To + (2 * Cluster.Interval))}";
    }

    private void ViolatedConvergence(ChaosEpisode episode, TimeSpan after)
    {
        var states = _targets.Select(target => string.Create(
            CultureInfo.InvariantCulture,
            $"{target.Target.Address}: answered by {string.Join('/', target.Target.Track.Since(MonotonicClock.Now - Quiet).Select(sample => sample.Hosts).Distinct().Order())}, on {string.Join('/', _hosts.Where(host => target.Router.Vips.Any(vip => host.Machine.HasAddress(vip, target.Router.Network))).Select(host => host.Machine.Name))}"));
        var now = MonotonicClock.Now;
        var (router, worst) = _targets[0];
        foreach (var target in _targets)
        {
            if (!IsOnlyFirst(target.Target))
                (router, worst) = target;
        }
        var answering = _witness.CulpritOfTwoHosts(router, new(now - Cluster.LongestDownInterval - Quiet, now), worst.Track.Since(now - Quiet));
        Violated(
            $"{episode}: no agreement {after.TotalSeconds:0.000} s after it was healed; {string.Join("; ", states)}\n{Claims(router, new(now - TimeSpan.FromSeconds(1), now))}\n{string.Join('\n', _hosts.Select(host => $"{host.Director}: {string.Join("\n   ", host.Director.Log.Since(Math.Max(0, host.Director.Log.Count - 6)))}"))}",
            answering ?? Cluster.Directors[0]);
    }

    private async Task<bool> HasConvergedInTimeAsync(TimeSpan healed, TimeSpan bound)
    {
        // The margin grows when the machine slows down while it is waited.
        for (;;)
        {
            var left = healed + bound + Margin() - Elapsed;
            if (left <= TimeSpan.Zero)
                return HasConverged();
            if (await HasConvergedAsync(left) || _hosts.Any(host => host.Director.HasDied))
                return HasConverged();
        }
    }

    private double Slowness() => _load.SlownessSince(_judged, _targets[0].Target.Track.Since(_judged));

    /// <summary>How late things may be, by what the machine has been doing since the last judgement.</summary>
    private TimeSpan Margin()
    {
        var margin = _usualMargin * Math.Min(Slowness(), MostSlowness);
        _largestMargin = margin > _largestMargin ? margin : _largestMargin;
        return margin;
    }

    private async Task<bool> HasConvergedAsync(TimeSpan within)
    {
        try
        {
            await _lab.Changed.WaitForAsync("agreement", within, () => HasConverged() || _hosts.Any(host => host.Director.HasDied));
            return HasConverged();
        }
        catch (LabTimeoutException)
        {
            return false;
        }
    }

    /// <summary>For a while the first host alone has answered, and the kernels say that it alone has the addresses.</summary>
    private bool HasConverged() =>
        _targets.All(target => IsOnlyFirst(target.Target))
        && _targets.All(target => target.Router.Vips.All(vip => _hosts.All(
            host => host.Machine.HasAddress(vip, target.Router.Network) == (host == _hosts[0]))));

    private static bool IsOnlyFirst(ProbeTarget target)
    {
        var samples = target.Track.Since(MonotonicClock.Now - Quiet);
        // The last one may not have been answered yet.
        return samples.Length > Quiet / VipProber.Period / 4 && samples[..^1].All(sample => sample.Hosts == 1);
    }

    private async Task StopAsync()
    {
        foreach (var host in _hosts.Where(host => host.Director.IsRunning))
            host.ExitCodes.Add(await host.Director.StopAsync());
        foreach (var host in _hosts.Where(host => host.ExitCodes.Any(code => code != 0)))
            Violated($"{host.Director} left with {string.Join(", ", host.ExitCodes)}", host.Director.Kind);
        foreach (var host in _hosts)
        {
            if (host.Volume is { } volume && Directory.GetFileSystemEntries(volume.Path) is { Length: > 0 } left)
                Violated($"{host.Director} left behind {string.Join(", ", left.Select(Path.GetFileName))}", host.Director.Kind);
        }
    }

    private void JudgeLog(ChaosHost host)
    {
        string[] bad = [.. host.Director.Log.Since(0).Where(line =>
            line.Contains("Unhandled exception", StringComparison.Ordinal)
            || line.Contains("the engine failed", StringComparison.Ordinal)
            || line.Contains("   at ", StringComparison.Ordinal))];
        if (bad.Length > 0)
            Violated($"the log of {host.Director} has\n{string.Join('\n', bad.Take(20))}", host.Director.Kind);
    }

    private async Task<Stock[]> TakeStockAsync()
    {
        var stocks = new List<Stock>();
        foreach (var machine in _lab.Hosts)
        {
            using var links = JsonDocument.Parse(await Tool.RunAsync("ip", ["-n", machine.Namespace, "-j", "addr", "show"]));
            var addresses = from link in links.RootElement.EnumerateArray()
                            from address in link.GetProperty("addr_info").EnumerateArray()
                            select $"{link.GetProperty("ifname")} {address.GetProperty("local")}/{address.GetProperty("prefixlen")}";
            var rules = await machine.InsideAsync("nft", "list", "ruleset");
            var processes = await Tool.RunAsync("ip", ["netns", "pids", machine.Namespace]);
            stocks.Add(new(machine, [.. addresses], [.. Lines(rules)], [.. Lines(processes)]));
        }
        return [.. stocks];
    }

    private static string[] Lines(string text) => text.Split('\n', StringSplitOptions.RemoveEmptyEntries);

    private int Compare(Stock[] before, Stock[] after, Func<Stock, HashSet<string>> part, string what)
    {
        var leaked = 0;
        foreach (var (first, last) in before.Zip(after))
        {
            var kind = _hosts.FirstOrDefault(host => host.Machine == first.Machine)?.Director.Kind;
            foreach (var added in part(last).Except(part(first)))
            {
                leaked++;
                Violated($"{what} left behind on {first.Machine}: {added}", kind);
            }
            foreach (var missing in part(first).Except(part(last)))
                Violated($"{what} of others is gone from {first.Machine}: {missing}", kind);
        }
        return leaked;
    }

    private void Violated(FormattableString text, DirectorKind? culprit) => _violations.Add(new(text.ToString(CultureInfo.InvariantCulture), culprit));

    private string Text(Instant time) => (time - _start).TotalSeconds.ToString("0.000", CultureInfo.InvariantCulture);

    private async Task UntilAsync(TimeSpan elapsed)
    {
        var left = elapsed - Elapsed;
        if (left > TimeSpan.Zero)
            await Task.Delay(left, TimeProvider.System);
    }

    private sealed record Stock(LabHost Machine, HashSet<string> Addresses, HashSet<string> Rules, HashSet<string> Processes);
}
