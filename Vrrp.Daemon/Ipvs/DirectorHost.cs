namespace Vrrp.Daemon.Ipvs;

/// <summary>What the director needs of the host it runs on.</summary>
internal sealed record DirectorHost
{
    /// <summary>Opens the kernel's table.</summary>
    public Func<IIpvsTable> Open { get; init; } = NetlinkIpvsTable.Open;

    /// <summary>Loads the kernel's module and says what went wrong as a sentence, null when nothing did. Null: nobody may try.</summary>
    public Func<Task<string?>>? LoadModule { get; init; }

    /// <summary>
    /// Tells this host's addresses at once and whenever they change, on a thread of its own, until it is disposed or tells why it cannot go on.
    /// Null: nobody knows them.
    /// </summary>
    public Func<Action<IReadOnlySet<IPAddressValue>>, Action<string>, IDisposable>? WatchAddresses { get; init; }
}
