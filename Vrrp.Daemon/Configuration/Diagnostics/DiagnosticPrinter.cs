using System.Globalization;
using System.Text;
using System.Text.Json;
using Vrrp.Daemon.Configuration.Syntax;

namespace Vrrp.Daemon.Configuration.Diagnostics;

/// <summary>Diagnostics as text with the source line and a caret, or as JSON. Passwords are masked in quoted lines.</summary>
internal static class DiagnosticPrinter
{
    private const int MaxQuotedLine = 160;

    public static string ToText(IEnumerable<Diagnostic> diagnostics, bool colour = false)
    {
        var text = new StringBuilder();
        foreach (var diagnostic in diagnostics)
        {
            Head(text, diagnostic, colour);
            Quote(text, diagnostic.Span, colour ? Colour(diagnostic.Severity) : null);
            foreach (var related in diagnostic.Related)
            {
                text.Append("  ").Append(related.Span.ToString()).Append(": note: ").Append(related.Message).Append('\n');
                Quote(text, related.Span, null);
            }
        }

        return text.ToString();
    }

    /// <summary>Place, code and message: what a log takes, which has the severity of every line already.</summary>
    public static string ToLine(Diagnostic diagnostic) =>
        $"{(diagnostic.Span.IsNone ? "" : $"{diagnostic.Span}: ")}{diagnostic.Code}: {diagnostic.Message}";

    /// <summary>Writes an array of findings.</summary>
    public static void WriteJson(Utf8JsonWriter writer, IEnumerable<Diagnostic> diagnostics)
    {
        writer.WriteStartArray();
        foreach (var diagnostic in diagnostics)
        {
            writer.WriteStartObject();
            writer.WriteString("code", diagnostic.Code);
            writer.WriteString("severity", Name(diagnostic.Severity));
            writer.WriteString("message", diagnostic.Message);
            WritePlace(writer, diagnostic.Span);
            if (!diagnostic.Related.IsEmpty)
            {
                writer.WriteStartArray("related");
                foreach (var related in diagnostic.Related)
                {
                    writer.WriteStartObject();
                    writer.WriteString("message", related.Message);
                    WritePlace(writer, related.Span);
                    writer.WriteEndObject();
                }

                writer.WriteEndArray();
            }

            writer.WriteEndObject();
        }

        writer.WriteEndArray();
    }

    public static string Name(DiagnosticSeverity severity) => severity switch
    {
        DiagnosticSeverity.Error => "error",
        DiagnosticSeverity.Warning => "warning",
        _ => "info",
    };

    private static void Head(StringBuilder text, Diagnostic diagnostic, bool colour)
    {
        if (!diagnostic.Span.IsNone)
            text.Append(diagnostic.Span.ToString()).Append(": ");
        if (colour)
            text.Append(Colour(diagnostic.Severity));
        text.Append(Name(diagnostic.Severity)).Append(' ').Append(diagnostic.Code);
        if (colour)
            text.Append("\u001b[0m");
        text.Append(": ").Append(diagnostic.Message).Append('\n');
    }

    private static string Colour(DiagnosticSeverity severity) => severity switch
    {
        DiagnosticSeverity.Error => "\u001b[31m",
        DiagnosticSeverity.Warning => "\u001b[33m",
        _ => "\u001b[36m",
    };

    private static void Quote(StringBuilder text, SourceSpan span, string? colour)
    {
        if (span.File is not { } file || file.Text.Length == 0)
            return;
        var (line, column) = file.GetPosition(span.Start);
        string source = Visible(file, line);
        // A window around the word, so that a line of a thousand characters stays readable.
        int from = column > MaxQuotedLine - 40 ? column - 60 : 0;
        if (from > 0 || source.Length > MaxQuotedLine)
            source = source.Substring(Math.Min(from, source.Length), Math.Min(MaxQuotedLine, Math.Max(0, source.Length - from)));
        text.Append("    ").Append(source).Append("\n    ");
        // Tabs stay tabs under tabs, whatever their width.
        int caret = column - 1 - from;
        for (int i = 0; i < caret; i++)
            text.Append(i < source.Length && source[i] == '\t' ? '\t' : ' ');
        if (colour is not null)
            text.Append(colour);
        text.Append('^');
        int length = Math.Min(span.Length, source.Length - caret);
        if (length > 1)
            text.Append('~', length - 1);
        if (colour is not null)
            text.Append("\u001b[0m");
        text.Append('\n');
    }

    /// <summary>A line of the file without passwords and control characters.</summary>
    private static string Visible(SourceText file, int line)
    {
        int start = file.GetLineStart(line);
        var source = file.GetLine(line);
        var text = new StringBuilder(source.Length);
        // Whatever follows this word on its line is a password or was meant as one.
        int secretFrom = source.IndexOf("auth_pass", StringComparison.Ordinal) is var at and >= 0 ? at + "auth_pass".Length : int.MaxValue;
        for (int i = 0; i < source.Length; i++)
        {
            char c = source[i];
            bool hidden = (i >= secretFrom && c is not ('{' or '}')) || file.IsSecret(start + i);
            text.Append(c == '\t' ? c : hidden && !char.IsWhiteSpace(c) ? '*' : char.IsControl(c) ? '?' : c);
        }

        return text.ToString();
    }

    private static void WritePlace(Utf8JsonWriter writer, SourceSpan span)
    {
        if (span.File is not { } file)
            return;
        var (line, column) = file.GetPosition(span.Start);
        var (endLine, endColumn) = file.GetPosition(span.End);
        writer.WriteString("file", file.Path);
        writer.WriteNumber("line", line);
        writer.WriteNumber("column", column);
        writer.WriteNumber("endLine", endLine);
        writer.WriteNumber("endColumn", endColumn);
    }
}
