using System.CommandLine;
using System.CommandLine.Help;
using System.CommandLine.Invocation;
using System.CommandLine.Parsing;
using System.Globalization;
using Vrrp.Daemon.Configuration.Binding;
using Vrrp.Daemon.Hosting;

namespace Vrrp.Daemon.Commands;

/// <summary>The command tree, and what is said of a line that it does not understand: the mistake and where the help is, not the help.</summary>
internal static class CommandLine
{
    /// <summary>How <c>check</c> and <c>run</c> are told their file.</summary>
    private const string FileOption = "-f";

    public static Command Create() =>
        // Not a RootCommand: that is named after the assembly, and the command is called vrrp.
        new("vrrp", "VRRP failover daemon: reads keepalived.conf and holds virtual IP addresses.")
        {
            new HelpOption(),
            new VersionOption(),
            RunCommand.Create(),
            CheckCommand.Create(),
            IpvsCommand.Create(),
            RealServerCommand.Create(),
            AlertCommand.Create(),
            DemoCommand.Create(),
            SimulateCommand.Create(),
        };

    public static async Task<int> InvokeAsync(IReadOnlyList<string> arguments, InvocationConfiguration configuration)
    {
        var parsed = Create().Parse(arguments);
        // A command without the one that must follow it has made no mistake that help could bury.
        if (parsed.Action is not ParseErrorAction || (parsed.UnmatchedTokens.Count == 0 && parsed.CommandResult.Command.Subcommands.Count > 0))
            return await parsed.InvokeAsync(configuration).ConfigureAwait(false);
        foreach (string mistake in Mistakes(parsed))
            await configuration.Error.WriteLineAsync($"error: {mistake}").ConfigureAwait(false);
        await configuration.Error.WriteLineAsync($"See '{PathOf(parsed.CommandResult)} --help'.").ConfigureAwait(false);
        return ExitCode.Usage;
    }

    /// <summary>A whole number in a range; null when the option is not there.</summary>
    public static Option<int?> WholeNumber(string name, int min, int max) => new(name)
    {
        HelpName = "N",
        CustomParser = result =>
        {
            string text = result.Tokens[0].Value;
            if (int.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out int number) && number >= min && number <= max)
                return number;
            result.AddError(string.Create(CultureInfo.InvariantCulture, $"{name} takes a whole number from {min} to {max}, not '{text}'."));
            return null;
        },
    };

    private static IEnumerable<string> Mistakes(ParseResult parsed)
    {
        var command = parsed.CommandResult.Command;
        foreach (string word in parsed.UnmatchedTokens)
            yield return Unmatched(parsed.CommandResult, word);
        foreach (var error in parsed.Errors)
        {
            // Said above, in words that help.
            bool isUnmatched = parsed.UnmatchedTokens.Any(word => error.Message.Contains($"'{word}'", StringComparison.Ordinal));
            bool isConsequence = parsed.UnmatchedTokens.Count > 0 && command.Subcommands.Count > 0;
            if (!isUnmatched && !isConsequence)
                yield return error.Message;
        }
    }

    private static string Unmatched(CommandResult result, string word)
    {
        var command = result.Command;
        bool isOption = word.StartsWith('-');
        var known = isOption
            ? command.Options.Where(option => !option.Hidden).SelectMany(option => option.Aliases.Append(option.Name)).Where(name => name.StartsWith("--", StringComparison.Ordinal))
            : command.Subcommands.Select(subcommand => subcommand.Name);
        string what = isOption ? $"there is no option '{word}'." : command.Subcommands.Count > 0 ? $"there is no command '{word}'." : $"'{word}' is one word too many.";
        if (KeywordTable.Nearest(known, word) is { } meant)
            return $"{what} Did you mean '{meant}'?";
        bool takesFile = !isOption && command.Options.Any(option => option.Aliases.Contains(FileOption));
        return takesFile ? $"{what} The file is named with {FileOption}: {PathOf(result)} {FileOption} {word}" : what;
    }

    private static string PathOf(CommandResult result) =>
        result.Parent is CommandResult parent ? $"{PathOf(parent)} {result.Command.Name}" : result.Command.Name;
}
