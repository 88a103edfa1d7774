using System.Globalization;
using System.Text;
using Vrrp.Packets;

namespace Vrrp.Daemon.Failover;

/// <summary>The counters of all routers, laid out as keepalived lays them out, for programs that read its file. Pure.</summary>
internal static class StatisticsText
{
    public static string Of(IEnumerable<VirtualRouterStatus> routers)
    {
        var text = new StringBuilder();
        foreach (var router in routers)
        {
            var counters = router.Counters;
            // Each entry into Master but the present one has ended.
            long released = counters.MasterTransitions - (router.State == VrrpState.Master ? 1 : 0);
            text.Append(CultureInfo.InvariantCulture, $$"""
                VRRP Instance: {{router.Config.Name}}
                  Advertisements:
                    Received: {{counters.AdvertisementsReceived}}
                    Sent: {{counters.AdvertisementsSent}}
                  Became master: {{counters.MasterTransitions}}
                  Released master: {{released}}
                  Packet Errors:
                    Length: {{Dropped(PacketRejection.TooShort, PacketRejection.LengthMismatch)}}
                    TTL: {{Dropped(PacketRejection.HopLimit)}}
                    Invalid Type: {{Dropped(PacketRejection.Type)}}
                    Advertisement Interval: {{Dropped(PacketRejection.Interval)}}
                    Address List: {{Dropped(PacketRejection.AddressList, PacketRejection.AddressCountZero, PacketRejection.FirstAddressNotLinkLocal)}}
                  Authentication Errors:
                    Invalid Type: {{Dropped(PacketRejection.InvalidAuthenticationType)}}
                    Type Mismatch: {{Dropped(PacketRejection.AuthenticationTypeMismatch)}}
                    Failure: {{Dropped(PacketRejection.AuthenticationFailure)}}
                  Priority Zero:
                    Received: {{counters.PriorityZeroReceived}}
                    Sent: {{counters.PriorityZeroSent}}

                """);

            long Dropped(params ReadOnlySpan<PacketRejection> reasons)
            {
                long sum = 0;
                foreach (var reason in reasons)
                    sum += counters.Dropped(reason);
                return sum;
            }
        }

        return text.ToString();
    }
}
