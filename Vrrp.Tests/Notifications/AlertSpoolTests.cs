using System.Collections.Immutable;
using Vrrp.Daemon.Notifications;
using Vrrp.Tests.HealthChecks;
using Xunit;

namespace Vrrp.Tests.Notifications;

public sealed class AlertSpoolTests : IDisposable
{
    private readonly SpoolDirectory _directory = new();
    private readonly LogDouble _log = new();

    public void Dispose() => _directory.Dispose();

    [Fact]
    public void A_flood_of_thousands_of_subjects_is_held_on_disk_with_every_alert()
    {
        string body = string.Concat(Enumerable.Repeat("<VIP>: 192.0.2.10/32\n", 250));
        HeldAlerts[] held = [.. Enumerable.Range(0, 2000).Select(i =>
            HeldAlerts.Begin(MailTesting.Alert($"VRRP Instance V{i}") with { Body = "=> the first line <=\n" + body }).Add(MailTesting.Alert($"VRRP Instance V{i}") with { Body = "=> the last <=\n" + body }))];
        var writer = new AlertSpool(_directory.Path, _log, new ManualTime());
        writer.Open();
        writer.WriteHeld(held);

        Assert.InRange(new FileInfo(Path.Combine(_directory.Path, "held.json")).Length, 1, 4 * 1024 * 1024);
        var read = new AlertSpool(_directory.Path, _log, new ManualTime()).Open().Held;
        Assert.Empty(_log.Lines);
        Assert.Equal(held.Select(one => (one.Id, one.Last.About, one.Last.Event, one.Count, "=> the last <=\n")), read.Select(one => (one.Id, one.Last.About, one.Last.Event, one.Count, one.Last.Body)));
    }

    [Fact]
    public void A_few_subjects_keep_their_texts()
    {
        var held = HeldAlerts.Begin(MailTesting.Alert("VRRP Instance A") with { Body = "=> first <=\nsecond\n" });
        var writer = new AlertSpool(_directory.Path, _log, new ManualTime());
        writer.Open();
        writer.WriteHeld([held]);

        Assert.Equal("=> first <=\nsecond\n", Assert.Single(new AlertSpool(_directory.Path, _log, new ManualTime()).Open().Held).Last.Body);
    }

    [Fact]
    public void A_mail_of_an_earlier_version_is_read()
    {
        File.WriteAllText(
            Path.Combine(_directory.Path, "000000000003.mail"),
            """{"Number":3,"Id":"x","About":"A","Subject":"s","Body":"b\n","At":"2026-03-01T04:05:06+02:00","Created":"2026-03-01T04:05:06+02:00","Count":1,"Settled":[],"Parts":[]}""");

        var (mails, _, following) = new AlertSpool(_directory.Path, _log, new ManualTime()).Open();

        var mail = Assert.Single(mails);
        Assert.Equal(["A"], mail.Subjects.ToArray());
        Assert.Equal((null, 4), (mail.Boot, following));
        Assert.Equal(["000000000003.mail"], _directory.Files.ToArray());
    }

    [Fact]
    public void The_time_since_the_boot_goes_on_and_is_of_one_boot_only()
    {
        var first = BootTime.Read();
        var second = BootTime.Read();

        Assert.True(first.Elapsed > TimeSpan.Zero);
        Assert.InRange(second.Since(first)!.Value, TimeSpan.Zero, TimeSpan.FromHours(1));
        Assert.Null(second.Since(first with { Boot = "another" }));
        Assert.Null((first with { Boot = "" }).Since(first with { Boot = "" }));
        Assert.Null(first.Since(first with { Elapsed = first.Elapsed + TimeSpan.FromSeconds(1) }));
    }
}
