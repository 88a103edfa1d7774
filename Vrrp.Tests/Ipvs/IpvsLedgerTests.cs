using Microsoft.Extensions.Logging.Abstractions;
using Vrrp.Daemon.Ipvs;

namespace Vrrp.Tests.Ipvs;

public sealed class IpvsLedgerTests : IDisposable
{
    private readonly string _path = Path.GetTempFileName();

    public void Dispose() => File.Delete(_path);

    [Fact]
    public void What_is_written_is_read()
    {
        var ours = new IpvsOwnership();
        ours.Add(DirectorSamples.Web, new(IPAddressValue.Parse("10.0.1.1"), 80));
        ours.Add(ServiceKey.ByMark(7, IPFamily.IPv6), new(IPAddressValue.Parse("fd00::1"), 0));
        ours.Add(ServiceKey.ByAddress(TransportProtocol.Udp, IPAddressValue.Parse("fd00::53"), 53));
        new IpvsLedger(_path, NullLogger.Instance).Write(ours);

        var read = new IpvsLedger(_path, NullLogger.Instance).Read();

        Assert.Equal(IpvsLedger.Format(ours), IpvsLedger.Format(read));
        Assert.True(read.Contains(DirectorSamples.Web, new(IPAddressValue.Parse("10.0.1.1"), 80)));
        Assert.Equal("-rw-------", File.GetUnixFileMode(_path) == (UnixFileMode.UserRead | UnixFileMode.UserWrite) ? "-rw-------" : "other");
    }

    [Theory]
    [InlineData("")]
    [InlineData("tcp")]
    [InlineData("tcp 10.0.0.1 99999")]
    [InlineData("icmp 10.0.0.1 80")]
    [InlineData("fwmark 0 IPv4")]
    [InlineData("fwmark 5 IPv9")]
    [InlineData("tcp 10.0.0.1 80 10.0.0.2")]
    [InlineData("tcp 10.0.0.1 80 nowhere 80")]
    public void A_line_that_makes_no_sense_claims_nothing(string line)
    {
        var ours = new IpvsOwnership();
        IpvsLedger.Parse(line, ours);

        Assert.Empty(ours.Services);
    }
}
