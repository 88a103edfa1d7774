using System.Text;

namespace Vrrp.Daemon.Configuration.Syntax;

/// <summary>
/// Backslashes in commands, as keepalived has them: <c>\n \t \a \b \E \f \r \v \x41 \101 \cX</c>, and before any other character that character.
/// </summary>
internal static class CommandEscape
{
    /// <summary>Adds to a word what a backslash and the characters from a place on mean.</summary>
    /// <returns>The place of the last of these characters.</returns>
    public static int Take(string command, int at, StringBuilder word)
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
