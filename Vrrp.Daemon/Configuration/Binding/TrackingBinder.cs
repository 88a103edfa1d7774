using Vrrp.Daemon.Configuration.Diagnostics;
using Vrrp.Daemon.Configuration.Model;
using Vrrp.Daemon.Configuration.Syntax;

namespace Vrrp.Daemon.Configuration.Binding;

/// <summary>track_interface, and the names that track_script and its kin refer to.</summary>
internal sealed class TrackingBinder(DiagnosticBag diagnostics, ValueReaders values)
{
    /// <summary>Every member of a group has the group's trackers too: without a bound a file could name more of both than memory holds.</summary>
    private const int MaxTracked = 1000;

    private readonly HashSet<(TrackedObjectKind, string)> _defined = [];
    private readonly Dictionary<string, (string Path, int Weight)> _files = new(StringComparer.Ordinal);

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
        if (kind is not null && statement.Words.Length > 1)
            _defined.Add((kind.Value, statement.Words[1].Text));
        if (kind == TrackedObjectKind.File && statement.Words.Length > 1)
            DefineFile(statement);
    }

    /// <summary>A track_file that is defined above, with the weight it gives; null: there is none of that name, or it names no file.</summary>
    public (string Path, int Weight)? FindFile(string name) => _files.TryGetValue(name, out var file) ? file : null;

    private void DefineFile(StatementSyntax statement)
    {
        string? path = null;
        // Without a weight a file's number counts as it is.
        int weight = 1;
        foreach (var line in statement.Block?.Statements ?? [])
        {
            if (line.Words.Length > 1 && line.Words[0].Text == "file")
                path = line.Words[1].Text;
            else if (line.Words.Length > 1 && line.Words[0].Text == "weight" && values.Integer(line.Words[1], "weight", -254, 254) is { } given)
                weight = line.Words.Length > 2 && line.Words[2].Text == "reverse" ? -given : given;
        }

        if (path is not null)
            _files.TryAdd(statement.Words[1].Text, (path, weight));
    }

    public void ReadInterfaces(StatementSyntax list, OrderedDictionary<string, TrackedInterface> into)
    {
        foreach (var statement in list.Block?.Statements ?? [])
        {
            if (statement.Words.Length == 0 || values.InterfaceName(statement.Words[0]) is not { } name)
                continue;
            var (weight, reverse) = ReadWeight(statement, 253);
            if (into.Count >= MaxTracked)
                diagnostics.TooManyTracked(statement.Words[0], MaxTracked);
            else if (!into.TryAdd(name, new(name, weight ?? 0, reverse ?? false)))
                diagnostics.TrackedTwice(statement.Words[0]);
        }
    }

    public void ReadObjects(StatementSyntax list, OrderedDictionary<(TrackedObjectKind, string), TrackedObject> into)
    {
        var (kind, limit) = list.Name.Text switch
        {
            "track_script" => (TrackedObjectKind.Script, 253),
            "track_file" => (TrackedObjectKind.File, 254),
            "track_process" => (TrackedObjectKind.Process, 254),
            _ => (TrackedObjectKind.Bfd, 253),
        };
        foreach (var statement in list.Block?.Statements ?? [])
        {
            if (statement.Words.Length == 0)
                continue;
            string name = statement.Words[0].Text;
            var (weight, reverse) = ReadWeight(statement, limit);
            if (!_defined.Contains((kind, name)))
                diagnostics.TrackedUnknown(statement.Words[0], list.Name.Text);
            else if (into.Count >= MaxTracked)
                diagnostics.TooManyTracked(statement.Words[0], MaxTracked);
            else if (!into.TryAdd((kind, name), new(kind, name, weight, reverse)))
                diagnostics.TrackedTwice(statement.Words[0]);
        }
    }

    private (int? Weight, bool? Reverse) ReadWeight(StatementSyntax statement, int limit)
    {
        int? weight = null;
        bool? reverse = null;
        for (int i = 1; i < statement.Words.Length; i++)
        {
            switch (statement.Words[i].Text)
            {
                case "weight" when i + 1 < statement.Words.Length:
                    weight = values.Integer(statement.Words[++i], "weight", -limit, limit) ?? 0;
                    break;
                case "reverse":
                    reverse = true;
                    break;
                case "noreverse":
                    reverse = false;
                    break;
                case "weight":
                    diagnostics.OptionWithoutValue(statement.Words[i], "track");
                    break;
                default:
                    diagnostics.UnknownOption(statement.Words[i], "track", secondAddress: false);
                    break;
            }
        }

        return (weight, reverse);
    }
}
