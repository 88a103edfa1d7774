using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Vrrp.Daemon.Hosting;
using Vrrp.Linux;
using Vrrp.Netlink;

namespace Vrrp.Tests.Hosting;

/// <summary>Pid file, log lines and reload requests.</summary>
public class HostingTests
{
    [Fact]
    public void A_pid_file_names_the_process_and_belongs_to_one()
    {
        string path = Path.Combine(Path.GetTempPath(), $"vrrp-test-{Guid.NewGuid():N}.pid");
        using (PidFile.Create(path))
        {
            Assert.Throws<IOException>(() => PidFile.Create(path));
            Assert.True(new FileInfo(path).Length > 0);
        }

        Assert.False(File.Exists(path));
    }

    [Fact]
    public void A_pid_file_that_a_killed_process_left_is_no_obstacle()
    {
        string path = Path.Combine(Path.GetTempPath(), $"vrrp-test-{Guid.NewGuid():N}.pid");
        File.WriteAllText(path, "4194304000 and more\n");
        PidFile.Create(path).Dispose();

        Assert.False(File.Exists(path));
    }

    [Fact]
    public void A_lock_belongs_to_one_and_leaves_no_file()
    {
        string path = Path.Combine(Path.GetTempPath(), $"vrrp-test-{Guid.NewGuid():N}.lock");
        using (Assert.IsType<LockFile>(LockFile.TryTake(path)))
            Assert.Null(LockFile.TryTake(path));
        Assert.False(File.Exists(path));
        // As after a kill.
        File.WriteAllText(path, "");
        Assert.IsType<LockFile>(LockFile.TryTake(path)).Dispose();
        Assert.False(File.Exists(path));
    }

    [Fact]
    public void A_lock_cannot_be_taken_where_no_file_can_be() =>
        Assert.Equal(Errno.ENOENT, Assert.Throws<LinuxException>(() => LockFile.TryTake("/nonexistent/vrrp.lock")).Error);

    [Fact]
    public void No_name_starts_a_line_of_its_own_or_reaches_the_terminal()
    {
        using var text = new StringWriter();
        var entry = new LogEntry<string>(
            LogLevel.Warning, "c", default, "(VI\n<2>forged\u001b[31m) Entering", null, static (state, _) => state);
        new LineFormatter(TimeProvider.System).Write(entry, null, text);

        Assert.EndsWith("warning: (VI?<2>forged?[31m) Entering" + Environment.NewLine, text.ToString(), StringComparison.Ordinal);
        Assert.Single(text.ToString().TrimEnd().Split('\n'));
    }

    [Fact]
    public void Every_line_of_an_exception_has_its_priority_and_nothing_that_steers_a_terminal()
    {
        using var text = new StringWriter();
        var entry = new LogEntry<string>(
            LogLevel.Error, "c", default, "failed\u009b31m", new IOException("a\n<0>forged\u0085\r\nb\u001b["), static (state, _) => state);
        new LineFormatter(TimeProvider.System, isJournal: true).Write(entry, null, text);

        Assert.Equal(
            ["<3>failed?31m", "<3>System.IO.IOException: a", "<3><0>forged?", "<3>b?["],
            text.ToString().TrimEnd().Split(Environment.NewLine));
    }

    [Theory]
    [InlineData(typeof(IOException), ExitCode.InternalError)]
    [InlineData(typeof(ArgumentException), ExitCode.Configuration)]
    [InlineData(typeof(ArgumentOutOfRangeException), ExitCode.Configuration)]
    [InlineData(typeof(NullReferenceException), null)]
    public void A_failure_that_one_line_explains_has_its_exit_status(Type failure, int? expected) =>
        Assert.Equal(expected, ExitCode.Of((Exception)Activator.CreateInstance(failure)!));

    [Fact]
    public void A_missing_permission_has_a_status_of_its_own()
    {
        Assert.Equal(ExitCode.Permission, ExitCode.Of(new LinuxException("open a raw socket", 1)));
        Assert.Equal(ExitCode.Permission, ExitCode.Of(new NetlinkException("list the interfaces", 13, null)));
        Assert.Equal(ExitCode.InternalError, ExitCode.Of(new LinuxException("open a raw socket", 24)));
    }

    [Fact]
    public async Task Many_requests_to_reload_during_a_reload_lead_to_one_more()
    {
        var queue = new ReloadQueue();
        for (int i = 0; i < 10; i++)
            queue.Request();
        using var stop = new CancellationTokenSource();
        int reloads = 0;
        await foreach (bool _ in queue.ReadAllAsync(TestContext(stop)))
        {
            if (++reloads == 1)
            {
                queue.Request();
                queue.Request();
            }
            else
            {
                break;
            }
        }

        Assert.Equal(2, reloads);
    }

    private static CancellationToken TestContext(CancellationTokenSource stop)
    {
        stop.CancelAfter(TimeSpan.FromSeconds(30));
        return stop.Token;
    }
}
