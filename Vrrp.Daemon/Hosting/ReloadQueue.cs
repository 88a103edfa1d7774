using System.Threading.Channels;

namespace Vrrp.Daemon.Hosting;

/// <summary>Requests to reload. One that comes during a reload leads to one more; any number of them to only one.</summary>
internal sealed class ReloadQueue
{
    private readonly Channel<bool> _requests = Channel.CreateBounded<bool>(
        new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite, SingleReader = true });

    public void Request() => _requests.Writer.TryWrite(true);

    public IAsyncEnumerable<bool> ReadAllAsync(CancellationToken cancellationToken) => _requests.Reader.ReadAllAsync(cancellationToken);
}
