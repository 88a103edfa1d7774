using System.Collections.Immutable;
using System.Globalization;
using Vrrp.Daemon.Configuration.Diagnostics;
using Vrrp.Daemon.Configuration.Model;
using Vrrp.Daemon.Configuration.Syntax;

namespace Vrrp.Daemon.Configuration.Binding;

/// <summary>vrrp_script, track_file and vrrp_track_process, and the lists of instances and groups that name them and interfaces.</summary>
internal sealed class TrackingBinder(DiagnosticBag diagnostics, BlockReader reader, ValueReaders values)
{
    /// <summary>Every member of a group has the group's trackers too: without a bound a file could name more of both than memory holds.</summary>
    private const int MaxTracked = 1000;

    /// <summary>Seconds; what fits into 32 bits of microseconds.</summary>
    private const int MaxScriptSeconds = 4294;

    private const int MaxScriptWeight = 253;
    private const int MaxWeight = 254;
    private const int MaxQuorum = 65535;

    private readonly Dictionary<(TrackedObjectKind, string), (Tracker? Tracker, Token Name, string Keyword)> _defined = [];
    private readonly List<(TrackedObjectKind, string)> _order = [];
    private readonly HashSet<(TrackedObjectKind, string)> _used = [];

    /// <summary>A vrrp_script, track_file, vrrp_track_process or bfd_instance: known from here on, as references are resolved in order.</summary>
    public void Define(StatementSyntax statement)
    {
        TrackedObjectKind? kind = statement.Name.Text switch
        {
            "vrrp_script" => TrackedObjectKind.Script,
            "track_file" or "vrrp_track_file" => TrackedObjectKind.File,
            "vrrp_track_process" => TrackedObjectKind.Process,
            "bfd_instance" => TrackedObjectKind.Bfd,
            _ => null,
        };
        if (kind is null)
            return;
        string keyword = statement.Name.Text;
        if (statement.Words.Length != 2)
        {
            if (kind != TrackedObjectKind.Bfd)
                diagnostics.NotOneName(statement.Name, keyword, statement.Words.Length - 1);
            return;
        }

        var name = statement.Words[1];
        if (_defined.TryGetValue((kind.Value, name.Text), out var earlier))
        {
            diagnostics.DuplicateName(name, keyword, earlier.Name.Span);
            return;
        }

        var span = statement.Name.Span.To(name.Span);
        Tracker? tracker = kind switch
        {
            TrackedObjectKind.Script => BindScript(statement, name, span),
            TrackedObjectKind.File => BindFile(statement, name, span),
            TrackedObjectKind.Process => BindProcess(statement, name, span),
            _ => null,
        };
        if (tracker is null && kind != TrackedObjectKind.Bfd)
            return;
        _defined.Add((kind.Value, name.Text), (tracker, name, keyword));
        _order.Add((kind.Value, name.Text));
    }

    /// <summary>A track_file that is defined above, with the weight it gives; null: there is none of that name, or it names no file.</summary>
    public (string Path, int Weight)? FindFile(string name)
    {
        if (!_defined.TryGetValue((TrackedObjectKind.File, name), out var found) || found.Tracker is not FileTracker file)
            return null;
        _used.Add((TrackedObjectKind.File, name));
        return (file.Path, file.Reverse ? -file.Weight : file.Weight);
    }

    /// <summary>All that was defined, as their user runs them.</summary>
    public ImmutableArray<Tracker> Complete(GlobalDefs defs)
    {
        var trackers = ImmutableArray.CreateBuilder<Tracker>();
        foreach (var key in _order)
        {
            var (tracker, name, keyword) = _defined[key];
            if (tracker is null)
                continue;
            if (!_used.Contains(key))
                diagnostics.NotTracked(name, keyword);
            trackers.Add(tracker is ScriptTracker { Command: { User: null } command } script
                ? script with { Command = command with { User = defs.ScriptUser, Group = defs.ScriptGroup } } : tracker);
        }

        return trackers.DrainToImmutable();
    }

    public void ReadInterfaces(StatementSyntax list, OrderedDictionary<string, TrackedInterface> into)
    {
        foreach (var statement in list.Block?.Statements ?? [])
        {
            if (statement.Words.Length == 0 || values.InterfaceName(statement.Words[0]) is not { } name)
                continue;
            if (into.Count >= MaxTracked)
                diagnostics.TooManyTracked(statement.Words[0], MaxTracked);
            else if (into.ContainsKey(name))
                diagnostics.TrackedTwice(statement.Words[0]);
            else if (TryReadWeight(statement, MaxScriptWeight, isInterface: true, out int? weight, out bool? reverse))
                into.Add(name, new(name, weight ?? 0, reverse ?? false));
        }
    }

