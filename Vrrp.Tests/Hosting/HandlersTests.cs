using Vrrp.Daemon.Hosting;
using Vrrp.Tests.Notifications;

namespace Vrrp.Tests.Hosting;

public class HandlersTests
{
    [Fact]
    public void One_that_throws_is_logged_and_the_others_are_told_each_time()
    {
        var log = new LogDouble();
        var told = new List<string>();
        Action<string> handlers = told.Add;
        handlers += _ => throw new InvalidOperationException("a test");
        handlers += text => told.Add($"last {text}");

        Handlers.Tell(handlers, "1", log);
        Handlers.Tell(handlers, "2", log);
        Handlers.Tell<string>(null, "3", log);

        Assert.Equal(["1", "last 1", "2", "last 2"], told);
        Assert.Equal(2, log.Lines.Length);
    }
}
