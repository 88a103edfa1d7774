using System.Collections.Immutable;
using System.CommandLine;
using Vrrp.Daemon.Hosting;
using Vrrp.Daemon.RealServers;
using Vrrp.Linux;

namespace Vrrp.Daemon.Commands;

/// <summary><c>vrrp realserver</c>: makes this host a real server behind a director, and no longer.</summary>
internal static class RealServerCommand
{
    /// <summary>Exit status of <c>check</c>, of an <c>up</c> that something is in the way of, and of a <c>down</c> of what is not up.</summary>
    public const int Differs = 2;

    public static Command Create() => new("realserver", """
        Prepare this host as a real server that answers clients itself, behind a director that forwards with DR or TUN.

        Such a host has the virtual address (VIP) and must never say so on the LAN. 'up' puts the VIP on lo (dr) or on the tunnel device
        (tun: tunl0 for IPv4, ip6tnl0 for IPv6) and sets arp_ignore, arp_announce and, for tun, rp_filter; 'down' puts back what was there before.
        """)
    {
        CreateUp(), CreateDown(), CreateCheck(), CreateShow(),
    };

    private static Command CreateUp()
    {
        var (vips, mode, state) = Options();
        vips.Required = mode.Required = true;
        var command = new Command("up", """
            Put up virtual addresses. What is as it must be is left alone, so this may be repeated. When something is refused, what this call
            had changed is put back.

            Exit status: 0 they are up; 1 bad command line; 2 something has to be removed first; 4 a permission is missing; 70 the kernel refused.
            """)
        {
            vips, mode, state,
        };
        command.SetAction(parsed => Guard(parsed, () =>
        {
            Demand();
            var (output, wanted) = (parsed.InvocationConfiguration.Output, Vips(parsed.GetValue(vips), parsed.GetValue(mode)));
            using var store = RealServerStore.OpenLocked(PathOf(parsed.GetValue(state)));
            using var kernel = new LinuxRealServerKernel();
            string[] conflicts = [.. RealServerPlan.FindConflicts(kernel.Read(), store.Load(), wanted)];
            foreach (string conflict in conflicts)
                parsed.InvocationConfiguration.Error.WriteLine($"error: {conflict}");
            if (conflicts.Length > 0)
                return Differs;
            Print(new RealServerOperation(kernel, store).Up(wanted), "Nothing to do: all is as it must be.", output);
            return ExitCode.Success;
        }));
        return command;
    }

    private static Command CreateDown()
    {
        var (vips, mode, state) = Options();
        vips.Description += " Default: all that 'up' has put up.";
        mode.Description += " Without --vip: only those that were put up with it.";
        var command = new Command("down", """
            Take down virtual addresses that 'up' has put up. With the last that needs a setting, it goes back to what it was before 'up'. An
            address that was there before 'up' stays, and so does a setting that someone else has changed since.

            Exit status: 0 they are down; 1 bad command line; 2 an address of --vip was not put up by 'up', and the others are down;
            4 a permission is missing; 70 the kernel refused: 'down' again goes on from there.
            """)
        {
            vips, mode, state,
        };
        command.SetAction(parsed => Guard(parsed, () =>
        {
            Demand();
            using var store = RealServerStore.OpenLocked(PathOf(parsed.GetValue(state)));
            var memory = store.Load();
            var addresses = Addresses(parsed.GetValue(vips));
            var given = RealServerVip.ParseMode(parsed.GetValue(mode));
            if (addresses.IsEmpty)
                addresses = [.. PutUp(memory, given).Select(vip => vip.Address)];
            var wrong = addresses.FirstOrDefault(address => memory.Find(address) is { } known && known.Vip.Mode != (given ?? known.Vip.Mode));
            if (!wrong.IsNone)
            {
                parsed.InvocationConfiguration.Error.WriteLine(
                    $"error: {wrong} was put up with --mode {RealServerVip.NameOf(memory.Find(wrong)!.Value.Vip.Mode)}; nothing was changed.");
                return ExitCode.Usage;
            }

            using var kernel = new LinuxRealServerKernel();
            Print(new RealServerOperation(kernel, store).Down(addresses), "Nothing to do.", parsed.InvocationConfiguration.Output);
            return addresses.All(address => memory.Find(address) is not null) ? ExitCode.Success : Differs;
        }));
        return command;
    }

    private static Command CreateCheck()
    {
        var (vips, mode, state) = Options();
        vips.Description += " Default: all that 'up' has put up.";
        mode.Description += " Default: the mode each was put up with. Without --vip: only those.";
        var json = Json();
        var command = new Command("check", """
            Compare every value that virtual addresses need with what the kernel has, and change nothing. Of other interfaces only what is in
            the way is listed. What 'up' has not put up since the machine started differs, unless both --vip and --mode say what there must be.

            Exit status: 0 all is as it must be; 1 bad command line; 2 something differs; 4 a permission is missing; 70 the kernel cannot be read.
            """)
        {
            vips, mode, state, json,
        };
        command.SetAction(parsed => Guard(parsed, () =>
        {
            var given = RealServerVip.ParseMode(parsed.GetValue(mode));
            var addresses = Addresses(parsed.GetValue(vips));
            ImmutableArray<RealServerVip> wanted;
            ImmutableArray<IPAddressValue> unknown = [];
            if (given is { } named && !addresses.IsEmpty)
            {
                wanted = [.. addresses.Select(address => new RealServerVip(address, named))];
            }
            else
            {
                wanted = PutUp(Remembered(parsed.GetValue(state)), given);
                if (!addresses.IsEmpty)
                {
                    unknown = addresses.RemoveAll(address => wanted.Any(vip => vip.Address == address));
                    wanted = wanted.RemoveAll(vip => !addresses.Contains(vip.Address));
                }
            }

            if (wanted.IsEmpty || !unknown.IsEmpty)
            {
                parsed.InvocationConfiguration.Error.WriteLine(
                    $"error: 'up' has not put up {(unknown.IsEmpty ? "anything" : string.Join(", ", unknown))} here since the machine started; "
                    + "to check by what there must be name it with both --vip and --mode.");
            }

            using var kernel = new LinuxRealServerKernel();
            var rows = RealServerPlan.Compare(kernel.Read(), wanted, unknown);
            int status = rows.All(row => row.Matches) ? ExitCode.Success : Differs;
            parsed.InvocationConfiguration.Output.WriteLine(parsed.GetValue(json) ? RealServerReport.ToJson(rows, status) : RealServerReport.ToText(rows));
            return status;
        }));
        return command;
    }

