using System.Globalization;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Vrrp.Daemon.Configuration.Model;
using Vrrp.Daemon.Tracking;
using Vrrp.Linux;
using Vrrp.Netlink;
using Vrrp.Tests.HealthChecks;

namespace Vrrp.Tests.Tracking;

/// <summary>Processes in a /proc that a test writes, in time that it moves.</summary>
public sealed class ProcessTests : IDisposable
{
    private readonly DirectoryInfo _proc = Directory.CreateTempSubdirectory("vrrp-proc-test-");
    private readonly ManualTime _time = new();

    public void Dispose() => _proc.Delete(recursive: true);

    private void Run(int id, string name, string commandLine = "", string state = "S")
    {
        string directory = _proc.CreateSubdirectory(id.ToString(CultureInfo.InvariantCulture)).FullName;
        File.WriteAllText(Path.Combine(directory, "stat"), $"{id} ({name}) {state} 1 1 1 0 -1 4194304 1 0 0 0 0 0 0 0 20 0 1 0 100 1 1\n");
        File.WriteAllText(Path.Combine(directory, "cmdline"), commandLine.Replace(' ', '\0') + (commandLine.Length > 0 ? "\0" : ""));
    }

    private void End(int id) => Directory.Delete(Path.Combine(_proc.FullName, id.ToString(CultureInfo.InvariantCulture)), recursive: true);

    private static ProcessTracker Tracker(string process, params string[] parameters) =>
        new() { Name = "p", Process = process, Parameters = [.. parameters] };

    [Theory]
    [InlineData("nginx", "nginx", "nginx: master process", true)]
    [InlineData("nginx", "nginx2", "nginx", false)]
    [InlineData("ssh", "sshd", "ssh", false)]
    [InlineData("averylongprocessname", "averylongproces", "/usr/bin/averylongprocessname", true)]
    [InlineData("averylongprocessname", "averylongproces", "/usr/bin/averylongprocessother", false)]
    [InlineData("averylongprocessname", "averylongproces", "", false)]
    [InlineData("kthreadd", "kthreadd", "", true)]
    public void Without_parameters_the_name_counts(string wanted, string name, string commandLine, bool expected) =>
        Assert.Equal(expected, Facts(name, commandLine).IsWanted(Tracker(wanted)));

    [Theory]
    [InlineData("a b", "Default", "/x a b", true)]
    [InlineData("a b", "Default", "/x a b c", false)]
    [InlineData("a b", "Default", "/x a", false)]
    [InlineData("a b", "Default", "x a b", false)]
    [InlineData("a b", "Partial", "/x a b c", true)]
    [InlineData("a b", "Partial", "/x a", false)]
    [InlineData("a b", "Partial", "/x a bb", false)]
    [InlineData("a b", "Initial", "/x a bb", true)]
    [InlineData("a b", "Initial", "/x aa bb", false)]
    [InlineData("a b", "Initial", "/x a bb c", false)]
    [InlineData("", "Exact", "/x", true)]
    [InlineData("", "Exact", "/x a", false)]
    [InlineData("", "Partial", "/x a", true)]
    public void With_parameters_the_command_line_counts(string parameters, string match, string commandLine, bool expected)
    {
        var tracker = Tracker("/x", parameters.Split(' ', StringSplitOptions.RemoveEmptyEntries)) with { Match = Enum.Parse<ParameterMatch>(match) };
        Assert.Equal(expected, Facts("x", commandLine).IsWanted(tracker));
    }

    [Fact]
    public void The_whole_command_can_be_asked_for()
    {
        var tracker = Tracker("/usr/sbin/x") with { FullCommand = true };
        Assert.True(Facts("anything", "/usr/sbin/x a b").IsWanted(tracker));
        Assert.False(Facts("/usr/sbin/x", "x").IsWanted(tracker));
        Assert.False(Facts("/usr/sbin/x", "").IsWanted(tracker));
    }

    private static ProcessFacts Facts(string name, string commandLine) => new(name, [.. commandLine.Split(' ', StringSplitOptions.RemoveEmptyEntries)]);

    [Fact]
    public void Names_may_hold_anything_and_the_dead_do_not_count()
    {
        Run(7, "a) R (b", "x y");
        Run(8, "dead", state: "Z");
        Run(9, "odd");
        _proc.CreateSubdirectory("self");
        _proc.CreateSubdirectory("10");
        File.WriteAllText(Path.Combine(_proc.FullName, "10", "stat"), "");
        var files = new ProcessFiles(_proc.FullName);

        Assert.Equal([7, 8, 9, 10], files.List().Order());
        Assert.Equal("a) R (b", files.Read(7)!.Name);
        Assert.Equal(["x", "y"], files.Read(7)!.CommandLine);
        Assert.Equal("odd", files.Read(9)!.Name);
        Assert.Empty(files.Read(7, withCommandLine: false)!.CommandLine);
        Assert.Null(files.Read(8));
        Assert.Null(files.Read(10));
        Assert.Null(files.Read(11));
        Assert.NotNull(new ProcessFiles().Read(Environment.ProcessId));
    }

