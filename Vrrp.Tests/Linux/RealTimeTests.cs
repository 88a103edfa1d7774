using Vrrp.Linux;

namespace Vrrp.Tests.Linux;

public sealed class RealTimeTests
{
    [Fact]
    public void Calling_thread_gets_what_is_asked_and_its_threads_do_not()
    {
        OnOwnThread(() =>
        {
            RealTime.SetTimerSlack();
            const int PR_GET_TIMERSLACK = 30;
            Assert.Equal(1, NativeMethods.PrCtl(PR_GET_TIMERSLACK, 0, 0, 0, 0));
        });
        OnOwnThread(() =>
        {
            RealTime.SetRoundRobin(10);
            Assert.Equal(2, NativeMethods.SchedGetScheduler(0) & 0xFF);
            OnOwnThread(() => Assert.Equal(0, NativeMethods.SchedGetScheduler(0) & 0xFF));
            RealTime.SetFirstInFirstOut(10);
            Assert.Equal(1, NativeMethods.SchedGetScheduler(0) & 0xFF);
        });
        OnOwnThread(() =>
        {
            RealTime.SetNice(-5);
            RealTime.SetAffinity([0]);
            string stat = File.ReadAllText("/proc/thread-self/status");
            Assert.Contains("Cpus_allowed_list:\t0\n", stat, StringComparison.Ordinal);
        });
    }

    [Fact]
    public void Refusal_is_an_exception_with_its_reason()
    {
        OnOwnThread(() =>
        {
            Assert.Equal(Errno.EINVAL, Assert.Throws<LinuxException>(() => RealTime.SetRoundRobin(1000)).Error);
            Assert.Equal(Errno.EINVAL, Assert.Throws<LinuxException>(() => RealTime.SetAffinity([])).Error);
            ThreadCapabilities.DropAll();
            // Below that of any shell that started the tests.
            var e = Assert.Throws<LinuxException>(() => RealTime.SetNice(-20));
            Assert.Contains("CAP_SYS_NICE", e.Message, StringComparison.Ordinal);
            Assert.False(Capabilities.Read().Has(Capability.NetAdmin));
        });
    }

    [Fact]
    public void Effective_capabilities_are_read_from_the_status_text()
    {
        var capabilities = Capabilities.Parse("Name:\tx\nCapPrm:\tffffffffffffffff\nCapEff:\t0000000000003000\nCapBnd:\t0\n");
        Assert.True(capabilities.Has(Capability.NetAdmin) && capabilities.Has(Capability.NetRaw));
        Assert.False(capabilities.Has(Capability.SysAdmin));
        Assert.Equal(default, Capabilities.Parse("nothing"));
        Assert.Equal(default, Capabilities.Parse("CapEff:\tzz"));
    }

    private static void OnOwnThread(Action action)
    {
        Exception? failure = null;
        var thread = new Thread(() =>
        {
            try
            {
                action();
            }
            catch (Exception e)
            {
                failure = e;
            }
        });
        thread.Start();
        thread.Join();
        Assert.Null(failure);
    }
}
