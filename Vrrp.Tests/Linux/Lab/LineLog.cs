namespace Vrrp.Tests.Linux.Lab;

/// <summary>The lines a process has printed so far.</summary>
internal sealed class LineLog(Signal changed)
{
    private readonly List<string> _lines = [];

    /// <summary>Told of each line before those who wait are.</summary>
    public event Action<string>? Added;

    public int Count
    {
        get
        {
            lock (_lines)
                return _lines.Count;
        }
    }

    public void Add(string line)
    {
        lock (_lines)
            _lines.Add(line);
        Added?.Invoke(line);
        changed.Pulse();
    }

    /// <summary>The lines from the given one on, which are all when it is 0.</summary>
    public string[] Since(int first)
    {
        lock (_lines)
            return first >= _lines.Count ? [] : [.. _lines[first..]];
    }

    public bool Contains(string text, int since = 0) => Since(since).Any(line => line.Contains(text, StringComparison.Ordinal));

    public override string ToString() => string.Join('\n', Since(0));
}
