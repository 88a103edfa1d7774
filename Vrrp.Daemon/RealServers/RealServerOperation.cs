using System.Collections.Immutable;

namespace Vrrp.Daemon.RealServers;

/// <summary>What became of an <c>up</c> or <c>down</c>.</summary>
/// <param name="Changes">What was changed, in order.</param>
/// <param name="Notes">What was left and why.</param>
internal sealed record RealServerOutcome(ImmutableArray<RealServerChange> Changes, ImmutableArray<string> Notes);

/// <summary>Brings a kernel where a plan wants it, and remembers before each step what it will have to put back.</summary>
internal sealed class RealServerOperation(IRealServerKernel kernel, RealServerStore store)
{
    // A tunnel device first, then what is to be set on it, then a look whether it is all there.
    private const int Rounds = 4;

    /// <summary>Puts addresses up; all or, when a change is refused, none of what this call did.</summary>
    /// <exception cref="IOException">Something was refused.</exception>
    public RealServerOutcome Up(IReadOnlyList<RealServerVip> vips)
    {
        var before = store.Load();
        var (applied, notes, memory, saved) = (new List<RealServerChange>(), new List<string>(), before, before);
        try
        {
            for (int round = 0; ; round++)
            {
                var plan = RealServerPlan.Up(kernel.Read(), memory, vips);
                if (round == Rounds)
                    throw new IOException($"It does not stay as it is set; someone else changes it meanwhile: {string.Join("; ", plan.Changes)}.");
                notes.AddRange(plan.Notes);
                // A process that is killed here has remembered what it was about to do.
                memory = plan.Memory;
                if (memory != saved)
                    store.Save(memory);
                saved = memory;
                if (plan.Changes.IsEmpty)
                    return new([.. applied], [.. notes]);
                foreach (var change in plan.Changes)
                {
                    if (kernel.Apply(change))
                        applied.Add(change);
                    else
                        memory = memory.Keep(before, [change]);
                }
            }
        }
        catch (IOException failure)
        {
            throw TakeBack(failure, applied, before, memory);
        }
    }

    /// <summary>Takes addresses down. Where a change is refused it stops, and the next call goes on from there.</summary>
    /// <exception cref="IOException">Something was refused.</exception>
    public RealServerOutcome Down(IReadOnlyList<IPAddressValue> addresses)
    {
        var before = store.Load();
        var plan = RealServerPlan.Down(kernel.Read(), before, addresses);
        var applied = new List<RealServerChange>();
        int next = 0;
        try
        {
            for (; next < plan.Changes.Length; next++)
            {
                if (kernel.Apply(plan.Changes[next]))
                    applied.Add(plan.Changes[next]);
            }
        }
        catch (IOException failure)
        {
            var missing = plan.Changes[next..];
            store.Save(plan.Memory.Keep(before, missing));
            throw new RealServerException(
                $"{failure.Message} Still to do, and remembered for the next 'down': {string.Join("; ", missing)}.{Done(applied)}", failure);
        }

        store.Save(plan.Memory);
        return new([.. applied], plan.Notes);
    }

    private RealServerException TakeBack(IOException failure, List<RealServerChange> applied, RealServerMemory before, RealServerMemory memory)
    {
        var stuck = new List<RealServerChange>();
        string reasons = "";
        foreach (var change in Enumerable.Reverse(applied))
        {
            try
            {
                kernel.Apply(change.Inverse);
            }
            catch (IOException exception)
            {
                stuck.Add(change);
                reasons += " " + exception.Message;
            }
        }

        string end = applied.Count == 0 ? "Nothing was changed."
            : stuck.Count == 0 ? $"What had been changed was put back: {string.Join("; ", applied.Select(change => change.Inverse).Reverse())}."
            : $"Not all that had been changed could be put back; this is left, and remembered for 'down': {string.Join("; ", stuck)}.{reasons}";
        try
        {
            store.Save(before.Keep(memory, stuck));
        }
        catch (IOException exception)
        {
            end += $" {exception.Message}";
        }

        return new($"{failure.Message} {end}", failure);
    }

    private static string Done(List<RealServerChange> applied) => applied.Count == 0 ? "" : $" Done: {string.Join("; ", applied)}.";
}
