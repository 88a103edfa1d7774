using System.Text.RegularExpressions;
using Vrrp.Tests.Linux.Lab;
using Xunit.Abstractions;

namespace Vrrp.Tests.Linux.Interop;

/// <summary>Both directors read the very same file, as it came, and share its address.</summary>
public abstract partial class SameFileScenario(ITestOutputHelper output) : InteropScenario(output)
{
    private protected const int PriorityInFile = 100;

    private protected abstract string File { get; }

    private protected override async Task PlayAsync()
    {
        Expect(A, PriorityInFile, Routers);
        Expect(B, PriorityInFile, Routers);
        var start = Mark();
        await A.StartAsync(File);
        await WaitForMasterAsync(A, start);
        await WaitForAnnouncementsAsync(A, start);

        var joined = Mark();
        await B.StartAsync(File);
        await B.WaitForBackupAsync(Router.Name);
        await WaitForAdvertsAsync(A, 2);
        AssertSilent(B, joined);
        await AssertOnlyHolderAsync(A);
        await AssertClientReachesAsync(A);

        var killed = Mark();
        await A.KillAsync();
        await AssertTakeoverFromSilenceAsync(A, B, PriorityInFile, killed);
        await AssertClientReachesAsync(B);

        // What is wrong with the file is said with its place.
        Assert.All(
            Lab.Directors.Where(director => director.Kind == DirectorKind.Vrrp),
            director => Assert.Matches(Place(), director.Log.ToString()));
    }

    [GeneratedRegex(@"\.conf:\d+:\d+: ")]
    private static partial Regex Place();
}

public sealed class FileWithDeprecatedKeywords(ITestOutputHelper output) : SameFileScenario(output)
{
    private protected override IReadOnlyList<VirtualRouterSpec> Routers { get; } =
        [new() { Version = 2, Interval = TimeSpan.FromSeconds(1), Vrid = 89, Password = "it.163.com", Addresses = ["10.77.0.99"] }];

    private protected override string File => """
        ! Configuration File for keepalived
        global_defs {
           notification_email {
             ops@example.com

           }
           notification_email_from alert@example.com
           smtp_server 127.0.0.1
           smtp_connect_timeout 30
           router_id master01
        }

        vrrp_instance VI_1 {
            state MASTER
            interface eth0
            virtual_router_id 89
            priority 100
            advert_int 1
            authentication {
                auth_type PASS
                auth_pass it.163.com
            }
            virtual_ipaddress {
            10.77.0.99
            }
        }
        virtual_server 10.77.0.99 205 {
            delay_loop 6
            lb_algo wrr
            lb_kind TUN
            nat_mask 255.255.255.0
            protocol TCP

            real_server 1.1.1.1 205 {
                weight 10
                TCP_CHECK {
                  connect_timeout 5
                  nb_get_retry 3
                  delay_before_retry 3
                  connect_port 25
               }
            }
            real_server 2.2.2.2 205 {
                weight 10
                TCP_CHECK {
                  connect_timeout 5
                  nb_get_retry 3
                  delay_before_retry 3
                  connect_port 25
               }
            }
        """;
}

public sealed class FileWithMissingBraces(ITestOutputHelper output) : SameFileScenario(output)
{
    private protected override IReadOnlyList<VirtualRouterSpec> Routers { get; } =
        [new() { Version = 2, Interval = TimeSpan.FromSeconds(1), Password = "33210", Addresses = ["10.77.0.169"] }];

    private protected override string File => """
        global_defs {
        notification_email {
        ops@example.com
        }
        notification_email_from Alexandre.Cassen@firewall.loc
        smtp_server 127.0.0.1
        smtp_connect_timeout 30
        router_id LVS_DEVEL
        }
        vrrp_sync_group VG1 {
        group{
        VI_1
        }
        }
        vrrp_instance VI_1 {
        state MASTER
        interface eth0
        virtual_router_id 51
        priority 100
        advert_int 1
        authentication {
        auth_type PASS
        auth_pass 33210
        }
        virtual_ipaddress {
        10.77.0.169
        }
        virtual_server 10.77.0.169 80 {
        delay_loop 6
        lb_algo rr
        lb_kind DR
        protocol TCP
        real_server 10.77.0.166 80 {
        weight 1
        inhibit_on_failure
        TCP_CHECK {
        connect_timeout 5
        nb_get_retry 3
        delay_before_retry 3
        connect_port 80
        }
        }
        real_server 10.77.0.167 80 {
        weight 1
        inhibit_on_failure
        TCP_CHECK {
        connect_timeout 5
        nb_get_retry 3
        delay_before_retry 3
        connect_port 80
        }
        }
        """;
}

/// <summary>A reload that adds an instance: the Master of the unchanged one sends every advert and keeps its address all the while.</summary>
public sealed class Reload(ITestOutputHelper output) : InteropScenario(output)
{
    private protected override IReadOnlyList<VirtualRouterSpec> Routers { get; } = [new() { Interval = TimeSpan.FromMilliseconds(500) }];

    private VirtualRouterSpec Added => Router with { Name = "VI_2", Vrid = 52, Addresses = ["10.77.0.200"] };

    private protected override async Task PlayAsync()
    {
        await ElectAsync();
        await WaitForAdvertsAsync(A, 1);

        var reloaded = Mark();
        var addresses = A.Host.AddressLog.Count;
        await A.ReloadAsync(Configure(A, HighPriority, [Router, Added]));
        await Lab.WaitForAsync("the added instance to hold its address", () => A.Host.HasAddress(Added.Vips[0]));
        await WaitForAdvertsAsync(A, 3);

        // And once more with nothing changed.
        await A.ReloadAsync(A.Config);
        await WaitForAdvertsAsync(A, 6);

        AssertNoneMissing(A, Router, reloaded);
        AssertSilent(B, reloaded);
        Assert.DoesNotContain(A.Host.AddressLog.Since(addresses), line => line.StartsWith("Deleted", StringComparison.Ordinal));
        await AssertOnlyHolderAsync(A);
        await AssertClientReachesAsync(A);
    }
}
