using System.Buffers.Binary;
using Vrrp.Daemon.HealthChecks;

namespace Vrrp.Tests.Fuzzing.Targets;

/// <summary>What DNS_CHECK takes for an answer: only what has its number and says to be one.</summary>
internal sealed class DnsTarget : IFuzzTarget
{
    private const ushort Id = 0x1234;

    public string Name => "dns";

    public int Executions => 20_000;

    public int MaxLength => 128;

    public IReadOnlyList<byte[]> Seeds { get; } =
    [
        DnsChecker.WriteQuery(Id, "example.org", 1), Answer(0), Answer(2), Answer(3), Answer(15), Answer(0)[..11], [],
    ];

    public void Execute(ReadOnlySpan<byte> input, FuzzContext context)
    {
        var result = DnsChecker.ReadAnswer(input, Id);
        bool isOurs = input.Length >= 12 && BinaryPrimitives.ReadUInt16BigEndian(input) == Id && input[2] >= 0x80;
        if (isOurs != (result is not null))
            throw new BrokenPromiseException("an answer was taken that is none, or the other way round");
        if (result is null)
        {
            context.Reached("not ours");
            return;
        }

        if (result.Value.IsSuccess != ((input[3] & 15) == 0))
            throw new BrokenPromiseException("an error was taken for an answer, or the other way round");
        context.ReachedCount("code", input[3] & 15);
    }

    private static byte[] Answer(byte code)
    {
        byte[] query = DnsChecker.WriteQuery(Id, "example.org", 1);
        query[2] |= 0x80;
        query[3] |= code;
        return query;
    }
}
