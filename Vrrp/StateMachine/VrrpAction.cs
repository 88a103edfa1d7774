using System.Collections.Immutable;

namespace Vrrp;

/// <summary>The closed set of outputs of the state machine.</summary>
public enum VrrpAction : byte
{
    /// <summary>Put the addresses on their interfaces and read the kernel's acknowledgement.</summary>
    InstallAddresses,

    /// <summary>Take the addresses off.</summary>
    RemoveAddresses,

    /// <summary>Send one advertisement with the priority in force.</summary>
    SendAdvertisement,

    /// <summary>Send one advertisement with priority 0.</summary>
    SendRelinquish,

    /// <summary>Begin the announcements of a takeover: gratuitous ARP or unsolicited NA.</summary>
    AnnounceAddresses,

    /// <summary>Begin the announcements of a Master that met a lower one.</summary>
    ReannounceAddresses,

    /// <summary>Drop announcements still to come.</summary>
    StopAnnouncing,
}

/// <summary>The few sequences that transitions yield. Their order is part of the contract.</summary>
public static class VrrpActions
{
    /// <summary>Nothing.</summary>
    public static ImmutableArray<VrrpAction> None { get; } = [];

    /// <summary>Takeover: the address is there before anyone is told. RFC 9568 §6.4.2 with §8.1.2's order of installing first.</summary>
    public static ImmutableArray<VrrpAction> BecomeMaster { get; } =
        [VrrpAction.InstallAddresses, VrrpAction.SendAdvertisement, VrrpAction.AnnounceAddresses];

    /// <summary>The Adver_Timer fired, or a peer needs to hear us.</summary>
    public static ImmutableArray<VrrpAction> Advertise { get; } = [VrrpAction.SendAdvertisement];

    /// <summary>A lower Master was heard: tell it, and tell the hosts that may have learned it.</summary>
    public static ImmutableArray<VrrpAction> Reassert { get; } = [VrrpAction.SendAdvertisement, VrrpAction.ReannounceAddresses];

    /// <summary>The same without the advertisement (<c>lower_prio_no_advert</c>).</summary>
    public static ImmutableArray<VrrpAction> ReannounceOnly { get; } = [VrrpAction.ReannounceAddresses];

    /// <summary>A better Master was heard.</summary>
    public static ImmutableArray<VrrpAction> YieldToPeer { get; } = [VrrpAction.StopAnnouncing, VrrpAction.RemoveAddresses];

    /// <summary>The same after one more advertisement (<c>higher_prio_send_advert</c>).</summary>
    public static ImmutableArray<VrrpAction> AdvertiseAndYield { get; } =
        [VrrpAction.SendAdvertisement, VrrpAction.StopAnnouncing, VrrpAction.RemoveAddresses];

    /// <summary>Leaving at once.</summary>
    public static ImmutableArray<VrrpAction> Leave { get; } =
        [VrrpAction.StopAnnouncing, VrrpAction.SendRelinquish, VrrpAction.RemoveAddresses];

    /// <summary>Leaving without a gap: the addresses stay until the successor is heard.</summary>
    public static ImmutableArray<VrrpAction> BeginHandOver { get; } = [VrrpAction.StopAnnouncing, VrrpAction.SendRelinquish];

    /// <summary>The end of a hand-over.</summary>
    public static ImmutableArray<VrrpAction> Release { get; } = [VrrpAction.RemoveAddresses];
}
