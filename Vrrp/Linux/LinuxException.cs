using System.Runtime.InteropServices;

namespace Vrrp.Linux;

/// <summary>A system call failed.</summary>
public sealed class LinuxException : IOException
{
    /// <summary>Makes an exception of an errno.</summary>
    /// <param name="operation">What was attempted, as in "bind a raw socket to eth0".</param>
    /// <param name="error">The errno.</param>
    public LinuxException(string operation, int error)
        : base($"Cannot {operation}: {Marshal.GetPInvokeErrorMessage(error)} (errno {error}).")
    {
        Operation = operation;
        Error = error;
    }

    /// <summary>What was attempted.</summary>
    public string Operation { get; }

    /// <summary>The errno.</summary>
    public int Error { get; }

    /// <summary>Whether a capability is missing (EPERM or EACCES).</summary>
    public bool IsPermission => Error is 1 or 13;
}
