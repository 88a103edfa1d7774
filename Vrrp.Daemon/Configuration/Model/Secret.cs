using System.Text;

namespace Vrrp.Daemon.Configuration.Model;

/// <summary>Bytes that no log, diagnostic or debugger view may show. Compared by content.</summary>
internal sealed class Secret(ReadOnlySpan<byte> bytes) : IEquatable<Secret>
{
    private readonly byte[] _bytes = bytes.ToArray();

    public ReadOnlySpan<byte> Bytes => _bytes;

    public int Length => _bytes.Length;

    public static Secret FromText(string text) => new(Encoding.UTF8.GetBytes(text));

    public bool Equals(Secret? other) => other is not null && _bytes.AsSpan().SequenceEqual(other._bytes);

    public override bool Equals(object? obj) => Equals(obj as Secret);

    // The length only: a hash of the content would itself be worth guessing against.
    public override int GetHashCode() => _bytes.Length;

    public override string ToString() => "(secret)";
}
