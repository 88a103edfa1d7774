using System.Reflection;

namespace Vrrp.Tests.Conformance;

/// <summary>
/// docs/requirements.md accounts for every requirement of VRRP: it names the test that shows it, or says why it is not followed.
/// The judge itself is judged with small documents.
/// </summary>
public class RequirementsTests
{
    private static readonly Requirement[] Two = [new("VR-001", "MUST"), new("VR-002", "REC")];

    [Fact]
    public void Every_requirement_names_a_test_that_runs_or_the_reason_for_having_none()
    {
        var document = RequirementsDocument.Parse(Read("requirements.md"));
        var requirements = Requirement.ParseList(Read("Requirements.txt"));

        Assert.Equal(264, requirements.Length);
        var problems = document.Check(requirements, new TestCatalogue(typeof(RequirementsTests).Assembly).ProblemOf);
        Assert.True(problems.Count == 0, string.Join(Environment.NewLine, problems));
    }

    [Theory]
    [InlineData("| VR-001 | MUST | One. | `A.B` |\n| VR-002 | REC | Two. | `A.B`, `A.C` |", "")]
    [InlineData("| VR-001 | MUST | One. | `A.B` |", "VR-002 is listed 0 times.")]
    [InlineData("| VR-001 | MUST | One. | `A.B` |\n| VR-001 | MUST | One. | `A.B` |\n| VR-002 | REC | Two. | `A.B` |", "VR-001 is listed 2 times.")]
    [InlineData("| VR-001 | REC | One. | `A.B` |\n| VR-002 | REC | Two. | `A.B` |", "VR-001 has the level 'REC' instead of 'MUST'.")]
    [InlineData("| VR-001 | MUST |  | `A.B` |\n| VR-002 | REC | Two. | `A.B` |", "VR-001 says nothing.")]
    [InlineData("| VR-001 | MUST | One. |  |\n| VR-002 | REC | Two. | `A.B` |", "VR-001 names no test, nor why there is none.")]
    [InlineData("| VR-001 | MUST | One. | `A.Gone` |\n| VR-002 | REC | Two. | `A.B` |", "VR-001: no test A.Gone")]
    [InlineData("| VR-001 | MUST | One. | by reading |\n| VR-002 | REC | Two. | `A.B` |", "VR-001 has something that is neither a test nor a reason: by reading", "VR-001 names no test, nor why there is none.")]
    [InlineData("| VR-001 | MUST | One. | `A.B` `A.C` |\n| VR-002 | REC | Two. | `A.B` |", "VR-001 has something that is neither a test nor a reason: `A.B` `A.C`")]
    [InlineData("| VR-001 | MUST | One. | `A.B` |\n| VR-002 | REC | Two. | `A.B` |\n| VR-003 | REC | Three. | `A.B` |", "VR-003 is no requirement.")]
    [InlineData("| VR-001 | MUST | One | or two. | `A.B` |\n| VR-002 | REC | Two. | `A.B` |", "A row has not the four columns: | VR-001 | MUST | One | or two. | `A.B` |", "VR-001 is listed 0 times.")]
    [InlineData("| VR-001 | MUST | One. | **Not followed**: |\n| VR-002 | REC | Two. | `A.B` |\n## Not followed\n- one: VR-001\n## 2", "VR-001 gives no reason.")]
    [InlineData("| VR-001 | MUST | One. | **Not followed**: no. |\n| VR-002 | REC | Two. | `A.B` |\n## Not followed\n- one: VR-001\n## 2", "VR-001 gives no reason.")]
    [InlineData("| VR-001 | MUST | One. | **Not applicable**: |\n| VR-002 | REC | Two. | `A.B` |", "VR-001 gives no reason.")]
    [InlineData("| VR-001 | MUST | One. | **Not applicable**: nothing is ever forwarded |\n| VR-002 | REC | Two. | `A.B` |", "")]
    [InlineData("| VR-001 | MUST | One. | `A.B`; **Not followed**: peers do not either |\n| VR-002 | REC | Two. | `A.B` |", "VR-001 is not followed, and missing from the list of those.")]
    [InlineData("| VR-001 | MUST | One. | `A.B`; **Not followed**: peers do not either |\n| VR-002 | REC | Two. | `A.B` |\n## Not followed\n- peers: VR-001.", "")]
    [InlineData("| VR-001 | MUST | One. | `A.B` |\n| VR-002 | REC | Two. | `A.B` |\n## Not followed\n- one: VR-001\n## 2", "VR-001 is listed as not followed, and its row says otherwise.")]
    [InlineData("## Not followed\n- one: VR-001\n- another: VR-001\n## 2\nVR-002\n| VR-001 | MUST | One. | **Not followed**: peers do not either |\n| VR-002 | REC | Two. | `A.B` |", "VR-001 is listed twice as not followed.")]
    [InlineData("| VR-001 | MUST | One. | `A.Gone`; **Not followed**: see `no_accept` here |\n| VR-002 | REC | Two. | `A.B` |\n## Not followed\n- one: VR-001\n## 2", "VR-001: no test A.Gone")]
    public void What_is_wrong_with_a_document_is_found(string document, params string[] problems) =>
        Assert.Equal(
            problems.Where(problem => problem.Length > 0),
            RequirementsDocument.Parse(document).Check(Two, test => test is "A.B" or "A.C" ? null : $"no test {test}"));

