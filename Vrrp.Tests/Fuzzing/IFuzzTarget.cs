namespace Vrrp.Tests.Fuzzing;

/// <summary>
/// Something that reads what others wrote. A name, seeds and <see cref="Execute"/> are all that a new one needs; a line in
/// <see cref="FuzzTargets"/> makes it run.
/// </summary>
internal interface IFuzzTarget : IDisposable
{
    /// <summary>Names the folder of its corpus.</summary>
    string Name { get; }

    /// <summary>Executions in an ordinary test run: some two seconds of them.</summary>
    int Executions { get; }

    /// <summary>Longest input.</summary>
    int MaxLength => 2048;

    /// <summary>Whether inputs are text, which is kept in lines and characters that can be read.</summary>
    bool IsText => false;

    /// <summary>Inputs to begin with, beside the stored corpus.</summary>
    IReadOnlyList<byte[]> Seeds { get; }

    /// <summary>Pieces that mean something in this format.</summary>
    IReadOnlyList<byte[]> Tokens => [];

    /// <summary>Makes one change to an input; <paramref name="other"/> is another one to take pieces of.</summary>
    void Mutate(FuzzInput input, ReadOnlySpan<byte> other, FuzzRandom random) => ByteMutations.Apply(input, other, Tokens, random);

    /// <summary>
    /// Reads an input, tells <paramref name="context"/> what was reached and allocated. Whatever it throws is a finding. The same input
    /// does the same each time.
    /// </summary>
    void Execute(ReadOnlySpan<byte> input, FuzzContext context);

    void IDisposable.Dispose()
    {
    }
}
