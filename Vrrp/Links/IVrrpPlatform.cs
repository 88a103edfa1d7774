namespace Vrrp.Links;

/// <summary>Opens what the engine needs of a system: the seam to other systems, to capture libraries and to simulation.</summary>
public interface IVrrpPlatform
{
    /// <summary>Opens the monitor of interfaces.</summary>
    /// <returns>The monitor.</returns>
    /// <exception cref="Linux.LinuxException">Not permitted.</exception>
    IInterfaceMonitor OpenMonitor();

    /// <summary>Opens the table of addresses.</summary>
    /// <returns>The table.</returns>
    /// <exception cref="Linux.LinuxException">Not permitted.</exception>
    IAddressTable OpenAddressTable();

    /// <summary>Opens a link on an interface for one family.</summary>
    /// <param name="facts">The interface.</param>
    /// <param name="family">The family.</param>
    /// <returns>The link.</returns>
    /// <exception cref="Linux.LinuxException">Not permitted, or the interface is gone.</exception>
    IVrrpLink OpenLink(InterfaceFacts facts, IPFamily family);

    /// <summary>Opens what enforces <see cref="VirtualRouterConfig.AcceptMode"/> false; it says when it is used whether it can.</summary>
    /// <returns>The filter; null, as here by default, when the platform has none.</returns>
    IAcceptFilter? OpenAcceptFilter() => null;
}
