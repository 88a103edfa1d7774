using System.Collections.Immutable;

namespace Vrrp.Tests.Fuzzing;

/// <summary>An input that broke a promise.</summary>
/// <param name="Target">What read it.</param>
/// <param name="Input">The input, made as small as still does it.</param>
/// <param name="Problem">What happened.</param>
/// <param name="Kind">The same for two inputs that found the same thing.</param>
internal sealed record FuzzFinding(string Target, byte[] Input, string Problem, string Kind)
{
    public override string ToString() =>
        $"{Target}: {Problem}\n{(FuzzCorpus.IsText(Input) ? System.Text.Encoding.ASCII.GetString(Input) : FuzzCorpus.ToHex("input", Input))}";
}

/// <summary>What a run did.</summary>
internal sealed record FuzzReport(long Executions, ImmutableArray<FuzzFinding> Findings, ImmutableHashSet<Feature> Features, int CorpusSize);

/// <summary>
/// Changes inputs of a target and looks at what they do: one that reaches something new, or two things that never came together before,
/// is kept and changed further. Equal seeds do the same.
/// </summary>
internal sealed class Fuzzer : IDisposable
{
    private const int MaxEntries = 4000;
    private const int PairBits = 16;
    private const int MaxPaired = 24;
    private const int MinimizingExecutions = 1500;

    /// <summary>An input that costs more is taken seldom, so that the others get their turn.</summary>
    private const long CostlyOctets = 4 * 1024 * 1024;

    private readonly IFuzzTarget _target;
    private readonly FuzzRandom _random;
    private readonly FuzzContext _context;
    private readonly FuzzInput _input;
    private readonly GuardedMemory _memory;
    private readonly Watchdog _watchdog;
    private readonly List<Entry> _entries = [];
    private readonly Dictionary<Feature, int> _known = [];
    private readonly List<Feature> _features = [];
    private readonly Dictionary<int, byte[]> _shortest = [];
    private readonly System.Collections.BitArray _pairs = new(1 << PairBits);
    private readonly int[] _numbers = new int[MaxPaired];
    private readonly Dictionary<string, FuzzFinding> _findings = [];
    private long _executions;

    /// <summary>Makes a fuzzer for the calling thread.</summary>
    /// <param name="target">What reads.</param>
    /// <param name="seed">Decides everything.</param>
    /// <param name="hangs">Told of an input that is not read to its end; null: it is written to a file, and the process ends.</param>
    /// <param name="processorLimit">Processor time that one execution may take.</param>
    public Fuzzer(IFuzzTarget target, ulong seed, Action<byte[]>? hangs = null, TimeSpan? processorLimit = null)
    {
        _target = target;
        _random = new FuzzRandom(seed);
        _input = new FuzzInput(target.MaxLength);
        _context = new FuzzContext(Math.Max(target.MaxLength, 64 * 1024));
        _memory = new GuardedMemory(target.MaxLength);
        hangs ??= EndProcess;
        _watchdog = new(processorLimit ?? TimeSpan.FromSeconds(20), TimeSpan.FromMinutes(3), () => hangs(_memory.Last()));
    }

    /// <summary>Where a hang leaves its input.</summary>
    public string OutputFolder { get; init; } = Path.GetTempPath();

    public int KnownFeatures => _known.Count;

    /// <summary>Takes inputs into the corpus of this run.</summary>
    /// <returns>The first that breaks a promise; null: none does.</returns>
    public FuzzFinding? Load(IEnumerable<byte[]> inputs)
    {
        FuzzFinding? first = null;
        foreach (byte[] input in inputs)
        {
            // What is longer than this target takes was made for another bound.
            byte[] taken = input.Length <= _target.MaxLength ? input : input[.._target.MaxLength];
            if (Take(taken) is { } problem)
                first ??= Record(taken, problem);
        }

        return first;
    }

