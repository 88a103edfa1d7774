using Microsoft.Extensions.Logging.Abstractions;
using Vrrp.Daemon.Configuration.Model;
using Vrrp.Daemon.Tracking;
using Vrrp.Linux;
using Vrrp.Tests.HealthChecks;

namespace Vrrp.Tests.Tracking;

/// <summary>Files of this host that are written, moved and deleted; what the kernel does not tell is found in time that a test moves.</summary>
public sealed class FileTests : IDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("vrrp-files-test-");
    private readonly ManualTime _time = new();
    private readonly Messages _log = new();
    private readonly FileMonitor _monitor;
    private readonly List<FileWatch> _watches = [];

    public FileTests() => _monitor = new(() => new(), _time, NullLogger.Instance);

    public void Dispose()
    {
        foreach (var watch in _watches)
            _ = watch.StopAsync();
        _folder.Delete(recursive: true);
    }

    private string At(string name) => Path.Combine(_folder.FullName, name);

    private FileWatch Watch(string path, FileMonitor? monitor = null, int? initial = null, bool overwrite = false, ReadNumber? read = null)
    {
        var tracker = new FileTracker { Name = "f", Path = path, InitialValue = initial, Overwrite = overwrite };
        var watch = new FileWatch(tracker, TrackerSources.Initial(tracker), monitor ?? _monitor, _log, read);
        _watches.Add(watch);
        watch.Start();
        return watch;
    }

    [Fact]
    public async Task A_change_is_told_without_any_time_passing()
    {
        var watch = Watch(At("f"));
        var other = Watch(At("g"));
        Assert.Equal(0, watch.Reading.Value);
        await File.WriteAllTextAsync(At("f"), "5");
        await UntilAsync(() => watch.Reading.Value == 5);
        await File.WriteAllTextAsync(At("f"), "-7\n");
        await UntilAsync(() => watch.Reading.Value == -7);
        await File.WriteAllTextAsync(At("temporary"), "8");
        File.Move(At("temporary"), At("f"), overwrite: true);
        await UntilAsync(() => watch.Reading.Value == 8);
        File.Move(At("f"), At("elsewhere"));
        await UntilAsync(() => watch.Reading.Value == 0);
        await File.WriteAllTextAsync(At("f"), "9");
        await UntilAsync(() => watch.Reading.Value == 9);
        File.Delete(At("f"));
        await UntilAsync(() => watch.Reading.Value == 0);

        Assert.Equal(0, other.Reading.Value);
        string missing = "track_file f counts as 0: the file does not exist";
        Assert.Equal([missing, missing, "track_file f says 5", "track_file f says -7", "track_file f says 8", missing, "track_file f says 9", missing], _log.Texts);
    }

    [Fact]
    public async Task What_is_written_counts_when_it_is_closed()
    {
        var watch = Watch(At("f"));
        var mark = Watch(At("mark"));
        using (var writer = File.Create(At("f")))
        {
            writer.Write("-2"u8);
            writer.Flush();
            // Told after what came before.
            await File.WriteAllTextAsync(At("mark"), "1");
            await UntilAsync(() => mark.Reading.Value == 1);
            Assert.Equal(0, watch.Reading.Value);
            writer.Write("0"u8);
        }

        await UntilAsync(() => watch.Reading.Value == -20);
    }

    [Fact]
    public async Task A_directory_may_come_later_and_go_again()
    {
        var watch = Watch(At("d/f"));
        _time.Advance(TimeSpan.FromSeconds(1));
        Directory.CreateDirectory(At("d"));
        await File.WriteAllTextAsync(At("d/f"), "3");
        _time.Advance(TimeSpan.FromSeconds(1));
        await UntilAsync(() => watch.Reading.Value == 3);
        await File.WriteAllTextAsync(At("d/f"), "4");
        await UntilAsync(() => watch.Reading.Value == 4);
        Directory.Move(At("d"), At("e"));
        await UntilAsync(() => watch.Reading.Value == 0);
        Directory.CreateDirectory(At("d"));
        await File.WriteAllTextAsync(At("d/f"), "5");
        _time.Advance(TimeSpan.FromSeconds(1));
        await UntilAsync(() => watch.Reading.Value == 5);
        Directory.Delete(At("d"), recursive: true);
        await UntilAsync(() => watch.Reading.Value == 0);
    }

    [Fact]
    public async Task What_a_link_leads_to_is_read_once_a_second()
    {
        Directory.CreateDirectory(At("d"));
        await File.WriteAllTextAsync(At("d/target"), "1");
        File.CreateSymbolicLink(At("f"), At("d/target"));
        var watch = Watch(At("f"));
        Assert.Equal(1, watch.Reading.Value);
        await File.WriteAllTextAsync(At("d/target"), "2");
        _time.Advance(TimeSpan.FromSeconds(1));

        await UntilAsync(() => watch.Reading.Value == 2);
    }

    [Fact]
    public async Task Without_the_kernels_word_all_are_read_once_a_second_and_that_is_said_once()
    {
        var monitor = new FileMonitor(() => throw new LinuxException("watch files", 24), _time, _log);
        var watch = Watch(At("f"), monitor);
        await File.WriteAllTextAsync(At("f"), "2");
        _time.Advance(TimeSpan.FromSeconds(1));
        await UntilAsync(() => watch.Reading.Value == 2);
        _ = watch.StopAsync();
        _ = Watch(At("f"), monitor);

        Assert.Single(_log.Texts, text => text.StartsWith("tracked files are read once a second, because ", StringComparison.Ordinal));
    }

    [Fact]
    public void A_number_that_is_too_large_leaves_the_one_before_and_is_told_once()
    {
        File.WriteAllText(At("f"), "6");
        var watch = Watch(At("f"));
        File.WriteAllText(At("f"), "99999999999");
        watch.Read();
        watch.Read();
        Assert.Equal(6, watch.Reading.Value);

        Assert.Single(_log.Texts, text => text == "track_file f: its number is too large and does not count");
    }

    [Fact]
    public void Why_there_is_no_number_is_told_once_and_when_there_is_one_again()
    {
        (long Number, string? Lack) now = (0, "the file is empty");
        long Answer(string path, out string? problem, out string? lack)
        {
            (problem, lack) = (null, now.Lack);
            return now.Number;
        }

        // Where the kernel tells nothing, only the test reads.
        var watch = Watch(At("missing/f"), read: Answer);
        foreach (var next in ((long, string?)[])[(0, "the file is empty"), (0, null), (0, null), (0, "the file does not exist"), (7, null), (0, "the file is empty")])
        {
            now = next;
            watch.Read();
        }

        Assert.Equal(
            [
                "track_file f counts as 0: the file is empty", "track_file f says 0", "track_file f counts as 0: the file does not exist", "track_file f says 7",
                "track_file f counts as 0: the file is empty",
            ],
            _log.Texts);
    }

    [Theory]
    [InlineData(null, 9, false, "9\n", 9)]
    [InlineData("4", 9, false, "4", 4)]
    [InlineData("4", 9, true, "9\n", 9)]
    [InlineData(null, null, false, null, 0)]
    public void A_file_can_be_written_at_the_start(string? before, int? initial, bool overwrite, string? expected, int value)
    {
        if (before is not null)
            File.WriteAllText(At("f"), before);
        Assert.Equal(value, Watch(At("f"), null, initial, overwrite).Reading.Value);
        Assert.Equal(expected, File.Exists(At("f")) ? File.ReadAllText(At("f")) : null);
        Assert.Equal(expected is null ? 0 : 1, _folder.GetFiles().Length);
    }

    [Fact]
    public void A_link_is_replaced_and_not_written_through()
    {
        File.WriteAllText(At("precious"), "keep");
        File.CreateSymbolicLink(At("f"), At("precious"));
        Watch(At("f"), null, 9, overwrite: true);

        Assert.Equal(("keep", "9\n"), (File.ReadAllText(At("precious")), File.ReadAllText(At("f"))));
    }

    [Fact]
    public void What_cannot_be_written_is_told()
    {
        Watch(At("missing/f"), null, 9);
        Assert.Contains(_log.Texts, text => text.StartsWith("track_file f: init_file could not be written: ", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task One_that_hangs_keeps_no_word_from_the_others(bool isTold)
    {
        using var release = new ManualResetEventSlim();
        int hanging = 0;
        long Hang(string path, out string? problem, out string? lack)
        {
            (problem, lack) = (null, null);
            if (Interlocked.Increment(ref hanging) > 1)
                release.Wait();
            return 1;
        }

        var monitor = isTold ? _monitor : new FileMonitor(() => throw new LinuxException("watch files", 24), _time, _log);
        var first = Watch(At("a"), monitor, read: Hang);
        var other = Watch(At("b"), monitor);
        await File.WriteAllTextAsync(At("a"), "2");
        for (int i = 1; i <= 3; i++)
        {
            await File.WriteAllTextAsync(At("b"), $"{i}");
            await UntilAsync(() =>
            {
                _time.Advance(isTold ? TimeSpan.Zero : TimeSpan.FromSeconds(1));
                return other.Reading.Value == i;
            });
        }

        // What happened meanwhile was left to who hangs, by all of them.
        await UntilAsync(() => Volatile.Read(ref hanging) == 2);
        Assert.Equal(1, first.Reading.Value);
        release.Set();
    }

    private static async Task UntilAsync(Func<bool> condition)
    {
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        using var beat = new PeriodicTimer(TimeSpan.FromMilliseconds(5));
        while (!condition())
            await beat.WaitForNextTickAsync(limit.Token);
    }
}
