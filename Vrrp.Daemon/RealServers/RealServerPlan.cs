using System.Collections.Immutable;
using System.Globalization;
using static Vrrp.Daemon.RealServers.RealServerChange;

namespace Vrrp.Daemon.RealServers;

/// <summary>One value that a real server needs, beside the one that it has.</summary>
internal readonly record struct RealServerComparison(string What, string Wanted, string Found, bool Matches);

/// <summary>Pure: what has to be done to a kernel so that it is a real server for some addresses, or no longer.</summary>
/// <param name="Changes">What to do, in order.</param>
/// <param name="Memory">What to remember when all of it is done.</param>
/// <param name="Notes">What is left as it is and why, a sentence each.</param>
internal sealed record RealServerPlan(ImmutableArray<RealServerChange> Changes, RealServerMemory Memory, ImmutableArray<string> Notes)
{
    /// <summary>
    /// What is missing for some addresses. While a tunnel device is missing it is only to make that: then look, and plan again.
    /// ARP is silent before an address is there, so that no request for it is ever answered.
    /// </summary>
    public static RealServerPlan Up(RealServerFacts facts, RealServerMemory memory, IReadOnlyList<RealServerVip> vips)
    {
        var changes = new List<RealServerChange>();
        var notes = ImmutableArray.CreateBuilder<string>();
        string[] devices = [.. vips.Select(vip => vip.Device).Distinct()];
        changes.AddRange(devices.Where(name => facts.Device(name) is null).Select(name => new CreateTunnel(name)));
        if (changes.Count == 0)
        {
            foreach (var setting in WantedSettings(facts, vips))
            {
                if (facts.Find(setting) is { } found && !setting.Accepts(found))
                    changes.Add(new WriteSetting(setting, found, setting.Wanted));
            }

            changes.AddRange(devices.Where(name => facts.Device(name) is { IsUp: false }).Select(name => new SetLink(name, Up: true)));
            changes.AddRange(vips.Where(vip => !facts.Has(vip)).Select(vip => new AddAddress(vip)));
            NoteLostFilters(facts, changes, notes);
            foreach (var vip in vips)
            {
                if (facts.Has(vip) && memory.Find(vip.Address) is null)
                    memory = memory with { Vips = memory.Vips.Add(new(vip, WasThere: true)) };
            }
        }

        return new([.. changes], changes.Aggregate(memory, (known, change) => known.Remember(change)), notes.ToImmutable());
    }

    /// <summary>What is no longer needed without some addresses, and is as <see cref="Up"/> made it.</summary>
    public static RealServerPlan Down(RealServerFacts facts, RealServerMemory memory, IReadOnlyList<IPAddressValue> addresses)
    {
        var notes = ImmutableArray.CreateBuilder<string>();
        var removals = new List<RealServerChange>();
        foreach (var address in addresses)
        {
            if (memory.Find(address) is not { } remembered)
                notes.Add($"{address}: not put up by 'vrrp realserver up'; it is left as it is");
            else if (remembered.WasThere)
                notes.Add($"{remembered.Vip}: was on {remembered.Vip.Device} before 'up'; it stays");
            else if (facts.Has(remembered.Vip))
                removals.Add(new RemoveAddress(remembered.Vip));
            else
                notes.Add($"{remembered.Vip}: is gone from {remembered.Vip.Device} already");
        }

        var remaining = memory.Vips.RemoveAll(vip => addresses.Contains(vip.Vip.Address));
        var keptDevices = memory.Devices.RemoveAll(device => remaining.All(vip => vip.Vip.Device != device.Name));
        var keptSettings = memory.Settings.RemoveAll(setting => !IsNeeded(setting.Setting, remaining));
        var leaving = memory.Devices.Except(keptDevices)
            .Where(device => CanLeave(facts, device, removals, notes))
            .ToArray();
        string[] deleted = [.. leaving.Where(device => device.Created).Select(device => device.Name)];
        RealServerChange[] changes =
        [
            // First nothing has the address any more, then ARP may speak.
            .. removals,
            .. leaving.Where(device => facts.Device(device.Name) is { IsUp: true } && device.BroughtUp).Select(device => new SetLink(device.Name, Up: false)),
            .. memory.Settings.Except(keptSettings)
                .Where(setting => !deleted.Contains(setting.Setting.Device) && IsOurs(facts, setting, notes))
                .Select(setting => new WriteSetting(setting.Setting, setting.Set, setting.Before)),
            .. deleted.Select(name => new DeleteTunnel(name)),
        ];
        return new([.. changes], new RealServerMemory { Vips = remaining, Settings = keptSettings, Devices = keptDevices }, notes.ToImmutable());
    }

    /// <summary>Every value that some addresses need, and what there is instead. Of other interfaces only what is in the way.</summary>
    /// <param name="facts">The kernel's.</param>
    /// <param name="vips">What there must be; none is a difference in itself.</param>
    /// <param name="unknown">Addresses that must be up and of which nobody knows how.</param>
    public static ImmutableArray<RealServerComparison> Compare(
        RealServerFacts facts, IReadOnlyList<RealServerVip> vips, IReadOnlyList<IPAddressValue>? unknown = null)
    {
        var rows = ImmutableArray.CreateBuilder<RealServerComparison>();
        foreach (var address in unknown ?? [])
            rows.Add(new(address.ToString(), "put up", "not by 'up'", false));
        if (vips.Count == 0 && rows.Count == 0)
            rows.Add(new("virtual addresses", "put up", "none", false));
        foreach (string name in vips.Select(vip => vip.Device).Distinct())
        {
            var device = facts.Device(name);
            rows.Add(new(name, "up", device is null ? "missing" : device.IsUp ? "up" : "down", device is { IsUp: true }));
        }

        foreach (var setting in WantedSettings(facts, vips))
        {
            int? found = facts.Find(setting);
            rows.Add(new(setting.ToString(), setting.WantedText, found?.ToString(CultureInfo.InvariantCulture) ?? "missing",
                found is { } value && setting.Accepts(value)));
        }

        foreach (var vip in vips)
        {
            bool isThere = facts.Has(vip);
            rows.Add(new(vip.ToString(), $"on {vip.Device}", isThere ? $"on {vip.Device}" : "missing", isThere));
            foreach (var other in Obstacles(facts, vip))
                rows.Add(new(other.ToString(), $"not on {other.Device}", $"on {other.Device}", false));
        }

        return rows.ToImmutable();
    }

