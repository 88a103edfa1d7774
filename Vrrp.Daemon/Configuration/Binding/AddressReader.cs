using System.Globalization;
using Vrrp.Daemon.Configuration.Diagnostics;
using Vrrp.Daemon.Configuration.Syntax;

namespace Vrrp.Daemon.Configuration.Binding;

/// <summary>An entry of virtual_ipaddress and its kin, before it is known which are kept.</summary>
internal sealed record AddressEntry(VirtualAddress Address, Token Place, bool Track, string? TrackGroup);

/// <summary>Address entries: <c>ADDR[/LEN] [option …]</c>.</summary>
internal sealed class AddressReader(DiagnosticBag diagnostics, ValueReaders values)
{
    public List<AddressEntry> Read(StatementSyntax list, bool isStatic)
    {
        var entries = new List<AddressEntry>();
        foreach (var statement in list.Block?.Statements ?? [])
        {
            if (statement.Words.Length > 0 && ReadEntry(statement, list.Name.Text, isStatic) is { } entry)
                entries.Add(entry);
        }

        return entries;
    }

    private AddressEntry? ReadEntry(StatementSyntax statement, string list, bool isStatic)
    {
        var words = statement.Words;
        if (!TryReadPrefix(words[0], list, out var address, out byte prefix))
            return null;
        if (address.IsMulticast || address.IsUnspecified)
        {
            diagnostics.NotAHostAddress(words[0], list);
            return null;
        }

        bool ipv6 = address.Family == IPFamily.IPv6;
        var result = new VirtualAddress { Address = address, PrefixLength = prefix };
        uint? preferred = ipv6 && prefix == 128 ? 0u : null;
        bool track = true;
        bool computeBroadcast = false;
        string? trackGroup = null;
        for (int i = 1; i < words.Length; i++)
        {
            var option = words[i];
            Token? Argument()
            {
                if (i + 1 < words.Length)
                    return words[++i];
                diagnostics.OptionWithoutValue(option, list);
                return null;
            }

            switch (option.Text)
            {
                case "dev":
                    if (Argument() is { } device)
                    {
                        if (result.Interface is not null)
                            diagnostics.RepeatedOption(option, list);
                        else
                            result = result with { Interface = values.InterfaceName(device) };
                    }

                    break;
                case "brd" or "broadcast":
                    if (Argument() is { } broadcast)
                    {
                        if (ipv6)
                            diagnostics.OptionOfOtherFamily(option, "IPv4");
                        else if (broadcast.Text == "+")
                            computeBroadcast = true;
                        else if (broadcast.Text != "-" && values.Address(broadcast, option.Text) is { Family: IPFamily.IPv4 } value)
                            result = result with { Broadcast = value };
                    }

                    break;
                case "scope":
                    if (Argument() is { } scope && ReadScope(scope) is { } read)
                        result = result with { Scope = read };
                    break;
                case "label":
                    if (Argument() is { } label)
                    {
                        if (label.Text.Length > 15)
                        {
                            diagnostics.LabelTooLong(label);
                            return null;
                        }

                        if (ipv6)
                            diagnostics.OptionOfOtherFamily(option, "IPv4");
                        else
                            result = result with { Label = label.Text };
                    }

                    break;
                case "peer":
                    if (Argument() is { } peer && TryReadPrefix(peer, "peer", out var far, out byte farPrefix))
                    {
                        if (far.Family != address.Family)
                            diagnostics.OptionOfOtherFamily(peer, address.Family.ToString());
                        else
                            result = result with { Peer = far, PeerPrefixLength = farPrefix };
                    }

                    break;
                case "home" or "mngtmpaddr" when !ipv6:
                    diagnostics.OptionOfOtherFamily(option, "IPv6");
                    break;
                case "home":
                    result = result with { Options = result.Options | AddressOptions.Home };
                    break;
                case "mngtmpaddr":
                    result = result with { Options = result.Options | AddressOptions.ManageTemporary };
                    break;
                case "noprefixroute":
                    result = result with { Options = result.Options | AddressOptions.NoPrefixRoute };
                    break;
                case "autojoin":
                    result = result with { Options = result.Options | AddressOptions.AutoJoin };
                    break;
                case "-nodad" when !ipv6:
                    diagnostics.OptionOfOtherFamily(option, "IPv6");
                    break;
                case "-nodad":
                    result = result with { Options = result.Options | AddressOptions.DuplicateDetection };
                    break;
                case "preferred_lft":
                    if (Argument() is { } lifetime)
                        preferred = lifetime.Text == "forever" ? null : (uint?)values.Integer(lifetime, option.Text, 0, int.MaxValue) ?? preferred;
                    break;
                case "no_track":
                    track = false;
                    break;
                case "use_vmac":
                    diagnostics.OptionNotActiveYet(option, list);
                    break;
                case "track_group" when isStatic:
                    if (Argument() is { } group)
                    {
                        trackGroup = group.Text;
                        diagnostics.OptionNotActiveYet(option, list);
                    }

                    break;
                default:
                    diagnostics.UnknownOption(option, list, secondAddress: IPAddressValue.TryParse(option.Text.Split('/')[0], out _));
                    break;
            }
        }

        if (!result.Peer.IsNone && (computeBroadcast || !result.Broadcast.IsNone))
        {
            diagnostics.BroadcastWithPeer(words[0]);
            result = result with { Broadcast = default };
        }
        else if (computeBroadcast && prefix < 31)
        {
            result = result with { Broadcast = BroadcastOf(address, prefix) };
        }

        return new(result with { PreferredLifetime = preferred }, words[0], track, trackGroup);
    }

    private bool TryReadPrefix(Token word, string list, out IPAddressValue address, out byte prefix)
    {
        int slash = word.Text.IndexOf('/', StringComparison.Ordinal);
        prefix = 0;
        if (!IPAddressValue.TryParse(slash < 0 ? word.Text : word.Text[..slash], out address))
        {
            diagnostics.NotAnAddress(word, list);
            return false;
        }

        int full = address.Length * 8;
        prefix = (byte)full;
        if (slash < 0)
            return true;
        if (int.TryParse(word.Text.AsSpan(slash + 1), NumberStyles.None, CultureInfo.InvariantCulture, out int length) && length <= full)
            prefix = (byte)length;
        else
            diagnostics.BadPrefixLength(word, full);
        return true;
    }

    private AddressScope? ReadScope(Token word)
    {
        switch (word.Text)
        {
            case "global":
                return AddressScope.Global;
            case "site":
                return AddressScope.Site;
            case "link":
                return AddressScope.Link;
            case "host":
                return AddressScope.Host;
            case "nowhere":
                return AddressScope.Nowhere;
            default:
                return values.Integer(word, "scope", 0, 255) is { } number ? (AddressScope)number : null;
        }
    }

    private static IPAddressValue BroadcastOf(IPAddressValue address, int prefix)
    {
        Span<byte> octets = stackalloc byte[4];
        address.Write(octets);
        uint bits = System.Buffers.Binary.BinaryPrimitives.ReadUInt32BigEndian(octets);
        return IPAddressValue.FromIPv4(bits | (prefix == 0 ? uint.MaxValue : uint.MaxValue >> prefix));
    }
}
