using System.Text.Json;
using System.Text.Json.Nodes;
using Vrrp.Daemon.Configuration.Model;
using Vrrp.Daemon.HealthChecks;
using Vrrp.Daemon.Ipvs;
using Vrrp.Daemon.Status;
using Vrrp.Tests.Ipvs;

namespace Vrrp.Tests.Status;

/// <summary>The documents: what is joined with what, and the names that readers rely on.</summary>
public class ReportTests
{
    [Fact]
    public void Director_document_has_these_names_and_values()
    {
        var json = JsonSerializer.SerializeToNode(StatusSamples.Director, StatusJson.Compact.DirectorReport)!;
        Assert.Equal(["processId", "networkNamespace", "time", "problem", "virtualServers"], Names(json));
        var server = json["virtualServers"]![0]!;
        Assert.Equal(["name", "services", "hasQuorum", "quorum", "hysteresis", "liveWeight", "sorryServer", "realServers"], Names(server));
        Assert.Equal("""{"family":"ipv4","protocol":"tcp","address":"10.0.0.254","port":80,"firewallMark":null}""", server["services"]![0]!.ToJsonString());
        Assert.Equal("true 3 1 6", $"{server["hasQuorum"]} {server["quorum"]} {server["hysteresis"]} {server["liveWeight"]}");
        Assert.Equal(
            """{"address":"10.0.1.9","port":25,"forwarding":"route","isServing":true}""", json["virtualServers"]![1]!["sorryServer"]!.ToJsonString());

        var real = server["realServers"]![1]!;
        Assert.Equal(
            """{"address":"10.0.1.2","port":80,"forwarding":"route","isUp":true,"weight":4,"since":"2026-01-02T02:59:02+00:00","checks":[{"kind":"TCP_CHECK","isUp":true,"since":"2026-01-02T02:59:02+00:00","lastProbe":"2026-01-02T03:04:03+00:00","failures":1,"lastError":"no answer within 5 s","weight":null}]}""",
            JsonSerializer.Serialize(StatusSamples.Director.VirtualServers[0].RealServers[1], StatusJson.Compact.RealServerReport));
        Assert.Equal("TCP_CHECK", real["checks"]![0]!["kind"]!.ToString());
    }

    [Fact]
    public void Table_document_has_these_names()
    {
        var json = JsonSerializer.SerializeToNode(StatusSamples.Report(StatusSamples.Director), StatusJson.Indented.IpvsReport)!;
        Assert.Equal(["version", "connectionTableSize", "timeouts", "syncDaemons", "health", "services", "missingServices"], Names(json));
        Assert.Equal(["role", "interface", "id", "maximumLength", "group", "port", "ttl"], Names(json["syncDaemons"]![0]!));
        var service = json["services"]![0]!;
        Assert.Equal(
            [
                "name", "scheduler", "flags", "persistenceTimeout", "persistencePrefix", "persistenceEngine", "totals", "rates", "virtualServer", "hasQuorum",
                "quorum", "liveWeight", "destinations", "absentServers",
            ],
            Names(service));
        var destination = service["destinations"]![0]!;
        Assert.Equal(
            [
                "address", "port", "forwarding", "tunnel", "tunnelPort", "tunnelChecksum", "weight", "upperThreshold", "lowerThreshold", "activeConnections",
                "inactiveConnections", "persistentConnections", "totals", "rates", "health",
            ],
            Names(destination));
        Assert.Equal(["connections", "incomingPackets", "outgoingPackets", "incomingBytes", "outgoingBytes"], Names(destination["totals"]!));
        Assert.Equal(["state", "address", "port", "since", "checks"], Names(destination["health"]!));
        // A counter of 64 bits is not rounded.
        Assert.Contains("\"connections\":18446744073709551615", service["totals"]!.ToJsonString(), StringComparison.Ordinal);
    }

