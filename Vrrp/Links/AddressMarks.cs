using Vrrp.Netlink;

namespace Vrrp.Links;

/// <summary>
/// Knows which addresses are ours: by the address protocol that the kernel keeps with each (since 5.18), or, where it does not,
/// by memory, which ends with the process. Shared by a table and a monitor on one thread.
/// </summary>
/// <param name="mark">The address protocol; 0 and what the kernel itself uses (1–3) would not tell ours from others.</param>
internal sealed class AddressMarks(byte mark)
{
    private readonly HashSet<AddressKey> _added = [];

    /// <summary>The number of VRRP, 112: what ours are marked with unless told otherwise.</summary>
    public const byte Default = 112;

    /// <summary>The mark.</summary>
    public byte Mark { get; } = mark > 3 ? mark : throw new ArgumentOutOfRangeException(nameof(mark), mark, "The kernel marks its own with 1 to 3.");

    /// <summary>
    /// Whether the kernel keeps marks: those since 5.18 do, of an older one the first address of ours to be seen again shows it, because
    /// distributions carry changes back. Null before.
    /// </summary>
    public bool? AreKept { get; set; } = Environment.OSVersion.Version >= new Version(5, 18) ? true : null;

    /// <summary>Whether an address, as the kernel tells it, is ours.</summary>
    public bool IsOurs(in AddressRecord record)
    {
        // Asking for it when it was added would hold up the first takeover.
        if (AreKept is null && _added.Contains(record.Key))
        {
            AreKept = record.Protocol == Mark;
            if (AreKept == true)
                _added.Clear();
        }

        return AreKept == false ? _added.Contains(record.Key) : record.Protocol == Mark;
    }

    /// <summary>Notes that we added an address.</summary>
    public void Added(AddressKey key)
    {
        if (AreKept != true)
            _added.Add(key);
    }

    /// <summary>Notes that an address of ours is gone.</summary>
    public void Removed(AddressKey key) => _added.Remove(key);
}
