using System.Collections.Immutable;
using System.Text;
using System.Text.Json;

namespace Vrrp.Daemon.RealServers;

/// <summary>A virtual address that <c>up</c> was asked for.</summary>
/// <param name="Vip">The address.</param>
/// <param name="WasThere">It was on the device before, so it stays on <c>down</c>.</param>
internal readonly record struct RememberedVip(RealServerVip Vip, bool WasThere);

/// <summary>A setting that <c>up</c> has changed.</summary>
internal readonly record struct RememberedSetting(KernelSetting Setting, int Before, int Set);

/// <summary>A device that <c>up</c> has made or set up.</summary>
internal readonly record struct RememberedDevice(string Name, bool Created, bool BroughtUp);

/// <summary>What <c>up</c> has done and <c>down</c> will put back.</summary>
internal sealed record RealServerMemory
{
    public static readonly RealServerMemory Empty = new();

    private const int Version = 1;

    public ImmutableArray<RememberedVip> Vips { get; init; } = [];

    public ImmutableArray<RememberedSetting> Settings { get; init; } = [];

    public ImmutableArray<RememberedDevice> Devices { get; init; } = [];

    public bool IsEmpty => Vips.IsEmpty && Settings.IsEmpty && Devices.IsEmpty;

    public RememberedVip? Find(IPAddressValue address)
    {
        foreach (var remembered in Vips)
        {
            if (remembered.Vip.Address == address)
                return remembered;
        }

        return null;
    }

    /// <summary>Remembers a change before it is made. Of a setting that others changed meanwhile, what they chose is what it goes back to.</summary>
    public RealServerMemory Remember(RealServerChange change) => change switch
    {
        RealServerChange.WriteSetting { Setting: var setting, From: int before, To: int set } =>
            this with { Settings = Settings.RemoveAll(s => s.Setting == setting).Add(new(setting, before, set)) },
        RealServerChange.CreateTunnel { Device: string name } => With(Find(name) with { Created = true }),
        RealServerChange.SetLink { Device: string name } => With(Find(name) with { BroughtUp = true }),
        RealServerChange.AddAddress { Vip: var vip } => this with { Vips = Vips.RemoveAll(v => v.Vip == vip).Add(new(vip, false)) },
        _ => this,
    };

    /// <summary>This memory, but with what an earlier one has of changes that were not made.</summary>
    public RealServerMemory Keep(RealServerMemory earlier, IEnumerable<RealServerChange> changes)
    {
        var kept = this;
        foreach (var change in changes)
        {
            switch (change)
            {
                case RealServerChange.WriteSetting { Setting: var setting }:
                    kept = kept with { Settings = [.. kept.Settings.Where(s => s.Setting != setting), .. earlier.Settings.Where(s => s.Setting == setting)] };
                    break;
                case RealServerChange.AddAddress { Vip: var vip }:
                    kept = kept.KeepVip(earlier, vip);
                    break;
                case RealServerChange.RemoveAddress { Vip: var vip }:
                    kept = kept.KeepVip(earlier, vip);
                    break;
                case RealServerChange.CreateTunnel { Device: string name }:
                    kept = kept.KeepDevice(earlier, name);
                    break;
                case RealServerChange.DeleteTunnel { Device: string name }:
                    kept = kept.KeepDevice(earlier, name);
                    break;
                case RealServerChange.SetLink { Device: string name }:
                    kept = kept.KeepDevice(earlier, name);
                    break;
            }
        }

        return kept;
    }

    /// <summary>The text of a state file.</summary>
    /// <param name="boot">Names this run of the kernel: what an earlier one was told is gone.</param>
    public string Format(string boot)
    {
        using var stream = new MemoryStream();
        using (var writer = new Utf8JsonWriter(stream, new JsonWriterOptions { Indented = true }))
        {
            writer.WriteStartObject();
            writer.WriteNumber("version", Version);
            writer.WriteString("boot", boot);
            Write(writer);
            writer.WriteEndObject();
        }

        return Encoding.UTF8.GetString(stream.ToArray()) + "\n";
    }

