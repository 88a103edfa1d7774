using System.Text;

namespace Vrrp.Daemon.Tracking;

/// <summary>A command as it stands in the configuration, to words: blanks separate, quotes of either kind group, a backslash takes what follows as it is. No shell.</summary>
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
            if (c == '\\' && quote != '\'' && i + 1 < command.Length)
            {
                word.Append(command[++i]);
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
