using System.Buffers.Binary;
using System.Text;

namespace Vrrp.Packets;

/// <summary>
/// The password of RFC 2338 §5.3.6.2: up to 8 octets, filled with zeros on the right. Its text is never given back.
/// The default value is no password.
/// </summary>
public readonly struct SimplePassword : IEquatable<SimplePassword>
{
    /// <summary>Octets that count; what follows them is cut, as every implementation does.</summary>
    public const int MaxLength = 8;

    private readonly ulong _octets;

    private SimplePassword(ulong octets) => _octets = octets;

    /// <summary>Whether this is the default value: no password.</summary>
    public bool IsEmpty => _octets == 0;

    /// <summary>The authentication data field as a number, first octet highest.</summary>
    internal ulong AuthenticationData => _octets;

    /// <summary>Makes a password of text. Only the first <see cref="MaxLength"/> characters count.</summary>
    /// <param name="text">ASCII without NUL, not empty.</param>
    /// <returns>The password.</returns>
    /// <exception cref="ArgumentException">Empty, or a character beyond ASCII. The message does not contain the text.</exception>
    public static SimplePassword From(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        return TryFrom(text, out var password) ? password : throw Unusable(nameof(text));
    }

    /// <summary>Makes a password of octets. Only the first <see cref="MaxLength"/> count.</summary>
    /// <param name="octets">ASCII without NUL, not empty.</param>
    /// <returns>The password.</returns>
    /// <exception cref="ArgumentException">Empty, or an octet beyond ASCII. The message does not contain the octets.</exception>
    public static SimplePassword From(ReadOnlySpan<byte> octets) =>
        TryFrom(octets, out var password) ? password : throw Unusable(nameof(octets));

    /// <summary>As <see cref="From(string)"/>, for configuration that reports errors itself.</summary>
    /// <param name="text">The text.</param>
    /// <param name="password">The password, if the text can be one.</param>
    /// <returns>False when the text is null, empty, or not ASCII without NUL.</returns>
    public static bool TryFrom(string? text, out SimplePassword password)
    {
        password = default;
        // All of the text is looked at, although a part counts: a cut inside a character would depend on the encoding.
        if (string.IsNullOrEmpty(text) || text.AsSpan().ContainsAnyExceptInRange('\u0001', '\u007F'))
            return false;
        Span<byte> octets = stackalloc byte[MaxLength];
        int length = Encoding.ASCII.GetBytes(text.AsSpan(0, Math.Min(text.Length, MaxLength)), octets);
        return TryFrom(octets[..length], out password);
    }

    /// <summary>Compares with the authentication data of a packet in time that does not depend on the content.</summary>
    /// <param name="authenticationData">The 8 octets as a number, first octet highest.</param>
    /// <returns>Whether all 8 octets are equal.</returns>
    public bool Matches(ulong authenticationData) => (_octets ^ authenticationData) == 0; // one comparison of one register

    /// <inheritdoc/>
    public bool Equals(SimplePassword other) => Matches(other._octets);

    /// <inheritdoc/>
    public override bool Equals(object? obj) => obj is SimplePassword other && Equals(other);

    /// <inheritdoc/>
    public override int GetHashCode() => _octets.GetHashCode();

    /// <summary>Says whether there is a password, not which.</summary>
    /// <returns><c>none</c> or <c>(hidden)</c>.</returns>
    public override string ToString() => IsEmpty ? "none" : "(hidden)";

    /// <summary>Whether all 8 octets are equal.</summary>
    public static bool operator ==(SimplePassword left, SimplePassword right) => left.Equals(right);

    /// <summary>Whether an octet differs.</summary>
    public static bool operator !=(SimplePassword left, SimplePassword right) => !left.Equals(right);

    private static bool TryFrom(ReadOnlySpan<byte> octets, out SimplePassword password)
    {
        password = default;
        // A NUL would be indistinguishable from the filling.
        if (octets.IsEmpty || octets.ContainsAnyExceptInRange((byte)0x01, (byte)0x7F))
            return false;
        Span<byte> field = stackalloc byte[MaxLength];
        field.Clear();
        octets[..Math.Min(octets.Length, MaxLength)].CopyTo(field);
        password = new(BinaryPrimitives.ReadUInt64BigEndian(field));
        return true;
    }

    private static ArgumentException Unusable(string parameter) => new("A password is 1 or more ASCII characters without NUL.", parameter);
}
