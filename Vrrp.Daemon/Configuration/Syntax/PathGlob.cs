namespace Vrrp.Daemon.Configuration.Syntax;

/// <summary>Shell patterns of file names: <c>{a,b}</c>, <c>*</c>, <c>?</c>, <c>[a-z]</c>.</summary>
internal static class PathGlob
{
    private const int MaxAlternatives = 256;
    private const int MaxMatches = 4096;

    public static bool HasWildcard(string path) => path.AsSpan().IndexOfAny('*', '?', '[') >= 0;

    /// <summary>The alternatives of <c>{a,b}</c>, nested ones too; at most 256.</summary>
    public static List<string> ExpandBraces(string pattern)
    {
        var done = new List<string>();
        var pending = new Stack<string>();
        pending.Push(pattern);
        int steps = 0;
        while (pending.Count > 0 && done.Count < MaxAlternatives && steps++ < 4 * MaxAlternatives)
        {
            string current = pending.Pop();
            int open = current.IndexOf('{', StringComparison.Ordinal);
            var parts = open < 0 ? null : SplitBraces(current, open, out _);
            if (parts is null)
            {
                done.Add(current);
                continue;
            }

            SplitBraces(current, open, out int close);
            for (int i = parts.Count - 1; i >= 0; i--)
                pending.Push(string.Concat(current.AsSpan(0, open), parts[i], current.AsSpan(close + 1)));
        }

        return done;
    }

    /// <summary>Existing paths that match, sorted by byte value as the C locale does.</summary>
    public static List<string> Expand(IConfigurationFiles files, string pattern)
    {
        var current = new List<string> { pattern.StartsWith('/') ? "/" : "" };
        string[] parts = pattern.Split('/', StringSplitOptions.RemoveEmptyEntries);
        for (int i = 0; i < parts.Length; i++)
        {
            var next = new List<string>();
            foreach (string directory in current)
            {
                if (next.Count >= MaxMatches)
                    break;
                if (!HasWildcard(parts[i]))
                {
                    string path = Path.Combine(directory, parts[i]);
                    if (files.GetKind(path) is var kind && (i + 1 < parts.Length ? kind == FileKind.Directory : kind != FileKind.Missing))
                        next.Add(path);
                    continue;
                }

                foreach (string name in files.List(directory.Length == 0 ? "." : directory).Order(StringComparer.Ordinal))
                {
                    // As in the shell, a wildcard does not match a hidden file.
                    if ((name.StartsWith('.') && !parts[i].StartsWith('.')) || !Matches(name, parts[i]))
                        continue;
                    string path = Path.Combine(directory, name);
                    if (i + 1 == parts.Length || files.GetKind(path) == FileKind.Directory)
                        next.Add(path);
                }
            }

            current = next;
        }

        current.Sort(StringComparer.Ordinal);
        return current;
    }

    /// <summary>Whether a name matches a pattern; linear in practice: only the last star is tried again.</summary>
    public static bool Matches(ReadOnlySpan<char> name, ReadOnlySpan<char> pattern)
    {
        int n = 0, p = 0, star = -1, mark = 0;
        while (n < name.Length)
        {
            if (p < pattern.Length && pattern[p] == '*')
            {
                star = p++;
                mark = n;
            }
            else if (p < pattern.Length && MatchesOne(name[n], pattern, p, out int next))
            {
                n++;
                p = next;
            }
            else if (star >= 0)
            {
                p = star + 1;
                n = ++mark;
            }
            else
            {
                return false;
            }
        }

        while (p < pattern.Length && pattern[p] == '*')
            p++;
        return p == pattern.Length;
    }

    private static bool MatchesOne(char c, ReadOnlySpan<char> pattern, int at, out int next)
    {
        next = at + 1;
        if (pattern[at] == '?')
            return true;
        if (pattern[at] == '[' && pattern[(at + 1)..].IndexOf(']') is var length and > 0)
        {
            var set = pattern.Slice(at + 1, length);
            next = at + length + 2;
            bool negated = set.Length > 1 && set[0] is '!' or '^';
            if (negated)
                set = set[1..];
            bool found = false;
            for (int i = 0; i < set.Length; i++)
            {
                if (i + 2 < set.Length && set[i + 1] == '-')
                {
                    found |= c >= set[i] && c <= set[i + 2];
                    i += 2;
                }
                else
                {
                    found |= c == set[i];
                }
            }

            return found != negated;
        }

        return pattern[at] == c;
    }

    private static List<string>? SplitBraces(string text, int open, out int close)
    {
        var parts = new List<string>();
        int depth = 0, start = open + 1;
        for (close = open; close < text.Length; close++)
        {
            char c = text[close];
            if (c == '{')
            {
                depth++;
            }
            else if (c == '}' && --depth == 0)
            {
                parts.Add(text[start..close]);
                return parts;
            }
            else if (c == ',' && depth == 1)
            {
                parts.Add(text[start..close]);
                start = close + 1;
            }
        }

        return null;
    }
}
