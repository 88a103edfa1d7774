namespace Vrrp.Simulation;

/// <summary>A packet of protocol 112 under way, shared by all sockets it waits in, and used again when the last one is done with it.</summary>
internal sealed class SimulatedPacket
{
    private byte[] _buffer = new byte[64];
    private int _length;

    public SimulatedNode? Sender { get; set; }

    public IPFamily Family { get; set; }

    public IPAddressValue Source { get; set; }

    public IPAddressValue Destination { get; set; }

    public int HopLimit { get; set; }

    /// <summary>Name of the virtual router that sent it; empty if none of the simulation's did.</summary>
    public string VirtualRouter { get; set; } = "";

    /// <summary>How many still need it.</summary>
    public int References { get; set; }

    public ReadOnlySpan<byte> Message
    {
        get => _buffer.AsSpan(0, _length);
        set
        {
            if (_buffer.Length < value.Length)
                _buffer = new byte[value.Length];
            value.CopyTo(_buffer);
            _length = value.Length;
        }
    }

    public byte Octet(int index) => index < _length ? _buffer[index] : (byte)0;
}

/// <summary>Packets that wait to be used again.</summary>
internal sealed class SimulatedPacketPool
{
    private readonly Stack<SimulatedPacket> _free = new();

    /// <summary>A packet with one reference.</summary>
    public SimulatedPacket Rent()
    {
        var packet = _free.Count > 0 ? _free.Pop() : new SimulatedPacket();
        packet.References = 1;
        return packet;
    }

    public void Release(SimulatedPacket packet)
    {
        if (--packet.References == 0)
            _free.Push(packet);
    }
}
