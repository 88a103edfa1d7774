using System.Runtime.InteropServices;
using Vrrp.Links;
using Vrrp.Packets;

namespace Vrrp;

/// <content>Advertisements in and out, and announcements.</content>
internal sealed partial class VrrpEngine
{
    // Version 2 with 255 addresses: 8 + 255 × 4 + 8; version 3 over IPv6 with 255: 8 + 255 × 16.
    private readonly byte[] _messageBuffer = new byte[8 + (255 * 16)];
    private readonly byte[] _frameBuffer = new byte[NeighborAdvertisement.FrameLength];
    private readonly List<IPAddressValue> _advertised = new(255);

    void IPacketSink.PacketReceived(IVrrpLink link, in ReceivedPacket packet)
    {
        if (!_interfaces.TryGetValue(link.InterfaceIndex, out var at))
            return;
        if (at.IsLocal(packet.Source))
        {
            HearOwnAddress(at, packet.Source);
            return;
        }

        var router = _codec.TryPeekVirtualRouterId(packet, out byte id) ? Select(at.First(link.Family, id), packet.Source, packet.Destination) : null;
        var rejection = _codec.Read(packet, link.Family, router?.Rules, out var advertisement);
        if (router is { Config.IsOwner: true } && advertisement.Priority.IsOwner && rejection is PacketRejection.None or PacketRejection.OwnerReceives)
            router.Counters.OwnerConflicts++;
        if (rejection != PacketRejection.None)
        {
            Drop(at, router, rejection, packet);
            return;
        }

        if (router is null)
            return;
        router.Counters.AdvertisementsReceived++;
        if (advertisement.Priority == Priority.Relinquish)
            router.Counters.PriorityZeroReceived++;
        if (advertisement.Notes != AdvertisementNotes.None)
            NoteDifference(router, advertisement);
        if (router.Config is { Version: VrrpVersion.V3, Family: IPFamily.IPv4 } && advertisement.ChecksumForm != router.PeerChecksum)
            NoteChecksum(router, advertisement);
        if (advertisement.Priority.IsOwner && router.State.MasterPriority.IsOwner && router.State.MasterAddress != advertisement.Source)
            TellTwoOwners(router, advertisement);
        if (router.State.State == VrrpState.Master && IsOutranked(router, advertisement))
        {
            TellSecondMaster(router, advertisement);
            // What answers one answers all; more would let a flood be amplified.
            if (!router.AnsweredAt.IsNever && _now.Nanoseconds - router.AnsweredAt.Nanoseconds < AnswerNanoseconds)
                return;
            router.AnsweredAt = _now;
        }

        Dispatch(router, VrrpEvent.Advertisement(
            advertisement.Priority,
            AdvertisementInterval.FromCentiseconds(advertisement.IntervalCentiseconds),
            packet.Source,
            router.PrimaryAddress));
        RememberLower(router, packet.Source, advertisement.Priority);
    }

    /// <summary>The machine discards what a Backup hears from one it does not wait for; why it takes over then still has a name.</summary>
    private static void RememberLower(VirtualRouter router, IPAddressValue source, Priority priority)
    {
        if (router.State is not { State: VrrpState.Backup, Awaited: not AwaitedMaster.Silent })
            return;
        bool isKnown = priority != Priority.Relinquish;
        if (isKnown || source != router.LowerHeard)
            router.LowerHeardPriority = isKnown ? priority : source == router.State.MasterAddress ? router.State.MasterPriority : default;
        router.LowerHeard = source;
    }

    void ISendFailureSink.SendFailed(int token, int errno)
    {
        bool isFrame = token < 0;
        int index = isFrame ? ~token : token;
        var router = index < _routers.Count ? _routers[index] : null;
        if (router is null)
            return;
        router.Counters.SendFailures++;
        if (isFrame)
        {
            // A full queue can cost many announcements of one takeover: that is no reason to resign, they are repeated.
            int lost = ++router.AnnouncementFailures;
            if ((lost & (lost - 1)) == 0)
                _notify(new SendFailed(_now, router.Config.Name, errno, lost));
            return;
        }

        router.LastSendFailed = true;
        if (router.ConsecutiveSendFailures++ == 0)
            router.FailingSince = _now;
        int failures = router.ConsecutiveSendFailures;
        // Told ever more rarely, so that a dead link does not fill the log, and not the first: a link that goes down says so itself.
        if (failures > 1 && (failures & (failures - 1)) == 0)
            _notify(new SendFailed(_now, router.Config.Name, errno, failures));
        // One unicast peer that cannot be reached is no reason to leave the others alone.
        // And a full queue is no reason either, unless it lasts until the peers miss us.
        if (router.Config.UnicastPeers.Length == 0 && router.State.State == VrrpState.Master && failures >= router.Config.DownTimerAdverts
            && _now.Nanoseconds - router.FailingSince.Nanoseconds
                >= (router.Config.DownTimerAdverts - 1) * router.Config.AdvertisementInterval.Nanoseconds)
        {
            _failing.Add((router, errno));
        }
    }

