using System.Text;
using Xunit.Abstractions;

namespace Vrrp.Tests.Conformance.Reference;

/// <summary>
/// The machine and the independent reading of the table agree after every input of long random sequences: state, deadline to the
/// nanosecond, actions in order. The sequences have no sense of a LAN: late and early timers, time that stands still, farewells of nobody,
/// own echoes, stops and starts twice. A failure prints its seed and the shortest sequence found that still fails.
/// </summary>
public sealed class ReferenceTests(ITestOutputHelper output)
{
    private const int Sequences = 20_000;
    private const int InputsPerSequence = 200;

    public static TheoryData<string> PlainMistakes => [.. BrokenMachines.Plain.Select(machine => machine.Fault)];

    public static TheoryData<string> FieldMistakes => [.. BrokenMachines.Field.Select(machine => machine.Fault)];

    [Fact]
    public void The_machine_and_the_table_agree() => AssertAgreement(isPlain: true);

    [Fact]
    public void The_machine_and_what_the_field_adds_agree() => AssertAgreement(isPlain: false);

    [Theory, MemberData(nameof(PlainMistakes))]
    public void A_machine_with_a_mistake_in_the_table_does_not_agree(string fault) => AssertFound(BrokenMachines.With(fault), isPlain: true);

    [Theory, MemberData(nameof(FieldMistakes))]
    public void A_machine_with_a_mistake_in_what_the_field_adds_does_not_agree(string fault) =>
        AssertFound(BrokenMachines.With(fault), isPlain: false);

    [Fact]
    public void The_sequences_reach_every_state_and_every_output()
    {
        var seen = new HashSet<(string State, string Actions)>();
        for (int seed = 0; seed < 500; seed++)
        {
            var random = new Random(seed);
            var comparison = new Comparison(VrrpStateMachine.Instance, random, isPlain: false);
            for (int i = 0; i < InputsPerSequence; i++)
            {
                Assert.Null(comparison.Apply(RandomInput.Next(random, isPlain: false)));
                seen.Add(comparison.Seen);
            }
        }

        // Initialize, handing over, Fault, Backup, waiting for the group, Master; and each sequence of actions there is.
        Assert.Equal(6, seen.Select(one => one.State).Distinct().Count());
        Assert.Equal(typeof(VrrpActions).GetProperties().Length, seen.Select(one => one.Actions).Distinct().Count());
    }

    private void AssertAgreement(bool isPlain)
    {
        for (int seed = 0; seed < Sequences; seed++)
        {
            if (Fails(VrrpStateMachine.Instance, seed, isPlain) is { } inputs)
                Assert.Fail(Explain(VrrpStateMachine.Instance, seed, isPlain, inputs));
        }

        output.WriteLine($"{Sequences} sequences of {InputsPerSequence} inputs agree.");
    }

    private void AssertFound(BrokenMachine machine, bool isPlain)
    {
        for (int seed = 0; seed < Sequences; seed++)
        {
            if (Fails(machine, seed, isPlain) is not { } inputs)
                continue;
            output.WriteLine(Explain(machine, seed, isPlain, inputs));
            return;
        }

        Assert.Fail($"A machine that {machine.Fault} was taken for right.");
    }

    /// <summary>One sequence.</summary>
    /// <returns>Its inputs up to the first that leads to a difference; null when there is none.</returns>
    private static List<RandomInput>? Fails(IVrrpStateMachine machine, int seed, bool isPlain)
    {
        var random = new Random(seed);
        var comparison = new Comparison(machine, random, isPlain);
        for (int i = 0; i < InputsPerSequence; i++)
        {
            if (comparison.Apply(RandomInput.Next(random, isPlain)) is null)
                continue;
            // Again from the start, to have what led here.
            random = new Random(seed);
            _ = new Comparison(machine, random, isPlain);
            var inputs = new List<RandomInput>();
            for (int k = 0; k <= i; k++)
                inputs.Add(RandomInput.Next(random, isPlain));
            return inputs;
        }

        return null;
    }

    private static string Explain(IVrrpStateMachine machine, int seed, bool isPlain, List<RandomInput> inputs)
    {
        int before = inputs.Count;
        Shrink(inputs, shorter => Differs(machine, seed, isPlain, shorter));
        var comparison = new Comparison(machine, new Random(seed), isPlain);
        var text = new StringBuilder().AppendLine($"Seed {seed}: {inputs.Count} of {before} inputs. {comparison.Setup()}");
        foreach (var input in inputs)
        {
            string? difference = comparison.Apply(input);
            text.AppendLine(comparison.Describe(input));
            if (difference is not null)
                return text.Append(difference).ToString();
        }

        throw new InvalidOperationException("A sequence that failed does not fail again.");
    }

    private static bool Differs(IVrrpStateMachine machine, int seed, bool isPlain, List<RandomInput> inputs)
    {
        var comparison = new Comparison(machine, new Random(seed), isPlain);
        return inputs.Any(input => comparison.Apply(input) is not null);
    }

    /// <summary>Leaves out what is not needed for the failure: halves first, single inputs last; then waits.</summary>
    private static void Shrink(List<RandomInput> inputs, Func<List<RandomInput>, bool> fails)
    {
        for (int size = inputs.Count / 2; size > 0; size /= 2)
        {
            for (int from = inputs.Count - size; from >= 0; from -= size)
            {
                List<RandomInput> shorter = [.. inputs[..from], .. inputs[(from + size)..]];
                if (!fails(shorter))
                    continue;
                inputs.RemoveRange(from, size);
                from = Math.Min(from, inputs.Count);
            }
        }

        for (int i = 0; i < inputs.Count; i++)
        {
            var kept = inputs[i];
            inputs[i] = kept with { Moment = kept.Kind == InputKind.Clock ? Moment.AtDeadline : Moment.Same };
            if (!fails(inputs))
                inputs[i] = kept;
        }
    }
}
