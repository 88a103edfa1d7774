using System.Reflection;
using Xunit.Abstractions;
using Xunit.Sdk;

[assembly: TestFramework("Vrrp.Tests.LaboratoryMachine.LaboratoryTestFramework", "Vrrp.Tests")]

namespace Vrrp.Tests.LaboratoryMachine;

/// <summary>xunit's own framework; it also tells the laboratory's cases which others were asked for, so that one machine runs them all.</summary>
public sealed class LaboratoryTestFramework(IMessageSink diagnostics) : XunitTestFramework(diagnostics)
{
    protected override ITestFrameworkExecutor CreateExecutor(AssemblyName assemblyName) =>
        new Executor(assemblyName, SourceInformationProvider, DiagnosticMessageSink);

    private sealed class Executor(AssemblyName assembly, ISourceInformationProvider sources, IMessageSink diagnostics)
        : XunitTestFrameworkExecutor(assembly, sources, diagnostics)
    {
        protected override void RunTestCases(
            IEnumerable<IXunitTestCase> testCases, IMessageSink executionMessageSink, ITestFrameworkExecutionOptions executionOptions)
        {
            IXunitTestCase[] all = [.. testCases];
            LaboratoryTestCase[] ours = [.. all.OfType<LaboratoryTestCase>()];
            var run = new LaboratoryRun(ours);
            foreach (var testCase in ours)
                testCase.Join(run);
            base.RunTestCases(all, executionMessageSink, executionOptions);
        }
    }
}
