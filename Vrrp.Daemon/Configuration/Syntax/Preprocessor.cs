using System.Collections.Immutable;
using System.Globalization;
using System.Text;
using Vrrp.Daemon.Configuration.Diagnostics;

namespace Vrrp.Daemon.Configuration.Syntax;

/// <summary>
/// include, $definitions, @conditions, ~SEQ and ~LST: files to the lines that the lexer sees, each character with its origin.
/// </summary>
internal sealed class Preprocessor(IConfigurationFiles files, LoadOptions options, DiagnosticBag diagnostics)
{
    // Bounds against hostile files: far above any real configuration, far below what would hang a reload.
    public const int MaxFileSize = 16 * 1024 * 1024;
    private const int MaxIncludeDepth = 32;
    private const int MaxFiles = 2000;
    private const int MaxNames = 100_000;
    private const int MaxLineBytes = 1023;
    private const int MaxLines = 500_000;
    private const int MaxExpandedCharacters = 32 * 1024 * 1024;
    private const int MaxSubstitutionsPerLine = 500;
    private const int MaxExpandedLine = 32 * 1024;

    private readonly Stack<LineSource> _sources = new();
    private readonly Dictionary<string, Definition> _definitions = new(StringComparer.Ordinal);
    private readonly Lexer _lexer = new(diagnostics);
    private readonly BoundedFiles _names = new(files, MaxNames);
    private readonly Random _random = new(options.RandomSeed ?? Environment.TickCount);
    private readonly string _configId = options.ConfigId ?? Environment.MachineName.Split('.')[0];
    private int _files;
    private int _lines;
    private int _expanded;
    private bool _stopped;

    /// <summary>Reads files one after another, with all they include.</summary>
    public List<Token> Read(IReadOnlyList<SourceText> texts)
    {
        for (int i = texts.Count - 1; i >= 0; i--)
            Push(texts[i], Path.GetDirectoryName(texts[i].Path) ?? "", depth: 0);
        while (!_stopped && Next() is { } line)
            Process(line.Line, line.Variables);
        return _lexer.Tokens;
    }

    private void Push(SourceText file, string directory, int depth)
    {
        _files++;
        var lines = new List<SourceLine>(file.LineCount);
        for (int number = 1; number <= file.LineCount; number++)
        {
            int start = file.GetLineStart(number);
            var text = file.GetLine(number);
            if (text.Contains('\0'))
            {
                diagnostics.NulInLine(new SourceSpan(file, start, text.Length));
                continue;
            }

            if (text.Length > MaxLineBytes || (text.Length > MaxLineBytes / 4 && file.Encoding.GetByteCount(text) > MaxLineBytes))
            {
                diagnostics.LineTooLong(new SourceSpan(file, start, text.Length), MaxLineBytes);
                continue;
            }

            var line = Lexer.IsOwn(text, out int own) ? Lexer.ReadOwn(file, start, text, own) : Lexer.RemoveComment(file, start, text).Trim();
            if (line.Text.Length > 0)
                lines.Add(line);
        }

        _sources.Push(new(lines, ImmutableDictionary<string, SourceLine>.Empty, directory, depth));
    }

    private (SourceLine Line, ImmutableDictionary<string, SourceLine> Variables)? Next()
    {
        while (_sources.TryPeek(out var source))
        {
            if (source.Index < source.Lines.Count)
            {
                if (++_lines > MaxLines)
                {
                    Stop(source.Lines[source.Index]);
                    return null;
                }

                return (source.Lines[source.Index++], source.Variables);
            }

            _sources.Pop();
        }

        return null;
    }

    private void Stop(SourceLine at)
    {
        if (!_stopped)
            diagnostics.ExpansionTooLarge(at.GetSpan(0, at.Text.Length));
        _stopped = true;
    }

    private void Process(SourceLine line, ImmutableDictionary<string, SourceLine> variables)
    {
        line = line.Trim();
        while (line.Text.StartsWith('@'))
        {
            if (!IsKept(line, out var rest))
                return;
            line = rest;
        }

        if (line.Text.Length == 0 || TryDefine(line) || TryRepeat(line, variables))
            return;
        var expanded = Substitute(line, variables);
        if (expanded is null)
            return;
        expanded = expanded.Trim();
        if (expanded.Text.Length == 0)
            return;
        // A definition may hold a condition, a repetition or another definition.
        if (!ReferenceEquals(expanded, line) && expanded.Text != line.Text
            && (expanded.Text[0] == '@' || expanded.Text.StartsWith("~SEQ", StringComparison.Ordinal) || expanded.Text.StartsWith("~LST", StringComparison.Ordinal)))
        {
            Push([expanded], variables);
            return;
        }

        if (!TryInclude(expanded))
            _lexer.Add(expanded);
    }

