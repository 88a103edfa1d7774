using Vrrp.Simulation;

namespace Vrrp.Tests.Simulation;

/// <summary>Scenarios that once violated an invariant, each with a comment that says what was wrong.</summary>
public class RegressionTests
{
    public static TheoryData<string> Names =>
        [.. Directory.GetFiles(Folder, "*.scenario").Select(path => Path.GetFileNameWithoutExtension(path)).Order(StringComparer.Ordinal)];

    private static string Folder => Path.Combine(AppContext.BaseDirectory, "Simulation", "Regressions");

    [Theory]
    [MemberData(nameof(Names))]
    public void What_was_wrong_once_stays_right(string name)
    {
        var scenario = Scenario.Parse(File.ReadAllText(Path.Combine(Folder, name + ".scenario")));
        var result = scenario.Run(new() { EndAtViolation = false });
        Assert.True(result.Violations.IsEmpty, $"{string.Join(Environment.NewLine, result.Violations)}{Environment.NewLine}{result.Timeline}");
    }
}