    /// <summary>Why some addresses cannot be put up as they were asked for, a sentence each.</summary>
    public static IEnumerable<string> FindConflicts(RealServerFacts facts, RealServerMemory memory, IReadOnlyList<RealServerVip> vips)
    {
        foreach (var vip in vips)
        {
            if (memory.Find(vip.Address) is { } remembered && remembered.Vip.Mode != vip.Mode)
            {
                yield return $"{vip.Address} is up with --mode {RealServerVip.NameOf(remembered.Vip.Mode)}. "
                    + $"Take it down first: vrrp realserver down --vip {vip.Address}";
            }

            foreach (var other in Obstacles(facts, vip))
            {
                yield return other.Device == vip.Device
                    ? $"{other} is on {other.Device}, which makes all of that network local to this host. Remove it: ip address del {other} dev {other.Device}"
                    : $"{other} is on {other.Device}, where this host answers ARP and neighbour solicitations for it: clients would come here past "
                    + $"the director. Remove it: ip address del {other} dev {other.Device}";
            }
        }
    }

    /// <summary>The settings that some addresses need: always those of <c>all</c> and the device, of others those that outvote <c>all</c>.</summary>
    private static IEnumerable<KernelSetting> WantedSettings(RealServerFacts facts, IReadOnlyList<RealServerVip> vips)
    {
        string[] devices = [.. vips.Where(vip => vip.IsIPv4).Select(vip => vip.Device).Distinct()];
        if (devices.Length == 0)
            yield break;
        foreach (string key in (string[])[KernelSetting.ArpIgnore, KernelSetting.ArpAnnounce])
        {
            var all = new KernelSetting(KernelSetting.All, key);
            yield return all;
            foreach (string device in devices)
                yield return new(device, key);
            int general = facts.Find(all) is { } found && all.Accepts(found) ? found : all.Wanted;
            foreach (var device in facts.Devices)
            {
                var own = new KernelSetting(device.Name, key);
                if (device.SpeaksArp && facts.Find(own) is { } value && !own.Accepts(Math.Max(general, value)))
                    yield return own;
            }
        }

        if (devices.Contains(RealServerVip.IPv4Tunnel))
        {
            yield return new(KernelSetting.All, KernelSetting.ReversePathFilter);
            yield return new(RealServerVip.IPv4Tunnel, KernelSetting.ReversePathFilter);
        }
    }

    private static bool IsNeeded(KernelSetting setting, ImmutableArray<RememberedVip> remaining) => remaining.Any(vip =>
        vip.Vip.IsIPv4
        && (setting.Key != KernelSetting.ReversePathFilter || vip.Vip.Mode == RealServerMode.Tunnel)
        && (setting.Device is not (RealServerVip.Loopback or RealServerVip.IPv4Tunnel) || setting.Device == vip.Vip.Device));

    /// <summary>Where an address must not be: with a shorter prefix on its device, or on an interface that answers for it.</summary>
    private static IEnumerable<AddressFacts> Obstacles(RealServerFacts facts, RealServerVip vip) => facts.Addresses.Where(address =>
        address.Address == vip.Address
        && (address.Device == vip.Device ? address.PrefixLength != vip.PrefixLength : facts.Device(address.Device) is { SpeaksArp: true }));

    private static bool CanLeave(
        RealServerFacts facts, RememberedDevice device, List<RealServerChange> removals, ImmutableArray<string>.Builder notes)
    {
        if (facts.Device(device.Name) is null)
            return false;
        var others = facts.Addresses.Where(address => address.Device == device.Name
            && !RealServerVip.IsAutomatic(address.Address)
            && !removals.OfType<RemoveAddress>().Any(removal => removal.Vip.Address == address.Address));
        if (!others.Any())
            return true;
        notes.Add($"{device.Name}: stays up, because it has other addresses by now: {string.Join(", ", others)}");
        return false;
    }

    private static bool IsOurs(RealServerFacts facts, RememberedSetting remembered, ImmutableArray<string>.Builder notes)
    {
        if (facts.Find(remembered.Setting) is not { } found || found == remembered.Before)
            return false;
        if (found == remembered.Set)
            return true;
        notes.Add($"{remembered.Setting}: stays {found}; someone changed it since 'up' had set it from {remembered.Before} to {remembered.Set}");
        return false;
    }

    private static void NoteLostFilters(RealServerFacts facts, List<RealServerChange> changes, ImmutableArray<string>.Builder notes)
    {
        var all = new KernelSetting(KernelSetting.All, KernelSetting.ReversePathFilter);
        if (!changes.OfType<WriteSetting>().Any(change => change.Setting == all))
            return;
        string[] open = [.. facts.Devices
            .Where(device => device.SpeaksArp && facts.Find(all with { Device = device.Name }) == 0)
            .Select(device => device.Name)];
        if (open.Length > 0)
            notes.Add($"{string.Join(", ", open)}: had a reverse path filter through {all} only, and now has none; where that matters, set its own rp_filter");
    }
}
