using System.Diagnostics.CodeAnalysis;

namespace Vrrp.Links;

/// <summary>
/// Drops what is sent to virtual addresses of routers with <see cref="VirtualRouterConfig.AcceptMode"/> false, and what is sent from
/// them, but never neighbour discovery or ARP. RFC 9568 §6.1. Nothing but the kernel is waited for.
/// </summary>
public interface IAcceptFilter : IDisposable
{
    /// <summary>Blocks addresses, all or none. Called before they are installed; an address blocked twice wants to be unblocked twice.</summary>
    /// <param name="addresses">What to block; empty: only find out whether it could be done.</param>
    /// <param name="failure">Why it could not be done, as a clause.</param>
    /// <returns>False when none of them is blocked.</returns>
    bool TryBlock(ReadOnlySpan<AddressAssignment> addresses, [NotNullWhen(false)] out string? failure);

    /// <summary>Ends the blocking of addresses. Called after they were removed.</summary>
    /// <param name="addresses">What to unblock, blocked by this filter.</param>
    /// <param name="failure">Why it could not be done, as a clause.</param>
    /// <returns>False when some may still be blocked.</returns>
    bool TryUnblock(ReadOnlySpan<AddressAssignment> addresses, [NotNullWhen(false)] out string? failure);

    /// <summary>Removes what a process that was killed left behind. Without effect once this filter blocks something.</summary>
    void RemoveLeftBehind();
}
