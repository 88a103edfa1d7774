using System.Text;
using Vrrp.Daemon.Configuration.Syntax;

namespace Vrrp.Daemon.Tracking;

/// <summary>
/// A command as it stands in the configuration, to words, as keepalived splits them: blanks separate, quotes of either kind group, and
/// backslashes mean the same in and out of them. No shell. Reading the file has resolved one layer of both before (<see cref="Lexer"/>).
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
                i = CommandEscape.Take(command, i + 1, word);
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
}
