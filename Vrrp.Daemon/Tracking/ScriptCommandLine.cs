using System.Text;

namespace Vrrp.Daemon.Tracking;

/// <summary>
/// A command as it stands in the configuration, to words, as keepalived splits them: blanks separate, quotes of either kind group, and a
/// backslash means the same everywhere: <c>\n \t \a \b \E \f \r \v \x41 \101 \cX</c>, and before any other character that character. No shell.
/// </summary>
internal static class ScriptCommandLine
{
    /// <summary>The words; none when there is none, null when a quote is not closed.</summary>
    public static IReadOnlyList<string>? Split(string command)
    {
        var words = new List<string>();
        var word = new StringBuilder();
        bool isWord = false;
        char quote = '\0';
        for (int i = 0; i < command.Length; i++)
        {
            char c = command[i];
            if (c == '\\' && i + 1 < command.Length)
            {
                i = Unescape(command, i + 1, word);
                isWord = true;
            }
            else if (quote != '\0')
            {
                if (c == quote)
                    quote = '\0';
                else
                    word.Append(c);
            }
            else if (c is '"' or '\'')
            {
                quote = c;
                isWord = true;
            }
            else if (char.IsWhiteSpace(c))
            {
                if (isWord)
                    words.Add(word.ToString());
                word.Clear();
                isWord = false;
            }
            else
            {
                word.Append(c);
                isWord = true;
            }
        }

        if (quote != '\0')
            return null;
        if (isWord)
            words.Add(word.ToString());
        return words;
    }

    /// <summary>Takes what follows a backslash; the place of its last character.</summary>
    private static int Unescape(string command, int at, StringBuilder word)
    {
        char c = command[at];
        if (c == 'x' && at + 1 < command.Length && char.IsAsciiHexDigit(command[at + 1]))
            return Number(command, at + 1, digits: 2, radix: 16, word);
        if (c is >= '0' and <= '7')
            return Number(command, at, digits: 3, radix: 8, word);
        if (c == 'c' && at + 1 < command.Length)
        {
            word.Append((char)(command[at + 1] & 0x1F));
            return at + 1;
        }

        word.Append(c switch
        {
            'a' => '\a',
            'b' => '\b',
            'E' => '\e',
            'f' => '\f',
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            'v' => '\v',
            _ => c,
        });
        return at;
    }

    private static int Number(string command, int at, int digits, int radix, StringBuilder word)
    {
        int value = 0, end = at;
        while (end < command.Length && end < at + digits && char.IsAsciiHexDigit(command[end]) && Convert.ToInt32(command[end].ToString(), 16) < radix)
            value = (value * radix) + Convert.ToInt32(command[end++].ToString(), 16);
        word.Append((char)(value & 0xFF));
        return end - 1;
    }
}