    [Fact]
    public void Processes_are_counted_and_compared_with_the_quorum()
    {
        Run(1, "web");
        var (watch, _) = Watch(Tracker("web") with { Quorum = 2, QuorumMax = 3 });
        Assert.Equal(new TrackerReading(false, 0, "1 of at least 2 processes run"), watch.Reading);
        Run(2, "web");
        Run(3, "other");
        _time.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal(new TrackerReading(true), watch.Reading);
        Run(4, "web");
        Run(5, "web");
        _time.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal(new TrackerReading(false, 0, "4 processes run, at most 3 may"), watch.Reading);
        End(1);
        _time.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal(true, watch.Reading.IsUp);
    }

    [Theory]
    [InlineData(1, "vrrp_track_process p is up")]
    [InlineData(2, "vrrp_track_process p is down: 1 of at least 2 processes run")]
    public void What_was_found_before_it_is_watched_is_told_when_it_is(int quorum, string expected)
    {
        Run(1, "web");
        var log = new Messages();
        var tracker = Tracker("web") with { Quorum = quorum };
        var watch = new ProcessWatch(tracker, ProcessWatch.Read(tracker, 1), Monitor(), _time, log);
        watch.Start();
        _time.Advance(TimeSpan.FromSeconds(3));

        Assert.Equal(expected, Assert.Single(log.Texts));
    }

    [Fact]
    public void What_begins_and_what_ends_is_given_time()
    {
        var (watch, changes) = Watch(Tracker("web") with { ForkDelay = TimeSpan.FromSeconds(3), TerminateDelay = TimeSpan.FromSeconds(5) });
        Assert.Equal(false, watch.Reading.IsUp);
        Run(1, "web");
        _time.Advance(TimeSpan.FromSeconds(3.9));
        Assert.Equal(false, watch.Reading.IsUp);
        _time.Advance(TimeSpan.FromSeconds(0.2));
        Assert.Equal(true, watch.Reading.IsUp);
        // Gone and back within the delay is nothing.
        End(1);
        _time.Advance(TimeSpan.FromSeconds(4));
        Run(2, "web");
        _time.Advance(TimeSpan.FromSeconds(10));
        Assert.Equal(2, changes());
        End(2);
        _time.Advance(TimeSpan.FromSeconds(7));
        Assert.Equal((false, 3), (watch.Reading.IsUp, changes()));
    }

    [Fact]
    public async Task A_watch_that_has_ended_tells_nothing()
    {
        var (watch, changes) = Watch(Tracker("web"));
        await watch.StopAsync();
        Run(1, "web");
        _time.Advance(TimeSpan.FromSeconds(5));
        Assert.Equal((false, 1), (watch.Reading.IsUp, changes()));
    }

    [Fact]
    public void What_the_kernel_tells_counts_at_once_and_in_its_order()
    {
        Run(1, "web");
        var monitor = Monitor();
        var (watch, changes) = Watch(Tracker("web") with { Quorum = 2 }, monitor);
        Run(2, "web");
        monitor.Take([new(ProcessEventKind.Began, 2)]);
        Assert.Equal(true, watch.Reading.IsUp);
        Run(2, "other");
        monitor.Take([new(ProcessEventKind.Changed, 2), new(ProcessEventKind.Changed, 77), new(ProcessEventKind.Answer, 0)]);
        Assert.Equal(false, watch.Reading.IsUp);
        // A number that is given away again in the same breath is another process.
        Run(2, "web");
        monitor.Take([new(ProcessEventKind.Ended, 2), new(ProcessEventKind.Began, 2)]);
        Assert.Equal(true, watch.Reading.IsUp);
        // One that ends is still shown for a moment.
        monitor.Take([new(ProcessEventKind.Changed, 1), new(ProcessEventKind.Ended, 1)]);
        Assert.Equal(false, watch.Reading.IsUp);
        Assert.Equal(5, changes());
    }

    [Fact]
    public void Where_the_kernel_does_not_tell_that_is_said_once()
    {
        var log = new Messages();
        var monitor = Monitor(log);
        for (int i = 0; i < 3; i++)
        {
            var (watch, _) = Watch(Tracker("web"), monitor);
            monitor.Remove(watch);
        }

        Assert.StartsWith("processes are looked for once a second, because the kernel does not tell of them: ", Assert.Single(log.Texts), StringComparison.Ordinal);
    }