    /// <summary>Writes the three lists into an object.</summary>
    public void Write(Utf8JsonWriter writer)
    {
        writer.WriteStartArray("vips");
        foreach (var (vip, wasThere) in Vips)
        {
            writer.WriteStartObject();
            writer.WriteString("address", vip.Address.ToString());
            writer.WriteString("mode", RealServerVip.NameOf(vip.Mode));
            writer.WriteBoolean("wasThere", wasThere);
            writer.WriteEndObject();
        }

        writer.WriteEndArray();
        writer.WriteStartArray("settings");
        foreach (var (setting, before, set) in Settings)
        {
            writer.WriteStartObject();
            writer.WriteString("device", setting.Device);
            writer.WriteString("key", setting.Key);
            writer.WriteNumber("before", before);
            writer.WriteNumber("set", set);
            writer.WriteEndObject();
        }

        writer.WriteEndArray();
        writer.WriteStartArray("devices");
        foreach (var (name, created, broughtUp) in Devices)
        {
            writer.WriteStartObject();
            writer.WriteString("name", name);
            writer.WriteBoolean("created", created);
            writer.WriteBoolean("broughtUp", broughtUp);
            writer.WriteEndObject();
        }

        writer.WriteEndArray();
    }

    /// <summary>Reads a state file: nothing that root would then do is taken from it unless it could be ours.</summary>
    /// <returns>The memory, empty when it is of an earlier run of the kernel; null when it is not a state file.</returns>
    public static RealServerMemory? Parse(string text, string boot)
    {
        try
        {
            using var document = JsonDocument.Parse(text);
            var root = document.RootElement;
            if (root.GetProperty("version").GetInt32() != Version)
                return null;
            var memory = new RealServerMemory
            {
                Vips = [.. root.GetProperty("vips").EnumerateArray().Select(ReadVip)],
                Settings = [.. root.GetProperty("settings").EnumerateArray().Select(ReadSetting)],
                Devices = [.. root.GetProperty("devices").EnumerateArray().Select(ReadDevice)],
            };
            return root.GetProperty("boot").GetString() == boot ? memory : Empty;
        }
        catch (Exception exception) when (exception is JsonException or KeyNotFoundException or InvalidOperationException or FormatException)
        {
            return null;
        }
    }

    /// <summary>Whether a name could be a device's: it becomes part of a path.</summary>
    internal static bool IsDeviceName(string? name) =>
        name is { Length: > 0 and < 16 } and not ("." or ".." or "default") && !name.Any(c => c is '/' or ':' || char.IsControl(c) || char.IsWhiteSpace(c));

    private static RememberedVip ReadVip(JsonElement element) =>
        IPAddressValue.TryParse(element.GetProperty("address").GetString(), out var address)
        && RealServerVip.FindProblem(address) is null
        && RealServerVip.ParseMode(element.GetProperty("mode").GetString()) is { } mode
            ? new(new(address, mode), element.GetProperty("wasThere").GetBoolean())
            : throw new FormatException();

    private static RememberedSetting ReadSetting(JsonElement element)
    {
        string? device = element.GetProperty("device").GetString();
        string? key = element.GetProperty("key").GetString();
        return IsDeviceName(device) && KernelSetting.Keys.Contains(key)
            ? new(new(device!, key!), element.GetProperty("before").GetInt32(), element.GetProperty("set").GetInt32())
            : throw new FormatException();
    }

    private static RememberedDevice ReadDevice(JsonElement element)
    {
        var device = new RememberedDevice(
            element.GetProperty("name").GetString() ?? "", element.GetProperty("created").GetBoolean(), element.GetProperty("broughtUp").GetBoolean());
        return device is { Name: RealServerVip.IPv4Tunnel or RealServerVip.IPv6Tunnel } or { Name: RealServerVip.Loopback, Created: false }
            ? device : throw new FormatException();
    }

    private RememberedDevice Find(string name) => Devices.FirstOrDefault(d => d.Name == name, new(name, false, false));

    private RealServerMemory With(RememberedDevice device) => this with { Devices = Devices.RemoveAll(d => d.Name == device.Name).Add(device) };

    private RealServerMemory KeepVip(RealServerMemory earlier, RealServerVip vip) =>
        this with { Vips = [.. Vips.Where(v => v.Vip != vip), .. earlier.Vips.Where(v => v.Vip == vip)] };

    private RealServerMemory KeepDevice(RealServerMemory earlier, string name) =>
        this with { Devices = [.. Devices.Where(d => d.Name != name), .. earlier.Devices.Where(d => d.Name == name)] };
}
