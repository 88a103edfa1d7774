using System.Buffers;

namespace Vrrp.Tests.Fuzzing.Targets;

/// <summary>What may reach a terminal.</summary>
internal static class FindingText
{
    /// <summary>Everything but control characters; line ends and tabs are part of the form.</summary>
    public static SearchValues<char> Printable { get; } = SearchValues.Create(
        [.. Enumerable.Range(0, char.MaxValue + 1).Select(c => (char)c).Where(c => c is '\n' or '\t' || !char.IsControl(c))]);
}
