using System.Collections.Frozen;
using Vrrp.Linux;
using Vrrp.Links;

namespace Vrrp.Daemon.Ipvs;

/// <summary>Hears which addresses this host has, over route netlink, on a thread of its own.</summary>
internal sealed class AddressWatch : IInterfaceSink, IDisposable
{
    private readonly Action<IReadOnlySet<IPAddressValue>> _changed;
    private readonly Action<string> _failed;
    private readonly LinuxInterfaceMonitor _monitor = new();
    private readonly EpollWaiter _waiter = new();
    private readonly HashSet<(int, IPAddressValue)> _addresses = [];
    private readonly Thread _thread;
    private bool _hasChanged;
    private volatile bool _isEnding;

    private AddressWatch(Action<IReadOnlySet<IPAddressValue>> changed, Action<string> failed)
    {
        (_changed, _failed) = (changed, failed);
        _monitor.List(this);
        Publish();
        _waiter.Add(_monitor.Descriptor, 0);
        _thread = new Thread(Listen, 256 * 1024) { IsBackground = true, Name = "vrrp-addresses" };
        _thread.Start();
    }

    /// <summary>Tells all addresses now and whenever they change; what changes together is told together.</summary>
    /// <param name="changed">Takes them, here at first and later on the watch's thread.</param>
    /// <param name="failed">Takes the reason when there will be no more.</param>
    /// <exception cref="LinuxException">The kernel does not tell.</exception>
    public static AddressWatch Start(Action<IReadOnlySet<IPAddressValue>> changed, Action<string> failed) => new(changed, failed);

    /// <inheritdoc/>
    public void Dispose()
    {
        _isEnding = true;
        _waiter.Wake();
        _thread.Join();
        _waiter.Dispose();
        _monitor.Dispose();
    }

    void IInterfaceSink.InterfaceChanged(InterfaceFacts facts)
    {
    }

    void IInterfaceSink.InterfaceRemoved(int index) => _hasChanged |= _addresses.RemoveWhere(entry => entry.Item1 == index) > 0;

    void IInterfaceSink.AddressAdded(in InterfaceAddress address) => _hasChanged |= _addresses.Add((address.InterfaceIndex, address.Address));

    void IInterfaceSink.AddressRemoved(in InterfaceAddress address) => _hasChanged |= _addresses.Remove((address.InterfaceIndex, address.Address));

    void IInterfaceSink.ListingStarted()
    {
        _addresses.Clear();
        _hasChanged = true;
    }

    void IInterfaceSink.ListingEnded()
    {
    }

    private void Listen()
    {
        Span<int> ready = stackalloc int[1];
        try
        {
            while (!_isEnding)
            {
                if (_waiter.Wait(Instant.Never, ready) == 0)
                    continue;
                _monitor.Receive(this);
                Publish();
            }
        }
        catch (Exception exception) when (exception is IOException or LinuxException)
        {
            _failed(exception.Message);
        }
    }

    private void Publish()
    {
        if (_hasChanged)
            _changed(_addresses.Select(entry => entry.Item2).ToFrozenSet());
        _hasChanged = false;
    }
}
