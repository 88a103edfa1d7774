using Xunit.Abstractions;
using Xunit.Sdk;

namespace Vrrp.Tests.LaboratoryMachine;

/// <summary>
/// A test that needs what the running kernel may lack. It runs here if the kernel has it, else in the laboratory's machine, and is never skipped.
/// Fixtures are made here in both cases; make in the test what it needs.
/// </summary>
/// <param name="needs">What of the kernel it needs: names of <see cref="LaboratoryNeed"/>, or of modules.</param>
[AttributeUsage(AttributeTargets.Method)]
[XunitTestCaseDiscoverer("Vrrp.Tests.LaboratoryMachine." + nameof(LaboratoryFactDiscoverer), "Vrrp.Tests")]
public sealed class LaboratoryFactAttribute(params string[] needs) : FactAttribute, ILaboratoryTest
{
    public IReadOnlyList<string> Needs => needs;

    public int Seconds { get; init; } = ILaboratoryTest.DefaultSeconds;

    public bool OnRequestOnly { get; init; }
}

/// <summary>A <see cref="LaboratoryFactAttribute"/> with data; each row of it must be serializable, because it is sent to the machine.</summary>
/// <param name="needs">What of the kernel it needs: names of <see cref="LaboratoryNeed"/>, or of modules.</param>
[AttributeUsage(AttributeTargets.Method)]
[XunitTestCaseDiscoverer("Vrrp.Tests.LaboratoryMachine." + nameof(LaboratoryTheoryDiscoverer), "Vrrp.Tests")]
public sealed class LaboratoryTheoryAttribute(params string[] needs) : TheoryAttribute, ILaboratoryTest
{
    public IReadOnlyList<string> Needs => needs;

    public int Seconds { get; init; } = ILaboratoryTest.DefaultSeconds;

    public bool OnRequestOnly { get; init; }
}

/// <summary>What both attributes say.</summary>
public interface ILaboratoryTest
{
    const int DefaultSeconds = 300;

    /// <summary>What of the kernel the test needs.</summary>
    IReadOnlyList<string> Needs { get; }

    /// <summary>What the test adds to the time limit of the machine. Everything takes ten times as long and more there.</summary>
    int Seconds { get; }

    /// <summary>Whether only the laboratory's own tests run it: it fails, or worse.</summary>
    bool OnRequestOnly { get; }
}

public sealed class LaboratoryFactDiscoverer(IMessageSink diagnostics) : FactDiscoverer(diagnostics)
{
    public override IEnumerable<IXunitTestCase> Discover(
        ITestFrameworkDiscoveryOptions discoveryOptions, ITestMethod testMethod, IAttributeInfo factAttribute) =>
        LaboratoryCases.Wanted(discoveryOptions, factAttribute) ? base.Discover(discoveryOptions, testMethod, factAttribute) : [];

    protected override IXunitTestCase CreateTestCase(
        ITestFrameworkDiscoveryOptions discoveryOptions, ITestMethod testMethod, IAttributeInfo factAttribute) =>
        LaboratoryCases.Create(DiagnosticMessageSink, discoveryOptions, testMethod, factAttribute, null);
}

public sealed class LaboratoryTheoryDiscoverer(IMessageSink diagnostics) : TheoryDiscoverer(diagnostics)
{
    public override IEnumerable<IXunitTestCase> Discover(
        ITestFrameworkDiscoveryOptions discoveryOptions, ITestMethod testMethod, IAttributeInfo theoryAttribute) =>
        LaboratoryCases.Wanted(discoveryOptions, theoryAttribute) ? base.Discover(discoveryOptions, testMethod, theoryAttribute) : [];

    protected override IEnumerable<IXunitTestCase> CreateTestCasesForDataRow(
        ITestFrameworkDiscoveryOptions discoveryOptions, ITestMethod testMethod, IAttributeInfo theoryAttribute, object[] dataRow) =>
        [LaboratoryCases.Create(DiagnosticMessageSink, discoveryOptions, testMethod, theoryAttribute, dataRow)];

    protected override IEnumerable<IXunitTestCase> CreateTestCasesForTheory(
        ITestFrameworkDiscoveryOptions discoveryOptions, ITestMethod testMethod, IAttributeInfo theoryAttribute) =>
        [
            new ExecutionErrorTestCase(
                DiagnosticMessageSink, discoveryOptions.MethodDisplayOrDefault(), discoveryOptions.MethodDisplayOptionsOrDefault(), testMethod,
                "A theory of the laboratory needs data that can be serialized: each row is a case of its own there."),
        ];
}

internal static class LaboratoryCases
{
    /// <summary>The discovery option that includes tests which run on request only.</summary>
    public const string OnRequest = "vrrp.laboratory.onRequest";

    public static bool Wanted(ITestFrameworkDiscoveryOptions options, IAttributeInfo attribute) =>
        options.GetValue<bool?>(OnRequest) == true || !attribute.GetNamedArgument<bool>(nameof(ILaboratoryTest.OnRequestOnly));

    public static LaboratoryTestCase Create(
        IMessageSink diagnostics, ITestFrameworkDiscoveryOptions options, ITestMethod method, IAttributeInfo attribute, object[]? row) =>
        new(diagnostics, options.MethodDisplayOrDefault(), options.MethodDisplayOptionsOrDefault(), method, row)
        {
            Needs = [.. attribute.GetNamedArgument<IReadOnlyList<string>>(nameof(ILaboratoryTest.Needs))],
            Seconds = attribute.GetNamedArgument<int>(nameof(ILaboratoryTest.Seconds)),
        };
}
