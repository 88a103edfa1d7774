using System.Net.NetworkInformation;

namespace Vrrp.Tests.Linux.Lab;

/// <summary>The judge is judged: what must make a scenario fail does.</summary>
public sealed class DissectionTests
{
    private const string Source = "02000000000b";

    // Version 3, VRID 51, priority 100, 1 s, 10.77.0.100, from 10.77.0.11 to 224.0.0.18.
    private const string AdvertHeader = "01005e000012" + Source + "0800" + "45c0002000010000ff70d0420a4d000be0000012";
    private const string Advert = "31336401 0064 74cf 0a4d0064";

    private const string NeighborAdvertisement =
        "333300000001" + Source + "86dd" + "60000000" + "00203aff" + "fd770000000000000000000000000100" + "ff020000000000000000000000000001"
        + "8800 57a5 20000000 fd770000000000000000000000000100 0201" + Source;

    [Theory]
    [InlineData("sound advert", AdvertHeader + Advert, "")]
    [InlineData("sound neighbour advertisement", NeighborAdvertisement, "")]
    [InlineData("flipped bit in the message", AdvertHeader + "31336401 0065 74cf 0a4d0064", "vrrp.checksum.status")]
    [InlineData("checksum without pseudo-header", AdvertHeader + "31336401 0064 5fb6 0a4d0064", "vrrp.checksum.status")]
    [InlineData("wrong IP checksum", "01005e000012" + Source + "080045c0002000010000ff70d0430a4d000be0000012" + Advert, "ip.checksum.status")]
    [InlineData("cut off", "01005e000012" + Source + "080045c0001a00010000ff70d0480a4d000be0000012" + "31336401 0064", "malformed")]
    [InlineData("wrong ICMPv6 checksum", "333300000001" + Source + "86dd60000000" + "00203aff" + "fd770000000000000000000000000100"
        + "ff020000000000000000000000000001" + "8800 57a6 20000000 fd770000000000000000000000000100 0201" + Source, "icmpv6.checksum.status")]
    public async Task Finds_what_is_wrong_with_a_frame(string what, string frame, string problem)
    {
        LabRequirements.Demand();
        var path = Path.Combine(Path.GetTempPath(), $"vrrp-{Guid.NewGuid():N}.pcap");
        try
        {
            await File.WriteAllBytesAsync(path, Pcap(Convert.FromHexString(frame.Replace(" ", "", StringComparison.Ordinal))));
            var dissection = await Dissection.ReadAsync(path);
            var judge = Record.Exception(() => dissection.AssertSound(PhysicalAddress.Parse(Source)));

            if (problem.Length == 0)
                Assert.Null(judge);
            else
                Assert.Contains(problem, Assert.IsAssignableFrom<Xunit.Sdk.XunitException>(judge).Message, StringComparison.Ordinal);
            Assert.NotEmpty(what);
            // Of no interest when somebody else sent it.
            dissection.AssertSound(PhysicalAddress.Parse("02000000000c"));
        }
        finally
        {
            File.Delete(path);
        }
    }

    private static byte[] Pcap(byte[] frame)
    {
        using var stream = new MemoryStream();
        using var writer = new BinaryWriter(stream);
        writer.Write(0xA1B2C3D4);
        writer.Write((ushort)2);
        writer.Write((ushort)4);
        writer.Write(0L);
        writer.Write(65535);
        writer.Write(1);
        writer.Write(0L);
        writer.Write(frame.Length);
        writer.Write(frame.Length);
        writer.Write(frame);
        return stream.ToArray();
    }
}
