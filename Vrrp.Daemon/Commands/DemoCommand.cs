using System.Collections.Immutable;
using System.CommandLine;
using System.Globalization;
using System.Runtime.InteropServices;
using Spectre.Console;
using Vrrp.Daemon.Demo;
using Vrrp.Daemon.Hosting;
using Vrrp.Linux;
using Vrrp.Netlink;
using Capabilities = Vrrp.Linux.Capabilities;

namespace Vrrp.Daemon.Commands;

/// <summary><c>vrrp demo</c>: a failover to watch.</summary>
internal static class DemoCommand
{
    private const int PlainWidth = 132;
    private const int KeptLogLines = 10;

    public static Command Create()
    {
        var interval = new Option<decimal>("--interval")
        {
            Description = "Seconds between adverts, 0.01 to 10: VRRPv2 for whole seconds, VRRPv3 for fractions.",
            HelpName = "SECONDS",
            DefaultValueFactory = _ => 1m,
        };
        interval.Validators.Add(result =>
        {
            // What is no number is told by the parser.
            string? text = result.Tokens is [var token, ..] ? token.Value : null;
            if (decimal.TryParse(text, CultureInfo.InvariantCulture, out decimal seconds)
                && (seconds is < 0.01m or > 10m || decimal.Truncate(seconds * 100) != seconds * 100))
            {
                result.AddError("--interval takes 0.01 to 10 seconds, in steps of 0.01.");
            }
        });
        var json = new Option<bool>("--json") { Description = "Print the closing figures as JSON, in milliseconds, and nothing else." };
        var plain = new Option<bool>("--plain") { Description = "Plain lines, as when the output is no terminal." };
        var command = new Command(
            "demo",
            """
            Two directors share a virtual address; one is killed, comes back, and is then stopped cleanly, while a client pings the address and
            measures. Their mail alerts go to a mailbox of the demonstration. Needs CAP_NET_ADMIN, CAP_NET_RAW and CAP_SYS_ADMIN. All of it is in network namespaces of its own and gone afterwards.

            Exit status: 0 all went as it must, 1 it did not, 4 a permission is missing, 130 or 143 interrupted.
            """)
        {
            interval, json, plain,
        };
        command.SetAction((result, _) => RunAsync(
            new DemoPlan(AdvertisementInterval.FromCentiseconds((int)(result.GetValue(interval) * 100))),
            result.GetValue(json),
            result.GetValue(plain)));
        return command;
    }

    private static async Task<int> RunAsync(DemoPlan plan, bool isJson, bool isPlain)
    {
        var permissions = Capabilities.Read();
        Capability[] missing = [.. ((Capability[])[Capability.NetAdmin, Capability.NetRaw, Capability.SysAdmin]).Where(needed => !permissions.Has(needed))];
        if (missing.Length != 0)
            return await RefuseAsync($"{string.Join(" and ", missing.Select(Capabilities.NameOf))} {(missing.Length == 1 ? "is" : "are")} missing").ConfigureAwait(false);

        using var interruption = new CancellationTokenSource();
        int signalNumber = 0;
        var signals = ((PosixSignal, int)[])[(PosixSignal.SIGINT, 2), (PosixSignal.SIGTERM, 15), (PosixSignal.SIGHUP, 1), (PosixSignal.SIGQUIT, 3)];
        PosixSignalRegistration[] registrations =
        [
            .. signals.Select(signal => PosixSignalRegistration.Create(signal.Item1, context =>
            {
                context.Cancel = true;
                Interlocked.CompareExchange(ref signalNumber, signal.Item2, 0);
                interruption.Cancel();
            })),
        ];
        try
        {
            int exitCode = await PlayAsync(plan, isJson, isPlain, interruption.Token).ConfigureAwait(false);
            return signalNumber == 0 ? exitCode : 128 + signalNumber;
        }
        catch (LinuxException exception) when (exception.IsPermission)
        {
            return await RefuseAsync(exception.Message).ConfigureAwait(false);
        }
        catch (Exception exception) when (exception is LinuxException or NetlinkException)
        {
            await Console.Error.WriteLineAsync($"error: the network of the demonstration cannot be made: {exception.Message}").ConfigureAwait(false);
            return exception is NetlinkException { Error: 1 or 13 } ? ExitCode.Permission : ExitCode.Usage;
        }
        finally
        {
            foreach (var registration in registrations)
                registration.Dispose();
        }
    }

