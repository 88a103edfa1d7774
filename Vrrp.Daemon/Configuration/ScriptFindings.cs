using System.Collections.Immutable;
using System.Globalization;
using Vrrp.Daemon.Configuration.Diagnostics;
using Vrrp.Daemon.Configuration.Model;
using Vrrp.Daemon.Configuration.Syntax;
using Vrrp.Daemon.Ipvs;
using Vrrp.Daemon.Tracking;

namespace Vrrp.Daemon.Configuration;

/// <summary>Scripts of a configuration that could not run on this host, found before the night in which they are needed.</summary>
internal sealed class ScriptFindings(DiagnosticBag diagnostics, IScriptHost host)
{
    /// <summary>What only a shell takes for more than an argument, where it stands alone.</summary>
    private static readonly HashSet<string> s_shellWords = ["|", "||", "&&", "&", ";", ">", ">>", "<", "2>", "2>&1", "1>/dev/null", ">/dev/null", "2>/dev/null", "&>/dev/null"];

    private readonly Dictionary<ScriptCommand, string?> _known = [];
    private readonly HashSet<SourceSpan> _shell = [];

    public void Find(DaemonConfig config)
    {
        bool isSecure = config.GlobalDefs.EnableScriptSecurity;
        var anonymous = new List<SourceSpan>();
        foreach (var tracker in config.Trackers.OfType<ScriptTracker>().Where(tracker => tracker.OpenedPath is null))
        {
            if (Problem(tracker.Command) is { } problem)
                diagnostics.TrackerCannotRun(tracker.Command.Span, tracker.Name, problem, Consequence(config, tracker));
        }

        foreach (var (keyword, subject, command) in Commands(config))
        {
            if (Problem(command) is { } problem)
                diagnostics.ScriptCannotRun(command.Span, keyword, subject, problem);
        }

        if (isSecure && anonymous.Count > 0 && !host.HasDefaultUser)
            diagnostics.ScriptsRunAsRoot(anonymous.MinBy(span => span.Start));

        string? Problem(ScriptCommand command)
        {
            if (ScriptCommandLine.Split(command.CommandLine)?.FirstOrDefault(s_shellWords.Contains) is { } word && _shell.Add(command.Span))
                diagnostics.NoShell(command.Span, word);
            if (command.User is null)
                anonymous.Add(command.Span);
            if (!_known.TryGetValue(command, out string? problem))
                _known[command] = problem = host.FindProblem(command, isSecure);
            return problem;
        }
    }

    /// <summary>What a failure does to the instances that follow the script.</summary>
    private static string Consequence(DaemonConfig config, ScriptTracker tracker)
    {
        var followers = config.Instances
            .Select(instance => (instance.Name, Followed: instance.TrackedObjects.FirstOrDefault(followed => followed.Kind == TrackedObjectKind.Script && followed.Name == tracker.Name)))
            .Where(follower => follower.Followed is not null)
            .ToImmutableArray();
        return followers.Length == 0 ? "nothing follows it" : string.Join("; ", followers.GroupBy(follower => Effect(follower.Followed!), follower => follower.Name)
            .Select(group => $"{Some([.. group])} {group.Key}"));
    }

    private static string Effect(TrackedObject followed) => (followed.Weight, followed.Reverse) switch
    {
        (0, false) => "cannot leave FAULT",
        (> 0, false) => string.Create(CultureInfo.InvariantCulture, $"never gets the {followed.Weight} that it adds to the priority"),
        (< 0, false) => string.Create(CultureInfo.InvariantCulture, $"runs with {-followed.Weight} less priority"),
        (< 0, true) => string.Create(CultureInfo.InvariantCulture, $"runs with {-followed.Weight} more priority"),
        _ => "goes on as if it were well",
    };

    private static string Some(string[] names) =>
        names.Length <= 3 ? string.Join(" and ", names) : $"{names[0]}, {names[1]} and {names.Length - 2} others";

    private static IEnumerable<(string Keyword, string Subject, ScriptCommand Command)> Commands(DaemonConfig config)
    {
        if (config.GlobalDefs.StartupScript is { } first)
            yield return ("startup_script", "the daemon", first);
        if (config.GlobalDefs.ShutdownScript is { } last)
            yield return ("shutdown_script", "the daemon", last);
        foreach (var instance in config.Instances)
        {
            foreach (var (keyword, command) in instance.Notify.All())
                yield return (keyword, instance.Name, command);
        }

        foreach (var group in config.SyncGroups)
        {
            foreach (var (keyword, command) in group.Notify.All())
                yield return (keyword, group.Name, command);
        }

        foreach (var fifo in config.GlobalDefs.NotifyFifos)
        {
            if (fifo.Script is { } command)
                yield return ("script", $"the pipe {fifo.Path}", command);
        }

        foreach (var server in config.VirtualServers)
        {
            if (server.QuorumUp is { } up)
                yield return ("quorum_up", server.Name, up);
            if (server.QuorumDown is { } down)
                yield return ("quorum_down", server.Name, down);
            foreach (var real in server.RealServers)
            {
                string name = $"real server {new DestinationKey(real.Address, real.Port)}";
                if (real.NotifyUp is { } realUp)
                    yield return ("notify_up", name, realUp);
                if (real.NotifyDown is { } realDown)
                    yield return ("notify_down", name, realDown);
                foreach (var check in real.Checks.OfType<MiscCheck>())
                    yield return ("misc_path", name, check.Command);
            }
        }
    }
}
