using System.Text.Json;
using System.Text.Json.Serialization;
using Xunit.Abstractions;

namespace Vrrp.Tests.LaboratoryMachine;

/// <summary>What became of one case in the machine.</summary>
/// <param name="Seconds">How long it ran there.</param>
/// <param name="Output">What it wrote.</param>
/// <param name="Failure">Null if it passed.</param>
internal sealed record LaboratoryResult(decimal Seconds, string Output, LaboratoryFailure? Failure)
{
    public static LaboratoryResult None(string message) => new(0, "", LaboratoryFailure.Of(message));
}

/// <summary>The exceptions of a failed case, as xunit reports them.</summary>
internal sealed record LaboratoryFailure(string?[] Types, string[] Messages, string?[] StackTraces, int[] Parents)
{
    public static LaboratoryFailure Of(IFailureInformation failure) =>
        new(failure.ExceptionTypes, failure.Messages, failure.StackTraces, failure.ExceptionParentIndices);

    public static LaboratoryFailure Of(string message) => new([typeof(LaboratoryException).FullName], [message], [null], [-1]);
}

/// <summary>The machine has no result to give.</summary>
internal sealed class LaboratoryException(string message) : Exception(message);

/// <summary>One line that the machine sends: a case has begun, or it has ended with a result.</summary>
internal sealed record LaboratoryMessage(string Id, LaboratoryResult? Result)
{
    // Tells these lines from what tests print themselves.
    private const string Prefix = "\u001elaboratory ";

    public string ToLine() => Prefix + JsonSerializer.Serialize(this, LaboratoryJson.Default.LaboratoryMessage);

    public static LaboratoryMessage? FromLine(string line) =>
        line.StartsWith(Prefix, StringComparison.Ordinal) ? JsonSerializer.Deserialize(line.AsSpan(Prefix.Length), LaboratoryJson.Default.LaboratoryMessage) : null;
}

[JsonSerializable(typeof(LaboratoryMessage))]
internal sealed partial class LaboratoryJson : JsonSerializerContext;