    private void Push(List<SourceLine> lines, ImmutableDictionary<string, SourceLine> variables)
    {
        var parent = _sources.TryPeek(out var source) ? source : null;
        _sources.Push(new(lines, variables, parent?.Directory ?? "", parent?.Depth ?? 0));
        if (_sources.Count > 2000)
            Stop(lines[0]);
    }

    private bool IsKept(SourceLine line, out SourceLine rest)
    {
        string text = line.Text;
        int i = 1;
        bool negated = i < text.Length && text[i] == '^';
        if (negated)
            i++;
        int end = i;
        while (end < text.Length && !SourceLine.IsBlank(text[end]))
            end++;
        rest = line.Slice(end).Trim();
        if (end == i || rest.Text.Length == 0)
        {
            diagnostics.IncompleteCondition(line.GetSpan(0, text.Length));
            return false;
        }

        return text.AsSpan(i, end - i).SequenceEqual(_configId) != negated;
    }

    private bool TryDefine(SourceLine line)
    {
        string text = line.Text;
        if (text[0] != '$')
            return false;
        int end = NameEnd(text, 1);
        if (end == 1 || end >= text.Length || text[end] != '=')
            return false;
        string name = text[1..end];
        var lines = new List<SourceLine>();
        var current = line.Slice(end + 1).Trim();
        while (current.Text.EndsWith('\\'))
        {
            lines.Add(current.Slice(0, current.Text.Length - 1).Trim());
            if (Next() is not { } next)
            {
                current = current.Slice(current.Text.Length, 0);
                break;
            }

            current = next.Line;
        }

        lines.Add(current);
        if (lines.Count > 1)
            lines.RemoveAll(l => l.Text.Length == 0);
        _definitions[name] = new(lines);
        return true;
    }

    private static int NameEnd(string text, int start)
    {
        int i = start;
        while (i < text.Length && (char.IsAsciiLetter(text[i]) || text[i] == '_' || (i > start && char.IsAsciiDigit(text[i]))))
            i++;
        return i;
    }

    private SourceLine? Substitute(SourceLine line, ImmutableDictionary<string, SourceLine> variables)
    {
        int at = line.Text.IndexOf('$', StringComparison.Ordinal);
        if (at < 0)
            return line;
        // A command line has variables of the shell, which are none of ours.
        bool silent = LooksSecret(line.Text) || Lexer.IsCommand(line.Text.Split(' ', '\t')[0]);
        var pending = new List<List<SourceLine>>();
        int count = 0;
        while (at >= 0 && at < line.Text.Length)
        {
            string text = line.Text;
            if (!TryReadReference(text, at, out string name, out int end, out bool braced))
            {
                at = text.IndexOf('$', at + 1);
                continue;
            }

            var use = line.GetUse(at, end - at) is { IsNone: false } outer ? outer : line.GetSpan(at, end - at);
            List<SourceLine>? value = Find(line, name, use, variables);
            if (value is null)
            {
                if (!silent)
                    diagnostics.UndefinedName(use, name.Split(' ')[0]);
                if (braced)
                    line = Protect(line, at + 1, end - 1);
                at = text.IndexOf('$', end);
                continue;
            }

            _expanded += text.Length + value.Sum(l => l.Text.Length);
            if (++count > MaxSubstitutionsPerLine || text.Length > MaxExpandedLine || _expanded > MaxExpandedCharacters)
            {
                diagnostics.EndlessDefinition(use, name);
                _stopped |= _expanded > MaxExpandedCharacters;
                return null;
            }

            if (value.Count > 1)
            {
                var rest = line.Slice(end).Trim();
                if (rest.Text.Length > 0)
                    diagnostics.TextAfterMultiLine(rest.GetSpan(0, rest.Text.Length), name);
                pending.Add([.. value.Skip(1).Select(l => WithUse(l, use))]);
                line = Replace(line, at, line.Text.Length, value[0], use);
            }
            else
            {
                line = Replace(line, at, end, value[0], use);
            }

            at = line.Text.IndexOf('$', Math.Min(at, line.Text.Length));
        }

        // The lines of an inner definition come before the rest of the outer one.
        foreach (var lines in pending)
            Push(lines, variables);
        return line;
    }

    // What follows such a keyword may be a password: no diagnostic may quote a part of it.
    private static bool LooksSecret(string text) =>
        text.Contains("auth_pass", StringComparison.Ordinal) || text.StartsWith("password", StringComparison.Ordinal) || text.StartsWith("key", StringComparison.Ordinal);

