using System.Reflection;

namespace Vrrp.Tests.Linux.Lab;

/// <summary>Which daemon a director runs.</summary>
public enum DirectorKind
{
    Keepalived,
    Vrrp,
}

/// <summary>A failover daemon on a host, ours or keepalived; both read the same configuration.</summary>
internal sealed class Director : IAsyncDisposable
{
    private readonly Laboratory _lab;
    private readonly string _configPath;
    private readonly IReadOnlyList<string> _launcher;
    private BackgroundProcess? _process;
    private bool _endExpected;

    private Director(Laboratory lab, LabHost host, DirectorKind kind, string? stateFolder, IReadOnlyList<string> launcher)
    {
        _lab = lab;
        Host = host;
        Kind = kind;
        Log = new LineLog(lab.Changed);
        _configPath = Path.Combine(lab.Folder, $"{host.Name}.conf");
        PidPath = Path.Combine(stateFolder ?? lab.Folder, $"{host.Name}.pid");
        _launcher = launcher;
    }

    public LabHost Host { get; }

    public DirectorKind Kind { get; }

    public LineLog Log { get; }

    public string PidPath { get; }

    /// <summary>The configuration it was started or reloaded with.</summary>
    public string Config { get; private set; } = "";

    /// <summary>Where its log began when it was last started.</summary>
    public int LogStart { get; private set; }

    /// <summary>Whether it ended although nobody asked it to.</summary>
    public bool HasDied => !_endExpected && _process is { HasEnded: true };

    /// <summary>What it ended with; null while it runs.</summary>
    public int? ExitCode => _process is { HasEnded: true } ended ? ended.ExitCode : null;

    public bool IsRunning => _process is { HasEnded: false };

    /// <param name="lab">The laboratory.</param>
    /// <param name="host">The host it runs on.</param>
    /// <param name="kind">Which daemon.</param>
    /// <param name="stateFolder">Where its pid file and what is beside it go; the laboratory's folder by default.</param>
    /// <param name="launcher">A command that runs the daemon's command line, which follows it.</param>
    public static Director Create(
        Laboratory lab, LabHost host, DirectorKind kind, string? stateFolder = null, IReadOnlyList<string>? launcher = null) =>
        new(lab, host, kind, stateFolder, launcher ?? []);

    public async Task StartAsync(string config)
    {
        if (_process is not null)
            await _process.DisposeAsync();
        await WriteConfigAsync(config);
        LogStart = Log.Count;
        string[] command = Kind switch
        {
            DirectorKind.Vrrp => [VrrpCommand(), "run", "-f", _configPath, "--pid-file", PidPath],
            // Only its VRRP process: the health checkers need IPVS, which these machines may lack. Its pid file is new at each start,
            // because a killed child counts as running until the machine's first process has reaped it.
            _ => ["keepalived", "-n", "-l", "-D", "-P", "-f", _configPath, "-p", PidPath, "-r", $"{PidPath}.vrrp{LogStart}"],
        };
        string[] line = [.. _launcher, "ip", "netns", "exec", Host.Namespace, .. command];
        _process = BackgroundProcess.Start(line[0], line[1..], Log, _lab.Changed);
        // Not before: the one that has ended was to end.
        _endExpected = false;
    }

    /// <summary>Waits for a transition that is logged; use what is on the wire and on the host where that says it.</summary>
    public Task WaitForLogAsync(string text, int since) => _lab.WaitForAsync($"{this} to log '{text}'", () => Log.Contains(text, since));

    public Task WaitForBackupAsync(string instance) => WaitForLogAsync($"({instance}) Entering BACKUP STATE", LogStart);

    public async Task ReloadAsync(string config)
    {
        await WriteConfigAsync(config);
        _process!.Send(PosixSignalNumber.Hangup);
    }

    /// <summary>Takes the processor from it, until <see cref="Thaw"/>.</summary>
    public void Freeze() => _process!.Freeze();

    public void Thaw() => _process!.Thaw();

    public void Terminate()
    {
        _endExpected = true;
        _process!.Send(PosixSignalNumber.Terminate);
    }

    /// <summary>Asks it to leave and returns its exit code.</summary>
    public async Task<int> StopAsync()
    {
        Terminate();
        return await _process!.WaitForEndAsync();
    }

    public async Task KillAsync()
    {
        _endExpected = true;
        if (_process is not null)
            await _process.KillAsync();
    }

    public async ValueTask DisposeAsync()
    {
        _endExpected = true;
        if (_process is not null)
            await _process.DisposeAsync();
    }

    public override string ToString() => $"{Host.Name} ({Kind})";

    private async Task WriteConfigAsync(string config)
    {
        Config = config;
        await File.WriteAllTextAsync(_configPath, config);
    }

    /// <summary>The command as it was built, in the configuration that these tests were built in.</summary>
    public static string VrrpCommand()
    {
        var configuration = typeof(Director).Assembly.GetCustomAttribute<AssemblyConfigurationAttribute>()!.Configuration;
        var root = new DirectoryInfo(AppContext.BaseDirectory);
        while (!File.Exists(Path.Combine(root.FullName, "Vrrp.sln")))
            root = root.Parent ?? throw new InvalidOperationException($"No Vrrp.sln above {AppContext.BaseDirectory}");
        var command = Path.Combine(root.FullName, "Vrrp.Daemon", "bin", configuration, "net10.0", "vrrp");
        return File.Exists(command) ? command : throw new InvalidOperationException($"The daemon is not built: {command} is missing.");
    }
}
