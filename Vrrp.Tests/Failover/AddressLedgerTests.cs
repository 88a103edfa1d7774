using Microsoft.Extensions.Logging.Abstractions;
using Vrrp.Daemon.Failover;

namespace Vrrp.Tests.Failover;

/// <summary>The record of what this daemon put on interfaces.</summary>
public sealed class AddressLedgerTests : IDisposable
{
    private readonly string _path = Path.Combine(Path.GetTempPath(), $"vrrp-test-{Guid.NewGuid():N}.addresses");

    public void Dispose() => File.Delete(_path);

    private AddressLedger Ledger() => new(_path, NullLogger.Instance);

    private static VirtualAddress On(string name, string address) => VirtualAddress.Host(IPAddressValue.Parse(address)) with { Interface = name };

    [Fact]
    public void What_was_written_is_read_by_the_next_process()
    {
        Ledger().Write([On("eth0", "192.0.2.254"), On("eth1", "2001:db8::5")]);

        Assert.Equal(["192.0.2.254/32 dev eth0", "2001:db8::5/128 dev eth1"], Ledger().Read().Select(address => address.ToString()).Order());
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(_path));
    }

    [Fact]
    public void What_was_there_before_is_not_ours()
    {
        var ledger = Ledger();
        ledger.Write([On("lo", "127.0.0.1") with { PrefixLength = 8 }, On("eth0", "192.0.2.254")]);

        Assert.Equal("192.0.2.254/32 dev eth0", Assert.Single(Ledger().Read()).ToString());
    }

    [Fact]
    public void After_a_clean_stop_there_is_nothing_to_read()
    {
        var ledger = Ledger();
        ledger.Write([On("eth0", "192.0.2.254")]);
        ledger.Delete();

        Assert.Empty(Ledger().Read());
    }

    [Fact]
    public void A_file_that_is_far_too_large_is_not_read()
    {
        using (var file = File.OpenWrite(_path))
            file.SetLength(9 * 1024 * 1024);
        long before = GC.GetAllocatedBytesForCurrentThread();

        Assert.Empty(Ledger().Read());
        Assert.True(GC.GetAllocatedBytesForCurrentThread() - before < 1024 * 1024);
    }

    [Fact]
    public void What_could_not_be_written_leaves_nothing_half_done_and_is_written_the_next_time()
    {
        var ledger = Ledger();
        // No file can take the place of a directory.
        Directory.CreateDirectory(_path);
        ledger.Write([On("eth0", "192.0.2.254")]);
        Assert.False(File.Exists(_path + ".new"));

        Directory.Delete(_path);
        ledger.Write([On("eth0", "192.0.2.254")]);
        Assert.Equal("192.0.2.254/32 dev eth0", Assert.Single(Ledger().Read()).ToString());
    }

    [Theory]
    [InlineData("")]
    [InlineData("eth0")]
    [InlineData("eth0 192.0.2.254")]
    [InlineData("eth0 192.0.2.254/33")]
    [InlineData("eth0 192.0.2.254/-1")]
    [InlineData("eth0 192.0.2.254/32 more")]
    [InlineData("a-name-that-is-too-long 192.0.2.254/32")]
    [InlineData("eth0 not/32")]
    public void A_line_that_makes_no_sense_removes_nothing(string line)
    {
        File.WriteAllText(_path, line + "\n");

        Assert.Empty(Ledger().Read());
    }
}
