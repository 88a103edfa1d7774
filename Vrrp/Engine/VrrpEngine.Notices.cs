using System.Runtime.InteropServices;
using Vrrp.Links;

namespace Vrrp;

/// <content>What is told of transitions and addresses.</content>
internal sealed partial class VrrpEngine
{
    /// <summary>Takeovers of one router within a minute that are no ordinary failover and return.</summary>
    private const int RestlessTakeovers = 4;

    private void TellIncident(VirtualRouter router, VirtualAddress address, AddressIncidentKind kind) =>
        _notify(new AddressIncident(_now, router.Config.Name, address, kind));

    private void TellReleased(VirtualRouter router)
    {
        foreach (var assignment in router.Assignments)
        {
            if (!IsPresent(assignment))
                _notify(new AddressIncident(_now, router.Config.Name, assignment.Address, AddressIncidentKind.Released, router.State.MasterAddress));
        }
    }

    private void Tell(VirtualRouter router, in Transition transition, VrrpFaults faultsBefore)
    {
        var state = router.State;
        if (state.State == VrrpState.Master)
        {
            router.Counters.MasterTransitions++;
            router.MasterSince = _now;
            router.MasterReason = transition.Reason;
            CountTakeover(router);
        }

        bool isFromLower = transition.Reason is TransitionReason.Preempted or TransitionReason.MasterLeft && !router.LowerHeard.IsNone;
        _notify(new RouterTransition(
            _now,
            router.Config.Name,
            router.ToldState,
            state.State,
            transition.Reason,
            transition.Reason == TransitionReason.FaultEnded ? faultsBefore : state.Faults,
            state.EffectivePriority,
            isFromLower ? router.LowerHeard : state.MasterAddress,
            isFromLower ? router.LowerHeardPriority : state.MasterPriority,
            Detail(router, transition.Reason))
        {
            PrimaryAddress = router.PrimaryAddress,
            FaultDetail = transition.Reason == TransitionReason.FaultEnded && faultsBefore.HasFlag(VrrpFaults.Tracked) ? router.TrackedFault : null,
        });
        router.ToldState = state.State;
    }

    private string? Detail(VirtualRouter router, TransitionReason reason)
    {
        string? detail = router.PendingDetail ?? DroppedDetail(router, reason);
        // Where rank plays no part, it is no reason either.
        if (reason is TransitionReason.FaultBegan or TransitionReason.Stopped or TransitionReason.AddressOwner || WeightDetail(router) is not { } weights)
            return detail;
        return detail is null ? weights : $"{detail}; {weights}";
    }

    /// <summary>What of the tracked things changes the priority, or keeps it from being as high as it could be.</summary>
    private string? WeightDetail(VirtualRouter router)
    {
        if (router.Config.IsOwner)
            return null;
        string? detail = router.Tracked.WeightDetail;
        foreach (var tracked in router.Config.TrackedInterfaces)
        {
            bool isUp = IsInterfaceUp(tracked.Name);
            if (tracked.DescribeWeight(isUp) is { } text)
                detail = detail is null ? text : $"{detail}, {text}";
        }

        return detail;
    }

    /// <summary>RFC 9568 §2.5: one that changes again and again is worth a notice beside those of the changes.</summary>
    private void CountTakeover(VirtualRouter router)
    {
        if (router.Takeovers == 0 || _now.Nanoseconds - router.TakeoversSince.Nanoseconds >= RepeatNoticeNanoseconds)
        {
            router.TakeoversSince = _now;
            router.Takeovers = 0;
        }

        if (++router.Takeovers == RestlessTakeovers)
            _notify(new MasterRestless(_now, router.Config.Name, router.Takeovers, _now - router.TakeoversSince));
    }

    private static string ErrorText(int errno) => Marshal.GetPInvokeErrorMessage(errno);

    /// <summary>A Master whose advertisements are dropped is not silent, and an operator should look at why.</summary>
    private string? DroppedDetail(VirtualRouter router, TransitionReason reason) =>
        reason == TransitionReason.MasterSilent && !router.DroppedAt.IsNever
        && _now.Nanoseconds - router.DroppedAt.Nanoseconds < 3 * router.Config.AdvertisementInterval.Nanoseconds
            ? $"but advertisements of this VRID are being dropped: {Packets.PacketRejections.Describe(router.DroppedReason)}" : null;
}
