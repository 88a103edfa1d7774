using Vrrp.Tests.Linux.Lab;

namespace Vrrp.Tests.Linux.Interop;

/// <summary>
/// Version 3 over IPv4 with the checksum of RFC 9568 §5.2.8 on one side and keepalived's on the other: tshark verifies each in its form,
/// and the two hear each other. Both are ours, because keepalived before 2.2.8 drops the first.
/// </summary>
public sealed class ChecksumForms
{
    [Fact, Trait("Director", "Vrrp")]
    public async Task Each_form_is_sound_and_heard()
    {
        await using var lab = await Laboratory.CreateAsync();
        var (a, b) = (lab.AddDirector(lab.A, DirectorKind.Vrrp), lab.AddDirector(lab.B, DirectorKind.Vrrp));
        var router = new VirtualRouterSpec();
        try
        {
            await a.StartAsync(router.ToConfig(lab.A, lab.B, 150, "v3_checksum_as_v2"));
            await lab.WaitForAsync("A to hold the address", () => lab.A.HasAddress(router.Vips[0]));
            await b.StartAsync(router.ToConfig(lab.B, lab.A, 100));
            await b.WaitForBackupAsync(router.Name);
            Assert.Equal(0, await a.StopAsync());
            // It heard the farewell, and A hears its first advertisement before it lets go.
            await b.WaitForLogAsync("left (priority 0)", b.LogStart);
            await a.WaitForLogAsync($"handed over to {lab.B.IPv4(0)}", a.LogStart);
            Assert.False(b.Log.Contains("dropped an advertisement", b.LogStart), b.Log.ToString());
            await lab.StopAsync();

            string capture = lab.Captures[0].Path;
            var messageOnly = await Dissection.ReadAsync(capture, "-o", "vrrp.v3_checksum_as_in_v2:TRUE");
            var withPseudoHeader = await Dissection.ReadAsync(capture);
            messageOnly.AssertSound(lab.A.Mac(0));
            withPseudoHeader.AssertSound(lab.B.Mac(0));
            // Neither form passes for the other.
            Assert.ThrowsAny<Xunit.Sdk.XunitException>(() => messageOnly.AssertSound(lab.B.Mac(0)));
            Assert.ThrowsAny<Xunit.Sdk.XunitException>(() => withPseudoHeader.AssertSound(lab.A.Mac(0)));
        }
        catch (LabTimeoutException timeout)
        {
            throw new InvalidOperationException(await lab.ReportAsync(), timeout);
        }
    }
}