    /// <summary>Changes inputs until a number of executions is reached or something is found.</summary>
    /// <param name="executions">How many.</param>
    /// <param name="goesOn">Asked now and then; null: always.</param>
    /// <param name="stopsAtFinding">Whether the first finding ends the run.</param>
    public FuzzReport Run(long executions, Func<bool>? goesOn = null, bool stopsAtFinding = true)
    {
        if (_entries.Count == 0)
            _ = Take([]);
        long end = _executions + executions;
        while (_executions < end && !(stopsAtFinding && _findings.Count > 0) && (_executions % 256 != 0 || goesOn?.Invoke() != false))
        {
            _input.Set(Choose());
            for (int changes = 1 + Math.Min(_random.Next(6), _random.Next(6)); changes > 0; changes--)
                _target.Mutate(_input, Choose(), _random);
            if (Take(_input.Span) is not { } problem)
                continue;
            Record(_input.Span.ToArray(), problem);
        }

        return new(_executions, [.. _findings.Values], [.. _known.Keys], _entries.Count);
    }

    /// <summary>Everything that an input reaches, by itself.</summary>
    public ImmutableHashSet<Feature> Reaches(ReadOnlySpan<byte> input)
    {
        _ = Execute(input);
        return [.. _context.Features];
    }

    /// <summary>The smallest inputs found that reach, all together, everything that was reached; each with what it is kept for.</summary>
    public IEnumerable<(byte[] Input, ImmutableArray<Feature> For)> Distill()
    {
        var missing = Enumerable.Range(0, _features.Count).ToHashSet();
        var candidates = _shortest.Values.Distinct(ReferenceEqualityComparer.Instance).Cast<byte[]>()
            .Select(input => (Input: input, Numbers: Reaches(input).Select(feature => _known[feature]).ToHashSet()))
            .ToList();
        while (missing.Count > 0 && candidates.Count > 0)
        {
            var (input, numbers) = candidates.MaxBy(c => (c.Numbers.Count(missing.Contains), -c.Input.Length));
            ImmutableArray<Feature> kept = [.. numbers.Where(missing.Contains).Order().Select(number => _features[number])];
            if (kept.IsEmpty)
                break;
            missing.ExceptWith(numbers);
            yield return (Shrink(input, candidate => Execute(candidate) is null && kept.All(_context.Features.Contains)), kept);
        }
    }

    /// <summary>Takes pieces out of an input, and makes others plain, as long as it keeps a property.</summary>
    /// <param name="input">The input, which has the property.</param>
    /// <param name="keeps">Whether another one has it.</param>
    /// <param name="isText">Whether digits are made plain, and nothing else.</param>
    public static byte[] Minimize(byte[] input, Func<byte[], bool> keeps, bool isText = false)
    {
        int left = MinimizingExecutions;
        byte[] best = input;
        for (int size = Math.Max(1, best.Length / 2); size >= 1 && left > 0; size = size == 1 ? 0 : size / 2)
        {
            for (int at = best.Length - size; at >= 0 && left > 0; at -= size)
            {
                byte[] shorter = [.. best.AsSpan(0, at), .. best.AsSpan(Math.Min(at + size, best.Length))];
                left--;
                if (keeps(shorter))
                    best = shorter;
                at = Math.Min(at, best.Length);
            }
        }

        byte plain = isText ? (byte)'0' : (byte)0;
        for (int i = 0; i < best.Length && left > 0; i++)
        {
            if (best[i] == plain || (isText && !char.IsAsciiDigit((char)best[i])))
                continue;
            byte[] plainer = [.. best];
            plainer[i] = plain;
            left--;
            if (keeps(plainer))
                best = plainer;
        }

        return best;
    }

    public void Dispose()
    {
        _watchdog.Dispose();
        _memory.Dispose();
        _context.Dispose();
    }

