using System.Globalization;

namespace Vrrp.Daemon.Configuration.Syntax;

/// <summary>A stretch of one file: what a diagnostic points at. The default value points nowhere.</summary>
internal readonly record struct SourceSpan(SourceText? File, int Start, int Length)
{
    public bool IsNone => File is null;

    public int End => Start + Length;

    /// <summary>Line, from 1; 0 when the span points nowhere.</summary>
    public int Line => File?.GetPosition(Start).Line ?? 0;

    /// <summary>Column, from 1; 0 when the span points nowhere.</summary>
    public int Column => File?.GetPosition(Start).Column ?? 0;

    /// <summary>From the beginning of this to the end of another span of the same file.</summary>
    public SourceSpan To(SourceSpan end) => ReferenceEquals(File, end.File) && end.End >= Start ? this with { Length = end.End - Start } : this;

    /// <summary>file:line:col, the form that editors and compilers jump to.</summary>
    public override string ToString()
    {
        if (File is null)
            return "";
        var (line, column) = File.GetPosition(Start);
        return string.Create(CultureInfo.InvariantCulture, $"{File.Path}:{line}:{column}");
    }
}
