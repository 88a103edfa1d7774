using System.Globalization;
using System.Text;
using Vrrp.Linux;

namespace Vrrp.Links;

/// <summary>Linux, with raw sockets and rtnetlink, in the network namespace of the thread that opens things. For one engine thread.</summary>
public sealed class LinuxPlatform : IVrrpPlatform
{
    private readonly AddressMarks _marks;
    private readonly AcceptFilterOptions _filter;

    /// <summary>Makes a platform; nothing is opened yet.</summary>
    /// <param name="mark">
    /// Address protocol (IFA_PROTO) that virtual addresses bear in the kernel, 4–255. Processes that may find one another's leftovers
    /// use the same, others different ones.
    /// </param>
    /// <param name="filter">The table that enforces <see cref="VirtualRouterConfig.AcceptMode"/> false. Null: the defaults.</param>
    /// <exception cref="ArgumentException">The table's name is empty or too long.</exception>
    public LinuxPlatform(byte mark = AddressMarks.Default, AcceptFilterOptions? filter = null)
    {
        _marks = new(mark);
        _filter = filter ?? new();
        if (_filter.Table is { } table && Encoding.UTF8.GetByteCount(table) is 0 or > AcceptFilterOptions.MaximumTableLength)
            throw new ArgumentException($"The name of a table has 1 to {AcceptFilterOptions.MaximumTableLength} bytes.", nameof(filter));
    }

    /// <inheritdoc/>
    public IInterfaceMonitor OpenMonitor() => new LinuxInterfaceMonitor(_marks);

    /// <inheritdoc/>
    public IAddressTable OpenAddressTable() => new LinuxAddressTable(_marks);

    /// <inheritdoc/>
    public IVrrpLink OpenLink(InterfaceFacts facts, IPFamily family)
    {
        ArgumentNullException.ThrowIfNull(facts);
        if (facts.IsLoopback)
            throw new LinuxException($"run VRRP on the loopback interface {facts.Name}", Errno.EOPNOTSUPP);
        return new LinuxVrrpLink(facts, family);
    }

    /// <inheritdoc/>
    public IAcceptFilter OpenAcceptFilter() =>
        new LinuxAcceptFilter(_filter.Table ?? string.Create(CultureInfo.InvariantCulture, $"vrrp_{_marks.Mark}"), _filter);
}
