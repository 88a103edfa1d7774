using System.Globalization;
using Spectre.Console;

namespace Vrrp.Daemon.Demo;

/// <summary>Prints what happens in the order in which it happened, and in a terminal a line below it that says how things stand.</summary>
internal sealed class DemoTimeline(IAnsiConsole console, DemoClock clock, bool isLive)
{
    // The log of a daemon arrives later than the packets that it is about: entries wait a moment for those that were before.
    private static readonly TimeSpan Hold = TimeSpan.FromMilliseconds(250);
    private static readonly TimeSpan Beat = TimeSpan.FromMilliseconds(100);

    private readonly Lock _gate = new();
    private readonly PriorityQueue<DemoEntry, (TimeSpan At, int Number)> _waiting = new();
    private int _count;

    /// <summary>Any thread.</summary>
    public void Tell(DemoEntry entry)
    {
        lock (_gate)
            _waiting.Enqueue(entry, (entry.At, _count++));
    }

    /// <summary>Prints while something runs, and the rest when it has ended.</summary>
    public async Task WhileAsync(Task story, Func<string> status)
    {
        try
        {
            if (isLive)
                await console.Status().Spinner(Spinner.Known.Dots).StartAsync(status(), context => PrintAsync(story, () => context.Status(status()))).ConfigureAwait(false);
            else
                await PrintAsync(story, () => { }).ConfigureAwait(false);
        }
        finally
        {
            Print(TimeSpan.MaxValue);
        }
    }

    private async Task PrintAsync(Task story, Action refresh)
    {
        using var beat = new PeriodicTimer(Beat, TimeProvider.System);
        while (!story.IsCompleted && await beat.WaitForNextTickAsync(CancellationToken.None).ConfigureAwait(false))
        {
            Print(clock.Now - Hold);
            refresh();
        }
    }

    private void Print(TimeSpan until)
    {
        lock (_gate)
        {
            while (_waiting.TryPeek(out var entry, out var key) && key.At <= until)
            {
                _waiting.Dequeue();
                Print(entry);
            }
        }
    }

    private void Print(DemoEntry entry)
    {
        string text = Markup.Escape(entry.Text);
        if (entry.Kind == DemoEntryKind.Chapter)
        {
            console.WriteLine();
            console.MarkupLine($"[bold]{text}[/]");
            return;
        }

        string time = entry.At.TotalSeconds.ToString("0.000", CultureInfo.InvariantCulture).PadLeft(8);
        string actor = entry.Actor.PadRight(10);
        string body = entry.Kind switch
        {
            DemoEntryKind.Cause => $"[bold magenta]▶ {text}[/]",
            DemoEntryKind.Master => $"[bold green]● MASTER[/]  {text}",
            DemoEntryKind.Backup => $"[yellow]○ BACKUP[/]  {text}",
            DemoEntryKind.Fault => $"[bold red]✕ FAULT[/]   {text}",
            DemoEntryKind.Wire => $"[blue]→[/] {text}",
            DemoEntryKind.Answered => $"[green]✓ {text}[/]",
            DemoEntryKind.Silent => $"[red]✗ {text}[/]",
            _ => $"[dim]{text}[/]",
        };
        console.MarkupLine($"[dim]{time}[/]  [{ColorOf(entry.Actor)}]{actor}[/]  {body}");
    }

    private static string ColorOf(string actor) => actor switch
    {
        "director-1" => "aqua",
        "director-2" => "orange1",
        "client" => "white",
        _ => "magenta",
    };
}