    [Fact]
    public void Health_finds_its_destination_by_the_port_in_the_table()
    {
        // By NAT the real server's port, by DR the service's, whatever the configuration says.
        var service = new ServiceEntry(
            new() { Key = DirectorSamples.Web, Scheduler = "rr" },
            default,
            [
                new(new() { Key = new(IPAddressValue.Parse("10.0.1.1"), 8080), Forwarding = new(ForwardingMethod.Masquerade) }, 0, 0, 0, default),
                new(new() { Key = new(IPAddressValue.Parse("10.0.1.2"), 80), Forwarding = new(ForwardingMethod.DirectRoute) }, 0, 0, 0, default),
                new(new() { Key = new(IPAddressValue.Parse("10.0.1.9"), 80), Forwarding = new(ForwardingMethod.Tunnel) }, 0, 0, 0, default),
                new(new() { Key = new(IPAddressValue.Parse("10.0.1.1"), 80), Forwarding = new(ForwardingMethod.Masquerade) }, 0, 0, 0, default),
            ]);
        RealServer[] reals =
        [
            DirectorSamples.Real(1) with { Port = 8080, Forwarding = new(ForwardingMethod.Masquerade) },
            DirectorSamples.Real(2) with { Port = 8080 },
        ];
        var server = DirectorSamples.Server(reals) with { SorryServer = new(IPAddressValue.Parse("10.0.1.9"), 8080, new(ForwardingMethod.Tunnel), Inhibit: true) };
        var report = ServiceReport.Create(
            service,
            VirtualServerReport.Create(new(server, HasQuorum: true, [.. reals.Select(real => new RealServerStatus(real, IsUp: true, 1, [new() { IsUp = true }]))])),
            hasDaemon: true);

        Assert.Equal(
            ["10.0.1.1:80 foreign", "10.0.1.1:8080 up", "10.0.1.2:80 up", "10.0.1.9:80 sorry"],
            report.Destinations.Select(destination => $"{destination.Address}:{destination.Port} {destination.Health.State}"));
        Assert.Empty(report.AbsentServers);
    }

    [Fact]
    public void A_server_is_up_since_its_last_check_came_up_and_down_since_the_first_went_down()
    {
        HealthCheck[] checks = [.. Enumerable.Repeat(DirectorSamples.Real(1).Checks[0], 3)];
        var config = DirectorSamples.Real(1) with { Checks = [.. checks] };
        HealthState State(bool isUp, int minutesAgo) => new() { IsUp = isUp, Since = StatusSamples.Now.AddMinutes(-minutesAgo) };

        var up = RealServerReport.Create(new(config, IsUp: true, 1, [State(true, 9), State(true, 2), State(true, 5)]));
        Assert.Equal(StatusSamples.Now.AddMinutes(-2), up.Since);
        var down = RealServerReport.Create(new(config, IsUp: false, 1, [State(true, 1), State(false, 4), State(false, 7)]));
        Assert.Equal(StatusSamples.Now.AddMinutes(-7), down.Since);
        Assert.Null(RealServerReport.Create(new(config with { Checks = [] }, IsUp: true, 1, [])).Since);
        Assert.Null(RealServerReport.Create(new(config, IsUp: true, 1, [new() { IsUp = true }, new() { IsUp = true }, new() { IsUp = true }])).Since);
    }

    [Fact]
    public void What_is_sent_is_read_back()
    {
        byte[] sent = JsonSerializer.SerializeToUtf8Bytes(StatusSamples.Director, StatusJson.Compact.DirectorReport);
        var read = JsonSerializer.Deserialize(sent, StatusJson.Compact.DirectorReport)!;
        Assert.Equal(sent, JsonSerializer.SerializeToUtf8Bytes(read, StatusJson.Compact.DirectorReport));
        Assert.Equal("connection \u001brefused", read.VirtualServers[0].RealServers[2].Checks[0].LastError);
    }

    private static IEnumerable<string> Names(JsonNode node) => node.AsObject().Select(pair => pair.Key);
}