    private static Command CreateShow()
    {
        var (vips, mode, state) = Options();
        vips.Description = "Only these addresses.";
        mode.Description = "Only what this mode looks at.";
        var json = Json();
        var command = new Command("show", """
            Print the devices of this host with the settings and addresses that matter to a real server, and what 'up' has done.

            Exit status: 0; 1 bad command line; 70 the kernel cannot be read.
            """)
        {
            vips, mode, state, json,
        };
        command.SetAction(parsed => Guard(parsed, () =>
        {
            using var kernel = new LinuxRealServerKernel();
            var facts = kernel.Read().Only(Addresses(parsed.GetValue(vips)), RealServerVip.ParseMode(parsed.GetValue(mode)));
            var (memory, problem) = TryRemembered(parsed.GetValue(state));
            parsed.InvocationConfiguration.Output.WriteLine(
                parsed.GetValue(json) ? RealServerReport.ToJson(facts, memory, problem) : RealServerReport.ToText(facts, memory, problem));
            return ExitCode.Success;
        }));
        return command;
    }

    private static (Option<string[]> Vips, Option<string?> Mode, Option<string?> State) Options()
    {
        var vips = new Option<string[]>("--vip")
        {
            Description = "Virtual addresses, IPv4 or IPv6, without a prefix length.",
            HelpName = "ADDRESS",
            AllowMultipleArgumentsPerToken = true,
            Arity = ArgumentArity.OneOrMore,
        };
        vips.Validators.Add(result =>
        {
            foreach (var token in result.Tokens)
            {
                if (!IPAddressValue.TryParse(token.Value, out var address))
                    result.AddError($"--vip takes addresses, as in 192.0.2.100, and '{token.Value}' is none.");
                else if (RealServerVip.FindProblem(address) is { } problem)
                    result.AddError($"--vip {token.Value}: {problem}.");
            }
        });
        var mode = new Option<string?>("--mode") { Description = "How the director forwards: dr, or tun (IP in IP).", HelpName = "dr|tun" };
        mode.Validators.Add(result =>
        {
            if (result.Tokens is [var token] && RealServerVip.ParseMode(token.Value) is null)
                result.AddError($"--mode takes dr or tun, not '{token.Value}'.");
        });
        var state = new Option<string?>("--state")
        {
            Description = "File that remembers what was there before 'up'. Default: one in /run for each network namespace.",
            HelpName = "FILE",
        };
        return (vips, mode, state);
    }

    private static Option<bool> Json() => new("--json") { Description = "Print one JSON document instead of text." };

    private static string PathOf(string? path) => path is null ? RealServerStore.DefaultPath() : Path.GetFullPath(path);

    /// <summary>What <c>up</c> has put up, in one mode or in any.</summary>
    private static ImmutableArray<RealServerVip> PutUp(RealServerMemory memory, RealServerMode? mode) =>
        [.. memory.Vips.Select(vip => vip.Vip).Where(vip => vip.Mode == (mode ?? vip.Mode))];

    private static RealServerMemory Remembered(string? path)
    {
        using var store = RealServerStore.Open(PathOf(path));
        return store.Load();
    }

    private static (RealServerMemory? Memory, string? Problem) TryRemembered(string? path)
    {
        try
        {
            return (Remembered(path), null);
        }
        catch (IOException exception)
        {
            return (null, exception.Message);
        }
    }

    private static ImmutableArray<IPAddressValue> Addresses(string[]? vips) => [.. (vips ?? []).Select(IPAddressValue.Parse).Distinct()];

    private static ImmutableArray<RealServerVip> Vips(string[]? vips, string? mode)
    {
        var parsed = RealServerVip.ParseMode(mode)!.Value;
        return [.. Addresses(vips).Select(address => new RealServerVip(address, parsed))];
    }

    private static void Demand()
    {
        if (!Capabilities.Read().Has(Capability.NetAdmin))
        {
            var refusal = Capabilities.Failure("change addresses and settings", Errno.EPERM, Capability.NetAdmin);
            throw new RealServerException(refusal.Message + " Run it as root.", refusal);
        }
    }

    private static void Print(RealServerOutcome outcome, string nothing, TextWriter output)
    {
        foreach (var change in outcome.Changes)
            output.WriteLine(change);
        foreach (string note in outcome.Notes)
            output.WriteLine($"note: {note}");
        if (outcome.Changes.IsEmpty)
            output.WriteLine(nothing);
    }

    /// <summary>Runs an action; a refusal becomes one line and an exit status.</summary>
    private static int Guard(ParseResult parsed, Func<int> action)
    {
        try
        {
            return action();
        }
        catch (IOException exception)
        {
            parsed.InvocationConfiguration.Error.WriteLine($"error: {exception.Message}");
            return ExitCode.Of(exception is RealServerException { Root: var root } ? root : exception) ?? ExitCode.InternalError;
        }
    }
}
