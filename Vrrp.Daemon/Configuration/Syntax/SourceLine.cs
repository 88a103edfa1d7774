namespace Vrrp.Daemon.Configuration.Syntax;

/// <summary>Where one character was written, and where the definition was used that it came out of.</summary>
internal readonly record struct Origin(SourceText File, int Offset, SourceSpan Use);

/// <summary>One line on its way to the lexer: its text and, for every character, where it was written.</summary>
internal sealed class SourceLine
{
    private readonly SourceText _file;
    private readonly int _offset;
    private readonly Origin[]? _origins;

    public SourceLine(SourceText file, int offset, string text)
    {
        _file = file;
        _offset = offset;
        Text = text;
    }

    public SourceLine(SourceText file, int offset, string text, Origin[] origins)
        : this(file, offset, text) => _origins = origins;

    public string Text { get; }

    public SourceText File => _file;

    public Origin this[int index] => _origins is not null ? _origins[index] : new(_file, _offset + index, default);

    public SourceLine Slice(int start) => Slice(start, Text.Length - start);

    public SourceLine Slice(int start, int length) => _origins is null
        ? new(_file, _offset + start, Text.Substring(start, length))
        : new(_file, length > 0 ? _origins[start].Offset : _offset, Text.Substring(start, length), _origins[start..(start + length)]);

    /// <summary>The same line with other characters in the same places.</summary>
    public SourceLine WithText(string text) => _origins is null ? new(_file, _offset, text) : new(_file, _offset, text, _origins);

    public SourceLine Trim()
    {
        int start = 0, end = Text.Length;
        while (start < end && IsBlank(Text[start]))
            start++;
        while (end > start && IsBlank(Text[end - 1]))
            end--;
        return start == 0 && end == Text.Length ? this : Slice(start, end - start);
    }

    /// <summary>The place of some characters: as written when they stand together, else where the definition was used.</summary>
    public SourceSpan GetSpan(int start, int length)
    {
        if (_origins is null || Text.Length == 0)
            return new(_file, _offset + start, length);
        if (start >= Text.Length)
            return new(_origins[^1].File, _origins[^1].Offset + 1, 0);
        var first = _origins[start];
        var last = _origins[Math.Max(start, start + length - 1)];
        if (ReferenceEquals(first.File, last.File) && first.Use == last.Use && last.Offset >= first.Offset)
            return new(first.File, first.Offset, length == 0 ? 0 : last.Offset - first.Offset + 1);
        // A word glued of several pieces: it exists as a whole only where it was used.
        var from = first.Use.IsNone ? new SourceSpan(first.File, first.Offset, 1) : first.Use;
        var to = last.Use.IsNone ? new SourceSpan(last.File, last.Offset, 1) : last.Use;
        return from.To(to);
    }

    /// <summary>Where the definition was used that the characters came out of; none when they were written in place.</summary>
    public SourceSpan GetUse(int start, int length)
    {
        if (_origins is null || start >= Text.Length || length == 0)
            return default;
        var use = _origins[start].Use;
        return _origins[start + length - 1].Use == use ? use : default;
    }

    public static bool IsBlank(char c) => c is ' ' or '\t' or '\f' or '\v' or '\r' or '\n';
}
