namespace Vrrp.Tests.StateMachine;

/// <summary>Values that the tests of the machine share.</summary>
public abstract class MachineTests
{
    protected static readonly Instant Now = new(1_000_000_000_000);
    protected static readonly IPAddressValue Me = IPAddressValue.Parse("10.0.0.5");
    protected static readonly IPAddressValue Lower = IPAddressValue.Parse("10.0.0.4");
    protected static readonly IPAddressValue Higher = IPAddressValue.Parse("10.0.0.10");
    protected static readonly AdvertisementInterval Second = AdvertisementInterval.OneSecond;
    protected static readonly AdvertisementInterval ThreeSeconds = AdvertisementInterval.FromSeconds(3);

    /// <summary>Both versions, for rows that hold in both.</summary>
    public static TheoryData<VrrpVersion> Versions => [VrrpVersion.V2, VrrpVersion.V3];

    protected static VirtualRouterConfig Config(VrrpVersion version = VrrpVersion.V3, int priority = 100) => new()
    {
        Name = "test",
        Interface = "eth0",
        VirtualRouterId = new(51),
        Version = version,
        Priority = new(priority),
        VirtualAddresses = [VirtualAddress.Host(IPAddressValue.Parse("10.0.0.254"))],
    };

    protected static Instant After(decimal seconds) => Now.AddNanoseconds((long)(seconds * 1_000_000_000m));

    protected static MachineState Backup(VirtualRouterConfig config, decimal firesAfter = 2) =>
        MachineState.Initial(config) with { State = VrrpState.Backup, Deadline = After(firesAfter) };

    protected static MachineState Master(VirtualRouterConfig config, decimal firesAfter = 0.5m) =>
        MachineState.Initial(config) with { State = VrrpState.Master, Deadline = After(firesAfter) };

    protected static MachineState Fault(VirtualRouterConfig config, VrrpFaults faults = VrrpFaults.LinkDown) =>
        MachineState.Initial(config) with { State = VrrpState.Fault, Faults = faults };

    protected static MachineState HandingOver(VirtualRouterConfig config, decimal firesAfter = 1) =>
        MachineState.Initial(config) with { IsHandingOver = true, Deadline = After(firesAfter) };

    protected static VrrpEvent Hears(int priority, AdvertisementInterval? interval = null, IPAddressValue? source = null) =>
        VrrpEvent.Advertisement(new(priority), interval ?? Second, source ?? Higher, Me);

    protected static Transition Step(VirtualRouterConfig config, MachineState state, VrrpEvent input) =>
        VrrpStateMachine.Instance.Step(config, state, input, Now);

    protected static Transition Step(VirtualRouterConfig config, MachineState state, VrrpEvent input, Instant now) =>
        VrrpStateMachine.Instance.Step(config, state, input, now);

    /// <summary>What is remembered of the router that was heard.</summary>
    protected static MachineState Heard(MachineState state, int priority, AdvertisementInterval? interval = null, IPAddressValue? source = null) =>
        state with { MasterPriority = new(priority), MasterAddress = source ?? Higher, MasterAdverInterval = interval ?? Second };

    protected static void AssertIgnored(VirtualRouterConfig config, MachineState state, VrrpEvent input) =>
        Assert.Equal(new Transition(state, VrrpActions.None), Step(config, state, input));
}
