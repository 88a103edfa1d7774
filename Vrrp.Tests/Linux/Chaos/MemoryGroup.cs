using System.Globalization;
using Vrrp.Tests.Linux.Lab;

namespace Vrrp.Tests.Linux.Chaos;

/// <summary>
/// Processes whose memory is limited together (control groups of either version). Processes that are started through
/// <see cref="Launcher"/> are in it from their first page on.
/// </summary>
internal sealed class MemoryGroup : IAsyncDisposable
{
    private const string UnifiedRoot = "/sys/fs/cgroup";
    private const string MemoryRoot = "/sys/fs/cgroup/memory";

    // What is left to those in the group beyond what they have when the limit is set: enough that the kernel, which counts pages that are
    // shared with others too when it chooses whom to end, finds more of them in what takes all of it than in a daemon.
    private const long Rest = 64 << 20;

    private readonly string _path;
    private readonly bool _isUnified;
    private readonly Signal _changed;
    private BackgroundProcess? _hog;

    private MemoryGroup(string path, bool isUnified, Signal changed) => (_path, _isUnified, _changed) = (path, isUnified, changed);

    /// <summary>Whether this machine lets us make one.</summary>
    public static bool IsAvailable { get; } = FindParent() is not null;

    /// <summary>A command that enters the group and becomes the command line that follows it.</summary>
    public IReadOnlyList<string> Launcher => ["sh", "-c", $"echo 0 >{_path}/cgroup.procs && exec \"$@\"", "sh"];

    /// <summary>How often something in it was killed for want of memory.</summary>
    public int Kills { get; private set; }

    /// <summary>Whether something has been killed since it was last pressed.</summary>
    public bool HasRunOut => _hog is { } hog && hog.Log.Contains("killed");

    public static MemoryGroup Create(string name, Signal changed)
    {
        var (parent, isUnified) = FindParent() ?? throw new InvalidOperationException("No control group for memory can be made here.");
        var path = Path.Combine(parent, name);
        Directory.CreateDirectory(path);
        return new(path, isUnified, changed);
    }

    /// <summary>Limits the group to little more than it has, and starts something in it that takes all it can get, again and again.</summary>
    public void Press()
    {
        var used = long.Parse(File.ReadAllText(Path.Combine(_path, _isUnified ? "memory.current" : "memory.usage_in_bytes")), CultureInfo.InvariantCulture);
        SetLimit((used + Rest).ToString(CultureInfo.InvariantCulture));
        // tail keeps a line until it ends, and this one does not; the kernel is told to end it before anything else in the group.
        const string Script = "echo 1000 >/proc/self/oom_score_adj; while :; do tail /dev/zero; echo killed; sleep 0.2; done";
        _hog = BackgroundProcess.Start(
            Launcher[0], [.. Launcher.Skip(1), "sh", "-c", Script], new LineLog(_changed), _changed);
    }

    public async Task ReleaseAsync()
    {
        if (_hog is null)
            return;
        await _hog.DisposeAsync();
        Kills += _hog.Log.Since(0).Count(line => line == "killed");
        _hog = null;
        SetLimit(_isUnified ? "max" : "-1");
    }

    public async ValueTask DisposeAsync()
    {
        await ReleaseAsync();
        // A group can go when the kernel has seen its last process off, a moment after the process has.
        await _changed.PokeUntilAsync($"{_path} to be empty", TryRemoveAsync, () => !Directory.Exists(_path));
    }

    private Task TryRemoveAsync() => Tool.TryRunAsync("rmdir", [_path]);

    private void SetLimit(string octets) => File.WriteAllText(Path.Combine(_path, _isUnified ? "memory.max" : "memory.limit_in_bytes"), octets);

    private static (string Parent, bool IsUnified)? FindParent()
    {
        var own = File.Exists("/proc/self/cgroup") ? File.ReadAllLines("/proc/self/cgroup") : [];
        if (own.FirstOrDefault(line => line.Contains(":memory:", StringComparison.Ordinal)) is { } group)
        {
            // Below the one we are in: what limits us goes on limiting what we start.
            var parent = MemoryRoot + group[(group.LastIndexOf(':') + 1)..].TrimEnd('/');
            return File.Exists(Path.Combine(parent, "memory.limit_in_bytes")) && IsWritable(parent) ? (parent, false) : null;
        }
        var controllers = Path.Combine(UnifiedRoot, "cgroup.controllers");
        if (!File.Exists(controllers) || !File.ReadAllText(controllers).Split([' ', '\n']).Contains("memory") || !IsWritable(UnifiedRoot))
            return null;
        // Of itself the kernel gives it to no group; whoever manages a machine's groups has done this long ago.
        File.WriteAllText(Path.Combine(UnifiedRoot, "cgroup.subtree_control"), "+memory");
        return (UnifiedRoot, true);
    }

    private static bool IsWritable(string folder)
    {
        var trial = Path.Combine(folder, string.Create(CultureInfo.InvariantCulture, $"vrrp-lab-{Environment.ProcessId}"));
        try
        {
            Directory.CreateDirectory(trial);
            Directory.Delete(trial);
            return true;
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            return false;
        }
    }
}