    /// <summary>Of the routers that share a VRID: the one for the group, or the one that knows the peer.</summary>
    private static VirtualRouter? Select(VirtualRouter? first, IPAddressValue source, IPAddressValue destination)
    {
        if (first?.NextSameId is null)
            return first;
        for (var router = first; router is not null; router = router.NextSameId)
        {
            if (destination.IsMulticast)
            {
                if (router.Config.UnicastPeers.Length == 0 && router.Config.Group == destination)
                    return router;
                continue;
            }

            foreach (var peer in router.Config.UnicastPeers.AsSpan())
            {
                if (peer.Address == source)
                    return router;
            }
        }

        return first;
    }

    /// <summary>Own multicast is not looped back, so this is a second host of the address or a loop in the network.</summary>
    private void HearOwnAddress(EngineInterface at, IPAddressValue source)
    {
        Counters.OwnAddressHeard++;
        if (!at.OwnAddressToldAt.IsNever && _now.Nanoseconds - at.OwnAddressToldAt.Nanoseconds < RepeatNoticeNanoseconds)
            return;
        at.OwnAddressToldAt = _now;
        _notify(new OwnAddressHeard(_now, at.Name, source));
    }

    private void Drop(EngineInterface at, VirtualRouter? router, PacketRejection rejection, in ReceivedPacket packet)
    {
        bool isNotice;
        long count;
        if (router is null)
        {
            Counters.CountDropped(rejection);
            isNotice = IsNotice(ref CollectionsMarshal.GetValueRefOrAddDefault(_toldUnknown, (at.Index, rejection), out bool known), known, out count);
        }
        else
        {
            router.Counters.CountDropped(rejection);
            router.DroppedAt = _now;
            router.DroppedReason = rejection;
            isNotice = IsNotice(ref CollectionsMarshal.GetValueRefOrAddDefault(router.ToldRejections, rejection, out bool known), known, out count);
        }

        if (isNotice)
        {
            _notify(new PacketDropped(
                _now, router?.Config.Name ?? "", at.Name, rejection, packet.Source, count, RejectionDetail(router, rejection, packet)));
        }
    }

    private bool IsNotice(ref (Instant At, long Untold) told, bool isKnown, out long count)
    {
        count = ++told.Untold;
        if (isKnown && _now.Nanoseconds - told.At.Nanoseconds < RepeatNoticeNanoseconds)
            return false;
        told = (_now, 0);
        return true;
    }

    private static string? RejectionDetail(VirtualRouter? router, PacketRejection rejection, in ReceivedPacket packet)
    {
        var message = packet.Message;
        if (message.Length < 8)
            return $"{message.Length} octets";
        return rejection switch
        {
            PacketRejection.Version => $"version {message[0] >> 4}, ours is {(router is null ? "2 or 3" : ((int)router.Config.Version).ToString(null, null))}",
            PacketRejection.Type => $"type {message[0] & 15}",
            PacketRejection.HopLimit => $"{packet.HopLimit} instead of 255: it has passed a router, or is forged",
            PacketRejection.UnknownVirtualRouterId => $"VRID {message[1]}",
            PacketRejection.Interval when router is { Config.Version: VrrpVersion.V2 } =>
                $"{message[5]} s, ours is {router.Config.AdvertisementInterval}; both routers will be Master",
            PacketRejection.AuthenticationTypeMismatch when router is not null =>
                $"type {message[4]}, ours is {(router.Config.Password is null ? "0 (none)" : "1 (PASS)")}",
            PacketRejection.LengthMismatch => $"{message[3]} addresses in {message.Length} octets",
            _ => null,
        };
    }