    private static async Task<int> PlayAsync(DemoPlan plan, bool isJson, bool isPlain, CancellationToken cancellationToken)
    {
        var clock = new DemoClock(TimeProvider.System);
        bool isLive = !isPlain && !isJson && !Console.IsOutputRedirected;
        var console = isLive ? AnsiConsole.Console : PlainConsole(isJson ? TextWriter.Null : Console.Out);
        var timeline = new DemoTimeline(console, clock, isLive);
        var problems = ImmutableArray.CreateBuilder<string>();
        bool isInterrupted = false;
        DemoReport.WriteIntroduction(console, plan);

        DemoStory story;
        await using ((story = new DemoStory(plan, clock, timeline.Tell)).ConfigureAwait(false))
        {
            try
            {
                var running = story.RunAsync(cancellationToken);
                await timeline.WhileAsync(running, () => Status(story)).ConfigureAwait(false);
                await running.ConfigureAwait(false);
            }
            catch (DemoFailedException exception)
            {
                problems.Add(exception.Message);
            }
            catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
            {
                isInterrupted = true;
            }
        }

        var result = new DemoResult(plan, story.Transitions, story.Mails, [.. story.Problems, .. problems], clock.Now, isInterrupted);
        var logs = story.Directors.Select(director => (director.Plan.Name, director.LastLines(KeptLogLines)));
        if (isJson)
            await Console.Out.WriteLineAsync(DemoReport.ToJson(result, logs)).ConfigureAwait(false);
        DemoReport.WriteTable(console, result);
        DemoReport.WriteVerdict(console, result, logs);
        return result.HasSucceeded ? ExitCode.Success : ExitCode.Usage;
    }

    private static string Status(DemoStory story)
    {
        var (sent, lost) = story.Wire.Totals;
        string directors = string.Join("   ", story.Directors.Select(director => director.State switch
        {
            "MASTER" => $"{director.Plan.Name} [bold green]MASTER[/]",
            { } state => $"{director.Plan.Name} [yellow]{Markup.Escape(state)}[/]",
            null => $"{director.Plan.Name} [red]{(director.IsRunning ? "starting" : "down")}[/]",
        }));
        string holder = story.Wire.Answerer is { } answerer ? $"answered by [bold]{answerer.Name}[/]" : "[red]unanswered[/]";
        return string.Create(CultureInfo.InvariantCulture, $"{directors}   pings {holder}, {sent} sent, {lost} lost");
    }

    private static IAnsiConsole PlainConsole(TextWriter writer)
    {
        var console = AnsiConsole.Create(new AnsiConsoleSettings
        {
            Ansi = AnsiSupport.No,
            ColorSystem = ColorSystemSupport.NoColors,
            Interactive = InteractionSupport.No,
            Out = new AnsiConsoleOutput(writer),
        });
        console.Profile.Width = PlainWidth;
        console.Profile.Capabilities.Unicode = true;
        return console;
    }

    private static async Task<int> RefuseAsync(string reason)
    {
        await Console.Error.WriteLineAsync(
            $"""
            error: {reason}. The demonstration makes network namespaces of its own and needs CAP_NET_ADMIN, CAP_NET_RAW and CAP_SYS_ADMIN:
              sudo vrrp demo
              docker run --cap-add NET_ADMIN --cap-add NET_RAW --cap-add SYS_ADMIN IMAGE vrrp demo
            """).ConfigureAwait(false);
        return ExitCode.Permission;
    }
}
