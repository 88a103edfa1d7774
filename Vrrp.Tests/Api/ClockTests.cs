using System.Reflection.Metadata;
using System.Reflection.PortableExecutable;

namespace Vrrp.Tests.Api;

/// <summary>The library asks no clock that an administrator or NTP may set.</summary>
public class ClockTests
{
    private static readonly string[] WallClocks =
    [
        "DateTime.get_Now", "DateTime.get_UtcNow", "DateTime.get_Today", "DateTimeOffset.get_Now", "DateTimeOffset.get_UtcNow",
        "TimeProvider.GetUtcNow", "TimeProvider.GetLocalNow",
    ];

    [Fact] // VR-060
    public void No_wall_clock_is_called()
    {
        var calls = MemberReferences(typeof(VrrpNode).Assembly.Location);

        // That this reading sees clocks at all.
        Assert.Contains("Stopwatch.GetTimestamp", calls);
        Assert.Empty(calls.Intersect(WallClocks));
    }

    private static HashSet<string> MemberReferences(string path)
    {
        using var file = new PEReader(File.OpenRead(path));
        var metadata = file.GetMetadataReader();
        var found = new HashSet<string>(StringComparer.Ordinal);
        foreach (var handle in metadata.MemberReferences)
        {
            var member = metadata.GetMemberReference(handle);
            if (member.Parent.Kind == HandleKind.TypeReference)
            {
                var type = metadata.GetTypeReference((TypeReferenceHandle)member.Parent);
                found.Add($"{metadata.GetString(type.Name)}.{metadata.GetString(member.Name)}");
            }
        }

        return found;
    }
}
