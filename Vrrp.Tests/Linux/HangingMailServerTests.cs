using System.Globalization;
using Vrrp.Tests.Linux.Lab;
using Vrrp.Tests.Notifications;

namespace Vrrp.Tests.Linux;

/// <summary>A mail server that hangs holds up nothing but mail.</summary>
public sealed class HangingMailServerTests
{
    private const int Instances = 20;
    private const int Adverts = 60;

    private static readonly int[] Vrids = [.. Enumerable.Range(1, Instances)];

    [Theory]
    [InlineData("GREETING")]
    [InlineData("MESSAGE")]
    public async Task Adverts_leave_and_routers_take_over_while_the_mail_server_hangs(string step)
    {
        await using var lab = await Laboratory.CreateAsync();
        await using var sink = SmtpServerDouble.Inside(lab.A.Namespace);
        sink.Answer = (verb, _) => verb == step ? "HANG" : null;
        await AdvertPauses.StartControlAsync(lab);
        var director = lab.AddDirector(lab.A, DirectorKind.Vrrp);
        await director.StartAsync(Config(sink.Port));
        await lab.WaitForAsync("masters", 3 * Laboratory.Patience, () => Vrids.All(vrid => director.Log.Contains($"(V{vrid}) Entering MASTER STATE")));
        await MailTesting.UntilAsync(() => sink.Connections > 0, "the daemon waits for the mail server");

        // Transitions go on meanwhile, each with a mail that waits.
        int since = director.Log.Count;
        await lab.A.SetCableAsync(0, plugged: false);
        await lab.WaitForAsync("faults", 3 * Laboratory.Patience, () => Vrids.All(vrid => director.Log.Since(since).Any(line => line.Contains($"(V{vrid}) Entering FAULT STATE", StringComparison.Ordinal))));
        await lab.A.SetCableAsync(0, plugged: true);
        await AdvertPauses.WaitForAdvertsAsync(lab, Vrids, lab.Captures[0].Mark, 1);

        int mark = lab.Captures[0].Mark;
        await AdvertPauses.WaitForAdvertsAsync(lab, Vrids, mark, Adverts);
        Assert.Empty(AdvertPauses.Find(lab, Vrids, mark));

        Assert.Empty(sink.Messages);
        Assert.Equal(0, await director.StopAsync().WaitAsync(3 * Laboratory.Patience));
        Assert.True(director.Log.Contains("mail alerts could not be delivered before the end; they wait in"), director.Log.ToString());
    }

    private static string Config(int port) => string.Create(CultureInfo.InvariantCulture, $$"""
        global_defs {
            notification_email {
                night@example.org
            }
            smtp_server 127.0.0.1 {{port}}
            smtp_alert
        }

        """) + string.Concat(Enumerable.Range(1, Instances).Select(vrid => string.Create(CultureInfo.InvariantCulture, $$"""
        vrrp_instance V{{vrid}} {
            interface eth0
            version 3
            virtual_router_id {{vrid}}
            advert_int 0.1
            virtual_ipaddress {
                10.77.0.{{vrid + 100}}
            }
        }

        """)));
}
