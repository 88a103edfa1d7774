using System.Text;
using Vrrp.Daemon.Configuration;
using Vrrp.Daemon.Configuration.Model;
using Vrrp.Daemon.Failover;
using Vrrp.Packets;

namespace Vrrp.Tests.Fuzzing.Targets;

/// <summary>
/// One configuration and another that replaces it, with a line of <c>#----</c> between them: the differences, the plan, and the plan carried
/// out on an engine, which ends with the routers of the second.
/// </summary>
internal sealed class ReloadTarget : IFuzzTarget
{
    private const int MaxSteps = 1000;

    private static readonly byte[] s_separator = "#----\n"u8.ToArray();

    public string Name => "reload";

    public int Executions => 2_500;

    public int MaxLength => 4 * 1024;

    public bool IsText => true;

    public IReadOnlyList<byte[]> Seeds { get; } = [.. WriteSeeds()];

    public void Mutate(FuzzInput input, ReadOnlySpan<byte> other, FuzzRandom random)
    {
        var (before, after) = Split(input.Span);
        var (otherBefore, otherAfter) = Split(other);
        switch (random.Next(6))
        {
            case 0:
                (before, after) = (after, before);
                break;
            case 1:
                after = random.OneIn(2) ? otherBefore : otherAfter;
                break;
            case 2:
                after = before;
                break;
            default:
                var part = new FuzzInput(MaxLength / 2);
                bool first = random.OneIn(3);
                part.Set(first ? before : after);
                ConfigurationGrammar.Apply(part, otherAfter, random);
                (before, after) = first ? (part.Span.ToArray(), after) : (before, part.Span.ToArray());
                break;
        }

        input.Set([.. before, .. s_separator, .. after]);
    }

    public void Execute(ReadOnlySpan<byte> input, FuzzContext context)
    {
        var (first, second) = Split(input);
        if (ConfigurationTarget.Load(first).Config is not { } before || ConfigurationTarget.Load(second).Config is not { } after)
        {
            context.Reached("not loaded");
            return;
        }

        Compare(before, after, context);
        var running = RouterMapping.Map(before, InterfaceOf);
        var wanted = RouterMapping.Map(after, InterfaceOf);
        var plan = RouterPlan.Create(running, wanted);
        // An instance that is named after its source alone may turn out to be where another is, on this host and not on others.
        context.Reached(plan.Problems.IsEmpty ? "plan" : "plan with problems");
        if (!plan.Problems.IsEmpty || RouterPlan.Create([], running) is { Problems.IsEmpty: false })
            return;
        CarryOut(running, plan, wanted, context);
    }

    private static void Compare(DaemonConfig before, DaemonConfig after, FuzzContext context)
    {
        var diff = ConfigDiff.Create(before, after);
        foreach (var change in diff.Instances)
        {
            context.Reached("change", (long)change.Kind);
            foreach (string setting in change.Settings)
                context.Reached(setting);
            if (change.Renamed)
                context.Reached("renamed");
            if (change.Describe().Length == 0)
                throw new BrokenPromiseException("a change has no words");
        }

        context.ReachedCount("changed groups", diff.ChangedGroups.Length);
        context.ReachedCount("added addresses", diff.AddedAddresses.Length);
        context.ReachedCount("removed addresses", diff.RemovedAddresses.Length);
        context.Reached("globals", diff.GlobalsChanged ? 1 : 0);
        if (diff.Instances.Count(change => change.New is not null) != after.Instances.Length
            || diff.Instances.Count(change => change.Old is not null) != before.Instances.Length)
            throw new BrokenPromiseException("an instance is lost or counted twice in a comparison");
        if (ConfigDiff.Create(after, before).IsEmpty != diff.IsEmpty)
            throw new BrokenPromiseException("two configurations differ in one direction only");
    }

    private static void CarryOut(
        IEnumerable<VirtualRouterConfig> running, RouterPlan plan, IReadOnlyCollection<VirtualRouterConfig> wanted, FuzzContext context)
    {
        var now = new Instant(1_000_000_000_000);
        var kernel = new FuzzHost().Kernel;
        using var engine = new VrrpEngine(kernel, new VrrpFrameCodec(), VrrpStateMachine.Instance, notification => context.Reached(notification.GetType().Name));
        engine.Start(now);
        Turn(() =>
        {
            foreach (var router in running)
                engine.Add(router, now, now);
        });
        // Long enough that some are Master.
        for (int turns = 0; turns < 200 && engine.NextDeadline < now.AddNanoseconds(5_000_000_000); turns++)
        {
            now = engine.NextDeadline > now ? engine.NextDeadline : now;
            Turn(() => { });
        }

        if (plan.Removals.Length + plan.Steps.Length > MaxSteps)
            throw new BrokenPromiseException("a plan has more steps than there are routers");
        var over = new HashSet<string>(StringComparer.Ordinal);
        foreach (string name in plan.Removals)
        {
            Turn(() =>
            {
                if (!engine.Remove(name, handOver: false, () => over.Add(name), now))
                    throw new BrokenPromiseException("a plan removes what does not run");
            });
        }

        foreach (var step in plan.Steps)
        {
            if (!step.After.All(over.Contains))
                throw new BrokenPromiseException("a step waits for one that is not over");
            Turn(() =>
            {
                if (step.From is { } from)
                {
                    engine.Reconfigure(from, step.To, now);
                    over.Add(from);
                }
                else
                {
                    engine.Add(step.To, now, now);
                }
            });
        }

        var names = engine.Routers.Select(router => router.Config.Name).Order(StringComparer.Ordinal);
        if (!names.SequenceEqual(wanted.Select(router => router.Name).Order(StringComparer.Ordinal)))
            throw new BrokenPromiseException("the plan leads to other routers than those wanted");
        foreach (var router in engine.Routers)
        {
            context.Reached("ends", (long)router.State.State);
            if (!RouterPlan.Same(router.Config, wanted.Single(config => config.Name == router.Config.Name)))
                throw new BrokenPromiseException("the plan leads to another configuration than that wanted");
        }

        void Turn(Action act)
        {
            engine.BeginTurn(now);
            if (kernel.HasEvents)
                engine.ReceiveInterfaces();
            act();
            engine.EndTurn();
        }
    }

    private static string InterfaceOf(IPAddressValue source) => source.Family == IPFamily.IPv4 ? "eth0" : "eth1";

    private static (byte[] Before, byte[] After) Split(ReadOnlySpan<byte> input)
    {
        int at = input.IndexOf(s_separator);
        return at < 0 ? (input.ToArray(), []) : (input[..at].ToArray(), input[(at + s_separator.Length)..].ToArray());
    }

    private static IEnumerable<byte[]> WriteSeeds()
    {
        var random = new FuzzRandom(1);
        for (int i = 0; i < 6; i++)
        {
            string instances = ConfigurationGrammar.Instance(random) + "\n" + ConfigurationGrammar.Instance(random) + "\n";
            yield return [.. Encoding.Latin1.GetBytes(instances), .. s_separator, .. Encoding.Latin1.GetBytes(ConfigurationGrammar.Instance(random)), (byte)'\n'];
        }
    }
}