    [Theory]
    [InlineData("Probe.Runs", null)]
    [InlineData("Probe.Runs_with_data", null)]
    [InlineData("Derived.Inherited", null)]
    [InlineData("Base.Inherited", null)]
    [InlineData("Lonely.Never", "Lonely.Never belongs to a class that nothing derives from, so it never runs.")]
    [InlineData("Probe.Skipped", "Probe.Skipped is skipped: not today")]
    [InlineData("Probe.Helper", "Probe.Helper is no test.")]
    [InlineData("Probe.Missing", "There is no Probe.Missing.")]
    [InlineData("Nobody.Runs", "There is no Nobody.Runs.")]
    [InlineData("Twice.Runs", "Twice.Runs is ambiguous: there are 2 classes of that name.")]
    public void Only_a_test_that_runs_is_one(string reference, string? problem) =>
        Assert.Equal(
            problem,
            new TestCatalogue(typeof(Probe), typeof(Derived), typeof(Base), typeof(Lonely), typeof(First.Twice), typeof(Second.Twice)).ProblemOf(reference));

    private static string Read(string name)
    {
        using var stream = typeof(RequirementsTests).Assembly.GetManifestResourceStream(name)!;
        using var reader = new StreamReader(stream);
        return reader.ReadToEnd();
    }

    /// <summary>The tests of classes, by their simple names.</summary>
    private sealed class TestCatalogue(params Type[] types)
    {
        public TestCatalogue(Assembly assembly)
            : this(assembly.GetTypes())
        {
        }

        public string? ProblemOf(string reference)
        {
            string[] parts = reference.Split('.');
            var classes = types.Where(type => type.Name == parts[0]).ToArray();
            if (classes.Length > 1)
                return $"{reference} is ambiguous: there are {classes.Length} classes of that name.";
            var method = classes.FirstOrDefault()?.GetMethod(parts[1]);
            if (method is null)
                return $"There is no {reference}.";
            if (method.GetCustomAttribute<FactAttribute>() is not { } fact)
                return $"{reference} is no test.";
            if (fact.Skip is { } why)
                return $"{reference} is skipped: {why}";
            return classes[0].IsAbstract && !types.Any(type => !type.IsAbstract && type.IsSubclassOf(classes[0]))
                ? $"{reference} belongs to a class that nothing derives from, so it never runs." : null;
        }
    }

    // The runner looks at public classes alone: these are for the catalogue.
#pragma warning disable xUnit1000, xUnit1003, xUnit1004, xUnit1013, CA1822
    private sealed class Probe
    {
        [Fact]
        public void Runs()
        {
        }

        [Theory]
        [InlineData(1)]
        public void Runs_with_data(int number) => Assert.Equal(1, number);

        [Fact(Skip = "not today")]
        public void Skipped()
        {
        }

        public void Helper()
        {
        }
    }

    private abstract class Base
    {
        [Fact]
        public void Inherited()
        {
        }
    }

    private sealed class Derived : Base;

    private abstract class Lonely
    {
        [Fact]
        public void Never()
        {
        }
    }

    private static class First
    {
        public sealed class Twice
        {
            [Fact]
            public void Runs()
            {
            }
        }
    }

    private static class Second
    {
        public sealed class Twice;
    }
#pragma warning restore xUnit1000, xUnit1003, xUnit1004, xUnit1013, CA1822
}
