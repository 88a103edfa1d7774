using System.Diagnostics.Metrics;

namespace Vrrp.Daemon.Notifications;

/// <summary>The queue of mail alerts as instruments of the meter "Vrrp"; without mail in the configuration they have no measurement.</summary>
internal sealed class AlertMetrics : IDisposable
{
    public AlertMetrics(Func<AlertQueueReport?> report)
    {
        Meter.CreateObservableGauge("vrrp_mail_waiting", () => Read(report, mail => mail.Waiting), description: "Mails that are not delivered yet.");
        Meter.CreateObservableGauge("vrrp_mail_unanswered", () => Read(report, mail => mail.Unanswered), description: "Those of them that a server has not answered in time.");
        Meter.CreateObservableGauge("vrrp_mail_held_back", () => Read(report, mail => mail.HeldBack), description: "Alerts that a later mail will tell together.");
        Meter.CreateObservableCounter("vrrp_mail_delivered_total", () => Read(report, mail => mail.Delivered), description: "Mails that were delivered.");
        Meter.CreateObservableCounter("vrrp_mail_given_up_total", () => Read(report, mail => mail.GivenUp), description: "Mails that were refused, or could not be delivered in a day.");
        Meter.CreateObservableGauge(
            "vrrp_mail_problem_info",
            () => report()?.Problem is { } problem ? [new Measurement<long>(1, new KeyValuePair<string, object?>("problem", problem))] : Array.Empty<Measurement<long>>(),
            description: "1, with what is in the way of mail.");
    }

    internal Meter Meter { get; } = new(VrrpMetrics.MeterName);

    public void Dispose() => Meter.Dispose();

    private static Measurement<long>[] Read(Func<AlertQueueReport?> report, Func<AlertQueueReport, long> read) => report() is { } mail ? [new(read(mail))] : [];
}
