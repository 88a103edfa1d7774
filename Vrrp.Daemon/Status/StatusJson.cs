using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace Vrrp.Daemon.Status;

/// <summary>Every JSON document of status, without reflection. Made by its constructor it would spell names otherwise: use one of these.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
[JsonSerializable(typeof(NodeReport))]
[JsonSerializable(typeof(DirectorReport))]
[JsonSerializable(typeof(IpvsReport))]
[JsonSerializable(typeof(ErrorReport))]
internal sealed partial class StatusJson : JsonSerializerContext
{
    /// <summary>As it is sent and read.</summary>
    public static StatusJson Compact { get; } = Create(isIndented: false);

    /// <summary>As it is printed.</summary>
    public static StatusJson Indented { get; } = Create(isIndented: true);

    private static StatusJson Create(bool isIndented) => new(new JsonSerializerOptions
    {
        PropertyNamingPolicy = JsonNamingPolicy.CamelCase,
        WriteIndented = isIndented,
        // Quotes and angle brackets of messages are no danger outside a web page, and readable.
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    });
}

/// <summary>What an answer other than 200 says.</summary>
internal sealed record ErrorReport(string Error);
