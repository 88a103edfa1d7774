using System.Reflection;
using System.Text.Json;
using Vrrp.Daemon.Failover;
using Vrrp.Daemon.Hosting;
using Vrrp.Daemon.Ipvs;
using Vrrp.Daemon.Notifications;

namespace Vrrp.Daemon.Status;

/// <summary>The documents of a daemon, by path.</summary>
internal static class StatusDocuments
{
    public const string Status = "/v1/status";
    public const string Ipvs = "/v1/ipvs";

    /// <summary>The director answers at once, unless the kernel is stuck.</summary>
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(2);

    /// <param name="run">Which run of the daemon.</param>
    /// <param name="routers">All virtual routers, as published.</param>
    /// <param name="director">Asks the director.</param>
    /// <param name="mail">How mail alerts stand; null when there are none.</param>
    /// <param name="time">The clock.</param>
    public static Dictionary<string, Func<Task<byte[]>>> Create(
        DaemonRun run, Func<IReadOnlyList<VirtualRouter>> routers, Func<Task<DirectorSnapshot>> director, Func<AlertQueueReport?> mail, TimeProvider time) =>
        new(StringComparer.Ordinal)
        {
            [Status] = () => Task.FromResult(JsonSerializer.SerializeToUtf8Bytes(Describe(run, routers(), mail(), time.GetUtcNow()), StatusJson.Compact.NodeReport)),
            [Ipvs] = async () =>
            {
                var snapshot = await AskAsync(director, time).ConfigureAwait(false);
                var report = DirectorReport.Create(snapshot, Environment.ProcessId, NetworkNamespaceName(), time.GetUtcNow());
                return JsonSerializer.SerializeToUtf8Bytes(report, StatusJson.Compact.DirectorReport);
            },
        };

    /// <summary>The network namespace of this process, as the kernel names it.</summary>
    public static string NetworkNamespaceName() => new FileInfo("/proc/self/ns/net").LinkTarget ?? "unknown";

    private static async Task<DirectorSnapshot> AskAsync(Func<Task<DirectorSnapshot>> director, TimeProvider time)
    {
        try
        {
            return await director().WaitAsync(s_patience, time).ConfigureAwait(false);
        }
        catch (TimeoutException)
        {
            throw new TimeoutException("the director is busy and has not answered in time");
        }
    }

    private static NodeReport Describe(DaemonRun run, IReadOnlyList<VirtualRouter> routers, AlertQueueReport? mail, DateTimeOffset now) => new()
    {
        Version = typeof(StatusDocuments).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion.Split('+')[0] ?? "unknown",
        ProcessId = Environment.ProcessId,
        NetworkNamespace = NetworkNamespaceName(),
        ConfigurationFile = run.ConfigurationPath,
        Time = now,
        Instances = [.. routers.OrderBy(router => router.Vitals.Config.Name, StringComparer.Ordinal).Select(router => Describe(router.Vitals, router.Counters))],
        Mail = mail is null ? null : Describe(mail),
    };

    private static MailReport Describe(AlertQueueReport mail) => new()
    {
        Waiting = mail.Waiting,
        Unanswered = mail.Unanswered,
        HeldBack = mail.HeldBack,
        Delivered = mail.Delivered,
        GivenUp = mail.GivenUp,
        LastDelivery = mail.LastDelivery,
        LastError = mail.LastError,
        LastErrorTime = mail.LastErrorTime,
    };

    private static InstanceReport Describe(RouterVitals vitals, VirtualRouterCounters counters)
    {
        var config = vitals.Config;
        return new()
        {
            Name = config.Name,
            Interface = config.Interface,
            VirtualRouterId = config.VirtualRouterId.Value,
            Version = config.Version == VrrpVersion.V2 ? 2 : 3,
            Family = ReportText.Family(config.Family),
            State = TransitionText.Name(vitals.State),
            Fault = vitals.State == VrrpState.Fault ? TransitionText.Faults(vitals.Faults, vitals.Tracked.Detail) : null,
            Priority = config.Priority.Value,
            EffectivePriority = vitals.EffectivePriority.Value,
            AdvertisementInterval = config.AdvertisementInterval.Centiseconds * 10d,
            SyncGroup = config.SyncGroup,
            PrimaryAddress = ReportText.Address(vitals.PrimaryAddress),
            MasterAddress = ReportText.Address(vitals.MasterAddress),
            MasterPriority = vitals.MasterAddress.IsNone ? null : vitals.MasterPriority.Value,
            HoldsAddresses = vitals.HoldsAddresses,
            VirtualAddresses =
            [
                .. config.VirtualAddresses.Concat(config.ExcludedAddresses).Select(address => FormattableString.Invariant($"{address.Address}/{address.PrefixLength}")),
            ],
            MasterTransitions = counters.MasterTransitions,
            AdvertisementsReceived = counters.AdvertisementsReceived,
            AdvertisementsSent = counters.AdvertisementsSent,
            PacketsDropped = Enum.GetValues<Packets.PacketRejection>().Sum(counters.Dropped),
        };
    }
}