    private void NoteDifference(VirtualRouter router, in Advertisement advertisement)
    {
        if (advertisement.Notes.HasFlag(AdvertisementNotes.IntervalDiffers))
        {
            router.Counters.IntervalsDiffering++;
            if (IsTimeToTell(router.IntervalToldAt))
            {
                router.IntervalToldAt = _now;
                TellDifference(
                    router,
                    advertisement.Source,
                    $"it advertises every {AdvertisementInterval.FromCentiseconds(advertisement.IntervalCentiseconds)}, this router every {router.Config.AdvertisementInterval}");
            }
        }

        if (advertisement.Notes.HasFlag(AdvertisementNotes.AddressListDiffers))
        {
            router.Counters.AddressListsDiffering++;
            if (IsTimeToTell(router.AddressListToldAt))
            {
                router.AddressListToldAt = _now;
                TellDifference(
                    router, advertisement.Source, $"its {advertisement.AddressCount} virtual addresses are not the {router.Config.VirtualAddresses.Length} of this router");
            }
        }
    }

    /// <summary>Remembers the form a peer sends; one that is not ours, or is no longer, is told.</summary>
    private void NoteChecksum(VirtualRouter router, in Advertisement advertisement)
    {
        bool isChange = router.PeerChecksum is not null;
        router.PeerChecksum = advertisement.ChecksumForm;
        // To the group the two forms with a pseudo-header are one.
        var own = router.Config is { UnicastPeers.Length: 0, Checksum: not VrrpChecksum.MessageOnly } ? VrrpChecksum.WithPseudoHeader : router.Config.Checksum;
        if ((!isChange && advertisement.ChecksumForm == own) || !IsTimeToTell(router.ChecksumToldAt))
            return;
        router.ChecksumToldAt = _now;
        TellDifference(
            router, advertisement.Source, $"its checksums {Describe(advertisement.ChecksumForm)}, those of this router {Describe(own)}; both forms are taken");
    }

    private static string Describe(VrrpChecksum form) => form switch
    {
        VrrpChecksum.MessageOnly => "cover the message alone",
        VrrpChecksum.WithMulticastPseudoHeader => "include a pseudo-header with 224.0.0.18",
        _ => "include a pseudo-header",
    };

    private void TellTwoOwners(VirtualRouter router, in Advertisement advertisement)
    {
        if (!IsTimeToTell(router.TwoOwnersToldAt))
            return;
        router.TwoOwnersToldAt = _now;
        TellDifference(
            router, advertisement.Source, $"it has priority 255 as {router.State.MasterAddress} had, and only one router can own the addresses");
    }

    private void TellDifference(VirtualRouter router, IPAddressValue source, string difference) =>
        _notify(new AdvertisementDiffers(_now, router.Config.Name, source, difference));

    private bool IsTimeToTell(Instant toldAt) => toldAt.IsNever || _now.Nanoseconds - toldAt.Nanoseconds >= RepeatNoticeNanoseconds;

    /// <summary>Whether an advertisement leads a Master to answer and stay. RFC 9568 §6.4.3.</summary>
    private static bool IsOutranked(VirtualRouter router, in Advertisement advertisement) =>
        !router.State.IsSuspect
        && (advertisement.Priority < router.State.EffectivePriority
            || (advertisement.Priority == router.State.EffectivePriority && advertisement.Source < router.PrimaryAddress));

    private void TellSecondMaster(VirtualRouter router, in Advertisement advertisement)
    {
        // One that is on the wire while this router takes over crosses its advertisement: no second Master, only a late one.
        if (advertisement.Priority == Priority.Relinquish
            || _now.Nanoseconds - router.MasterSince.Nanoseconds < router.Config.AdvertisementInterval.Nanoseconds)
        {
            return;
        }

        // A source is free to choose: each is told of, but a flood of them does not become one of notices.
        long least = router.SecondMasterTold == advertisement.Source ? RepeatNoticeNanoseconds : OtherNoticeNanoseconds;
        if (!router.SecondMasterToldAt.IsNever && _now.Nanoseconds - router.SecondMasterToldAt.Nanoseconds < least)
            return;

        router.SecondMasterTold = advertisement.Source;
        router.SecondMasterToldAt = _now;
        _notify(new SecondMasterHeard(_now, router.Config.Name, advertisement.Source, advertisement.Priority));
    }

