using Vrrp.Daemon.Configuration.Model;
using Vrrp.Daemon.HealthChecks;

namespace Vrrp.Tests.HealthChecks;

public class HealthStateTests
{
    private static readonly DateTimeOffset Start = new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);
    private static readonly CheckResult Failure = CheckResult.Failure("connection refused");

    private static readonly TcpCheck Check = new()
    {
        Address = IPAddressValue.Parse("10.0.1.1"),
        Interval = TimeSpan.FromSeconds(10),
        Retries = 2,
        RetryDelay = TimeSpan.FromSeconds(3),
    };

    /// <summary>S: a success, F: a failure; what follows each: + up, - down, and the seconds to the next probe.</summary>
    private static string Run(HealthCheck check, string results)
    {
        var state = HealthState.Initial(check, Start);
        var told = new List<string>();
        foreach (char result in results)
        {
            state = state.After(check, result == 'S' ? CheckResult.Success : Failure, Start, out var wait);
            told.Add($"{(state.IsUp ? '+' : '-')}{wait.TotalSeconds}");
        }

        return string.Join(' ', told);
    }

    [Theory]
    // The first probe decides at once: until then nobody knew that the server works.
    [InlineData("F", "-10")]
    [InlineData("SF", "+10 +3")]
    [InlineData("SFF", "+10 +3 +3")]
    [InlineData("SFFF", "+10 +3 +3 -10")]
    [InlineData("SFFS", "+10 +3 +3 +10")]
    [InlineData("SFFSFF", "+10 +3 +3 +10 +3 +3")]
    [InlineData("FFS", "-10 -10 +10")]
    public void Failures_are_repeated_before_they_count(string results, string expected) => Assert.Equal(expected, Run(Check, results));

    [Theory]
    [InlineData("", false)]
    [InlineData("S", true)]
    [InlineData("F", false)]
    public void With_alpha_a_server_must_prove_itself(string results, bool isUp)
    {
        var check = Check with { Alpha = true };
        var state = HealthState.Initial(check, Start);
        foreach (char result in results)
            state = state.After(check, result == 'S' ? CheckResult.Success : Failure, Start, out _);

        Assert.Equal(isUp, state.IsUp);
    }

    [Fact]
    public void Since_is_the_moment_of_the_change_and_the_error_the_last()
    {
        var state = HealthState.Initial(Check, Start).After(Check, CheckResult.Success, Start.AddSeconds(1), out _);
        state = state.After(Check with { Retries = 0 }, Failure, Start.AddSeconds(11), out _);
        state = state.After(Check, CheckResult.Failure("no route to host"), Start.AddSeconds(21), out _);

        Assert.Equal((false, Start.AddSeconds(11), Start.AddSeconds(21), 2, "no route to host"), (state.IsUp, state.Since, state.LastProbe!.Value, state.Failures, state.LastError));
    }
}
