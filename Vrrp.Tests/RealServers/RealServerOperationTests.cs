using Vrrp.Daemon.RealServers;
using Vrrp.Linux;
using static Vrrp.Tests.RealServers.FakeRealServerKernel;

namespace Vrrp.Tests.RealServers;

/// <summary>What stays of an <c>up</c> or <c>down</c> that is refused half-way, or killed.</summary>
public sealed class RealServerOperationTests : IDisposable
{
    private static readonly RealServerVip[] Vips = [Tun("10.0.0.100"), Dr("10.0.0.101"), Dr("2001:db8::100")];

    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("vrrp-realserver-");

    // Without tunl0: that is made first.
    private readonly FakeRealServerKernel _kernel = new();

    private string StatePath => Path.Combine(_folder.FullName, "state");

    public void Dispose() => _folder.Delete(recursive: true);

    [Fact]
    public void Up_and_down_leave_nothing()
    {
        string before = _kernel.ToString();
        Assert.Equal(13, Up().Changes.Length);
        Assert.Empty(Up().Changes);
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(StatePath));
        Down();
        Assert.Equal(before, _kernel.ToString());
        Assert.Empty(_folder.GetFiles());
    }

    [Fact]
    public void Up_that_is_refused_anywhere_is_taken_back_and_says_so()
    {
        for (int refused = 0; ; refused++)
        {
            var kernel = new FakeRealServerKernel();
            string before = kernel.ToString();
            bool failed = false;
            kernel.Before = (count, change) =>
            {
                if (count != refused || failed)
                    return;
                failed = true;
                throw new LinuxException(change.ToString()!, Errno.EPERM);
            };
            try
            {
                Up(kernel);
                Assert.Equal(13, refused);
                return;
            }
            catch (RealServerException exception)
            {
                Assert.True(Assert.IsType<LinuxException>(exception.Root).IsPermission);
                Assert.Contains(refused == 0 ? "Nothing was changed." : "What had been changed was put back: ", exception.Message, StringComparison.Ordinal);
                Assert.Equal(before, kernel.ToString());
                Assert.False(File.Exists(StatePath));
            }
        }
    }

    [Fact]
    public void What_cannot_be_taken_back_is_said_and_remembered_for_down()
    {
        string before = _kernel.ToString();
        _kernel.Before = (_, change) =>
        {
            if (change is RealServerChange.AddAddress { Vip.Mode: RealServerMode.DirectRoute } or RealServerChange.WriteSetting { Setting.Key: KernelSetting.ReversePathFilter, To: 1 })
                throw new LinuxException(change.ToString()!, Errno.EINVAL);
        };
        var exception = Assert.Throws<RealServerException>(() => Up());
        Assert.Contains("this is left, and remembered for 'down': net.ipv4.conf.all.rp_filter: 1 -> 0.", exception.Message, StringComparison.Ordinal);
        _kernel.Before = (_, _) => { };
        Up();
        Down();
        Assert.Equal(before, _kernel.ToString());
    }

    [Fact]
    public void Down_that_is_refused_goes_on_the_next_time_and_arp_stays_silent_while_the_address_is_there()
    {
        for (int refused = 0; ; refused++)
        {
            var kernel = new FakeRealServerKernel();
            string before = kernel.ToString();
            Up(kernel);
            int done = kernel.Applied.Count;
            bool failed = false;
            kernel.Before = (count, change) =>
            {
                if (count != done + refused || failed)
                    return;
                failed = true;
                throw new LinuxException(change.ToString()!, Errno.EINVAL);
            };
            try
            {
                Down(kernel);
                Assert.Equal(10, refused);
                return;
            }
            catch (RealServerException exception)
            {
                Assert.Contains("remembered for the next 'down'", exception.Message, StringComparison.Ordinal);
                if (kernel.Facts.Has(Vips[1]))
                    Assert.Equal(1, kernel.Facts.Find(AllIgnore));
                Down(kernel);
                Assert.Equal(before, kernel.ToString());
                Assert.False(File.Exists(StatePath));
            }
        }
    }

    [Fact]
    public void Up_that_is_killed_anywhere_is_put_back_by_down()
    {
        for (int killed = 0; ; killed++)
        {
            var kernel = new FakeRealServerKernel();
            string before = kernel.ToString();
            kernel.Before = (count, _) =>
            {
                if (count == killed)
                    throw new OperationCanceledException();
            };
            try
            {
                Up(kernel);
                Assert.Equal(13, killed);
                return;
            }
            catch (OperationCanceledException)
            {
                // As after SIGKILL: nothing more was done.
                kernel.Before = (_, _) => { };
                Down(kernel);
                Assert.Equal(before, kernel.ToString());
            }
        }
    }

    [Fact]
    public void Kernel_that_has_made_its_own_tunnel_keeps_it()
    {
        var kernel = new ModuleKernel(_kernel);
        using var store = RealServerStore.OpenLocked(StatePath);
        var operation = new RealServerOperation(kernel, store);
        operation.Up([Tun("10.0.0.100")]);
        operation.Down([IPAddressValue.Parse("10.0.0.100")]);
        Assert.Equal(new FakeRealServerKernel(RealServerVip.IPv4Tunnel).ToString(), _kernel.ToString());
    }

    [Fact]
    public void Someone_who_always_undoes_it_ends_it_with_a_reason()
    {
        string before = _kernel.ToString();
        var exception = Assert.Throws<RealServerException>(() =>
        {
            using var store = RealServerStore.OpenLocked(StatePath);
            new RealServerOperation(new StubbornKernel(_kernel), store).Up([Dr("10.0.0.100")]);
        });
        Assert.StartsWith("It does not stay as it is set; someone else changes it meanwhile: net.ipv4.conf.all.arp_ignore: 0 -> 1.", exception.Message, StringComparison.Ordinal);
        Assert.Equal(before, _kernel.ToString());
    }

    private RealServerOutcome Up(IRealServerKernel? kernel = null)
    {
        using var store = RealServerStore.OpenLocked(StatePath);
        return new RealServerOperation(kernel ?? _kernel, store).Up(Vips);
    }

    private void Down(IRealServerKernel? kernel = null)
    {
        using var store = RealServerStore.OpenLocked(StatePath);
        new RealServerOperation(kernel ?? _kernel, store).Down([.. Vips.Select(vip => vip.Address)]);
    }

    /// <summary>Asked for a tunnel it loads the module, which brings the kernel's own, and finds that there is one.</summary>
    private sealed class ModuleKernel(FakeRealServerKernel kernel) : IRealServerKernel
    {
        public RealServerFacts Read() => kernel.Read();

        public bool Apply(RealServerChange change)
        {
            kernel.Apply(change);
            return change is not RealServerChange.CreateTunnel;
        }
    }

    private sealed class StubbornKernel(FakeRealServerKernel kernel) : IRealServerKernel
    {
        public RealServerFacts Read()
        {
            kernel.Set(AllIgnore, 0);
            return kernel.Read();
        }

        public bool Apply(RealServerChange change) => kernel.Apply(change);
    }
}