    private void SendAdvertisement(VirtualRouter router, Priority priority)
    {
        if (router.Link is not { } link)
            return;
        // The farewell of a router that lost its address goes out from the address it had.
        var source = router.PrimaryAddress.IsNone && priority == Priority.Relinquish ? router.MessageSource : router.PrimaryAddress;
        if (source.IsNone)
            return;
        if (!router.LastSendFailed)
            router.ConsecutiveSendFailures = 0;
        router.LastSendFailed = false;
        var config = router.Config;
        bool isCurrent = router.MessagePriority == priority && router.MessageSource == source;
        var peers = config.UnicastPeers.AsSpan();
        int destinations = Math.Max(1, peers.Length);
        if (router.Messages.Length != destinations)
        {
            router.Messages = new byte[destinations][];
            isCurrent = false;
        }

        for (int i = 0; i < destinations; i++)
        {
            var destination = peers.Length == 0 ? config.Group : peers[i].Address;
            // The message is the same until priority or source change; only the first one after that is written.
            if (!isCurrent || router.Messages[i] is null)
                router.Messages[i] = WriteMessage(router, priority, source, destination);
            byte hopLimit = peers.Length == 0 ? (byte)255 : config.UnicastHopLimit;
            link.SendAdvertisement(router.Token, source, destination, hopLimit, router.Messages[i]);
            router.Counters.AdvertisementsSent++;
            if (priority == Priority.Relinquish)
                router.Counters.PriorityZeroSent++;
        }

        router.MessagePriority = priority;
        router.MessageSource = source;
    }

    private byte[] WriteMessage(VirtualRouter router, Priority priority, IPAddressValue source, IPAddressValue destination)
    {
        var config = router.Config;
        _advertised.Clear();
        // What does not fit one packet is held all the same, as keepalived does.
        int limit = router.Interface?.Facts is { Mtu: > 0 } facts
            ? VrrpPacket.MaxAddressCount(config.Version, config.Family, facts.Mtu) : VrrpPacket.MaxAddresses;
        foreach (var address in config.VirtualAddresses)
        {
            if (_advertised.Count < limit)
                _advertised.Add(address.Address);
        }

        int length = _codec.Write(
            new AdvertisementContent
            {
                Version = config.Version,
                Family = config.Family,
                VirtualRouterId = config.VirtualRouterId,
                Priority = priority,
                Interval = config.AdvertisementInterval,
                Addresses = CollectionsMarshal.AsSpan(_advertised),
                AuthenticationType = config.Password is null ? AuthenticationType.None : AuthenticationType.SimplePassword,
                Password = config.Password ?? default,
                Checksum = config.Checksum,
            },
            source,
            destination,
            _messageBuffer);
        return _messageBuffer.AsSpan(0, length).ToArray();
    }

    /// <summary>What is due of the announcements; without spacing that is one round, so that other routers' first rounds come before the next.</summary>
    private void AnnounceRound(VirtualRouter router)
    {
        int count = router.Assignments.Length;
        for (int sent = 0; sent < Math.Max(1, count); sent++)
        {
            if (!router.Announcements.TryTake(router.Config.Announcements, count, _now, out int index))
                return;
            Announce(router, index);
        }
    }

    private void Announce(VirtualRouter router, int index)
    {
        // One that is only held besides and was refused is not on this host.
        if (router.Outcomes[index].Status == AddressStatus.Refused)
            return;
        // One that was taken away again is announced when it is put back.
        if (!router.RestoreAt.IsNever && !IsPresent(router.Assignments[index]))
            return;
        var assignment = router.Assignments[index];
        if (!_interfaces.TryGetValue(assignment.InterfaceIndex, out var at) || at.Facts is null || at.Facts.IsLoopback)
            return;
        var address = assignment.Address.Address;
        // An address on a loopback or tunnel has no neighbours to tell.
        if (at.Facts.MacAddress.IsZero || OpenLink(at, address.Family, router) is not { } link)
            return;
        if (router.Frames[index] is not { } frame)
        {
            int length = address.Family == IPFamily.IPv4
                ? ArpPacket.WriteGratuitous(_frameBuffer, at.Facts.MacAddress, address, target: router.Config.Announcements.ArpTarget)
                : NeighborAdvertisement.WriteUnsolicited(_frameBuffer, at.Facts.MacAddress, address, isRouter: true);
            frame = _frameBuffer.AsSpan(0, length).ToArray();
            router.Frames[index] = frame;
        }

        link.SendFrame(~router.Token, frame);
        router.Counters.AnnouncementsSent++;
    }
}