    private static bool TryReadReference(string text, int at, out string name, out int end, out bool braced)
    {
        name = "";
        end = at;
        braced = at + 1 < text.Length && text[at + 1] == '{';
        if (braced)
        {
            int close = text.IndexOf('}', at);
            if (close < 0)
                return false;
            name = text[(at + 2)..close];
            end = close + 1;
            int nameEnd = NameEnd(name, 0);
            return nameEnd > 0 && (nameEnd == name.Length || (name[0] == '_' && name[nameEnd] == ' '));
        }

        end = NameEnd(text, at + 1);
        name = text[(at + 1)..end];
        return name.Length > 0 && (end == text.Length || SourceLine.IsBlank(text[end]) || text[end] is ',' or ')');
    }

    private List<SourceLine>? Find(SourceLine line, string name, SourceSpan use, ImmutableDictionary<string, SourceLine> variables)
    {
        if (variables.TryGetValue(name, out var variable))
            return [variable];
        if (_definitions.TryGetValue(name, out var definition))
            return definition.Lines;
        string[] words = name.Split(' ', StringSplitOptions.RemoveEmptyEntries);
        string? text = words[0] switch
        {
            "_PWD" => _sources.TryPeek(out var source) ? Path.GetFullPath(source.Directory.Length == 0 ? "." : source.Directory) : "",
            "_INSTANCE" => _configId,
            "_HASH" => "#",
            "_BANG" => "!",
            "_ENV" when words.Length == 2 => Environment.GetEnvironmentVariable(words[1]) ?? "",
            "_RANDOM" => NextRandom(words),
            _ => null,
        };
        if (text is null)
            return null;
        var origins = new Origin[text.Length];
        Array.Fill(origins, new Origin(use.File ?? line.File, use.Start, use));
        return [new SourceLine(use.File ?? line.File, use.Start, text, origins)];
    }

    private string NextRandom(string[] words)
    {
        int min = 0, max = 32767;
        if (words.Length > 1 && int.TryParse(words[1], NumberStyles.None, CultureInfo.InvariantCulture, out int low))
            min = low;
        if (words.Length > 2 && int.TryParse(words[2], NumberStyles.None, CultureInfo.InvariantCulture, out int high))
            max = high;
        return _random.NextInt64(min, Math.Max(min, (long)max) + 1).ToString(CultureInfo.InvariantCulture);
    }

    private static SourceLine WithUse(SourceLine line, SourceSpan use)
    {
        var origins = new Origin[line.Text.Length];
        for (int i = 0; i < origins.Length; i++)
            origins[i] = line[i] with { Use = use };
        return new(line.File, 0, line.Text, origins);
    }

    /// <summary>A line with other text in the place of a reference; the text keeps where it was written and gets where it is used.</summary>
    private static SourceLine Replace(SourceLine line, int start, int end, SourceLine text, SourceSpan use)
    {
        var origins = new Origin[start + text.Text.Length + line.Text.Length - end];
        for (int i = 0; i < start; i++)
            origins[i] = line[i];
        for (int i = 0; i < text.Text.Length; i++)
            origins[start + i] = text[i] with { Use = use };
        for (int i = end; i < line.Text.Length; i++)
            origins[start + text.Text.Length + i - end] = line[i];
        return new(line.File, 0, string.Concat(line.Text.AsSpan(0, start), text.Text, line.Text.AsSpan(end)), origins);
    }

    private static SourceLine Protect(SourceLine line, int open, int close) =>
        line.WithText(new StringBuilder(line.Text) { [open] = Lexer.ProtectedOpen, [close] = Lexer.ProtectedClose }.ToString());

    private bool TryRepeat(SourceLine line, ImmutableDictionary<string, SourceLine> variables)
    {
        string text = line.Text;
        bool sequence = text.StartsWith("~SEQ", StringComparison.Ordinal);
        if (!sequence && !text.StartsWith("~LST", StringComparison.Ordinal))
            return false;
        int open = 4;
        bool hex = sequence && open < text.Length && text[open] == 'x';
        if (hex)
            open++;
        int close = text.IndexOf(')', Math.Min(open, text.Length));
        if (open >= text.Length || text[open] != '(' || close < 0)
        {
            diagnostics.BadRepetition(line.GetSpan(0, text.Length), "write ~SEQ(VAR, START, END) or ~LST(VAR, value, ...) and then the text to repeat");
            return true;
        }

        var header = Substitute(line.Slice(open + 1, close - open - 1), variables);
        var body = line.Slice(close + 1).Trim();
        if (header is null)
            return true;
        if (body.Text.Length == 0)
        {
            diagnostics.BadRepetition(line.GetSpan(0, text.Length), "there is no text to repeat after the ')'");
            return true;
        }

        var arguments = SplitArguments(header);
        string? problem = sequence ? Sequence(arguments, hex, body, variables) : List(arguments, body, variables);
        if (problem is not null)
            diagnostics.BadRepetition(line.GetSpan(0, close + 1), problem);
        return true;
    }

