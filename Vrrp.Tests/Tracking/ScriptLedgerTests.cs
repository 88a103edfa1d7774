using System.Buffers.Binary;
using System.Diagnostics;
using System.Globalization;
using Vrrp.Daemon.Configuration.Model;
using Vrrp.Daemon.Tracking;

namespace Vrrp.Tests.Tracking;

/// <summary>What a killed daemon left running, with processes of this host; the killed one is a runner that is not asked any more.</summary>
public sealed class ScriptLedgerTests : IDisposable
{
    private const int HeadLength = 32;

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("vrrp-scripts-test-");
    private readonly Messages _log = new();
    private readonly List<ScriptRunner> _runners = [];

    public void Dispose()
    {
        foreach (var runner in _runners)
            runner.Dispose();
        _folder.Delete(recursive: true);
    }

    private string LedgerPath => Path.Combine(_folder.FullName, "test.scripts");

    private string At(string name) => Path.Combine(_folder.FullName, name);

    private async Task<ScriptRunner> BeginAsync()
    {
        var runner = new ScriptRunner(TimeProvider.System, ledger: new ScriptLedger(LedgerPath, _log));
        _runners.Add(runner);
        await runner.BeginAsync();
        return runner;
    }

    private static Task<ScriptResult> RunAsync(ScriptRunner runner, string command) =>
        runner.RunAsync(new ScriptCommand($"/bin/sh -c '{command}'", "0"), [], [], Timeout.InfiniteTimeSpan, default);

    private async Task<int> NumberInAsync(string name)
    {
        using var limit = new CancellationTokenSource(Patience);
        using var beat = new PeriodicTimer(TimeSpan.FromMilliseconds(5));
        while (!File.Exists(At(name)) || !(await File.ReadAllTextAsync(At(name))).EndsWith('\n'))
            await beat.WaitForNextTickAsync(limit.Token);
        return int.Parse(await File.ReadAllTextAsync(At(name)), CultureInfo.InvariantCulture);
    }

    private static bool Runs(int process) => new ProcessFiles().Read(process) is not null;

    /// <summary>A slot that holds a process, as soon as there is one.</summary>
    private async Task<int> SlotAsync()
    {
        using var limit = new CancellationTokenSource(Patience);
        using var beat = new PeriodicTimer(TimeSpan.FromMilliseconds(5));
        while (true)
        {
            byte[] whole = await File.ReadAllBytesAsync(LedgerPath);
            for (int at = HeadLength; at < whole.Length; at += 16)
            {
                if (BinaryPrimitives.ReadInt64LittleEndian(whole.AsSpan(at + 8)) > 0)
                    return at;
            }

            await beat.WaitForNextTickAsync(limit.Token);
        }
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task What_runs_is_ended_by_the_next_with_all_that_it_started(bool isUnnamed)
    {
        var running = RunAsync(await BeginAsync(), $"sleep 100000 & echo $! > {At("child")}; wait");
        int child = await NumberInAsync("child");
        int slot = await SlotAsync();
        // As if it had been killed in the moment between the start and the note.
        if (isUnnamed)
        {
            using var file = new FileStream(LedgerPath, FileMode.Open, FileAccess.Write, FileShare.ReadWrite);
            file.Position = slot + 8;
            file.Write(new byte[8]);
        }

        await BeginAsync();
        Assert.Equal((ScriptEnd.Killed, 9), ((await running.WaitAsync(Patience)).End, (await running).Status));
        Assert.Contains(" was left running by a daemon that was killed, and is ended: /bin/sh -c sleep 100000 & ", Assert.Single(_log.Texts), StringComparison.Ordinal);
        using var limit = new CancellationTokenSource(Patience);
        using var beat = new PeriodicTimer(TimeSpan.FromMilliseconds(5));
        while (Runs(child))
            await beat.WaitForNextTickAsync(limit.Token);
    }

    [Fact]
    public async Task What_a_script_that_has_ended_left_running_goes_on()
    {
        var first = await BeginAsync();
        Assert.True((await RunAsync(first, $"setsid sleep 100000 & echo $! > {At("service")}").WaitAsync(Patience)).IsSuccess);
        using var service = Process.GetProcessById(await NumberInAsync("service"));
        try
        {
            await BeginAsync();
            Assert.Empty(_log.Texts);
            Assert.True(Runs(service.Id));
        }
        finally
        {
            service.Kill();
        }
    }

    [Fact]
    public async Task A_process_without_the_mark_is_never_touched()
    {
        var running = RunAsync(await BeginAsync(), "sleep 100000");
        int slot = await SlotAsync();
        using var other = Process.Start("/bin/sleep", ["100000"]);
        try
        {
            using (var file = new FileStream(LedgerPath, FileMode.Open, FileAccess.Write, FileShare.ReadWrite))
            {
                var number = new byte[8];
                BinaryPrimitives.WriteInt64LittleEndian(number, other.Id);
                file.Position = slot + 8;
                file.Write(number);
            }

            await BeginAsync();
            Assert.Empty(_log.Texts);
            Assert.True(Runs(other.Id));
            Assert.False(running.IsCompleted);
        }
        finally
        {
            other.Kill();
        }
    }

    [Theory]
    [InlineData(0)]
    [InlineData(31)]
    [InlineData(HeadLength + (4096 * 16))]
    [InlineData(HeadLength + (4096 * 16) + 1)]
    public async Task A_file_that_is_not_ours_is_replaced(int length)
    {
        var garbage = new byte[length];
        garbage.AsSpan().Fill(0x41);
        await File.WriteAllBytesAsync(LedgerPath, garbage);
        var runner = await BeginAsync();
        Assert.True((await RunAsync(runner, "test -n \"$VRRP_RUN\"").WaitAsync(Patience)).IsSuccess);
        Assert.Empty(_log.Texts);
        runner.Dispose();
        Assert.False(File.Exists(LedgerPath));
    }

    [Fact]
    public async Task Without_a_record_scripts_run_all_the_same_and_that_is_said()
    {
        Directory.CreateDirectory(LedgerPath);
        var runner = await BeginAsync();
        Assert.True((await RunAsync(runner, "test -z \"$VRRP_RUN\"").WaitAsync(Patience)).IsSuccess);
        Assert.StartsWith($"{LedgerPath} does not record which scripts run, so a daemon that is killed would leave them running: ", Assert.Single(_log.Texts), StringComparison.Ordinal);
    }

    [Fact]
    public void More_than_it_has_room_for_run_without_and_places_are_used_again()
    {
        using var ledger = new ScriptLedger(LedgerPath, _log);
        ledger.Begin();
        var marks = new HashSet<string>();
        var slots = new List<int>();
        while (ledger.Add(out string? mark) is { } slot)
        {
            slots.Add(slot);
            Assert.True(marks.Add(mark!));
        }

        Assert.Equal(4096, slots.Distinct().Count());
        ledger.Remove(slots[5]);
        Assert.Equal(slots[5], ledger.Add(out string? again));
        Assert.True(marks.Add(again!));
    }
}
