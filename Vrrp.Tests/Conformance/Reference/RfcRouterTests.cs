namespace Vrrp.Tests.Conformance.Reference;

/// <summary>The reference itself, against the worked values and rows of the documents.</summary>
public sealed class RfcRouterTests
{
    [Theory]
    [InlineData(255, 100, 3_003_906_250)]
    [InlineData(254, 100, 3_007_812_500)]
    [InlineData(200, 100, 3_218_750_000)]
    [InlineData(150, 100, 3_414_062_500)]
    [InlineData(100, 100, 3_609_375_000)]
    [InlineData(1, 100, 3_996_093_750)]
    [InlineData(100, 300, 9_609_375_000)]
    [InlineData(100, 25500, 765_609_375_000)]
    public void Version_2_waits_three_intervals_and_a_fraction_of_a_second(int priority, int interval, long nanoseconds)
    {
        RfcRouter router = new(new(RfcVersion.Rfc3768, priority, interval, Preempt: true, OwnerListens: true, Address: 1));

        Assert.Equal(nanoseconds, router.MasterDownInterval);
    }

    [Theory]
    [InlineData(255, 100, 3_003_906_250)]
    [InlineData(90, 100, 3_648_437_500)]
    [InlineData(100, 300, 10_828_125_000)]
    [InlineData(254, 10, 300_781_250)]
    [InlineData(100, 1, 36_093_750)]
    [InlineData(1, 1, 39_960_937)]
    [InlineData(100, 4095, 147_803_906_250)]
    [InlineData(1, 4095, 163_640_039_062)]
    public void Version_3_waits_three_learned_intervals_and_their_skew(int priority, int interval, long nanoseconds)
    {
        RfcRouter router = new(new(RfcVersion.Rfc9568, priority, interval, Preempt: true, OwnerListens: true, Address: 1));

        Assert.Equal(nanoseconds, router.MasterDownInterval);
    }

    [Fact]
    public void A_life_from_startup_to_farewell()
    {
        RfcRouter router = new(new(RfcVersion.Rfc9568, 100, 100, Preempt: true, OwnerListens: true, Address: 2));

        Assert.Empty(Outputs(() => router.Startup(0)));
        Assert.Equal(RfcState.Backup, router.State);
        long taken = router.Deadline!.Value;
        Assert.Empty(Outputs(() => router.Clock(taken - 1)));

        Assert.Equal(
            [new(RfcOutputKind.AddressesOn), new(RfcOutputKind.SendAdvertisement, 100, 100), new(RfcOutputKind.Announce)],
            Outputs(() => router.Clock(taken)));
        Assert.Equal(taken + RfcRouter.Second, router.Deadline);

        // Equal priority: the higher address stays.
        Assert.Equal([new(RfcOutputKind.SendAdvertisement, 100, 100)], Outputs(() => router.Advertisement(taken, 100, source: 1, interval: 300)));
        Assert.Empty(Outputs(() => router.Advertisement(taken, 100, source: 2, interval: 300)));
        Assert.Equal([new(RfcOutputKind.AddressesOff)], Outputs(() => router.Advertisement(taken, 100, source: 3, interval: 300)));
        Assert.Equal(taken + 10_828_125_000, router.Deadline);

        Assert.Empty(Outputs(() => router.Advertisement(taken, 0, source: 3, interval: 1)));
        Assert.Equal(taken + 1_828_125_000, router.Deadline);

        Assert.Equal(3, Outputs(() => router.Clock(taken + 1_828_125_000)).Length);
        Assert.Equal([new(RfcOutputKind.SendAdvertisement, 0, 100), new(RfcOutputKind.AddressesOff)], Outputs(router.Shutdown));
        Assert.Null(router.Deadline);

        RfcOutput[] Outputs(Action happens)
        {
            router.Outputs.Clear();
            happens();
            return [.. router.Outputs];
        }
    }

    [Fact]
    public void Addresses_compare_as_unsigned_big_endian_numbers()
    {
        Assert.True(RfcRouter.AddressNumber([10, 0, 0, 9]) < RfcRouter.AddressNumber([10, 0, 0, 10]));
        Assert.True(RfcRouter.AddressNumber([9, 255, 255, 255]) < RfcRouter.AddressNumber([10, 0, 0, 0]));
    }
}
