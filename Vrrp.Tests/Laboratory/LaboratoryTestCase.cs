using System.ComponentModel;
using Xunit.Abstractions;
using Xunit.Sdk;

namespace Vrrp.Tests.LaboratoryMachine;

/// <summary>A test that runs here if the kernel has what it needs, and otherwise reports how its twin in the machine fared.</summary>
public sealed class LaboratoryTestCase : XunitTestCase
{
    private LaboratoryRun? _run;

    [EditorBrowsable(EditorBrowsableState.Never), Obsolete("For deserialization.")]
    public LaboratoryTestCase()
    {
    }

    public LaboratoryTestCase(
        IMessageSink diagnostics, TestMethodDisplay display, TestMethodDisplayOptions displayOptions, ITestMethod method, object[]? row)
        : base(diagnostics, display, displayOptions, method, row)
    {
    }

    public string[] Needs { get; set; } = [];

    public int Seconds { get; set; }

    /// <summary>Joins the cases of a test run, which share one machine.</summary>
    internal void Join(LaboratoryRun run) => _run = run;

    public override void Serialize(IXunitSerializationInfo data)
    {
        base.Serialize(data);
        data.AddValue(nameof(Needs), Needs);
        data.AddValue(nameof(Seconds), Seconds);
    }

    public override void Deserialize(IXunitSerializationInfo data)
    {
        base.Deserialize(data);
        Needs = data.GetValue<string[]>(nameof(Needs));
        Seconds = data.GetValue<int>(nameof(Seconds));
    }

    public override async Task<RunSummary> RunAsync(
        IMessageSink diagnosticMessageSink, IMessageBus messageBus, object[] constructorArguments, ExceptionAggregator aggregator,
        CancellationTokenSource cancellationTokenSource)
    {
        string? missing = await LaboratoryNeed.FindMissingAsync(Needs);
        if (missing is null)
            return await base.RunAsync(diagnosticMessageSink, messageBus, constructorArguments, aggregator, cancellationTokenSource);
        var run = _run ?? new LaboratoryRun([this]);
        var runner = new TwinRunner(this, run, constructorArguments, messageBus, aggregator, cancellationTokenSource);
        return await runner.RunAsync();
    }

    private sealed class TwinRunner(
        LaboratoryTestCase testCase, LaboratoryRun run, object[] constructorArguments, IMessageBus messageBus, ExceptionAggregator aggregator,
        CancellationTokenSource cancellation)
        : XunitTestCaseRunner(
            testCase, testCase.DisplayName, testCase.SkipReason, constructorArguments, testCase.TestMethodArguments, messageBus, aggregator, cancellation)
    {
        protected override async Task<RunSummary> RunTestAsync()
        {
            var test = new XunitTest(TestCase, DisplayName);
            Report(new TestStarting(test));
            var result = await run.ResultOfAsync(testCase, CancellationTokenSource.Token);
            Report(result.Failure is { } failure
                ? new TestFailed(test, result.Seconds, result.Output, failure.Types, failure.Messages, failure.StackTraces, failure.Parents)
                : new TestPassed(test, result.Seconds, result.Output));
            Report(new TestFinished(test, result.Seconds, result.Output));
            return new RunSummary { Total = 1, Failed = result.Failure is null ? 0 : 1, Time = result.Seconds };
        }

        private void Report(IMessageSinkMessage message)
        {
            if (!MessageBus.QueueMessage(message))
                CancellationTokenSource.Cancel();
        }
    }
}
