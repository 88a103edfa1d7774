using System.Diagnostics;
using System.Globalization;
using Vrrp.Benchmarks.Comparison;
using Vrrp.Links;
using Vrrp.Linux;

namespace Vrrp.Benchmarks.Soak;

/// <summary>What a run found.</summary>
internal sealed class SoakResult
{
    public required bool HasPeer { get; init; }

    public required WireWatch Wire { get; init; }

    /// <summary>After the start, before anything of it is watched: watching costs memory, too.</summary>
    public ProcessSample? Unwatched { get; set; }

    /// <summary>Those of the part that counts.</summary>
    public List<ProcessSample> Samples { get; } = [];

    /// <summary>Managed heap and its handles, after the last collection before each sample.</summary>
    public List<(double At, double Bytes, double Handles)> Heap { get; } = [];

    public List<Collection> Collections { get; } = [];

    /// <summary>From the signal to the last word of the reload, in milliseconds, by kind.</summary>
    public Dictionary<ReloadKind, List<double>> ReloadTimes { get; } = [];

    /// <summary>Where the host did not have the addresses or the wire not the priorities that the configuration asks for.</summary>
    public List<string> Deviations { get; } = [];

    /// <summary>What was not as it should be in the end: addresses, tables, processes, files.</summary>
    public List<string> LeftBehind { get; } = [];

    public List<string> Errors { get; } = [];

    public HeapSnapshot? Before { get; set; }

    public HeapSnapshot? After { get; set; }

    public Dictionary<ulong, string> TypeNames { get; } = [];

    public IReadOnlyDictionary<string, int> ThreadNames { get; set; } = new Dictionary<string, int>();

    /// <summary>How late the engine's latest timer was until the part that counts, as it measures it itself; in milliseconds.</summary>
    public double LatestTimer { get; set; } = double.NaN;

    public double EventsLost { get; set; }

    public long FramesLost { get; set; }

    public int Stalls { get; set; }

    public int? ExitCode { get; set; }
}

/// <summary>One soak of one director, with or without a peer.</summary>
internal sealed class SoakRun(SoakOptions options, bool hasPeer, CancellationToken interrupted)
{
    private const int Director = 0;
    private const byte AddressMark = 113;
    private const int ShareEvery = 10;
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(60);

    private readonly SoakResult _result = new() { HasPeer = hasPeer, Wire = new() };
    private readonly ReloadSequence _sequence = new(options, hasPeer);
    private readonly Stopwatch _clock = Stopwatch.StartNew();
    private readonly Contender _daemon = options.Daemon with { Nice = options.Nice };
    private volatile bool _isMeasuring;

    public SoakResult Execute()
    {
        using var lab = new Lab(1, _result.Wire.See);
        if (hasPeer)
            lab.Start(_daemon, 1, ReloadSequence.PeerText(options));
        using var director = lab.Start(_daemon, Director, _sequence.Text());
        WaitUntil(() => Deviation(lab) is null, () => $"the start; {Deviation(lab)}\n{director.Log}");
        using var log = new DaemonLog(director.LogPath);
        _ = log.ReadNew();
        Pause(TimeSpan.FromSeconds(3));
        _result.Unwatched = ProcessSample.Read(director.Id, _clock.Elapsed.TotalSeconds, withShare: true);

        using (var runtime = new RuntimeWatch(director.Id))
        {
            using var ended = new ManualResetEventSlim();
            var sampler = new Thread(() => Sample(director.Id, runtime, ended)) { IsBackground = true, Name = "samples" };
            sampler.Start();
            try
            {
                ReloadAgainAndAgain(lab, director, log);
            }
            finally
            {
                ended.Set();
                sampler.Join();
            }

            _result.EventsLost = runtime.EventsLost;
        }

        _result.FramesLost = lab.Capture.TakeDropped();
        Stop(lab, director, log);
        _result.Stalls = log.Stalls;
        _result.Errors.AddRange(log.Errors);
        return _result;
    }