    private static List<SourceLine> SplitArguments(SourceLine line)
    {
        var parts = new List<SourceLine>();
        int depth = 0, start = 0;
        for (int i = 0; i < line.Text.Length; i++)
        {
            char c = line.Text[i];
            depth += c == '{' ? 1 : c == '}' ? -1 : 0;
            if (c == ',' && depth <= 0)
            {
                parts.Add(line.Slice(start, i - start).Trim());
                start = i + 1;
            }
        }

        parts.Add(line.Slice(start).Trim());
        return parts;
    }

    private string? Sequence(List<SourceLine> arguments, bool hex, SourceLine body, ImmutableDictionary<string, SourceLine> variables)
    {
        if (arguments.Count is < 2 or > 4 || NameEnd(arguments[0].Text, 0) != arguments[0].Text.Length || arguments[0].Text.Length == 0)
            return "~SEQ takes (VAR, END), (VAR, START, END) or (VAR, START, STEP, END)";
        var numbers = new List<long>();
        foreach (var argument in arguments.Skip(1))
        {
            if (!int.TryParse(argument.Text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out int number))
                return $"'{argument.Text}' is not a whole number";
            numbers.Add(number);
        }

        long last = numbers[^1];
        long first = numbers.Count == 1 ? (last < 0 ? -1 : 1) : numbers[0];
        long step = numbers.Count == 3 ? numbers[1] : last < first ? -1 : 1;
        if (step == 0 || (last != first && Math.Sign(last - first) != Math.Sign(step)))
            return "the step never reaches the end";
        if ((last - first) / step >= 100_000)
            return "it repeats more than 100000 times";
        if (hex && (first < 0 || last < 0))
            return "~SEQx takes positive values only";
        string format = hex ? "x" : "D";
        var values = new List<string>();
        for (long value = first; step > 0 ? value <= last : value >= last; value += step)
            values.Add(value.ToString(format, CultureInfo.InvariantCulture));
        string name = arguments[0].Text;
        var at = arguments[^1];
        Repeat(body, values.Select(v => variables.SetItem(name, Constant(at, v))));
        return null;
    }

    private string? List(List<SourceLine> arguments, SourceLine body, ImmutableDictionary<string, SourceLine> variables)
    {
        if (arguments.Count < 2)
            return "~LST takes (VAR, value, ...)";
        var names = Members(arguments[0]).ConvertAll(n => n.Text);
        if (names.Exists(n => n.Length == 0 || NameEnd(n, 0) != n.Length))
            return $"'{arguments[0].Text}' is no variable name";
        var all = new List<ImmutableDictionary<string, SourceLine>>();
        foreach (var argument in arguments.Skip(1))
        {
            var values = names.Count == 1 ? [argument] : Members(argument);
            if (values.Count > names.Count)
                return $"'{argument.Text}' has more values than there are variables";
            var bound = variables;
            for (int i = 0; i < names.Count; i++)
                bound = bound.SetItem(names[i], i < values.Count ? values[i] : Constant(argument, ""));
            all.Add(bound);
        }

        Repeat(body, all);
        return null;
    }

    private static List<SourceLine> Members(SourceLine line) =>
        line.Text.StartsWith('{') && line.Text.EndsWith('}') ? SplitArguments(line.Slice(1, line.Text.Length - 2)) : [line];

    private static SourceLine Constant(SourceLine at, string text)
    {
        var origins = new Origin[text.Length];
        Array.Fill(origins, at.Text.Length > 0 ? at[0] : new Origin(at.File, 0, default));
        return new(at.File, 0, text, origins);
    }

    private void Repeat(SourceLine body, IEnumerable<ImmutableDictionary<string, SourceLine>> bindings)
    {
        // The last value goes in first: the stack gives back the first one.
        foreach (var bound in bindings.Reverse())
        {
            var parent = _sources.TryPeek(out var source) ? source : null;
            _sources.Push(new([body], bound, parent?.Directory ?? "", parent?.Depth ?? 0));
        }

        if (_sources.Count > 150_000)
            Stop(body);
    }

