using System.Collections.Immutable;
using System.Globalization;
using System.Text;
using System.Text.Json;
using Vrrp.Daemon.Hosting;

namespace Vrrp.Daemon.RealServers;

/// <summary>Pure: what <c>check</c> and <c>show</c> print.</summary>
internal static class RealServerReport
{
    /// <summary>Wanted and found, a row each, and a last line that counts.</summary>
    public static string ToText(ImmutableArray<RealServerComparison> rows)
    {
        int differences = rows.Count(row => !row.Matches);
        string verdict = differences == 0
            ? string.Create(CultureInfo.InvariantCulture, $"All {rows.Length} values are as they must be.")
            : $"{string.Create(CultureInfo.InvariantCulture, $"{differences} of {Counted.Of(rows.Length, "value")}")} {(differences == 1 ? "differs" : "differ")}.";
        return Table(["VALUE", "WANTED", "FOUND", ""], rows.Select(row => (string[])[row.What, row.Wanted, row.Found, row.Matches ? "" : "differs"])) + verdict;
    }

    public static string ToJson(ImmutableArray<RealServerComparison> rows, int status) => Json(writer =>
    {
        writer.WriteBoolean("matches", rows.All(row => row.Matches));
        writer.WriteNumber("exitStatus", status);
        writer.WriteStartArray("values");
        foreach (var row in rows)
        {
            writer.WriteStartObject();
            writer.WriteString("value", row.What);
            writer.WriteString("wanted", row.Wanted);
            writer.WriteString("found", row.Found);
            writer.WriteBoolean("matches", row.Matches);
            writer.WriteEndObject();
        }

        writer.WriteEndArray();
    });

    /// <summary>What there is: every device with its settings and addresses, and what <c>up</c> has done.</summary>
    /// <param name="facts">The kernel's.</param>
    /// <param name="memory">What is remembered; null when it could not be read.</param>
    /// <param name="problem">Why it could not be read.</param>
    public static string ToText(RealServerFacts facts, RealServerMemory? memory, string? problem)
    {
        var text = new StringBuilder(Table(
            ["DEVICE", "LINK", .. KernelSetting.Keys, "ADDRESSES"],
            facts.Devices.Select(device => Row(facts, device.Name, device.IsUp ? "up" : "down")).Prepend(Row(facts, KernelSetting.All, ""))));
        text.Append('\n');
        if (memory is null)
            return text.Append(problem).ToString();
        if (memory.IsEmpty)
            return text.Append("'vrrp realserver up' has put nothing up here.").ToString();
        text.Append(Table(
            ["VIP", "MODE", "DEVICE", "", "ON DOWN"],
            memory.Vips.Select(vip => (string[])
            [
                vip.Vip.Address.ToString(),
                RealServerVip.NameOf(vip.Vip.Mode),
                vip.Vip.Device,
                facts.Has(vip.Vip) ? "there" : "missing",
                vip.WasThere ? "stays: it was there before" : "removed",
            ])));
        if (memory.Settings.Length + memory.Devices.Length > 0)
        {
            text.Append('\n').Append(Table(
                ["VALUE", "NOW", "SET BY UP", "BEFORE"],
                memory.Settings.Select(setting => (string[])
                [
                    setting.Setting.ToString(),
                    facts.Find(setting.Setting) is { } now ? Number(now) : "missing",
                    Number(setting.Set),
                    Number(setting.Before),
                ]).Concat(memory.Devices.Select(device => (string[])
                [
                    device.Name,
                    facts.Device(device.Name) is { } found ? found.IsUp ? "up" : "down" : "missing",
                    device.BroughtUp ? "up" : "made",
                    device.Created ? "missing" : "down",
                ]))));
        }

        return text.ToString().TrimEnd('\n');
    }

    public static string ToJson(RealServerFacts facts, RealServerMemory? memory, string? problem) => Json(writer =>
    {
        writer.WriteStartObject("all");
        WriteSettings(writer, facts, KernelSetting.All);
        writer.WriteEndObject();
        writer.WriteStartArray("devices");
        foreach (var device in facts.Devices)
        {
            writer.WriteStartObject();
            writer.WriteString("name", device.Name);
            writer.WriteBoolean("up", device.IsUp);
            WriteSettings(writer, facts, device.Name);
            writer.WriteStartArray("addresses");
            foreach (var address in facts.Addresses.Where(address => address.Device == device.Name))
                writer.WriteStringValue(address.ToString());
            writer.WriteEndArray();
            writer.WriteEndObject();
        }

        writer.WriteEndArray();
        if (memory is null)
        {
            writer.WriteNull("remembered");
            writer.WriteString("problem", problem);
        }
        else
        {
            writer.WriteStartObject("remembered");
            memory.Write(writer);
            writer.WriteEndObject();
        }
    });

    /// <summary>Columns two spaces apart, without spaces at the end of a line.</summary>
    internal static string Table(string[] head, IEnumerable<string[]> rows)
    {
        string[][] lines = [head, .. rows];
        int[] widths = [.. head.Select((_, column) => lines.Max(line => line[column].Length))];
        return string.Concat(lines.Select(line =>
            string.Join("  ", line.Select((cell, column) => cell.PadRight(widths[column]))).TrimEnd() + "\n"));
    }

    private static string[] Row(RealServerFacts facts, string device, string link) =>
    [
        device,
        link,
        .. KernelSetting.Keys.Select(key => facts.Find(new(device, key)) is { } value ? Number(value) : "-"),
        string.Join(' ', facts.Addresses.Where(address => address.Device == device)),
    ];

    private static void WriteSettings(Utf8JsonWriter writer, RealServerFacts facts, string device)
    {
        foreach (string key in KernelSetting.Keys)
        {
            if (facts.Find(new(device, key)) is { } value)
                writer.WriteNumber(key, value);
            else
                writer.WriteNull(key);
        }
    }

    private static string Json(Action<Utf8JsonWriter> write)
    {
        using var stream = new MemoryStream();
        using (var writer = new Utf8JsonWriter(stream, new JsonWriterOptions { Indented = true }))
        {
            writer.WriteStartObject();
            write(writer);
            writer.WriteEndObject();
        }

        return Encoding.UTF8.GetString(stream.ToArray());
    }

    private static string Number(int value) => value.ToString(CultureInfo.InvariantCulture);
}