    private void ReloadAgainAndAgain(Lab lab, RunningDaemon director, DaemonLog log)
    {
        var total = TimeSpan.FromMinutes(options.Minutes);
        while (true)
        {
            if (_sequence.IsAtStart && !_isMeasuring && _clock.Elapsed >= total / 3)
            {
                _result.LatestTimer = AskForLatestTimer(director, log);
                _result.Before = HeapSnapshot.Take(director.Id, _result.TypeNames);
                // The process stood still for the snapshot: a peer may have taken over what it gives back at once.
                Pause(TimeSpan.FromSeconds(2));
                _ = lab.Capture.TakeDropped();
                _isMeasuring = _result.Wire.IsMeasuring = true;
            }
            else if (_sequence.IsAtStart && _isMeasuring && _clock.Elapsed >= total)
            {
                _isMeasuring = _result.Wire.IsMeasuring = false;
                _result.ThreadNames = ProcessSample.ThreadNames(director.Id);
                _result.After = HeapSnapshot.Take(director.Id, _result.TypeNames);
                return;
            }

            var begun = _clock.Elapsed;
            var reload = _sequence.Next();
            _result.Wire.Reloading(id => id <= options.Routers && _sequence.IsMaster(id) && !reload.Touched.Contains(id));
            director.Reload(reload.Text);
            double milliseconds = WaitForEnd(log, director, reload.Kind);
            if (_isMeasuring)
            {
                if (!_result.ReloadTimes.TryGetValue(reload.Kind, out var times))
                    _result.ReloadTimes.Add(reload.Kind, times = []);
                times.Add(milliseconds);
            }

            Pause(options.ReloadEvery - (_clock.Elapsed - begun));
            if (options.ReloadEvery >= TimeSpan.FromSeconds(1) && LastingDeviation(lab) is { } deviation)
                _result.Deviations.Add($"{_clock.Elapsed.TotalSeconds:0} s, after {reload.Kind}: {deviation}");
        }
    }

    /// <summary>What the engine itself measured since the start, in milliseconds.</summary>
    private double AskForLatestTimer(RunningDaemon director, DaemonLog log)
    {
        const string Before = "the latest timer was ";
        string? line = null;
        director.AskForStatistics();
        // A build from before that signal had an answer says that it has none.
        WaitUntil(
            () => (line = log.ReadNew().Find(candidate => candidate.Contains(Before, StringComparison.Ordinal) || candidate.Contains("not active", StringComparison.Ordinal))) is not null,
            () => "the statistics");
        int at = line!.IndexOf(Before, StringComparison.Ordinal);
        return at < 0 ? double.NaN : double.Parse(line[(at + Before.Length)..].Split(' ')[0], CultureInfo.InvariantCulture);
    }

    /// <summary>Reads the log until it says how the reload ended.</summary>
    /// <returns>Milliseconds from its first line to its last, as the daemon gives the times.</returns>
    private double WaitForEnd(DaemonLog log, RunningDaemon director, ReloadKind kind)
    {
        DateTime? begun = null;
        DateTime? ended = null;
        string outcome = "";
        WaitUntil(
            () =>
            {
                foreach (string line in log.ReadNew())
                {
                    if (line.Contains("received SIGHUP", StringComparison.Ordinal))
                        begun = DaemonLog.TimeOf(line);
                    else if (line.Contains(" was not loaded", StringComparison.Ordinal) || line.Contains("could not be applied", StringComparison.Ordinal)
                        || line.Contains(" reloaded /", StringComparison.Ordinal))
                        (ended, outcome) = (DaemonLog.TimeOf(line), line);
                }

                return begun is not null && ended is not null;
            },
            () => $"the end of a reload\n{string.Join('\n', director.Log.Split('\n').TakeLast(20))}");
        bool wasRefused = !outcome.Contains(" reloaded /", StringComparison.Ordinal);
        if (wasRefused != (kind == ReloadKind.Broken))
            _result.Deviations.Add($"{_clock.Elapsed.TotalSeconds:0} s, {kind}: {outcome}");
        return (ended!.Value - begun!.Value).TotalMilliseconds;
    }

