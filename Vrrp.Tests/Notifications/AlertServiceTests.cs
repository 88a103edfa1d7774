using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging.Abstractions;
using Vrrp.Daemon.Hosting;
using Vrrp.Daemon.Notifications;

namespace Vrrp.Tests.Notifications;

/// <summary>What the engine tells, up to the mail server.</summary>
public sealed class AlertServiceTests : IDisposable
{
    private readonly Lifetime _lifetime = new();

    public void Dispose() => _lifetime.Dispose();

    [Fact]
    public async Task An_instance_that_a_reload_renamed_tells_its_end_with_its_group()
    {
        await using var server = new SmtpServerDouble();
        string Text(string name) => $$"""
            global_defs {
                router_id R1
                notification_email { a@example.org }
                smtp_server 127.0.0.1 {{server.Port}}
                smtp_alert
            }
            vrrp_sync_group G { group { {{name}} } }
            vrrp_instance {{name}} {
                interface eth0
                virtual_router_id 5
                virtual_ipaddress { 10.9.0.5/24 }
            }
            """;
        await using var service = new AlertService(
            MailTesting.Config(Text("VI_1")), new DaemonRun { ConfigurationPath = "keepalived.conf" }, _lifetime, TimeProvider.System, NullLogger<AlertService>.Instance);
        await service.StartAsync(default);
        service.Take(Transition("VI_1", VrrpState.Initialize, VrrpState.Master));
        await MailTesting.UntilAsync(() => server.Texts.Length == 2, "the start is told");
        service.Prepare(MailTesting.Config(Text("WEB")));
        // It only came again under its new name: no news.
        service.Take(Transition("WEB", VrrpState.Master, VrrpState.Master));
        _lifetime.StopApplication();
        service.Take(Transition("WEB", VrrpState.Master, VrrpState.Initialize));
        await MailTesting.UntilAsync(() => server.Texts.Length == 4, "the end is told");

        Assert.Equal(
            [
                "[R1] VRRP Group G - Entering MASTER state", "[R1] VRRP Group G - Stopping", "[R1] VRRP Instance VI_1 - Entering MASTER state",
                "[R1] VRRP Instance WEB - Stopping",
            ],
            server.Subjects.Order(StringComparer.Ordinal));
    }

    private static RouterTransition Transition(string name, VrrpState from, VrrpState to) =>
        new(default, name, from, to, TransitionReason.MasterSilent, VrrpFaults.None, new(100), default, default, null);

    private sealed class Lifetime : IHostApplicationLifetime, IDisposable
    {
        private readonly CancellationTokenSource _stopping = new();

        public CancellationToken ApplicationStarted => default;

        public CancellationToken ApplicationStopping => _stopping.Token;

        public CancellationToken ApplicationStopped => default;

        public void StopApplication() => _stopping.Cancel();

        public void Dispose() => _stopping.Dispose();
    }
}
