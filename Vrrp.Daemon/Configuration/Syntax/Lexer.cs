using System.Text;
using Vrrp.Daemon.Configuration.Binding;
using Vrrp.Daemon.Configuration.Diagnostics;

namespace Vrrp.Daemon.Configuration.Syntax;

/// <summary>Lines to tokens. Braces outside quotes split a line; a line ends with an <see cref="TokenKind.EndOfLine"/>.</summary>
internal sealed class Lexer(DiagnosticBag diagnostics)
{
    /// <summary>Stand for the braces of a reference to an unknown definition, which are no block braces.</summary>
    public const char ProtectedOpen = '\uE000';
    public const char ProtectedClose = '\uE001';

    /// <summary>Begins a line that is ours alone, before its first word.</summary>
    public const char OwnLine = '\uE002';

    private readonly Dictionary<SourceText, int> _lastEnd = [];

    public List<Token> Tokens { get; } = [];

    // The raw line of these is read again by keepalived, with single quotes too.
    private static readonly HashSet<string> s_commands = new(StringComparer.Ordinal)
    {
        "script", "misc_path", "notify", "notify_master", "notify_backup", "notify_fault", "notify_stop", "notify_deleted",
        "notify_master_rx_lower_pri", "notify_up", "notify_down", "quorum_up", "quorum_down", "startup_script", "shutdown_script",
        "notify_fifo_script", "vrrp_notify_fifo_script", "lvs_notify_fifo_script",
    };

    public static bool IsCommand(string keyword) => s_commands.Contains(keyword);

    /// <summary>Whether a line is a comment to keepalived and ours to read: <c>!vrrp KEYWORD …</c>. Then where its words begin.</summary>
    public static bool IsOwn(ReadOnlySpan<char> line, out int start)
    {
        start = 0;
        while (start < line.Length && SourceLine.IsBlank(line[start]))
            start++;
        bool isOwn = line[start..].StartsWith(KeywordTable.OwnPrefix, StringComparison.Ordinal);
        start += KeywordTable.OwnPrefix.Length;
        return isOwn && start < line.Length && SourceLine.IsBlank(line[start]) && !line[start..].IsWhiteSpace();
    }

    /// <summary>The words of such a line, behind the mark of it.</summary>
    public static SourceLine ReadOwn(SourceText file, int offset, ReadOnlySpan<char> line, int start)
    {
        var rest = RemoveComment(file, offset + start, line[start..]).Trim();
        var origins = new Origin[rest.Text.Length + 1];
        origins[0] = new(file, offset + start - KeywordTable.OwnPrefix.Length, default);
        for (int i = 0; i < rest.Text.Length; i++)
            origins[i + 1] = rest[i];
        return new(file, offset, rest.Text.Length == 0 ? "" : OwnLine + rest.Text, origins);
    }

    /// <summary>Removes a comment; resolves <c>\#</c> and <c>\!</c>.</summary>
    public static SourceLine RemoveComment(SourceText file, int offset, ReadOnlySpan<char> line)
    {
        bool quoted = false;
        var removed = new List<int>();
        int end = line.Length;
        for (int i = 0; i < line.Length; i++)
        {
            char c = line[i];
            if (c == '"')
            {
                quoted = !quoted;
            }
            else if (!quoted && c == '\\' && i + 1 < line.Length && IsCommentStart(line[i + 1]))
            {
                removed.Add(i);
                i++;
            }
            else if (!quoted && IsCommentStart(c))
            {
                end = i;
                break;
            }
        }

        if (removed.Count == 0)
            return new(file, offset, line[..end].ToString());
        var text = new StringBuilder(end);
        var origins = new List<Origin>(end);
        for (int i = 0; i < end; i++)
        {
            if (removed.Contains(i))
                continue;
            text.Append(line[i]);
            origins.Add(new(file, offset + i, default));
        }

        return new(file, offset, text.ToString(), [.. origins]);
    }

