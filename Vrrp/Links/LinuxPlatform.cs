namespace Vrrp.Links;
internal sealed class LinuxPlatform(byte mark) : IVrrpPlatform
{
    public byte Mark => mark;
    public IAddressTable OpenAddressTable() => throw new NotSupportedException();
    public IVrrpLink OpenLink(InterfaceFacts facts, IPFamily family) => throw new NotSupportedException();
    public IInterfaceMonitor OpenMonitor() => throw new NotSupportedException();
}
