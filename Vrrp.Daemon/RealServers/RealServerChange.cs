namespace Vrrp.Daemon.RealServers;

/// <summary>One thing to do to the kernel; the closed set of them.</summary>
internal abstract record RealServerChange
{
    /// <summary>What takes it back.</summary>
    public abstract RealServerChange Inverse { get; }

    private RealServerChange()
    {
    }

    /// <summary>Make the tunnel device, which the kernel has not made by itself.</summary>
    public sealed record CreateTunnel(string Device) : RealServerChange
    {
        public override RealServerChange Inverse => new DeleteTunnel(Device);

        public override string ToString() => $"{Device}: made";
    }

    public sealed record DeleteTunnel(string Device) : RealServerChange
    {
        public override RealServerChange Inverse => new CreateTunnel(Device);

        public override string ToString() => $"{Device}: removed";
    }

    public sealed record SetLink(string Device, bool Up) : RealServerChange
    {
        public override RealServerChange Inverse => this with { Up = !Up };

        public override string ToString() => $"{Device}: {(Up ? "down -> up" : "up -> down")}";
    }

    public sealed record WriteSetting(KernelSetting Setting, int From, int To) : RealServerChange
    {
        public override RealServerChange Inverse => new WriteSetting(Setting, To, From);

        public override string ToString() => $"{Setting}: {From} -> {To}";
    }

    public sealed record AddAddress(RealServerVip Vip) : RealServerChange
    {
        public override RealServerChange Inverse => new RemoveAddress(Vip);

        public override string ToString() => $"{Vip}: added to {Vip.Device}";
    }

    public sealed record RemoveAddress(RealServerVip Vip) : RealServerChange
    {
        public override RealServerChange Inverse => new AddAddress(Vip);

        public override string ToString() => $"{Vip}: removed from {Vip.Device}";
    }
}
