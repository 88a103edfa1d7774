using Vrrp.Linux;

namespace Vrrp.Netlink;

/// <summary>What datagrams of the kernel answer: the part of <see cref="NetlinkSocket"/> that needs no socket.</summary>
internal static class NetlinkAnswers
{
    /// <summary>The lowest number of a message that is not the protocol's own.</summary>
    private const ushort NLMSG_MIN_TYPE = 16;

    /// <summary>Reads a datagram that answers a query, and hands what it holds to a sink.</summary>
    /// <param name="datagram">The datagram.</param>
    /// <param name="sequence">Number of the query; what answers an earlier one that was given up is passed over.</param>
    /// <param name="sink">Takes the messages.</param>
    /// <param name="interrupted">Set when the kernel says that a dump was not consistent.</param>
    /// <param name="error">The errno at the end; 0 for success.</param>
    /// <param name="explanation">The kernel's own words on a failure, if it gave any.</param>
    /// <returns>Whether this was the end of the answer.</returns>
    public static bool TryReadAnswer(
        ReadOnlySpan<byte> datagram, uint sequence, INetlinkSink? sink, ref bool interrupted, out int error, out string? explanation)
    {
        error = 0;
        explanation = null;
        var reader = new NetlinkReader(datagram);
        while (reader.Next(out var message))
        {
            if (message.Sequence != sequence)
                continue;
            interrupted |= (message.Flags & Nlmsg.NLM_F_DUMP_INTR) != 0;
            if (message.Type is Nlmsg.NLMSG_ERROR or Nlmsg.NLMSG_DONE)
            {
                error = message.ReadError();
                explanation = error == 0 ? null : message.ReadExplanation();
                return true;
            }

            if (message.Type >= NLMSG_MIN_TYPE)
                sink?.Message(message);
        }

        return false;
    }

    /// <summary>Reads the acknowledgements of requests with consecutive numbers.</summary>
    /// <param name="datagram">The datagram.</param>
    /// <param name="firstSequence">Number of the first request.</param>
    /// <param name="errors">The errno of each request; set where it is acknowledged.</param>
    /// <returns>How many were acknowledged.</returns>
    public static int ReadAcknowledgements(ReadOnlySpan<byte> datagram, uint firstSequence, Span<int> errors)
    {
        int count = 0;
        var reader = new NetlinkReader(datagram);
        while (reader.Next(out var message))
        {
            uint index = message.Sequence - firstSequence;
            if (message.Type != Nlmsg.NLMSG_ERROR || index >= (uint)errors.Length)
                continue;
            errors[(int)index] = message.ReadError();
            count++;
        }

        return count;
    }

    /// <summary>Hands notifications to a sink.</summary>
    /// <returns>False when the kernel says that it lost some.</returns>
    public static bool ReadNotifications(ReadOnlySpan<byte> datagram, INetlinkSink sink)
    {
        bool complete = true;
        var reader = new NetlinkReader(datagram);
        while (reader.Next(out var message))
        {
            if (message.Type == Nlmsg.NLMSG_OVERRUN)
                complete = false;
            else if (message.Type >= NLMSG_MIN_TYPE)
                sink.Message(message);
        }

        return complete;
    }
}

/// <summary>What the kernel makes of messages that it applies together or not at all.</summary>
/// <param name="confirming">Number of the message whose acknowledgement says that all of it is in force.</param>
internal struct TransactionVerdict(uint confirming)
{
    private bool _isConfirmed;
    private int _error;

    /// <summary>0 when all of it is in force, the errno of the first failure, or ENOBUFS when nothing tells.</summary>
    public readonly int Error => _error != 0 ? _error : _isConfirmed ? 0 : Errno.ENOBUFS;

    /// <summary>The kernel's own words on a failure, if it gave any.</summary>
    public string? Explanation { get; private set; }

    /// <summary>Reads one datagram of the answer.</summary>
    public void Read(ReadOnlySpan<byte> datagram)
    {
        var reader = new NetlinkReader(datagram);
        while (reader.Next(out var message))
        {
            if (message.Type != Nlmsg.NLMSG_ERROR)
                continue;
            // A message after the one that failed is acknowledged all the same.
            _isConfirmed |= message.Sequence == confirming;
            if (_error != 0)
                continue;
            _error = message.ReadError();
            Explanation = _error == 0 ? null : message.ReadExplanation();
        }
    }
}
