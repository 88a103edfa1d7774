namespace Vrrp.Links;

/// <summary>An address and the interface it belongs on.</summary>
/// <param name="InterfaceIndex">Index of the interface.</param>
/// <param name="Address">The address.</param>
public readonly record struct AddressAssignment(int InterfaceIndex, VirtualAddress Address);

/// <summary>What became of one address.</summary>
public enum AddressStatus : byte
{
    /// <summary>Not attempted.</summary>
    None,

    /// <summary>The kernel acknowledged it, or it was there and bears our mark.</summary>
    Done,

    /// <summary>It was there already and someone else put it there: it serves, but is not ours to remove.</summary>
    Foreign,

    /// <summary>The kernel refused.</summary>
    Refused,
}

/// <summary>What became of one address, with the kernel's reason.</summary>
/// <param name="Status">The outcome.</param>
/// <param name="Error">The errno when <see cref="AddressStatus.Refused"/>, else 0.</param>
public readonly record struct AddressOutcome(AddressStatus Status, int Error);

/// <summary>
/// Addresses of this host's interfaces. Calls answer when the kernel has acknowledged; nothing but the kernel is waited for.
/// Only what bears this table's mark is ever removed.
/// </summary>
public interface IAddressTable : IDisposable
{
    /// <summary>Installs addresses in one batch.</summary>
    /// <param name="addresses">What to install.</param>
    /// <param name="outcomes">One outcome for each, same order.</param>
    /// <returns>True when none was refused.</returns>
    bool Install(ReadOnlySpan<AddressAssignment> addresses, Span<AddressOutcome> outcomes);

    /// <summary>Removes addresses in one batch, those that bear our mark; one that is gone already is <see cref="AddressStatus.Done"/>.</summary>
    /// <param name="addresses">What to remove.</param>
    /// <param name="outcomes">One outcome for each, same order.</param>
    /// <returns>True when none was refused.</returns>
    bool Remove(ReadOnlySpan<AddressAssignment> addresses, Span<AddressOutcome> outcomes);

    /// <summary>
    /// Takes addresses for this table's own on the word of a record that an earlier process kept: of use where the kernel keeps no marks.
    /// </summary>
    /// <param name="addresses">What the record names.</param>
    void Adopt(ReadOnlySpan<AddressAssignment> addresses)
    {
    }

    /// <summary>
    /// As <see cref="Remove"/>, for addresses that the caller knows to bear our mark, from what it heard of the interfaces; a table that
    /// would look at each may leave that out.
    /// </summary>
    /// <param name="addresses">What to remove.</param>
    /// <param name="outcomes">One outcome for each, same order.</param>
    /// <returns>True when none was refused.</returns>
    bool RemoveOwn(ReadOnlySpan<AddressAssignment> addresses, Span<AddressOutcome> outcomes) => Remove(addresses, outcomes);
}
