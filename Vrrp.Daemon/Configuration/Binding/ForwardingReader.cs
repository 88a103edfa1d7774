using Vrrp.Daemon.Configuration.Diagnostics;
using Vrrp.Daemon.Configuration.Syntax;
using Vrrp.Daemon.Ipvs;

namespace Vrrp.Daemon.Configuration.Binding;

/// <summary>lb_kind, lvs_method and sorry_server_lvs_method: a method and, for TUN, what packets are put into.</summary>
internal sealed class ForwardingReader(DiagnosticBag diagnostics, ValueReaders values)
{
    /// <summary>Null: unknown; the caller keeps what it had and reports what was refused once it knows what that is.</summary>
    public Forwarding? Read(StatementSyntax statement, List<StatementSyntax> refused)
    {
        var word = statement.Words[1];
        Forwarding? forwarding = word.Text switch
        {
            "NAT" => new Forwarding(ForwardingMethod.Masquerade),
            "DR" => new Forwarding(ForwardingMethod.DirectRoute),
            "TUN" => new Forwarding(ForwardingMethod.Tunnel),
            _ => null,
        };
        if (forwarding is null)
        {
            refused.Add(statement);
            return null;
        }

        if (statement.Words.Length == 2)
            return forwarding;
        if (word.Text != "TUN")
        {
            diagnostics.TunnelOptionElsewhere(statement.Words[2], word.Text);
            return forwarding;
        }

        return ReadTunnel(statement);
    }

    /// <summary>Reports the lines that were refused, with the method that packets are forwarded by instead.</summary>
    public void Report(List<StatementSyntax> refused, Forwarding used)
    {
        foreach (var statement in refused)
            diagnostics.UnknownForwarding(statement.Words[1], statement.Name.Text, NameOf(used.Method));
    }

    public static string NameOf(ForwardingMethod method) => method switch
    {
        ForwardingMethod.DirectRoute => "DR",
        ForwardingMethod.Tunnel => "TUN",
        _ => "NAT",
    };

    private Forwarding ReadTunnel(StatementSyntax statement)
    {
        var type = TunnelType.IPIP;
        ushort port = 0;
        var checksum = TunnelChecksum.None;
        for (int i = 2; i < statement.Words.Length; i++)
        {
            var word = statement.Words[i];
            switch (word.Text)
            {
                case "type" when i + 1 < statement.Words.Length:
                    word = statement.Words[++i];
                    if (word.Text is "ipip" or "gue" or "gre")
                        type = word.Text switch { "gue" => TunnelType.Gue, "gre" => TunnelType.Gre, _ => TunnelType.IPIP };
                    else
                        diagnostics.UnknownTunnel(word);
                    break;
                case "port" when i + 1 < statement.Words.Length:
                    port = (ushort)(values.Integer(statement.Words[++i], "port", 1, 65535) ?? 0);
                    break;
                case "nocsum":
                    checksum = TunnelChecksum.None;
                    break;
                case "csum":
                    checksum = TunnelChecksum.Checksum;
                    break;
                case "remcsum":
                    checksum = TunnelChecksum.Remote;
                    break;
                default:
                    diagnostics.UnknownOption(word, statement.Name.Text, secondAddress: false);
                    break;
            }
        }

        if (type == TunnelType.Gue && port == 0)
        {
            // The kernel refuses a destination of this type without a port.
            diagnostics.TunnelWithoutPort(statement.Words[^1]);
            type = TunnelType.IPIP;
            checksum = TunnelChecksum.None;
        }

        if (type != TunnelType.Gue && (port != 0 || checksum == TunnelChecksum.Remote))
        {
            diagnostics.TunnelOptionElsewhere(statement.Words[^1], type == TunnelType.Gre ? "gre" : "ipip");
            port = 0;
            checksum = checksum == TunnelChecksum.Remote ? TunnelChecksum.None : checksum;
        }

        return new(ForwardingMethod.Tunnel, type, port, type == TunnelType.IPIP ? TunnelChecksum.None : checksum);
    }
}
