using System.Threading.Channels;
using Vrrp.Daemon.Configuration.Model;
using Vrrp.Daemon.Tracking;
using Vrrp.Linux;
using Vrrp.Tests.HealthChecks;

namespace Vrrp.Tests.Tracking;

/// <summary>A runner whose processes end when the test says so, and heed no signal: as one in an uninterruptible sleep.</summary>
internal sealed class StubbornScripts : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    private readonly Channel<Stubborn> _started = Channel.CreateUnbounded<Stubborn>();
    private int _lastId = 4710;

    public StubbornScripts() => Runner = new(Time, Start);

    public ManualTime Time { get; } = new();

    public ScriptRunner Runner { get; }

    /// <summary>A program that is there, for whoever looks.</summary>
    public static ScriptCommand Command { get; } = new("/bin/true", "0");

    /// <summary>Starts that nobody has asked for yet.</summary>
    public int StartedCount => _started.Reader.Count;

    /// <summary>What a start waits for.</summary>
    public ManualResetEventSlim MayStart { get; } = new(initialState: true);

    public async Task<Stubborn> NextAsync() => await _started.Reader.ReadAsync().AsTask().WaitAsync(Patience);

    /// <summary>Lets time pass until something has happened.</summary>
    public async Task PassUntilAsync(Func<bool> condition)
    {
        using var limit = new CancellationTokenSource(Patience);
        using var beat = new PeriodicTimer(TimeSpan.FromMilliseconds(5));
        while (!condition())
        {
            Time.Advance(TimeSpan.FromSeconds(1));
            await beat.WaitForNextTickAsync(limit.Token);
        }
    }

    public void Dispose()
    {
        Runner.Dispose();
        MayStart.Dispose();
    }

    private ScriptProcess Start(string path, IReadOnlyList<string> arguments, IReadOnlyList<string> environment, Credentials? credentials)
    {
        var stubborn = new Stubborn(Interlocked.Increment(ref _lastId));
        _started.Writer.TryWrite(stubborn);
        MayStart.Wait();
        return new(stubborn.Id, stubborn.Exited.Task, stubborn.Take);
    }

    internal sealed class Stubborn(int id)
    {
        private readonly List<int> _signals = [];

        public int Id => id;

        public TaskCompletionSource<ExitStatus> Exited { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public string Signals
        {
            get
            {
                lock (_signals)
                    return string.Join(' ', _signals);
            }
        }

        public void Take(int signal)
        {
            lock (_signals)
                _signals.Add(signal);
        }

        public void Exit(int status = 0) => Exited.SetResult(new(status, false));
    }
}
