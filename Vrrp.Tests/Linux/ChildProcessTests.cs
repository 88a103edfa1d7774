using System.Globalization;
using Vrrp.Linux;

namespace Vrrp.Tests.Linux;

public sealed class ChildProcessTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    [Fact]
    public async Task Of_many_that_start_and_end_at_once_each_is_told_of_with_its_own_status()
    {
        // Numbers of descriptors are used again while others start.
        await Parallel.ForAsync(0, 250, new ParallelOptions { MaxDegreeOfParallelism = 16 }, async (status, cancellationToken) =>
        {
            string text = status.ToString(CultureInfo.InvariantCulture);
            var child = ChildProcess.Start("/bin/sh", ["/bin/sh", "-c", $"exit {text}"], [], null);
            Assert.Equal(new ExitStatus(status, IsSignal: false), await child.Exited.WaitAsync(Patience, cancellationToken));
        });
    }
}
