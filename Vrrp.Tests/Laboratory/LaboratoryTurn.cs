namespace Vrrp.Tests.LaboratoryMachine;

/// <summary>Tests of the laboratory run when all others have ended: its machine would be in the way of what is measured here.</summary>
[CollectionDefinition(Last, DisableParallelization = true)]
public sealed class LaboratoryTurn
{
    public const string Last = "Laboratory";
}