    private bool TryInclude(SourceLine line)
    {
        string text = line.Text;
        if (!text.StartsWith("include", StringComparison.Ordinal))
            return false;
        int end = 7;
        while (end < text.Length && !SourceLine.IsBlank(text[end]))
            end++;
        string keyword = text[..end];
        if (keyword is not ("include" or "includer" or "includem" or "includew" or "includeb" or "includea"))
            return false;
        var argument = line.Slice(end).Trim();
        if (argument.Text.Length > 1 && argument.Text[0] == '"' && argument.Text[^1] == '"')
            argument = argument.Slice(1, argument.Text.Length - 2);
        var span = argument.GetSpan(0, argument.Text.Length);
        if (argument.Text.Length == 0)
        {
            diagnostics.MissingArgument(line.GetSpan(0, end), keyword, "a file name");
            return true;
        }

        var source = _sources.TryPeek(out var top) ? top : null;
        string directory = source?.Directory ?? "";
        int depth = (source?.Depth ?? 0) + 1;
        char strictness = options.StrictIncludes ? 'a' : keyword.Length == 7 ? ' ' : keyword[7];
        var alternatives = PathGlob.ExpandBraces(argument.Text);
        var found = new List<string>();
        foreach (string alternative in alternatives)
        {
            string path = Path.Combine(directory, alternative);
            if (PathGlob.HasWildcard(alternative))
            {
                var matches = PathGlob.Expand(_names, path);
                found.AddRange(matches);
                if (matches.Count == 0)
                    diagnostics.IncludeMatchesNothing(span, alternative, strictness is 'w' or 'a');
            }
            else if (_names.GetKind(path) == FileKind.Missing)
            {
                bool required = alternatives.Count > 1 ? strictness is 'b' or 'a' : strictness is 'm' or 'w' or 'a';
                diagnostics.IncludeMissing(span, path, required);
            }
            else
            {
                found.Add(path);
            }
        }

        if (_names.IsExhausted)
        {
            diagnostics.TooManyNames(span, MaxNames);
            _stopped = true;
            return true;
        }

        if (depth > MaxIncludeDepth || _files + found.Count > MaxFiles)
        {
            diagnostics.TooManyIncludes(span, MaxIncludeDepth, MaxFiles);
            return true;
        }

        for (int i = found.Count - 1; i >= 0; i--)
            Include(found[i], span, strictness != ' ', depth);
        return true;
    }

    private void Include(string path, SourceSpan span, bool required, int depth)
    {
        string? problem = files.GetKind(path) switch
        {
            FileKind.Directory => "it is a directory",
            FileKind.Executable => "it is executable, and keepalived reads no executable files",
            FileKind.Special => "it is not a regular file",
            _ => null,
        };
        byte[]? content = null;
        if (problem is null)
            content = files.Read(path, MaxFileSize, out problem);
        if (content is null)
        {
            diagnostics.IncludeUnreadable(span, path, problem ?? "it cannot be read", required);
            return;
        }

        var (text, encoding) = ConfigurationEncoding.Decode(content);
        _expanded += text.Length;
        if (_expanded > MaxExpandedCharacters)
        {
            diagnostics.TooManyIncludes(span, MaxIncludeDepth, MaxFiles);
            _stopped = true;
            return;
        }

        Push(new SourceText(path, text, encoding), Path.GetDirectoryName(path) ?? "", depth);
    }

    /// <summary>A file system that is empty once so many names in it were looked at: patterns of directories in directories never end.</summary>
    private sealed class BoundedFiles(IConfigurationFiles files, int names) : IConfigurationFiles
    {
        private int _left = names;

        public bool IsExhausted => _left <= 0;

        public FileKind GetKind(string path) => --_left < 0 ? FileKind.Missing : files.GetKind(path);

        public byte[]? Read(string path, int limit, out string? problem) => files.Read(path, limit, out problem);

        public IReadOnlyList<string> List(string directory)
        {
            if (--_left < 0)
                return [];
            var list = files.List(directory);
            _left -= list.Count;
            return list;
        }
    }

    private sealed class LineSource(List<SourceLine> lines, ImmutableDictionary<string, SourceLine> variables, string directory, int depth)
    {
        public List<SourceLine> Lines { get; } = lines;

        public ImmutableDictionary<string, SourceLine> Variables { get; } = variables;

        public string Directory { get; } = directory;

        public int Depth { get; } = depth;

        public int Index { get; set; }
    }

    private sealed record Definition(List<SourceLine> Lines);
}
