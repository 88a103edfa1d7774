using System.Collections;
using System.Text;

namespace Vrrp.Daemon.Configuration.Syntax;

/// <summary>One file's text, every character of it; turns an offset into line and column.</summary>
internal sealed class SourceText
{
    private readonly int[] _lineStarts;
    private BitArray? _secrets;

    public SourceText(string path, string text, Encoding? encoding = null)
    {
        Path = path;
        Text = text;
        Encoding = encoding ?? Encoding.UTF8;
        var starts = new List<int> { 0 };
        for (int i = text.IndexOf('\n', StringComparison.Ordinal); i >= 0; i = text.IndexOf('\n', i + 1))
            starts.Add(i + 1);
        _lineStarts = [.. starts];
    }

    /// <summary>The path as the operator or an include line wrote it, made printable.</summary>
    public string Path { get; }

    public string Text { get; }

    /// <summary>How the bytes were read, so that a password can be turned back into the same bytes.</summary>
    public Encoding Encoding { get; }

    public int LineCount => _lineStarts.Length;

    /// <summary>Line and column of an offset, both from 1; a tab is one column.</summary>
    public (int Line, int Column) GetPosition(int offset)
    {
        int line = Array.BinarySearch(_lineStarts, Math.Clamp(offset, 0, Text.Length));
        if (line < 0)
            line = ~line - 1;
        return (line + 1, Math.Clamp(offset, 0, Text.Length) - _lineStarts[line] + 1);
    }

    /// <summary>Offset of the first character of a line that is counted from 1.</summary>
    public int GetLineStart(int line) => _lineStarts[line - 1];

    /// <summary>A line counted from 1, without its line end.</summary>
    public ReadOnlySpan<char> GetLine(int line)
    {
        int start = _lineStarts[line - 1];
        int end = line < _lineStarts.Length ? _lineStarts[line] - 1 : Text.Length;
        if (end > start && Text[end - 1] == '\r')
            end--;
        return Text.AsSpan(start, end - start);
    }

    /// <summary>Marks characters that nobody may be shown, such as a password.</summary>
    public void MarkSecret(int start, int length)
    {
        _secrets ??= new BitArray(Text.Length);
        for (int i = Math.Max(0, start); i < Math.Min((long)start + length, Text.Length); i++)
            _secrets[i] = true;
    }

    public bool IsSecret(int offset) => _secrets is not null && offset >= 0 && offset < Text.Length && _secrets[offset];
}
