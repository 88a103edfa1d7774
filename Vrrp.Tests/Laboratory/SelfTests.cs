using System.Reflection;
using Vrrp.Tests.Linux.Lab;
using Xunit.Abstractions;
using Xunit.Sdk;

namespace Vrrp.Tests.LaboratoryMachine;

/// <summary>The laboratory tells the truth: what fails inside fails outside, and what has no result has not passed.</summary>
[Collection(LaboratoryTurn.Last)]
public sealed class SelfTests
{
    [Fact]
    public async Task What_becomes_of_a_case_inside_is_reported_outside_and_a_machine_that_dies_fails_the_rest()
    {
        var framework = new LaboratoryTestFramework(new Xunit.Sdk.NullMessageSink());
        var cases = LaboratoryAgent.Find(framework, [typeof(CasesThatFail).FullName!]);
        Dictionary<string, ITestResultMessage> results = [];
        await Task.Run(() => LaboratoryAgent.Run(framework, cases, message =>
        {
            if (message is ITestResultMessage result)
                results.Add(result.Test.DisplayName.Replace(typeof(CasesThatFail).FullName + ".", "", StringComparison.Ordinal), result);
        }));

        Assert.Equal(6, results.Count);
        Assert.Contains("6.1.", Assert.IsType<ITestPassed>(results[nameof(CasesThatFail.A_passes)], exactMatch: false).Output, StringComparison.Ordinal);
        var failed = Assert.IsType<ITestFailed>(results[nameof(CasesThatFail.B_fails)], exactMatch: false);
        Assert.Equal("said before\n", failed.Output.ReplaceLineEndings("\n"));
        Assert.Equal(typeof(InvalidOperationException).FullName, failed.ExceptionTypes[0]);
        Assert.Equal(CasesThatFail.Reason, failed.Messages[0]);
        Assert.Contains(nameof(CasesThatFail.B_fails), failed.StackTraces[0], StringComparison.Ordinal);
        Assert.IsType<ITestPassed>(results[$"{nameof(CasesThatFail.C_is_true_of)}(text: \"one word\", isTrue: True)"], exactMatch: false);
        Assert.IsType<ITestFailed>(results[$"{nameof(CasesThatFail.C_is_true_of)}(text: \"another\", isTrue: False)"], exactMatch: false);
        foreach (string name in (string[])[nameof(CasesThatFail.D_takes_the_machine_with_it), nameof(CasesThatFail.E_comes_too_late)])
        {
            string message = Assert.IsType<ITestFailed>(results[name], exactMatch: false).Messages[0];
            Assert.Contains("died before this case had a result", message, StringComparison.Ordinal);
            Assert.Contains($"The last that had begun: {typeof(CasesThatFail).FullName}.{nameof(CasesThatFail.D_takes_the_machine_with_it)}", message, StringComparison.Ordinal);
            Assert.Contains("Kernel panic", message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task Without_an_emulator_the_failure_says_what_to_install()
    {
        var framework = new LaboratoryTestFramework(new Xunit.Sdk.NullMessageSink());
        var cases = LaboratoryAgent.Find(framework, [typeof(CasesThatFail).FullName!]);
        var run = new LaboratoryRun(cases, new Dictionary<string, string> { ["LABORATORY_QEMU"] = "no-such-emulator" });
        var result = await run.ResultOfAsync(cases[0], CancellationToken.None);
        Assert.Contains("missing: no-such-emulator -- apt-get install", result.Failure!.Messages[0], StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_command_that_takes_too_long_ends_with_the_machine()
    {
        var (exitCode, _, error) = await Tool.TryRunAsync(LaboratoryRun.Script(), ["run", "--limit", "2", "--", "sleep", "1000"]);
        Assert.Equal(124, exitCode);
        Assert.Contains("switched off after 2 s", error, StringComparison.Ordinal);
    }

    [Fact]
    public void Every_class_with_tests_of_the_laboratory_waits_for_the_others_and_has_no_fixture()
    {
        Type[] classes = [.. typeof(SelfTests).Assembly.GetTypes().Where(type => type.GetMethods().Any(method => method.GetCustomAttributes().Any(a => a is ILaboratoryTest)))];
        Assert.Contains(typeof(NetemTests), classes);
        Assert.All(classes, type =>
        {
            Assert.Equal(LaboratoryTurn.Last, type.GetCustomAttributesData().Single(a => a.AttributeType == typeof(CollectionAttribute)).ConstructorArguments[0].Value);
            Assert.DoesNotContain(type.GetInterfaces(), i => i.IsGenericType && i.GetGenericTypeDefinition() == typeof(IClassFixture<>));
        });
    }
}

/// <summary>What a machine must report: run on request of <see cref="SelfTests"/> only.</summary>
[Collection(LaboratoryTurn.Last)]
[TestCaseOrderer("Vrrp.Tests.LaboratoryMachine." + nameof(ByName), "Vrrp.Tests")]
public sealed class CasesThatFail(ITestOutputHelper output)
{
    public const string Reason = "two lines,\nand “quotes”";

    [LaboratoryFact(LaboratoryNeed.Machine, OnRequestOnly = true)]
    public void A_passes()
    {
        Assert.Equal("laboratory\n", File.ReadAllText("/proc/sys/kernel/hostname"));
        output.WriteLine(Environment.OSVersion.VersionString);
    }

    [LaboratoryFact(LaboratoryNeed.Machine, OnRequestOnly = true)]
    public void B_fails()
    {
        output.WriteLine("said before");
        throw new InvalidOperationException(Reason);
    }

    [LaboratoryTheory(LaboratoryNeed.Machine, OnRequestOnly = true)]
    [InlineData("one word", true)]
    [InlineData("another", false)]
    public void C_is_true_of(string text, bool isTrue) => Assert.True(isTrue, text);

    [LaboratoryFact(LaboratoryNeed.Machine, OnRequestOnly = true)]
    public void D_takes_the_machine_with_it()
    {
        Assert.True(LaboratoryNeed.IsInside);
        File.WriteAllText("/proc/sysrq-trigger", "c");
    }

    [LaboratoryFact(LaboratoryNeed.Machine, OnRequestOnly = true)]
    public void E_comes_too_late()
    {
    }
}

public sealed class ByName : ITestCaseOrderer
{
    public IEnumerable<TTestCase> OrderTestCases<TTestCase>(IEnumerable<TTestCase> testCases)
        where TTestCase : ITestCase => testCases.OrderBy(testCase => testCase.DisplayName, StringComparer.Ordinal);
}
