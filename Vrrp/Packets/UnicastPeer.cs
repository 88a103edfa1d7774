namespace Vrrp.Packets;

/// <summary>A router that adverts are exchanged with by unicast, and how far away it may be.</summary>
/// <param name="Address">Its address: source of its adverts, destination of ours.</param>
/// <param name="MinHopLimit">Lowest TTL or hop limit taken from it, 0–255 (keepalived: <c>min_ttl</c>). Default 0: any distance.</param>
/// <param name="MaxHopLimit">Highest TTL or hop limit taken from it, 0–255 (keepalived: <c>max_ttl</c>). Default 255.</param>
public readonly record struct UnicastPeer(IPAddressValue Address, byte MinHopLimit = 0, byte MaxHopLimit = 255);