    public void ReadObjects(StatementSyntax list, OrderedDictionary<(TrackedObjectKind, string), TrackedObject> into)
    {
        var (kind, limit) = list.Name.Text switch
        {
            "track_script" => (TrackedObjectKind.Script, MaxScriptWeight),
            "track_file" => (TrackedObjectKind.File, MaxWeight),
            "track_process" => (TrackedObjectKind.Process, MaxWeight),
            _ => (TrackedObjectKind.Bfd, MaxScriptWeight),
        };
        foreach (var statement in list.Block?.Statements ?? [])
        {
            if (statement.Words.Length == 0)
                continue;
            string name = statement.Words[0].Text;
            if (!_defined.TryGetValue((kind, name), out var defined))
                diagnostics.TrackedUnknown(statement.Words[0], list.Name.Text);
            else if (into.Count >= MaxTracked)
                diagnostics.TooManyTracked(statement.Words[0], MaxTracked);
            else if (into.ContainsKey((kind, name)))
                diagnostics.TrackedTwice(statement.Words[0]);
            else if (TryReadWeight(statement, limit, isInterface: false, out int? weight, out bool? reverse) && defined.Tracker is { } tracker)
            {
                _used.Add((kind, name));
                into.Add((kind, name), new(kind, name, weight ?? tracker.Weight, reverse ?? tracker.Reverse));
            }
        }
    }

    /// <summary>Reads <c>weight NUMBER [reverse|noreverse]</c> behind a name.</summary>
    /// <returns>False: keepalived leaves the whole entry out.</returns>
    private bool TryReadWeight(StatementSyntax statement, int limit, bool isInterface, out int? weight, out bool? reverse)
    {
        (weight, reverse) = (null, null);
        var words = statement.Words;
        if (words.Length == 1)
            return true;
        if (words[1].Text != "weight" || words.Length == 2)
        {
            diagnostics.WeightAlone(words[1], words[0].Text);
            return false;
        }

        // Beyond the limit the entry goes, but for an interface; what is no number at all leaves the tracker's own weight.
        if (!isInterface && int.TryParse(words[2].Text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out int given)
            && (given < -limit || given > limit))
        {
            diagnostics.WeightTooLarge(words[2], words[0].Text, limit);
            return false;
        }

        weight = values.Integer(words[2], "weight", -limit, limit);
        for (int i = 3; i < words.Length; i++)
        {
            if (words[i].Text is "reverse" or "noreverse")
                reverse = words[i].Text == "reverse";
            else
                diagnostics.UnknownOption(words[i], "track", secondAddress: false);
        }

        return true;
    }

    private ScriptTracker? BindScript(StatementSyntax block, Token name, SourceSpan span)
    {
        string? command = null;
        SourceSpan commandSpan = default;
        string? user = null, group = null;
        var (weight, reverse) = (0, false);
        TimeSpan? timeout = null;
        var interval = TimeSpan.FromSeconds(1);
        int rise = 1, fall = 1;
        bool initFail = false;
        foreach (var s in reader.Read(block.Block, "vrrp_script " + name.Text))
        {
            switch (s.Name.Text)
            {
                case "script":
                    (command, commandSpan) = (s.Words[1].Text, s.Words[1].Span);
                    break;
                case "interval":
                    interval = AtLeastSomething(s) ?? interval;
                    break;
                case "timeout":
                    timeout = AtLeastSomething(s) ?? timeout;
                    break;
                case "weight":
                    (weight, reverse) = DefaultWeight(s, MaxScriptWeight) ?? (weight, reverse);
                    break;
                case "rise":
                    rise = values.Integer(s, 1, int.MaxValue) ?? rise;
                    break;
                case "fall":
                    fall = values.Integer(s, 1, int.MaxValue) ?? fall;
                    break;
                case "user":
                    (user, group) = (s.Words[1].Text, s.Words.Length > 2 ? s.Words[2].Text : null);
                    break;
                case "init_fail":
                    initFail = true;
                    break;
            }
        }

        if (string.IsNullOrWhiteSpace(command))
        {
            diagnostics.TrackerWithout(name, "vrrp_script", "script");
            return null;
        }

        string? opened = command.StartsWith('<') ? command[1..].Trim() : null;
        if (opened is not null && !IsAbsolute(opened))
        {
            diagnostics.NotAnAbsolutePath(name, "script");
            return null;
        }

        return new()
        {
            Name = name.Text,
            Span = span,
            Command = new(command, user, group) { Span = commandSpan },
            OpenedPath = opened,
            Interval = interval,
            Timeout = timeout ?? interval,
            Weight = weight,
            Reverse = reverse,
            Rise = rise,
            Fall = fall,
            InitFail = initFail,
        };
    }

