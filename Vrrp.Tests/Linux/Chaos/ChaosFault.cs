using System.Globalization;

namespace Vrrp.Tests.Linux.Chaos;

/// <summary>What can happen to a host, its daemon or its network.</summary>
internal enum ChaosFaultKind
{
    /// <summary>SIGKILL to the daemon and its children; started again when healed. The kernel goes on answering for what they left.</summary>
    Kill,

    /// <summary>As <see cref="Kill"/>, and once more while it starts.</summary>
    KillStarting,

    /// <summary>SIGSTOP, then SIGCONT.</summary>
    Freeze,

    /// <summary>SIGTERM; started again when healed.</summary>
    Leave,

    /// <summary>The interface is set down, then up.</summary>
    LinkDown,

    /// <summary>The switch's port is set down: the interface loses its carrier.</summary>
    CableOut,

    /// <summary>The interface is deleted, and made again under the same name with another index.</summary>
    InterfaceRemoved,

    /// <summary>Somebody deletes the virtual addresses from the Master's interface.</summary>
    AddressRemoved,

    /// <summary>A share of the frames between the directors is lost, both ways; the client is not affected.</summary>
    AdvertLoss,

    /// <summary>The host and the other directors do not reach each other; the client reaches all.</summary>
    Partition,

    /// <summary>The other directors do not hear the host, which hears them.</summary>
    OneWayPartition,

    /// <summary>The file system of the state file is full while the daemon is killed and started again.</summary>
    DiskFull,

    /// <summary>SIGHUP with a file that has an error.</summary>
    BrokenReload,

    /// <summary>SIGHUP with a file that gives the lowest priority, then with the one before.</summary>
    LowerPriority,

    /// <summary>SIGHUP with a file that has a further address; then SIGKILL, and a start with the file before.</summary>
    FurtherAddress,

    /// <summary>The daemon's memory group is limited to little more than it has, and something in it takes all it can get.</summary>
    MemoryPressure,

    /// <summary>A share of all frames from and to the host is lost.</summary>
    FrameLoss,

    /// <summary>Frames to and from the host are late, by more and by less, some twice, and overtake each other.</summary>
    FrameDelay,

    /// <summary>The machine's clock goes forward, then back.</summary>
    ClockStep,
}

/// <summary>One fault of a plan.</summary>
/// <param name="Kind">What happens.</param>
/// <param name="Host">To which host, by its rank: 0 is the one with the highest priority.</param>
/// <param name="At">When, since the beginning.</param>
/// <param name="Duration">How long until it is healed.</param>
/// <param name="Amount">Per cent of frames lost, milliseconds of delay or until the second kill, seconds of the step, number of the broken file; else 0.</param>
/// <param name="Network">Which of the host's interfaces; others are not affected by what happens to one interface.</param>
internal sealed record ChaosFault(ChaosFaultKind Kind, int Host, TimeSpan At, TimeSpan Duration, int Amount = 0, int Network = 0)
{
    public TimeSpan HealedAt => At + Duration;

    /// <summary>While it lasts this host can neither take over nor answer by its own doing.</summary>
    public bool Disables => Kind is ChaosFaultKind.Kill or ChaosFaultKind.KillStarting or ChaosFaultKind.FurtherAddress or ChaosFaultKind.Freeze or ChaosFaultKind.Leave or ChaosFaultKind.LinkDown
        or ChaosFaultKind.CableOut or ChaosFaultKind.InterfaceRemoved or ChaosFaultKind.DiskFull or ChaosFaultKind.MemoryPressure;

    /// <summary>The daemon is started again when it is healed.</summary>
    public bool Restarts => Kind is ChaosFaultKind.Kill or ChaosFaultKind.KillStarting or ChaosFaultKind.FurtherAddress or ChaosFaultKind.Leave or ChaosFaultKind.DiskFull;

    /// <summary>What it happens to; two faults of one host at a time are of two kinds of thing.</summary>
    public ChaosSubject Subject => Kind switch
    {
        ChaosFaultKind.LinkDown or ChaosFaultKind.CableOut or ChaosFaultKind.InterfaceRemoved or ChaosFaultKind.AddressRemoved => ChaosSubject.Interface,
        ChaosFaultKind.AdvertLoss or ChaosFaultKind.Partition or ChaosFaultKind.OneWayPartition or ChaosFaultKind.FrameLoss
            or ChaosFaultKind.FrameDelay => ChaosSubject.Network,
        ChaosFaultKind.ClockStep => ChaosSubject.Machine,
        _ => ChaosSubject.Daemon,
    };

    public override string ToString()
    {
        var host = (char)('A' + Host);
        var where = Network == 0 ? "" : string.Create(CultureInfo.InvariantCulture, $" on network {Network}");
        var what = Kind switch
        {
            ChaosFaultKind.Kill => $"{host} killed",
            ChaosFaultKind.KillStarting => $"{host} killed, and again {Amount} ms after its start",
            ChaosFaultKind.Freeze => $"{host} frozen",
            ChaosFaultKind.Leave => $"{host} stopped",
            ChaosFaultKind.LinkDown => $"{host} link down{where}",
            ChaosFaultKind.CableOut => $"{host} cable out{where}",
            ChaosFaultKind.InterfaceRemoved => $"{host} interface removed{where}",
            ChaosFaultKind.AddressRemoved => $"{host} addresses deleted{where}",
            ChaosFaultKind.AdvertLoss => $"{host} loses {Amount} % of the adverts",
            ChaosFaultKind.Partition => $"{host} parted from its peers",
            ChaosFaultKind.OneWayPartition => $"{host} not heard by its peers",
            ChaosFaultKind.DiskFull => $"{host} killed with its disk full",
            ChaosFaultKind.BrokenReload => $"{host} reloads broken file {Amount}",
            ChaosFaultKind.LowerPriority => $"{host} reloads the lowest priority",
            ChaosFaultKind.FurtherAddress => $"{host} reloads a further address and is killed with it",
            ChaosFaultKind.MemoryPressure => $"{host} short of memory",
            ChaosFaultKind.FrameLoss => $"{host} loses {Amount} % of all frames",
            ChaosFaultKind.FrameDelay => $"{host} frames late by up to {Amount} ms",
            _ => string.Create(CultureInfo.InvariantCulture, $"clock steps by {Amount} s"),
        };
        return string.Create(CultureInfo.InvariantCulture, $"{what} {At.TotalSeconds:0.000}–{HealedAt.TotalSeconds:0.000} s");
    }
}

/// <summary>What a fault happens to.</summary>
internal enum ChaosSubject
{
    Daemon,
    Interface,
    Network,
    Machine,
}
