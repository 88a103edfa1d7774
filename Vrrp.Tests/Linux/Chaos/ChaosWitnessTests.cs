namespace Vrrp.Tests.Linux.Chaos;

public class ChaosWitnessTests
{
    [Theory]
    [InlineData(new[] { 0, 1 }, new[] { 0, 1 }, 1)]
    [InlineData(new[] { 1, 0 }, new[] { 0, 1 }, 0)]
    [InlineData(new int[0], new[] { 0, 1 }, 0)]
    // The Master whose cable was pulled advertised a moment ago: the other had to take over.
    [InlineData(new[] { 0 }, new[] { 1 }, 1)]
    [InlineData(new[] { 0, 0 }, new[] { 1, 2 }, 1)]
    [InlineData(new[] { 0 }, new int[0], null)]
    public void Of_those_that_can_the_last_to_claim_it_had_to_answer(int[] claims, int[] able, int? host) =>
        Assert.Equal(host, ChaosWitness.HadToAnswer(claims, able));

    [Theory]
    [InlineData(0b011, 0b011, 1)]
    [InlineData(0b101, 0b101, 2)]
    [InlineData(0b011, 0b010, 0)]
    [InlineData(0b011, 0b001, 1)]
    [InlineData(0b011, 0b000, 0)]
    [InlineData(0b000, 0b001, null)]
    public void The_lower_had_to_yield_unless_the_other_was_silent(int answering, int advertising, int? host) =>
        Assert.Equal(host, ChaosWitness.HadToYield(answering, advertising));
}
