using System.Globalization;

namespace Vrrp.Benchmarks.Soak;

/// <summary>What the kernel knows of a process at one moment.</summary>
internal sealed record ProcessSample
{
    // USER_HZ, which is 100 wherever .NET runs.
    private const double TicksPerSecond = 100;

    /// <summary>The kind of handle that keeps an assembly.</summary>
    public const string Assembly = "assembly";

    private const string PoolWorker = ".NET TP Worker";

    /// <summary>Seconds since the start of the run.</summary>
    public required double At { get; init; }

    /// <summary>Resident memory, and of that what is of no file.</summary>
    public required double ResidentKibibytes { get; init; }

    public required double AnonymousKibibytes { get; init; }

    /// <summary>Its share of the memory that it has in common with others; NaN where it was not read.</summary>
    public required double ProportionalKibibytes { get; init; }

    /// <summary>Threads, but for the pool's workers.</summary>
    public required int Threads { get; init; }

    /// <summary>Workers of the thread pool: more where work waits, and gone after twenty idle seconds.</summary>
    public required int PoolWorkers { get; init; }

    /// <summary>Open handles by what they are: socket, pipe, eventpoll, file.</summary>
    public required IReadOnlyDictionary<string, int> Handles { get; init; }

    /// <summary>Processor time so far, in seconds.</summary>
    public required double ProcessorSeconds { get; init; }

    /// <summary>All handles but those of assemblies, which come when code first needs them, and stay.</summary>
    public int HandleCount => Handles.Where(handles => handles.Key != Assembly).Sum(handles => handles.Value);

    /// <param name="process">Its number.</param>
    /// <param name="at">Seconds since the start of the run.</param>
    /// <param name="withShare">Whether the proportional share is read: that has the kernel walk its page tables.</param>
    public static ProcessSample Read(int process, double at, bool withShare)
    {
        var status = Fields($"/proc/{process}/status");
        string stat = File.ReadAllText($"/proc/{process}/stat");
        var fields = stat[(stat.LastIndexOf(')') + 2)..].Split(' ');
        var threads = ThreadNames(process);
        return new()
        {
            At = at,
            ResidentKibibytes = status["VmRSS"],
            AnonymousKibibytes = status["RssAnon"],
            ProportionalKibibytes = withShare ? Fields($"/proc/{process}/smaps_rollup")["Pss"] : double.NaN,
            Threads = threads.Where(thread => thread.Key != PoolWorker).Sum(thread => thread.Value),
            PoolWorkers = threads.GetValueOrDefault(PoolWorker),
            Handles = ReadHandles(process),
            ProcessorSeconds = (Number(fields[11]) + Number(fields[12])) / TicksPerSecond,
        };
    }

    /// <summary>Names of its threads, with how many bear each.</summary>
    public static Dictionary<string, int> ThreadNames(int process) =>
        Count(Directory.GetDirectories($"/proc/{process}/task").Select(task => Try(() => File.ReadAllText($"{task}/comm").Trim())));

    private static Dictionary<string, int> ReadHandles(int process) =>
        Count(Directory.GetFiles($"/proc/{process}/fd").Select(handle => Try(() => new FileInfo(handle).LinkTarget switch
        {
            null => null,
            ['/', ..] and var path => path.EndsWith(".dll", StringComparison.Ordinal) ? Assembly : "file",
            var target when target.StartsWith("anon_inode:", StringComparison.Ordinal) => target["anon_inode:".Length..].Trim('[', ']'),
            var target => target.Split(':')[0],
        })));

    private static Dictionary<string, int> Count(IEnumerable<string?> names) =>
        names.OfType<string>().GroupBy(name => name).ToDictionary(group => group.Key, group => group.Count(), StringComparer.Ordinal);

    /// <summary>What was closed or ended between being listed and being looked at is not there.</summary>
    private static string? Try(Func<string?> read)
    {
        try
        {
            return read();
        }
        catch (IOException)
        {
            return null;
        }
    }

    private static Dictionary<string, double> Fields(string path)
    {
        var fields = new Dictionary<string, double>(StringComparer.Ordinal);
        foreach (string line in File.ReadLines(path))
        {
            var words = line.Split((char[])[':', ' ', '\t'], StringSplitOptions.RemoveEmptyEntries);
            if (words.Length >= 2 && double.TryParse(words[1], NumberStyles.None, CultureInfo.InvariantCulture, out double value))
                fields[words[0]] = value;
        }

        return fields;
    }

    private static double Number(string text) => double.Parse(text, CultureInfo.InvariantCulture);
}
