using System.Security.Cryptography;
using System.Text;
using Vrrp.Simulation;

namespace Vrrp.Tests.Simulation;

/// <summary>Which scenario a seed gives.</summary>
public class RandomScenarioTests
{
    /// <summary>Of the texts of the seeds 1 to 50. When scenarios are made of something else on purpose, what the test found goes here.</summary>
    private const string Pin = "8CF732C141FE7AC9";

    [Fact]
    public void A_seed_gives_the_scenario_it_always_gave()
    {
        string texts = string.Concat(Enumerable.Range(1, 50).Select(seed => RandomScenario.Create(seed).ToString()));
        Assert.Equal(Pin, Convert.ToHexString(SHA256.HashData(Encoding.UTF8.GetBytes(texts)))[..16]);
    }
}
