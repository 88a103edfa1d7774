using System.Runtime.InteropServices;
using Microsoft.Extensions.Logging;
using Vrrp.Packets;

namespace Vrrp.Daemon.Failover;

/// <summary>Turns what the engine tells into log lines, off the engine's thread.</summary>
internal sealed class NotificationLogger(ILogger<NotificationLogger> logger)
{
    /// <summary>Whether adverts for VRIDs that nobody here has are worth a line (<c>log_unknown_vrids</c>).</summary>
    public bool LogsUnknownVirtualRouterIds { get; set; }

    public void Log(VrrpNotification notification)
    {
        string name = notification.VirtualRouter;
        switch (notification)
        {
            case RouterTransition { To: VrrpState.Fault } transition:
                FailoverLog.Fault(logger, name, TransitionText.Describe(transition));
                break;
            case RouterTransition { To: VrrpState.Initialize } transition:
                FailoverLog.Stopped(logger, name, TransitionText.Describe(transition));
                break;
            case RouterTransition transition:
                FailoverLog.Transition(logger, name, TransitionText.Name(transition.To), TransitionText.Describe(transition));
                break;
            case SecondMasterHeard heard:
                FailoverLog.SecondMaster(logger, name, heard.Peer, heard.PeerPriority);
                break;
            case AddressRefused refused:
                FailoverLog.AddressRefused(
                    logger, name, refused.Installing ? "install" : "remove", refused.Address.ToString(), ErrorText(refused.Error));
                break;
            case AddressIncident { Kind: AddressIncidentKind.TakenAway } incident:
                FailoverLog.AddressTakenAway(logger, name, incident.Address.ToString());
                break;
            case AddressIncident { Kind: AddressIncidentKind.Foreign } incident:
                FailoverLog.AddressForeign(logger, name, incident.Address.ToString());
                break;
            case AddressIncident { Kind: AddressIncidentKind.LeftBehind } incident:
                FailoverLog.AddressLeftBehind(logger, name.Length == 0 ? "-" : name, incident.Address.ToString());
                break;
            case AddressIncident { Kind: AddressIncidentKind.Released, Peer.IsNone: false } incident:
                FailoverLog.AddressHandedOver(logger, name, incident.Address.ToString(), incident.Peer);
                break;
            case AddressIncident { Kind: AddressIncidentKind.Released } incident:
                FailoverLog.AddressReleased(logger, name, incident.Address.ToString());
                break;
            case PacketDropped { VirtualRouter: "" } dropped when !LogsUnknownVirtualRouterIds:
                FailoverLog.UnknownPacketDropped(logger, dropped.Source, dropped.Interface, Reason(dropped), dropped.Count);
                break;
            case PacketDropped dropped:
                FailoverLog.PacketDropped(logger, name.Length == 0 ? "-" : name, dropped.Source, dropped.Interface, Reason(dropped), dropped.Count);
                break;
            case AdvertisementDiffers differs:
                FailoverLog.Differs(logger, name, differs.Source, differs.Difference);
                break;
            case MasterRestless restless:
                FailoverLog.MasterRestless(logger, name, restless.Takeovers, (long)Math.Ceiling(restless.Within.TotalSeconds));
                break;
            case OwnAddressHeard heard:
                FailoverLog.OwnAddressHeard(logger, heard.Interface, heard.Source);
                break;
            case PriorityChanged changed:
                FailoverLog.PriorityChanged(logger, name, changed.From, changed.To, changed.Detail is null ? "" : $": {changed.Detail}");
                break;
            case SendFailed failed:
                FailoverLog.SendFailed(logger, name, ErrorText(failed.Error), failed.Consecutive);
                break;
            case AcceptModeUnenforced { Blocking: true } unenforced:
                FailoverLog.AcceptModeUnenforced(logger, name, unenforced.Reason);
                break;
            case AcceptModeUnenforced unenforced:
                FailoverLog.StillBlocked(logger, name, unenforced.Reason);
                break;
            case EngineStalled stalled:
                FailoverLog.Stalled(logger, (long)stalled.Lateness.TotalMilliseconds);
                break;
            case LinkUnusable unusable:
                FailoverLog.LinkUnusable(logger, name, unusable.Interface, unusable.Message);
                break;
        }
    }

    private static string Reason(PacketDropped dropped) =>
        dropped.Detail is null ? dropped.Reason.Describe() : $"{dropped.Reason.Describe()} ({dropped.Detail})";

    private static string ErrorText(int errno) => Marshal.GetPInvokeErrorMessage(errno);
}