    /// <summary>Runs an input and keeps it if it is new; returns what it broke.</summary>
    private (string Problem, string Kind)? Take(ReadOnlySpan<byte> input)
    {
        var problem = Execute(input);
        _executions++;
        if (problem is not null)
            return problem;
        bool isNew = false;
        byte[]? copy = null;
        int paired = 0;
        foreach (var feature in _context.Features)
        {
            if (!_known.TryGetValue(feature, out int number))
            {
                number = _known.Count;
                _known.Add(feature, number);
                _features.Add(feature);
                isNew = true;
            }

            if (!_shortest.TryGetValue(number, out byte[]? shortest) || shortest.Length > input.Length)
                _shortest[number] = copy ??= input.ToArray();
            if (paired < MaxPaired)
                _numbers[paired++] = number;
        }

        for (int i = 0; i < paired; i++)
        {
            for (int k = 0; k < i; k++)
            {
                uint pair = (uint)HashPair(_numbers[i], _numbers[k]) >> (32 - PairBits);
                isNew |= _entries.Count < MaxEntries && !_pairs[(int)pair];
                _pairs[(int)pair] = true;
            }
        }

        if (isNew)
            _entries.Add(new(copy ?? input.ToArray(), _context.TotalAllocated > CostlyOctets));
        return null;
    }

    // Text ends with a line end if it can, so that it is kept as text.
    private byte[] Shrink(byte[] input, Func<byte[], bool> keeps)
    {
        if (!_target.IsText || !keeps([.. input, (byte)'\n']))
            return Minimize(input, keeps, _target.IsText);
        return [.. Minimize(input, candidate => keeps([.. candidate, (byte)'\n']), isText: true), (byte)'\n'];
    }

    private static int HashPair(int a, int b) => unchecked((int)((((uint)Math.Max(a, b) << 12) ^ (uint)Math.Min(a, b)) * 0x9E37_79B1u));

    private (string Problem, string Kind)? Execute(ReadOnlySpan<byte> input)
    {
        var guarded = _memory.Put(input);
        // What is allocated once, such as a cache or what the compiler needs, is not allocated by the second execution.
        for (int attempt = 0; ; attempt++)
        {
            _context.Begin();
            _watchdog.Begin();
            try
            {
                _target.Execute(guarded, _context);
            }
#pragma warning disable CA1031 // Whatever is thrown is the finding.
            catch (Exception exception)
#pragma warning restore CA1031
            {
                return (exception.ToString(), KindOf(exception));
            }
            finally
            {
                _watchdog.End();
            }

            if (_context.Excess is not { } excess)
                return null;
            if (attempt == 2)
                return (excess, "allocation");
        }
    }

    private ReadOnlySpan<byte> Choose()
    {
        while (true)
        {
            int count = _entries.Count;
            // What was found last leads on more often than what was there from the beginning.
            int index = _random.OneIn(2) ? _random.Next(count) : count - 1 - _random.Next((count + 3) / 4);
            if (!_entries[index].IsCostly || _random.OneIn(256))
                return _entries[index].Input;
            if (_entries.TrueForAll(entry => entry.IsCostly))
                return _entries[index].Input;
        }
    }

    private FuzzFinding Record(byte[] input, (string Problem, string Kind) problem)
    {
        if (_findings.TryGetValue(problem.Kind, out var known))
            return known;
        byte[] small = Shrink(input, candidate => Execute(candidate)?.Kind == problem.Kind);
        var finding = new FuzzFinding(_target.Name, small, Execute(small)?.Problem ?? problem.Problem, problem.Kind);
        _findings.Add(problem.Kind, finding);
        return finding;
    }

    // The type and the place: messages differ with the input.
    private static string KindOf(Exception exception)
    {
        string place = exception.StackTrace?.Split('\n').FirstOrDefault(line => line.Contains(" Vrrp.", StringComparison.Ordinal)) ?? "";
        return $"{exception.GetType().Name} {(exception is BrokenPromiseException ? exception.Message.Split(':')[0] : place.Trim())}";
    }

    private void EndProcess(byte[] input)
    {
        string path = FuzzCorpus.Write(OutputFolder, $"hang-{_target.Name}-{Guid.NewGuid():N}", "not read to its end", input);
        Environment.FailFast($"The target '{_target.Name}' does not come to an end with the input in {path}.");
    }

    private sealed record Entry(byte[] Input, bool IsCostly);
}
