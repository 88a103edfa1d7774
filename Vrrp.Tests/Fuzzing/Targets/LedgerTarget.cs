using System.Text;
using Microsoft.Extensions.Logging.Abstractions;
using Vrrp.Daemon.Failover;

namespace Vrrp.Tests.Fuzzing.Targets;

/// <summary>The record of installed addresses as anybody may have left it: an input is the file.</summary>
internal sealed class LedgerTarget : IFuzzTarget
{
    private readonly string _path = Path.Combine(Path.GetTempPath(), $"vrrp-fuzz-{Guid.NewGuid():N}.addresses");
    private readonly AddressLedger _ledger;

    public LedgerTarget() => _ledger = new(_path, NullLogger.Instance);

    public string Name => "ledger";

    public int Executions => 6_000;

    public bool IsText => true;

    public IReadOnlyList<byte[]> Seeds { get; } =
        ["eth0 192.0.2.254/32\n"u8.ToArray(), "eth0 2001:db8::5/64\neth1.100 10.0.0.1/8\n"u8.ToArray(), "\n"u8.ToArray()];

    public IReadOnlyList<byte[]> Tokens { get; } =
    [
        .. new[] { " ", "/", "\n", "\r", "\0", "::", "0x1", "255", "/129", "/33", "/-1", "/+1", "fe80::1%2", "::ffff:192.0.2.1", "eth0 ", "1.2.3", "é" }
            .Select(Encoding.UTF8.GetBytes),
    ];

    public void Execute(ReadOnlySpan<byte> input, FuzzContext context)
    {
        File.WriteAllBytes(_path, input);
        long before = GC.GetAllocatedBytesForCurrentThread();
        var addresses = _ledger.Read();
        // Buffers of the file, then words and an address for each line.
        context.Allocated(GC.GetAllocatedBytesForCurrentThread() - before, (32 * 1024) + (100L * input.Length));
        context.ReachedCount("addresses", addresses.Count);
        foreach (var address in addresses)
        {
            context.Reached("family", (long)address.Address.Family);
            context.Reached("prefix", address.PrefixLength == 0 ? 0 : address.PrefixLength == address.Address.Length * 8 ? 2 : 1);
            if (address.Interface is not { Length: > 0 and <= 15 } || address.PrefixLength > address.Address.Length * 8)
                throw new BrokenPromiseException("an address that cannot be was read");
            if (AddressLedger.Parse(AddressLedger.Format(address)) != address)
                throw new BrokenPromiseException("what was read is written differently");
        }
    }

    public void Dispose() => File.Delete(_path);
}