    /// <summary>In what host and wire are not as the configuration says; null: in nothing.</summary>
    private string? Deviation(Lab lab)
    {
        var wanted = _sequence.Addresses().ToHashSet(StringComparer.Ordinal);
        var present = Addresses(lab).ToHashSet(StringComparer.Ordinal);
        if (!wanted.SetEquals(present))
            return $"missing {string.Join(' ', wanted.Except(present).Take(5))} ({wanted.Except(present).Count()}), too many {string.Join(' ', present.Except(wanted).Take(5))} ({present.Except(wanted).Count()})";
        var wrong = _sequence.Present.Where(id => _sequence.IsMaster(id) && _result.Wire.PriorityOf(id) != _sequence.Priority(id)).ToArray();
        return wrong.Length > 0 ? $"other priorities on the wire for {wrong.Length} routers, VRID {wrong[0]} has {_result.Wire.PriorityOf(wrong[0])}" : null;
    }

    /// <summary>On a machine that starves both daemons, the one or the other may be Master for a moment.</summary>
    private string? LastingDeviation(Lab lab)
    {
        string? deviation = Deviation(lab);
        for (int attempt = 0; attempt < 20 && deviation is not null; attempt++)
        {
            Pause(TimeSpan.FromMilliseconds(100));
            deviation = Deviation(lab);
        }

        return deviation;
    }

    private static string[] Addresses(Lab lab) => lab.Director(Director).Run(() =>
    {
        using var table = new LinuxAddressTable(AddressMark);
        return table.ListMarked().Select(address => address.Address.ToString()!).ToArray();
    });

    private void Sample(int process, RuntimeWatch runtime, ManualResetEventSlim ended)
    {
        for (int number = 0; !ended.Wait(TimeSpan.FromSeconds(1)); number++)
        {
            var sample = ProcessSample.Read(process, _clock.Elapsed.TotalSeconds, withShare: number % ShareEvery == 0);
            var collections = runtime.Take();
            if (!_isMeasuring)
                continue;
            _result.Samples.Add(sample);
            _result.Collections.AddRange(collections);
            _result.Heap.Add((sample.At, runtime.HeapBytes, runtime.HeapHandles));
        }
    }

    private void Stop(Lab lab, RunningDaemon director, DaemonLog log)
    {
        director.Terminate();
        _result.ExitCode = director.WaitForExit(s_patience);
        _ = log.ReadNew();
        if (Addresses(lab).Length is > 0 and var addresses)
            _result.LeftBehind.Add($"{addresses} addresses");
        string tables = Tables(lab);
        if (tables.Length > 0)
            _result.LeftBehind.Add($"packet filter: {tables}");
        string network = lab.Director(Director).Run(() => Link("/proc/thread-self/ns/net"))!;
        int processes = Directory.GetDirectories("/proc").Count(path => char.IsAsciiDigit(Path.GetFileName(path)[0]) && Link($"{path}/ns/net") == network);
        if (processes > 0)
            _result.LeftBehind.Add($"{processes} processes");
        var files = Directory.GetFiles(director.FileDirectory).Select(Path.GetFileName).Except(["keepalived.conf", "log"])
            .Concat(Directory.GetFiles(Path.GetTempPath(), $"*-{director.Id}-*").Select(Path.GetFileName));
        _result.LeftBehind.AddRange(files.Select(file => $"file {file}"));
    }

    private static string Tables(Lab lab)
    {
        using var nft = lab.Director(Director).Start(new ProcessStartInfo("nft", ["list", "tables"]) { RedirectStandardOutput = true });
        string tables = nft.StandardOutput.ReadToEnd().Trim();
        nft.WaitForExit();
        return tables;
    }

    /// <summary>Null for a process that has ended meanwhile.</summary>
    private static string? Link(string path)
    {
        try
        {
            return new FileInfo(path).LinkTarget;
        }
        catch (IOException)
        {
            return null;
        }
    }

    private void WaitUntil(Func<bool> condition, Func<string> what)
    {
        var end = _clock.Elapsed + s_patience;
        while (!condition())
        {
            if (_clock.Elapsed > end)
                throw new InvalidOperationException($"Waited in vain for {what()}");
            Pause(TimeSpan.FromMilliseconds(20));
        }
    }

    private void Pause(TimeSpan time)
    {
        if (time > TimeSpan.Zero)
            interrupted.WaitHandle.WaitOne(time);
        interrupted.ThrowIfCancellationRequested();
    }
}
