using Vrrp.Linux;

namespace Vrrp.Links;

/// <summary>Linux, with raw sockets and rtnetlink, in the network namespace of the thread that opens things. For one engine thread.</summary>
public sealed class LinuxPlatform : IVrrpPlatform
{
    private readonly AddressMarks _marks;

    /// <summary>Makes a platform; nothing is opened yet.</summary>
    /// <param name="mark">
    /// Address protocol (IFA_PROTO) that virtual addresses bear in the kernel, 4–255. Processes that may find one another's leftovers
    /// use the same, others different ones.
    /// </param>
    public LinuxPlatform(byte mark = AddressMarks.Default) => _marks = new(mark);

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
}
