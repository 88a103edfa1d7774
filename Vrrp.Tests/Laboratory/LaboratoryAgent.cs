using System.Collections.Frozen;
using System.Reflection;
using Xunit.Abstractions;
using Xunit.Sdk;

namespace Vrrp.Tests.LaboratoryMachine;

/// <summary>Runs the given cases of this assembly in the laboratory's machine, one after the other, and prints what became of each.</summary>
internal static class LaboratoryAgent
{
    public const string Verb = "laboratory";

    /// <summary>The entry point of this assembly; elsewhere a test host loads it.</summary>
    public static int Main(string[] arguments)
    {
        if (arguments is not [Verb, var list] || !LaboratoryNeed.IsInside)
        {
            Console.Error.WriteLine("These are tests: run them with dotnet test.");
            return 2;
        }

        string[][] cases = [.. File.ReadLines(list).Select(line => line.Split(' '))];
        Run(cases.Select(words => words[0]).ToFrozenSet(), cases.Select(words => words[1]).Distinct());
        return 0;
    }

    /// <summary>A line for each case: its id and its class.</summary>
    public static IEnumerable<string> Describe(IEnumerable<LaboratoryTestCase> cases) =>
        cases.Select(testCase => $"{testCase.UniqueID} {testCase.TestMethod.TestClass.Class.Name}");

    /// <summary>Finds the laboratory's cases of a class, with those that run on request only.</summary>
    public static IReadOnlyList<LaboratoryTestCase> Find(TestFramework framework, IEnumerable<string> classes)
    {
        var assembly = typeof(LaboratoryAgent).Assembly;
        using var discoverer = framework.GetDiscoverer(Reflector.Wrap(assembly));
        var options = new Options();
        options.SetValue<bool?>(LaboratoryCases.OnRequest, true);
        List<LaboratoryTestCase> cases = [];
        foreach (string name in classes)
        {
            using var sink = new Sink<ITestCaseDiscoveryMessage, IDiscoveryCompleteMessage>(
                message => cases.AddRange(new[] { message.TestCase }.OfType<LaboratoryTestCase>()));
            discoverer.Find(name, includeSourceInformation: false, sink, options);
            sink.WaitForEnd();
        }

        return cases;
    }

    /// <summary>Runs cases and tells of each message.</summary>
    public static void Run(TestFramework framework, IEnumerable<LaboratoryTestCase> cases, Action<ITestCaseMessage> tell)
    {
        using var executor = framework.GetExecutor(typeof(LaboratoryAgent).Assembly.GetName());
        using var sink = new Sink<ITestCaseMessage, ITestAssemblyFinished>(tell);
        executor.RunTests(cases, sink, new Options());
        sink.WaitForEnd();
    }

    private static void Run(FrozenSet<string> ids, IEnumerable<string> classes)
    {
        var framework = new LaboratoryTestFramework(new NullMessageSink());
        Run(framework, Find(framework, classes).Where(testCase => ids.Contains(testCase.UniqueID)), Tell);
    }

    private static void Tell(ITestCaseMessage message)
    {
        string id = message.TestCase.UniqueID;
        LaboratoryMessage? line = message switch
        {
            ITestStarting => new(id, null),
            ITestPassed passed => new(id, new(passed.ExecutionTime, passed.Output, null)),
            ITestFailed failed => new(id, new(failed.ExecutionTime, failed.Output, LaboratoryFailure.Of(failed))),
            ITestSkipped skipped => new(id, LaboratoryResult.None($"It was skipped, which no test may be: {skipped.Reason}")),
            _ => null,
        };
        if (line is not null)
            Console.WriteLine(line.ToLine());
    }

    /// <summary>Hands messages of one kind on, and ends with another.</summary>
    private sealed class Sink<TMessage, TEnd>(Action<TMessage> tell) : LongLivedMarshalByRefObject, IMessageSink, IDisposable
        where TMessage : IMessageSinkMessage
        where TEnd : IMessageSinkMessage
    {
        private readonly ManualResetEventSlim _ended = new();

        public bool OnMessage(IMessageSinkMessage message)
        {
            if (message is TMessage wanted)
                tell(wanted);
            if (message is TEnd)
                _ended.Set();
            return true;
        }

        public void WaitForEnd() => _ended.Wait();

        public void Dispose() => _ended.Dispose();
    }

    private sealed class Options : ITestFrameworkDiscoveryOptions, ITestFrameworkExecutionOptions
    {
        private readonly Dictionary<string, object?> _values = [];

        public TValue GetValue<TValue>(string name) => _values.TryGetValue(name, out object? value) ? (TValue)value! : default!;

        public void SetValue<TValue>(string name, TValue value) => _values[name] = value;
    }
}