    public void Add(SourceLine line)
    {
        string text = line.Text;
        bool command = false;
        bool first = true;
        bool secret = false;
        int i = 0;
        while (i < text.Length)
        {
            char c = text[i];
            if (SourceLine.IsBlank(c))
            {
                i++;
            }
            else if (c is '{' or '}')
            {
                EndLine(line, i);
                Emit(line, c == '{' ? TokenKind.OpenBrace : TokenKind.CloseBrace, c == '{' ? "{" : "}", i, 1, quoted: false, secret: false);
                i++;
                first = true;
                command = false;
            }
            else if (c == '"' || command)
            {
                int start = i;
                var word = new StringBuilder();
                if (!TryTakeWord(text, ref i, command, word, out bool quoted))
                {
                    // The words before it would be a statement that nobody wrote.
                    diagnostics.UnterminatedQuote(line.GetSpan(i, text.Length - i));
                    while (Tokens.Count > 0 && Tokens[^1].Kind == TokenKind.Word)
                        Tokens.RemoveAt(Tokens.Count - 1);
                    return;
                }

                Emit(line, TokenKind.Word, word.Replace(ProtectedOpen, '{').Replace(ProtectedClose, '}').ToString(), start, i - start, quoted, secret);
                first = false;
            }
            else
            {
                int start = i;
                var characters = new StringBuilder();
                while (i < text.Length && !SourceLine.IsBlank(text[i]) && text[i] is not ('{' or '}' or '"'))
                    characters.Append(text[i++]);
                string word = characters.Replace(ProtectedOpen, '{').Replace(ProtectedClose, '}').ToString();
                if (first && word.StartsWith(OwnLine))
                    word = $"{KeywordTable.OwnPrefix} {word[1..]}";
                Emit(line, TokenKind.Word, word, start, i - start, quoted: false, secret);
                // Also where the line is misplaced and the word is taken for something else.
                secret |= word == "auth_pass" || IsMisplacedPassword(word);
                if (first)
                    command = IsCommand(word);
                first = false;
            }
        }

        EndLine(line, text.Length);
    }

    /// <summary>A word that begins with a quote, or one of a command, in which pieces that touch are one word.</summary>
    /// <returns>False: a quote is not closed; then <paramref name="i"/> is where it is.</returns>
    private static bool TryTakeWord(string text, ref int i, bool command, StringBuilder word, out bool quoted)
    {
        quoted = false;
        do
        {
            char c = text[i];
            if (c == '"' || (c == '\'' && command))
            {
                int close = i + 1;
                while (close < text.Length && text[close] != c)
                    close = Take(text, close, command, word) + 1;
                if (close >= text.Length)
                    return false;
                quoted = true;
                i = close + 1;
            }
            else
            {
                i = Take(text, i, command, word) + 1;
            }
        }
        while (command && i < text.Length && !SourceLine.IsBlank(text[i]) && text[i] is not ('{' or '}'));
        return true;
    }

    /// <summary>Adds a character to a word, in commands also what a backslash makes of those that follow it.</summary>
    /// <returns>The place of the last one.</returns>
    private static int Take(string text, int at, bool command, StringBuilder word)
    {
        if (command && text[at] == '\\' && at + 1 < text.Length)
            return CommandEscape.Take(text, at + 1, word);
        word.Append(text[at]);
        return at;
    }

    /// <summary>The password of the mail server stands in a file of its own; who writes it here must not see it in a message.</summary>
    private static bool IsMisplacedPassword(string word) =>
        word.StartsWith(KeywordTable.OwnPrefix + " smtp_pa", StringComparison.Ordinal) && word != KeywordTable.OwnPrefix + " smtp_password_file";

    private static bool IsCommentStart(char c) => c is '#' or '!';

    private void Emit(SourceLine line, TokenKind kind, string text, int start, int length, bool quoted, bool secret)
    {
        var span = line.GetSpan(start, length);
        var use = line.GetUse(start, length);
        var trivia = default(SourceSpan);
        if (use.IsNone && span.File is { } file)
        {
            int lastEnd = _lastEnd.GetValueOrDefault(file);
            if (span.Start >= lastEnd)
            {
                trivia = new(file, lastEnd, span.Start - lastEnd);
                _lastEnd[file] = span.End;
            }
        }

        if (secret)
            span.File?.MarkSecret(span.Start, span.Length);
        Tokens.Add(new(kind, text, span) { Quoted = quoted, IsSecret = secret, Use = use, LeadingTrivia = trivia });
    }

    private void EndLine(SourceLine line, int at)
    {
        if (Tokens.Count > 0 && Tokens[^1].Kind == TokenKind.Word)
            Tokens.Add(new(TokenKind.EndOfLine, "", line.GetSpan(at, 0)));
    }
}