    private FileTracker? BindFile(StatementSyntax block, Token name, SourceSpan span)
    {
        string? path = null;
        // Without a weight a file's number counts as it is.
        var (weight, reverse) = (1, false);
        int? initial = null;
        bool overwrite = false;
        foreach (var s in reader.Read(block.Block, "track_file " + name.Text))
        {
            switch (s.Name.Text)
            {
                case "file":
                    if (IsAbsolute(s.Words[1].Text))
                        path = s.Words[1].Text;
                    else
                        diagnostics.NotAnAbsolutePath(s.Words[1], "file");
                    break;
                case "weight":
                    (weight, reverse) = DefaultWeight(s, MaxWeight) ?? (weight, reverse);
                    break;
                case "init_file":
                    initial = 0;
                    foreach (var word in s.Words.Skip(1))
                    {
                        if (word.Text == "overwrite")
                            overwrite = true;
                        else if (int.TryParse(word.Text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out int value))
                            initial = value;
                        else
                            diagnostics.UnknownOption(word, "init_file", secondAddress: false);
                    }

                    break;
            }
        }

        if (path is not null)
            return new() { Name = name.Text, Span = span, Path = path, Weight = weight, Reverse = reverse, InitialValue = initial, Overwrite = overwrite };
        diagnostics.TrackerWithout(name, block.Name.Text, "file");
        return null;
    }

    private ProcessTracker? BindProcess(StatementSyntax block, Token name, SourceSpan span)
    {
        string? process = null;
        ImmutableArray<string> parameters = [];
        var match = ParameterMatch.Default;
        var (weight, reverse) = (0, false);
        bool fullCommand = false;
        int quorum = 1;
        (int Value, Token Place)? quorumMax = null;
        TimeSpan fork = default, terminate = default;
        foreach (var s in reader.Read(block.Block, "vrrp_track_process " + name.Text))
        {
            switch (s.Name.Text)
            {
                case "process":
                    process = s.Words[1].Text;
                    parameters = [.. s.Words.Skip(2).Select(word => word.Text)];
                    break;
                case "param_match":
                    match = s.Words.Length < 2 ? ParameterMatch.Exact : s.Words[1].Text switch
                    {
                        "initial" => ParameterMatch.Initial,
                        "partial" => ParameterMatch.Partial,
                        _ => match,
                    };
                    if (s.Words.Length > 1 && s.Words[1].Text is not ("initial" or "partial"))
                        diagnostics.UnknownChoice(s.Words[1], "param_match", "initial or partial");
                    break;
                case "full_command":
                    fullCommand = true;
                    break;
                case "weight":
                    (weight, reverse) = DefaultWeight(s, MaxWeight) ?? (weight, reverse);
                    break;
                case "quorum":
                    quorum = values.Integer(s, 1, MaxQuorum) ?? quorum;
                    break;
                case "quorum_max":
                    quorumMax = values.Integer(s, 0, MaxQuorum) is { } most ? (most, s.Words[1]) : quorumMax;
                    break;
                case "delay":
                    if (values.Seconds(s, 0.000001m, 3600) is { } both)
                        (fork, terminate) = (both, both);
                    break;
                case "fork_delay":
                    fork = values.Seconds(s, 0.000001m, 3600) ?? fork;
                    break;
                case "terminate_delay":
                    terminate = values.Seconds(s, 0.000001m, 3600) ?? terminate;
                    break;
            }
        }

        if (string.IsNullOrEmpty(process))
        {
            diagnostics.TrackerWithout(name, "vrrp_track_process", "process");
            return null;
        }

        // None at all may run: then none is needed either.
        if (quorumMax is { Value: 0 })
            quorum = 0;
        if (quorumMax is { } tooFew && tooFew.Value < quorum)
        {
            diagnostics.QuorumMaxBelowQuorum(tooFew.Place);
            quorumMax = null;
        }

        return new()
        {
            Name = name.Text,
            Span = span,
            Process = process,
            Parameters = parameters,
            Match = match,
            FullCommand = fullCommand,
            Weight = weight,
            Reverse = reverse,
            Quorum = quorum,
            QuorumMax = quorumMax?.Value,
            ForkDelay = fork,
            TerminateDelay = terminate,
        };
    }

    private TimeSpan? AtLeastSomething(StatementSyntax s)
    {
        var span = values.Seconds(s, 0, MaxScriptSeconds);
        if (span != TimeSpan.Zero)
            return span;
        diagnostics.RepeatRaisedToOne(s.Words[1], s.Name.Text);
        return TimeSpan.FromSeconds(1);
    }

    private (int Weight, bool Reverse)? DefaultWeight(StatementSyntax s, int limit)
    {
        if (s.Words.Length > 2 && s.Words[2].Text != "reverse")
            diagnostics.UnknownOption(s.Words[2], "weight", secondAddress: false);
        return values.Integer(s, -limit, limit) is { } weight ? (weight, s.Words.Length > 2 && s.Words[2].Text == "reverse") : null;
    }

    private static bool IsAbsolute(string path) => path.StartsWith('/') && !path.Contains('\0', StringComparison.Ordinal);
}
