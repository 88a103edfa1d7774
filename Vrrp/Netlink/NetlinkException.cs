using System.Runtime.InteropServices;

namespace Vrrp.Netlink;

/// <summary>The kernel refused a netlink request.</summary>
internal sealed class NetlinkException : IOException
{
    /// <summary>Makes an exception of an errno and an extended acknowledgement.</summary>
    /// <param name="operation">What was attempted, as in "create bridge lan".</param>
    /// <param name="error">The errno.</param>
    /// <param name="explanation">The kernel's own words, if it gave any.</param>
    public NetlinkException(string operation, int error, string? explanation)
        : base($"Cannot {operation}: {Marshal.GetPInvokeErrorMessage(error)} (errno {error}){(explanation is null ? "" : ": " + explanation)}.")
    {
        Operation = operation;
        Error = error;
        Explanation = explanation;
    }

    /// <summary>What was attempted.</summary>
    public string Operation { get; }

    /// <summary>The errno.</summary>
    public int Error { get; }

    /// <summary>The kernel's explanation; null when it gave none.</summary>
    public string? Explanation { get; }
}
