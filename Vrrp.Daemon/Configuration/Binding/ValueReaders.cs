using System.Collections.Immutable;
using System.Globalization;
using System.Text;
using Vrrp.Daemon.Configuration.Diagnostics;
using Vrrp.Daemon.Configuration.Model;
using Vrrp.Daemon.Configuration.Syntax;
using Vrrp.Links;

namespace Vrrp.Daemon.Configuration.Binding;

/// <summary>Words to values. What cannot be read is reported and null; the caller keeps its default, as keepalived does.</summary>
internal sealed class ValueReaders(DiagnosticBag diagnostics)
{
    public static readonly TimeSpan MaxDelay = TimeSpan.FromDays(31);

    /// <summary>A decimal integer in a range. Trailing letters are cut off with a warning, as keepalived does outside -t.</summary>
    public int? Integer(StatementSyntax statement, int min, int max, DiagnosticSeverity severity = DiagnosticSeverity.Warning, string? used = null) =>
        Integer(statement.Words[1], statement.Name.Text, min, max, severity, used);

    /// <param name="word">What is read.</param>
    /// <param name="name">The keyword or option it belongs to.</param>
    /// <param name="min">The least value.</param>
    /// <param name="max">The greatest.</param>
    /// <param name="severity">Of a value that cannot be used.</param>
    /// <param name="used">What holds instead, for the message; null: "the default".</param>
    public int? Integer(Token word, string name, int min, int max, DiagnosticSeverity severity = DiagnosticSeverity.Warning, string? used = null)
    {
        string text = word.Text;
        int end = text.StartsWith('-') && min < 0 ? 1 : 0;
        while (end < text.Length && char.IsAsciiDigit(text[end]))
            end++;
        if (!long.TryParse(text.AsSpan(0, end), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out long value))
        {
            if (end > 1)
                diagnostics.OutOfRange(word, name, min, max, severity, used);
            else
                diagnostics.NotANumber(word, name, min, max, severity, used);
            return null;
        }

        if (value < min || value > max)
        {
            diagnostics.OutOfRange(word, name, min, max, severity, used);
            return null;
        }

        if (end < text.Length)
            diagnostics.TrailingCharacters(word, name, text[..end]);
        return (int)value;
    }

    /// <summary>Decimal seconds with up to six digits after the point.</summary>
    public TimeSpan? Seconds(StatementSyntax statement, decimal min, decimal max, string? used = null) =>
        Seconds(statement.Words[1], statement.Name.Text, min, max, used);

    public TimeSpan? Seconds(Token word, string name, decimal min, decimal max, string? used = null)
    {
        string text = word.Text;
        int end = 0;
        while (end < text.Length && end < 25 && (char.IsAsciiDigit(text[end]) || text[end] == '.'))
            end++;
        if (!decimal.TryParse(text.AsSpan(0, end), NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out decimal seconds))
        {
            diagnostics.NotADuration(word, name, min, max, used);
            return null;
        }

        if (end < text.Length)
            diagnostics.TrailingCharacters(word, name, text[..end]);
        decimal rounded = Math.Round(seconds, 6, MidpointRounding.AwayFromZero);
        if (rounded != seconds)
            diagnostics.TooManyDigits(word, name);
        if (rounded < min || rounded > max)
        {
            diagnostics.DurationOutOfRange(word, name, min, max, used);
            return null;
        }

        return TimeSpan.FromTicks((long)(rounded * TimeSpan.TicksPerSecond));
    }

    /// <summary>on, true, yes or nothing; off, false, no.</summary>
    public bool? Switch(StatementSyntax statement)
    {
        if (statement.Words.Length < 2)
            return true;
        switch (statement.Words[1].Text)
        {
            case "on" or "true" or "yes":
                return true;
            case "off" or "false" or "no":
                return false;
            default:
                diagnostics.NotASwitch(statement.Words[1], statement.Name.Text);
                return null;
        }
    }

    public VrrpVersion? Version(StatementSyntax statement) => Integer(statement, 2, 3) switch { 2 => VrrpVersion.V2, 3 => VrrpVersion.V3, _ => null };

    public IPAddressValue? Address(Token word, string name)
    {
        if (IPAddressValue.TryParse(word.Text, out var address))
            return address;
        diagnostics.NotAnAddress(word, name);
        return null;
    }

    public IPAddressValue? MulticastAddress(StatementSyntax statement, IPFamily? family)
    {
        if (Address(statement.Words[1], statement.Name.Text) is not { } address)
            return null;
        if (address.IsMulticast && (family is null || address.Family == family))
            return address;
        diagnostics.NotMulticast(statement.Words[1], statement.Name.Text, family);
        return null;
    }

    /// <summary>The kernel's rule for names: 1–15 characters, no slash, no blank.</summary>
    public string? InterfaceName(Token word)
    {
        string text = word.Text;
        if (text.Length is > 0 and <= 15 && text is not ("." or "..") && !text.Contains('/', StringComparison.Ordinal)
            && !text.Any(char.IsWhiteSpace) && !text.Contains(':', StringComparison.Ordinal))
            return text;
        diagnostics.NotAnInterfaceName(word);
        return null;
    }

    /// <summary>The name of an nf_tables table; null without one, or with one that the kernel cannot take.</summary>
    public string? TableName(StatementSyntax statement)
    {
        if (statement.Words.Length < 2)
            return null;
        var word = statement.Words[1];
        if (Encoding.UTF8.GetByteCount(word.Text) is > 0 and <= AcceptFilterOptions.MaximumTableLength)
            return word.Text;
        diagnostics.NotATableName(word, AcceptFilterOptions.MaximumTableLength);
        return null;
    }

    public static ScriptCommand? Command(StatementSyntax statement) => statement.Words.Length < 2
        ? null
        : new(statement.Words[1].Text, statement.Words.Length > 2 ? statement.Words[2].Text : null, statement.Words.Length > 3 ? statement.Words[3].Text : null)
        {
            Span = statement.Words[1].Span,
        };

    /// <summary>Gives a command without a user of its own that of <c>script_user</c>.</summary>
    public static ScriptCommand? AsScriptUser(ScriptCommand? command, GlobalDefs defs) =>
        command is { User: null } ? command with { User = defs.ScriptUser, Group = defs.ScriptGroup } : command;

    /// <summary>All words of a flat list.</summary>
    public static IEnumerable<Token> Words(BlockSyntax block) => block.Statements.SelectMany(s => s.Words);
}
