using System.Runtime.InteropServices;

namespace Vrrp.Netlink;

/// <summary>Families of generic netlink and the header of their messages.</summary>
internal static class GenericNetlink
{
    private const ushort GENL_ID_CTRL = 0x10;
    private const byte CTRL_CMD_GETFAMILY = 3;
    private const ushort CTRL_ATTR_FAMILY_ID = 1;
    private const ushort CTRL_ATTR_FAMILY_NAME = 2;

    /// <summary>Looks a family up by name. The kernel loads the module that provides it, where it can.</summary>
    /// <param name="socket">A socket of NETLINK_GENERIC.</param>
    /// <param name="name">The name, as IPVS.</param>
    /// <param name="family">Its number, the type of its messages.</param>
    /// <returns>0, or the errno: ENOENT when there is no such family.</returns>
    public static int TryResolve(NetlinkSocket socket, string name, out ushort family)
    {
        Span<byte> buffer = stackalloc byte[128];
        var writer = new NetlinkWriter(buffer);
        int message = writer.BeginMessage(GENL_ID_CTRL, Nlmsg.NLM_F_REQUEST | Nlmsg.NLM_F_ACK, socket.NextSequence());
        writer.WriteStruct(new Header { Command = CTRL_CMD_GETFAMILY, Version = 1 });
        writer.WriteString(CTRL_ATTR_FAMILY_NAME, name);
        writer.EndMessage(message);
        var answer = new FamilyAnswer();
        int error = socket.TryQuery(writer.Written, answer, out _);
        family = answer.Id;
        return error;
    }

    /// <summary>genlmsghdr.</summary>
    [StructLayout(LayoutKind.Sequential)]
    internal struct Header
    {
        public byte Command;
        public byte Version;
        public ushort Reserved;
    }

    private sealed class FamilyAnswer : INetlinkSink
    {
        public ushort Id { get; private set; }

        public void Restart() => Id = 0;

        public void Message(in NetlinkMessage message)
        {
            var attributes = message.Attributes<Header>();
            while (attributes.Next(out var attribute))
            {
                if (attribute.Type == CTRL_ATTR_FAMILY_ID)
                    Id = attribute.ReadUInt16();
            }
        }
    }
}
