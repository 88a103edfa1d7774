using System.Text.RegularExpressions;

namespace Vrrp.Tests.Conformance;

/// <summary>A requirement and how strong it is, as the conformance list has it.</summary>
internal sealed record Requirement(string Id, string Level)
{
    /// <summary>Reads lines of an id and a level.</summary>
    public static Requirement[] ParseList(string text) =>
        [.. text.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => line.Split(' ', 2)).Select(words => new Requirement(words[0], words[1]))];
}

/// <summary>One row of docs/requirements.md: tests that show the requirement, why it is not followed, or both.</summary>
internal sealed record RequirementRow(string Id, string Level, string Text, IReadOnlyList<string> Tests, bool IsNotFollowed, string? Reason);

/// <summary>The tables of docs/requirements.md and what is wrong with them. Pure: whether a test exists is asked of a function.</summary>
internal sealed partial class RequirementsDocument
{
    private const int LeastWordsOfAReason = 3;

    private readonly List<string> _malformed = [];

    private RequirementsDocument()
    {
    }

    public List<RequirementRow> Rows { get; } = [];

    /// <summary>The ids that the page lists together as not followed, under that heading and in its order.</summary>
    public List<string> ListedAsNotFollowed { get; } = [];

    public static RequirementsDocument Parse(string text)
    {
        var document = new RequirementsDocument();
        bool isList = false;
        foreach (string line in text.ReplaceLineEndings("\n").Split('\n'))
        {
            if (line.StartsWith("## ", StringComparison.Ordinal))
                isList = line == "## Not followed";
            else if (line.StartsWith("| VR-", StringComparison.Ordinal))
                document.ReadRow(line);
            else if (isList)
                document.ListedAsNotFollowed.AddRange(Id().Matches(line).Select(match => match.Value));
        }

        return document;
    }

    /// <summary>One line for each problem; empty when every requirement is accounted for.</summary>
    /// <param name="requirements">What must be there.</param>
    /// <param name="problemOfTest">Why a reference is no test that runs; null when it is one.</param>
    public IReadOnlyList<string> Check(IReadOnlyList<Requirement> requirements, Func<string, string?> problemOfTest)
    {
        var problems = new List<string>(_malformed);
        foreach (var requirement in requirements)
        {
            var rows = Rows.FindAll(row => row.Id == requirement.Id);
            if (rows.Count != 1)
                problems.Add($"{requirement.Id} is listed {rows.Count} times.");
            foreach (var row in rows.Where(row => row.Level != requirement.Level))
                problems.Add($"{row.Id} has the level '{row.Level}' instead of '{requirement.Level}'.");
        }

        foreach (var row in Rows)
        {
            if (!requirements.Any(requirement => requirement.Id == row.Id))
                problems.Add($"{row.Id} is no requirement.");
            if (row.Text.Length == 0)
                problems.Add($"{row.Id} says nothing.");
            if (row.Tests.Count == 0 && row.Reason is null)
                problems.Add($"{row.Id} names no test, nor why there is none.");
            if (row.Reason is { } reason && reason.Split(' ', StringSplitOptions.RemoveEmptyEntries).Length < LeastWordsOfAReason)
                problems.Add($"{row.Id} gives no reason.");
            problems.AddRange(row.Tests.Select(problemOfTest).OfType<string>().Select(problem => $"{row.Id}: {problem}"));
        }

        var notFollowed = Rows.Where(row => row.IsNotFollowed).Select(row => row.Id).ToArray();
        foreach (string id in notFollowed.Except(ListedAsNotFollowed))
            problems.Add($"{id} is not followed, and missing from the list of those.");
        foreach (string id in ListedAsNotFollowed.Except(notFollowed))
            problems.Add($"{id} is listed as not followed, and its row says otherwise.");
        foreach (var listed in ListedAsNotFollowed.GroupBy(id => id).Where(listed => listed.Count() > 1))
            problems.Add($"{listed.Key} is listed twice as not followed.");
        return problems;
    }

    private void ReadRow(string line)
    {
        string[] cells = [.. line.Split('|').Select(cell => cell.Trim())];
        // Outside of the first and last bar is nothing.
        if (cells is not ["", var id, var level, var text, var shown, ""])
        {
            _malformed.Add($"A row has not the four columns: {line}");
            return;
        }

        var marker = Marker().Match(shown);
        string references = marker.Success ? shown[..marker.Index] : shown;
        if (!References().IsMatch(references))
            _malformed.Add($"{id} has something that is neither a test nor a reason: {references}");
        Rows.Add(new(
            id,
            level,
            text,
            [.. Reference().Matches(references).Select(match => match.Groups[1].Value)],
            marker.Success && marker.Value.Contains("followed", StringComparison.Ordinal),
            marker.Success ? shown[(marker.Index + marker.Length)..].Trim() : null));
    }

    [GeneratedRegex(@"VR-\d+")]
    private static partial Regex Id();

    [GeneratedRegex(@"\*\*Not (followed( by default| in part)?|applicable)\*\*:")]
    private static partial Regex Marker();

    [GeneratedRegex(@"`([^`]*)`")]
    private static partial Regex Reference();

    /// <summary>Tests in back quotes, between commas; a semicolon before a reason.</summary>
    [GeneratedRegex(@"^(`\w+\.\w+`(, `\w+\.\w+`)*;?)?\s*$")]
    private static partial Regex References();
}
