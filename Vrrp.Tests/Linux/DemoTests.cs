using System.Diagnostics;
using System.Globalization;
using System.Reflection;
using System.Text.Json;
using Vrrp.Daemon.Commands;
using Vrrp.Daemon.Configuration;
using Vrrp.Daemon.Demo;
using Vrrp.Linux;

namespace Vrrp.Tests.Linux;

/// <summary><c>vrrp demo</c> as a stranger starts it, at a short interval; and that nothing of it stays.</summary>
public sealed class DemoTests : IDisposable
{
    private const int SIGINT = 2;
    private const int SIGKILL = 9;
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(2);

    // The daemons' configuration files are below it: whatever the demonstration made is found by this name.
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("vrrp-demo-test-");

    public void Dispose() => _folder.Delete(recursive: true);

    [Theory]
    [InlineData("many", "many")]
    [InlineData("0.005", "--interval takes 0.01 to 10 seconds, in steps of 0.01, not ")]
    [InlineData("11", "--interval takes 0.01 to 10 seconds, in steps of 0.01, not ")]
    [InlineData("0.1", null)]
    public void An_interval_that_cannot_be_is_refused(string text, string? message)
    {
        var errors = DemoCommand.Create().Parse(["--interval", text]).Errors;
        if (message is null)
            Assert.Empty(errors);
        else
            Assert.Contains(message, Assert.Single(errors).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(10)]
    [InlineData(100)]
    public void Its_configurations_have_nothing_to_complain_about(int centiseconds)
    {
        var plan = new DemoPlan(AdvertisementInterval.FromCentiseconds(centiseconds));
        foreach (var director in DemoPlan.Directors)
        {
            string path = Path.Combine(_folder.FullName, director.Name + ".conf");
            File.WriteAllText(path, plan.Configuration(director));
            var loaded = ConfigLoader.Load(path, new LoadOptions());
            Assert.Empty(loaded.Diagnostics);
            var instance = Assert.Single(loaded.Config!.Instances);
            Assert.Equal(director.Priority, instance.Priority);
        }
    }

    [Fact]
    public async Task It_fails_over_within_the_protocols_time_and_hands_over_without_a_lost_ping()
    {
        using var demo = Start("--interval", "0.1", "--json");
        var output = demo.StandardOutput.ReadToEndAsync();
        await demo.WaitForExitAsync().WaitAsync(Limit);
        string json = await output;
        Assert.True(demo.ExitCode == 0, $"exit status {demo.ExitCode}: {json}");

        using var figures = JsonDocument.Parse(json);
        var root = figures.RootElement;
        Assert.True(root.GetProperty("success").GetBoolean());
        Assert.Equal(3, root.GetProperty("version").GetInt32());
        var transitions = root.GetProperty("transitions").EnumerateArray().ToDictionary(t => t.GetProperty("name").GetString()!);
        Assert.Equal(["start", "failover", "return", "handover"], transitions.Keys);
        Assert.Equal(
            ["director-1", "director-2", "director-1", "director-2"], transitions.Values.Select(t => t.GetProperty("to").GetString()));

        // 3 × 100 ms + (256 − 50) / 256 × 100 ms.
        var failover = transitions["failover"];
        Assert.Equal(380.4687, Number(failover, "minimum"), 0.001);
        Assert.InRange(Number(failover, "overhead"), -5, 500);
        // The last advert before the death is at most an interval old, and so is the outage shorter than the minimum by that at most.
        Assert.InRange(Number(failover, "causeToLastAdvert"), -600, 0);
        Assert.InRange(Number(failover, "causeToFirstAnswer"), 100, 1400);
        Assert.InRange(Number(failover, "lostProbes"), 20, 700);

        var handover = transitions["handover"];
        Assert.Equal(80.4687, Number(handover, "minimum"), 0.001);
        Assert.InRange(Number(handover, "overhead"), -5, 500);
        Assert.Equal(0, Number(handover, "lostProbes"));
        Assert.True(Number(handover, "probes") > 100);

        string[] subjects = [.. root.GetProperty("mails").EnumerateArray().Select(mail => mail.GetProperty("subject").GetString()!)];
        Assert.Equal(9, subjects.Length);
        Assert.Equal("[director-1] VRRP Instance VI_1 - Stopping", subjects.Last(subject => subject.StartsWith("[director-1]", StringComparison.Ordinal)));
        Assert.Equal("[director-2] VRRP Instance VI_1 - Entering MASTER state", subjects.Last(subject => subject.StartsWith("[director-2]", StringComparison.Ordinal)));

        AssertNothingIsLeft();
    }

    [Fact]
    public async Task Interrupted_half_way_it_leaves_nothing()
    {
        // Slow enough that most of it is still to come when a busy machine has read the line.
        using var demo = Start("--interval", "1", "--plain");
        await ReadUntilAsync(demo, "is killed");
        Send(demo, SIGINT);
        _ = demo.StandardOutput.ReadToEndAsync();
        await demo.WaitForExitAsync().WaitAsync(Limit);
        Assert.Equal(128 + SIGINT, demo.ExitCode);
        AssertNothingIsLeft();
    }

    [Fact]
    public async Task Killed_it_takes_its_daemons_with_it()
    {
        using var demo = Start("--interval", "0.1", "--plain");
        await ReadUntilAsync(demo, "MASTER");
        Assert.NotEmpty(Daemons());
        Send(demo, SIGKILL);
        await demo.WaitForExitAsync().WaitAsync(Limit);

        using var limit = new CancellationTokenSource(Limit);
        using var beat = new PeriodicTimer(TimeSpan.FromMilliseconds(20));
        while (Daemons().Length != 0)
            await beat.WaitForNextTickAsync(limit.Token);
    }

    private static double Number(JsonElement transition, string name) => transition.GetProperty(name).GetDouble();

    private static void Send(Process process, int signal) =>
        Assert.Equal(0, NativeMethods.Kill(process.Id, signal));

    private static async Task ReadUntilAsync(Process demo, string text)
    {
        using var limit = new CancellationTokenSource(Limit);
        while (await demo.StandardOutput.ReadLineAsync(limit.Token) is { } line)
        {
            if (line.Contains(text, StringComparison.Ordinal))
                return;
        }

        Assert.Fail($"The demonstration ended without '{text}': {await demo.StandardError.ReadToEndAsync(limit.Token)}");
    }

    private void AssertNothingIsLeft()
    {
        Assert.Empty(Daemons());
        Assert.Empty(_folder.EnumerateFileSystemInfos());
    }

    private string[] Daemons() =>
    [
        .. Directory.EnumerateDirectories("/proc")
            .Where(path => int.TryParse(Path.GetFileName(path), NumberStyles.None, CultureInfo.InvariantCulture, out _))
            .Select(CommandLine)
            .Where(line => line.Contains(_folder.FullName, StringComparison.Ordinal)),
    ];

    private static string CommandLine(string path)
    {
        try
        {
            return File.ReadAllText(Path.Combine(path, "cmdline"));
        }
        catch (IOException)
        {
            return "";
        }
    }

    private Process Start(params string[] options)
    {
        if (!Environment.IsPrivilegedProcess)
            throw new InvalidOperationException("The demonstration needs root: run the tests with sudo.");
        // What runs in the background of a shell ignores SIGINT, and so does what it starts.
        var start = new ProcessStartInfo("env", ["--default-signal=INT", FindCommand(), "demo", .. options]) { RedirectStandardOutput = true, RedirectStandardError = true };
        start.Environment["TMPDIR"] = _folder.FullName;
        return Process.Start(start)!;
    }

    private static string FindCommand()
    {
        string configuration = typeof(DemoTests).Assembly.GetCustomAttribute<AssemblyConfigurationAttribute>()!.Configuration;
        var root = new DirectoryInfo(AppContext.BaseDirectory);
        while (!File.Exists(Path.Combine(root.FullName, "Vrrp.sln")))
            root = root.Parent ?? throw new InvalidOperationException($"No Vrrp.sln above {AppContext.BaseDirectory}.");
        string command = Path.Combine(root.FullName, "Vrrp.Daemon", "bin", configuration, "net10.0", "vrrp");
        return File.Exists(command) ? command : throw new InvalidOperationException($"{command} is missing: build Vrrp.Daemon.");
    }
}
