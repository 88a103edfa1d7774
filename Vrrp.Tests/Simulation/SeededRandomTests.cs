using Vrrp.Simulation;

namespace Vrrp.Tests.Simulation;

public class SeededRandomTests
{
    [Fact]
    public void The_sequence_is_that_of_SplitMix64()
    {
        // The first outputs for seed 1234567 that its author's program gives.
        var random = new SeededRandom(1234567);
        Assert.Equal(
            (ulong[])[6457827717110365317, 3203168211198807973, 9817491932198370423, 4593380528125082431, 16408922859458223821],
            Enumerable.Range(0, 5).Select(_ => random.NextBits()));
    }

    [Fact]
    public void Numbers_are_in_range_and_each_comes_up()
    {
        var random = new SeededRandom(1);
        var counts = new int[7];
        for (int i = 0; i < 7000; i++)
        {
            counts[random.Next(7)]++;
            Assert.InRange(random.Next(-3, 4), -3, 3);
            Assert.InRange(random.Next(int.MinValue, int.MaxValue), int.MinValue, int.MaxValue - 1);
            Assert.InRange(random.NextDouble(), 0, 0.9999999999999999);
            Assert.InRange(random.NextTime(TimeSpan.FromTicks(3)).Ticks, 0, 3);
        }

        Assert.All(counts, count => Assert.InRange(count, 850, 1150));
        Assert.Equal(0, random.Next(1));
        Assert.Equal(TimeSpan.Zero, random.NextTime(TimeSpan.Zero));
        Assert.Equal("only", random.Pick(["only"]));
        Assert.False(random.Happens(0));
        Assert.True(random.Happens(1));
    }

    [Fact]
    public void What_makes_no_sense_is_refused()
    {
        var random = new SeededRandom(1);
        Assert.Throws<ArgumentOutOfRangeException>(() => random.Next(0));
        Assert.Throws<ArgumentOutOfRangeException>(() => random.Next(3, 3));
        Assert.Throws<ArgumentOutOfRangeException>(() => random.NextTime(TimeSpan.FromTicks(-1)));
        Assert.Throws<ArgumentException>(() => random.Pick(Array.Empty<int>()));
    }
}
