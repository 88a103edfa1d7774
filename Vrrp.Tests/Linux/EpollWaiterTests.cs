using Vrrp.Linux;
using static Vrrp.Linux.NativeMethods;

namespace Vrrp.Tests.Linux;

public sealed unsafe class EpollWaiterTests
{
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Wait_ends_at_the_deadline_and_not_before(bool preferTimer)
    {
        using var waiter = new EpollWaiter(preferTimer);
        int[] ready = new int[4];
        foreach (long microseconds in (long[])[-5, 0, 39, 500, 2000, 5000])
        {
            var deadline = MonotonicClock.Now.AddNanoseconds(microseconds * 1000);
            Assert.Equal(0, waiter.Wait(deadline, ready));
            Assert.True(MonotonicClock.Now >= deadline);
        }
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Wake_ends_a_wait_without_a_deadline_from_any_thread(bool preferTimer)
    {
        using var waiter = new EpollWaiter(preferTimer);
        // With a timer set before, a wait for ever must not hear of it.
        waiter.Wait(MonotonicClock.Now.AddNanoseconds(100_000), new int[1]);
        var thread = new Thread(waiter.Wake);
        thread.Start();
        Assert.Equal(0, waiter.Wait(Instant.Never, new int[1]));
        thread.Join();
    }

    [Fact]
    public void Wake_before_the_wait_is_not_lost_and_counts_once()
    {
        using var waiter = new EpollWaiter();
        waiter.Wake();
        waiter.Wake();
        Assert.Equal(0, waiter.Wait(Instant.Never, new int[1]));
        var deadline = MonotonicClock.Now.AddNanoseconds(1_000_000);
        Assert.Equal(0, waiter.Wait(deadline, new int[1]));
        Assert.True(MonotonicClock.Now >= deadline);
    }

    [Fact]
    public void Descriptor_is_ready_as_long_as_it_has_input_and_until_it_is_removed()
    {
        using var waiter = new EpollWaiter();
        int descriptor = EventFd(0, 0x80800);
        int other = EventFd(0, 0x80800);
        ulong one = 1;
        waiter.Add(descriptor, 17);
        waiter.Add(other, 18);
        int[] ready = new int[4];
        Assert.Equal(0, waiter.Wait(Instant.Origin, ready));
        _ = Write(descriptor, &one, 8);
        Assert.Equal(1, waiter.Wait(Instant.Never, ready));
        Assert.Equal(17, ready[0]);
        _ = Write(other, &one, 8);
        waiter.Wake();
        Assert.Equal(2, waiter.Wait(Instant.Never, ready));
        Assert.Equal([17, 18], ready[..2].Order());
        waiter.Remove(descriptor);
        Assert.Equal(1, waiter.Wait(Instant.Never, ready));
        Assert.Equal(18, ready[0]);
        _ = Close(descriptor);
        _ = Close(other);
        Assert.Throws<LinuxException>(() => waiter.Add(descriptor, 1));
    }

    [Fact]
    public void Few_places_for_many_ready_descriptors_lose_none()
    {
        using var waiter = new EpollWaiter();
        var open = new Dictionary<int, int>();
        ulong one = 1;
        for (int i = 0; i < 20; i++)
        {
            open[i] = EventFd(1, 0x80800);
            waiter.Add(open[i], i);
        }

        int[] ready = new int[3];
        var seen = new HashSet<int>();
        while (seen.Count < 20)
        {
            int count = waiter.Wait(Instant.Never, ready);
            Assert.InRange(count, 1, 3);
            foreach (int token in ready.AsSpan(0, count))
            {
                seen.Add(token);
                _ = Read(open[token], &one, 8);
            }
        }

        foreach (int descriptor in open.Values)
            _ = Close(descriptor);
    }

    [Fact]
    public void Wake_after_dispose_is_harmless()
    {
        var waiter = new EpollWaiter();
        waiter.Dispose();
        waiter.Wake();
        waiter.Dispose();
        Assert.Throws<ObjectDisposedException>(() => waiter.Wait(Instant.Origin, new int[1]));
    }

    [Fact]
    public void Waiting_allocates_nothing()
    {
        using var waiter = new EpollWaiter();
        int[] ready = new int[4];
        Rounds(50);
        long before = GC.GetAllocatedBytesForCurrentThread();
        Rounds(50);
        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);

        void Rounds(int count)
        {
            for (int i = 0; i < count; i++)
            {
                waiter.Wake();
                waiter.Wait(Instant.Never, ready);
                waiter.Wait(MonotonicClock.Now.AddNanoseconds(50_000), ready);
            }
        }
    }
}
