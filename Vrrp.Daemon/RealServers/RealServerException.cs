namespace Vrrp.Daemon.RealServers;

/// <summary>Something was refused; the message says what to do about it, or what became of the rest.</summary>
internal sealed class RealServerException(string message, Exception inner) : IOException(message, inner)
{
    /// <summary>What was refused in the first place.</summary>
    public Exception Root => InnerException is RealServerException { Root: var root } ? root : InnerException!;
}