    [Fact]
    public void What_cannot_be_counted_is_told_once_and_tried_again()
    {
        var log = new Messages();
        _proc.Delete();
        var (watch, _) = Watch(Tracker("web"), Monitor(log));
        _time.Advance(TimeSpan.FromSeconds(3));
        Assert.Single(log.Texts, text => text.StartsWith("processes could not be counted", StringComparison.Ordinal));
        _proc.Create();
        Run(1, "web");
        _time.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal(true, watch.Reading.IsUp);
    }

    [Fact]
    public async Task Who_leaves_does_not_wait_for_a_process_that_hangs()
    {
        Run(1, "x");
        string commandLine = Path.Combine(_proc.FullName, "1", "cmdline");
        File.Delete(commandLine);
        using (var make = System.Diagnostics.Process.Start("mkfifo", [commandLine]))
            await make.WaitForExitAsync();
        var begun = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var monitor = new ProcessMonitor(
            new(_proc.FullName),
            () =>
            {
                begun.SetResult();
                throw new LinuxException("listen", Errno.ECONNREFUSED);
            },
            _time,
            NullLogger.Instance);
        var watch = new ProcessWatch(Tracker("/x", "a"), default, monitor, _time, NullLogger.Instance);
        var starting = Task.Run(watch.Start);
        await begun.Task;
        // Nobody writes: to open it hangs.
        await Task.Run(watch.StopAsync).WaitAsync(TimeSpan.FromSeconds(60));
        Assert.False(starting.IsCompleted);
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        while (!starting.IsCompleted)
        {
            const int writeOnlyWithoutWaiting = 0x801;
            using var writer = new Microsoft.Win32.SafeHandles.SafeFileHandle(NativeMethods.Open(commandLine, writeOnlyWithoutWaiting, 0), ownsHandle: true);
            await Task.Delay(5, limit.Token);
        }

        Assert.Null(watch.Reading.IsUp);
    }

    [Fact]
    public void What_is_repeated_does_not_come_due_while_it_runs()
    {
        var waiting = new List<int>();
        var repeater = new Repeater(_time, TimeSpan.FromSeconds(1), () => waiting.Add(_time.TimerCount));
        _time.Advance(TimeSpan.FromSeconds(3));
        repeater.End();
        Assert.Equal([0, 0, 0], waiting);
        Assert.Equal(0, _time.TimerCount);
    }

    [Fact]
    public async Task Processes_of_this_host_are_found_and_missed_however_the_kernel_tells()
    {
        string name = $"vt{Guid.NewGuid():N}"[..14];
        string program = Path.Combine(_proc.FullName, name);
        File.Copy("/bin/sleep", program);
        var monitor = new ProcessMonitor(new(), ProcessConnector.Open, TimeProvider.System, NullLogger.Instance);
        var (byName, _) = Watch(Tracker(name), monitor);
        var (byCommand, _) = Watch(Tracker(program, "1000", "1001") with { Match = ParameterMatch.Partial }, monitor);
        Assert.Equal((false, false), (byName.Reading.IsUp, byCommand.Reading.IsUp));
        using (var process = System.Diagnostics.Process.Start(program, ["1000"]))
        {
            await UntilAsync(() => byName.Reading.IsUp == true);
            Assert.Equal(false, byCommand.Reading.IsUp);
            using (var second = System.Diagnostics.Process.Start(program, ["1000", "1001"]))
            {
                await UntilAsync(() => byCommand.Reading.IsUp == true);
                second.Kill();
                await second.WaitForExitAsync();
            }

            await UntilAsync(() => byCommand.Reading.IsUp == false);
            Assert.Equal(true, byName.Reading.IsUp);
            process.Kill();
            await process.WaitForExitAsync();
        }

        await UntilAsync(() => byName.Reading.IsUp == false);
        await byName.StopAsync();
        await byCommand.StopAsync();
    }

    private static async Task UntilAsync(Func<bool> condition)
    {
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        using var beat = new PeriodicTimer(TimeSpan.FromMilliseconds(5));
        while (!condition())
            await beat.WaitForNextTickAsync(limit.Token);
    }

    private ProcessMonitor Monitor(ILogger? log = null) =>
        new(new(_proc.FullName), () => throw new LinuxException("listen", Errno.ECONNREFUSED), _time, log ?? NullLogger.Instance);

    private (ProcessWatch Watch, Func<int> Changes) Watch(ProcessTracker tracker, ProcessMonitor? monitor = null)
    {
        monitor ??= Monitor();
        int changes = 0;
        var watch = new ProcessWatch(tracker, default, monitor, _time, NullLogger.Instance) { Changed = _ => changes++ };
        watch.Start();
        return (watch, () => changes);
    }
}
