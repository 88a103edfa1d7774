using System.Globalization;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using Spectre.Console;

namespace Vrrp.Daemon.Demo;

/// <summary>What is said before the story and after it, to people and as JSON.</summary>
internal static class DemoReport
{
    private static readonly JsonSerializerOptions Indented = new() { WriteIndented = true, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    public static void WriteIntroduction(IAnsiConsole console, DemoPlan plan)
    {
        console.MarkupLine($"[bold]Two directors, one virtual address:[/] [bold green]{DemoPlan.VirtualAddress}[/]   takes about {plan.Duration.TotalSeconds:0} s");
        console.WriteLine();
        foreach (var director in DemoPlan.Directors)
        {
            console.MarkupLine(
                $"  {director.Name}  {director.Address,-11}  priority {director.Priority,-3}  takes over "
                + $"{DemoText.Duration(plan.DownInterval(director))} after the last advert it hears "
                + $"[dim](3 × {plan.Interval} + skew {DemoText.Duration(plan.SkewTime(director))})[/]");
        }

        console.MarkupLine(
            $"  client      {DemoPlan.ClientAddress}  pings {DemoPlan.VirtualAddress} every {plan.ProbeInterval.TotalMilliseconds:0} ms and listens to the wire");
        console.MarkupLine($"              and has the mailbox that both directors send their alerts to");
        console.MarkupLine($"[dim]  {plan.ProtocolText}, VRID {DemoPlan.VirtualRouterId}, advert_int {plan.Interval}. Times are seconds from the start; those of packets are the kernel's.[/]");
    }

    public static void WriteTable(IAnsiConsole console, DemoResult result)
    {
        if (result.Transitions.IsEmpty)
            return;
        var table = new Table { Border = TableBorder.Rounded };
        table.AddColumn(new TableColumn("").NoWrap());
        foreach (var transition in result.Transitions)
            table.AddColumn(new TableColumn($"[bold]{transition.Name}[/]").RightAligned());
        Row("cause", t => t.Cause);
        Row("Master", t => t.From is null ? t.To : $"→ {t.To}");
        table.AddEmptyRow();
        Row("the protocol counts from", t => t.CountedFrom);
        Row("  to the first gratuitous ARP", t => t.Measured is { } measured ? DemoText.Duration(measured) : "–");
        Row("  the protocol's minimum", t => DemoText.Duration(t.Minimum));
        Row("[bold]  overhead[/]", t => t.Overhead is { } overhead ? $"[bold green]{DemoText.Duration(overhead)}[/]" : "–");
        table.AddEmptyRow();
        Row("from the cause to", _ => "");
        Row("  the old Master's last advert", t => t.CauseToLastAdvert switch
        {
            null => "–",
            { } last when last < TimeSpan.Zero => DemoText.Duration(-last) + " before",
            { } last => DemoText.Duration(last),
        });
        Row("  the new Master's first advert", t => DemoText.Duration(t.CauseToFirstAdvert));
        Row("  its first gratuitous ARP", t => DemoText.Duration(t.CauseToAnnouncement));
        Row("  its first answered ping", t => DemoText.Duration(t.CauseToAnswer));
        table.AddEmptyRow();
        // Before the first Master there is nothing to lose.
        Row("[bold]pings lost[/]", t => t.From is null ? "–" : $"{(t.LostProbes == 0 ? "[bold green]0[/]" : $"[bold]{t.LostProbes}[/]")} of {t.Probes}");
        Row("longest silence", t => t.From is null ? "–" : DemoText.Duration(t.LongestSilence));
        console.WriteLine();
        console.Write(table);
        WriteMails(console, result);

        void Row(string name, Func<TransitionFigures, string> value) => table.AddRow([name, .. result.Transitions.Select(value)]);
    }

    private static void WriteMails(IAnsiConsole console, DemoResult result)
    {
        if (result.Mails.IsEmpty)
            return;
        var table = new Table { Border = TableBorder.Rounded };
        table.AddColumn(new TableColumn("[bold]came at[/]").RightAligned().NoWrap());
        table.AddColumn(new TableColumn($"[bold]mails to {DemoPlan.Mailbox}[/]"));
        foreach (var mail in result.Mails)
            table.AddRow(mail.At.TotalSeconds.ToString("0.000", CultureInfo.InvariantCulture), Markup.Escape(mail.Subject));
        console.Write(table);
    }

    public static void WriteVerdict(IAnsiConsole console, DemoResult result, IEnumerable<(string Director, IReadOnlyList<string> Lines)> logs)
    {
        if (result.HasSucceeded)
        {
            console.MarkupLine("[green]All went as it must, and nothing is left behind.[/]");
            return;
        }

        if (result.IsInterrupted)
            console.MarkupLine("[yellow]Interrupted; nothing is left behind.[/]");
        if (result.Problems.IsEmpty)
            return;
        foreach (string problem in result.Problems)
            console.MarkupLine($"[bold red]problem:[/] {Markup.Escape(problem)}");
        foreach (var (director, lines) in logs)
        {
            console.MarkupLine($"[bold]{director}'s last log lines:[/]");
            foreach (string line in lines)
                console.MarkupLine($"  [dim]{Markup.Escape(line)}[/]");
        }
    }

    /// <summary>Times in milliseconds.</summary>
    public static string ToJson(DemoResult result, IEnumerable<(string Director, IReadOnlyList<string> Lines)> logs)
    {
        var json = new JsonObject
        {
            ["success"] = result.HasSucceeded,
            ["interrupted"] = result.IsInterrupted,
            ["version"] = (int)result.Plan.Version,
            ["advertisementInterval"] = Milliseconds(result.Plan.Interval.Duration),
            ["duration"] = Milliseconds(result.Duration),
            ["transitions"] = new JsonArray([.. result.Transitions.Select(transition => (JsonNode)new JsonObject
            {
                ["name"] = transition.Name,
                ["cause"] = transition.Cause,
                ["from"] = transition.From,
                ["to"] = transition.To,
                ["at"] = Milliseconds(transition.At),
                ["countedFrom"] = transition.CountedFrom,
                ["measured"] = transition.Measured is { } measured ? Milliseconds(measured) : null,
                ["minimum"] = Milliseconds(transition.Minimum),
                ["overhead"] = transition.Overhead is { } overhead ? Milliseconds(overhead) : null,
                ["causeToLastAdvert"] = transition.CauseToLastAdvert is { } last ? Milliseconds(last) : null,
                ["causeToFirstAdvert"] = Milliseconds(transition.CauseToFirstAdvert),
                ["causeToGratuitousArp"] = Milliseconds(transition.CauseToAnnouncement),
                ["causeToFirstAnswer"] = Milliseconds(transition.CauseToAnswer),
                ["probes"] = transition.Probes,
                ["lostProbes"] = transition.LostProbes,
                ["longestSilence"] = Milliseconds(transition.LongestSilence),
            })]),
            ["mails"] = new JsonArray([.. result.Mails.Select(mail => (JsonNode)new JsonObject
            {
                ["at"] = Milliseconds(mail.At),
                ["from"] = mail.From,
                ["to"] = DemoPlan.Mailbox,
                ["subject"] = mail.Subject,
            })]),
            ["problems"] = new JsonArray([.. result.Problems.Select(problem => JsonValue.Create(problem))]),
        };
        if (!result.Problems.IsEmpty)
        {
            json["logs"] = new JsonObject(logs.Select(log => KeyValuePair.Create<string, JsonNode?>(
                log.Director, new JsonArray([.. log.Lines.Select(line => JsonValue.Create(line))]))));
        }

        return json.ToJsonString(Indented);
    }

    private static double Milliseconds(TimeSpan time) => Math.Round(time.TotalMilliseconds, 4);
}
