namespace Vrrp.Daemon.RealServers;

/// <summary>The kernel of one network namespace, as far as a real server is concerned.</summary>
internal interface IRealServerKernel
{
    /// <summary>Reads all of it anew.</summary>
    /// <exception cref="IOException">It cannot be read.</exception>
    RealServerFacts Read();

    /// <summary>Makes one change.</summary>
    /// <returns>False when there was nothing to do, because it is so already.</returns>
    /// <exception cref="IOException">The kernel refused; the message says what to do about it.</exception>
    bool Apply(RealServerChange change);
}
