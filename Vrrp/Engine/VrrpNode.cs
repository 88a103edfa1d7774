using System.Collections.Concurrent;
using System.Runtime.CompilerServices;
using System.Threading.Channels;
using Vrrp.Links;
using Vrrp.Linux;
using Vrrp.Packets;

namespace Vrrp;

/// <summary>
/// Runs virtual routers on this host. It owns one thread that does all of VRRP; its methods may be called from any thread and complete
/// when that thread has done what was asked.
/// </summary>
/// <example>
/// <code>
/// await using var node = VrrpNode.Start();
/// await node.AddAsync(new VirtualRouterConfig
/// {
///     Name = "web", Interface = "eth0", VirtualRouterId = new(51),
///     VirtualAddresses = [VirtualAddress.Host(IPAddressValue.Parse("192.0.2.254"))],
/// });
/// await foreach (var transition in node.ReadTransitionsAsync())
///     Console.WriteLine($"{transition.VirtualRouter} is {transition.To}: {transition.Reason}");
/// </code>
/// </example>
public sealed class VrrpNode : IAsyncDisposable
{
    private const int MonitorToken = 0;
    private const int NotificationCapacity = 4096;

    private readonly VrrpNodeOptions _options;
    private readonly ConcurrentQueue<EngineCommand> _commands = new();
    private readonly TaskCompletionSource _completion = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly EpollWaiter _waiter = new();
    private readonly VrrpEngine _engine;
    private readonly Dictionary<int, IVrrpLink> _linksByToken = [];
    private readonly List<VrrpNotification> _untold = [];
    private readonly NamespaceLock? _namespaceLock;
    private readonly Thread _thread;
    private readonly Lock _subscriptionLock = new();
    private readonly Lock _wakeLock = new();
    private Channel<VrrpNotification>[] _subscribers = [];
    private int _lastToken = MonitorToken;
    private bool _isClosed;
    private int _isStopRequested;

    private VrrpNode(VrrpNodeOptions options)
    {
        _options = options;
        _engine = new VrrpEngine(
            options.Platform ?? new LinuxPlatform(options.AddressMark, options.AcceptFilter),
            options.Codec ?? new VrrpFrameCodec(),
            options.StateMachine ?? VrrpStateMachine.Instance,
            _untold.Add);
        _namespaceLock = options.Platform is null ? NamespaceLock.TryTake(options.AddressMark) : null;
        IsAloneInNamespace = options.Platform is not null || _namespaceLock is not null;
        _engine.RemovesLeftBehind = IsAloneInNamespace;
        _engine.LinkOpened = link =>
        {
            if (link.Descriptor < 0)
                return;
            _linksByToken.Add(++_lastToken, link);
            _waiter.Add(link.Descriptor, _lastToken);
        };
        _engine.LinkClosing = link =>
        {
            foreach (var (token, open) in _linksByToken)
            {
                if (open == link)
                {
                    _waiter.Remove(link.Descriptor);
                    _linksByToken.Remove(token);
                    break;
                }
            }
        };
        if (_engine.Monitor.Descriptor >= 0)
            _waiter.Add(_engine.Monitor.Descriptor, MonitorToken);
        _thread = new Thread(Run) { Name = "vrrp engine", IsBackground = true };
    }

    /// <summary>Completes when the node has stopped; faults when the engine thread failed, after it gave its addresses up.</summary>
    public Task Completion => _completion.Task;

    /// <summary>
    /// Whether no other process of this network namespace uses the same <see cref="VrrpNodeOptions.AddressMark"/>. While one does, nothing
    /// that bears the mark is taken for left behind.
    /// </summary>
    public bool IsAloneInNamespace { get; }

    /// <summary>What <see cref="VrrpMetrics"/> reads published values of.</summary>
    internal VrrpEngine Engine => _engine;

    /// <summary>Starts a node with no virtual router yet.</summary>
    /// <param name="options">How it runs; null for the defaults.</param>
    /// <returns>The running node.</returns>
    /// <exception cref="LinuxException">A capability is missing, or real-time scheduling or locked memory were asked for and refused.</exception>
    public static VrrpNode Start(VrrpNodeOptions? options = null)
    {
        var node = new VrrpNode(options ?? new());
        var started = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        node._thread.UnsafeStart(started);
        EngineWarmUp.Begin(withLinux: node._options.Platform is null);
        // The thread answers as soon as it has set its scheduling and listed the interfaces.
        started.Task.GetAwaiter().GetResult();
        return node;
    }

    /// <summary>Adds a virtual router and starts it.</summary>
    /// <param name="config">What to run.</param>
    /// <param name="delay">Time until it takes part; adverts that arrive before are not looked at.</param>
    /// <param name="cancellationToken">Ends the wait, not the addition.</param>
    /// <returns>A task that completes when it runs.</returns>
    /// <exception cref="ArgumentException">The configuration contradicts itself, or its name or VRID is taken.</exception>
    public Task AddAsync(VirtualRouterConfig config, TimeSpan delay = default, CancellationToken cancellationToken = default) =>
        AddAsync(config, default, delay, cancellationToken);

    /// <summary>Adds a virtual router with what is tracked for it from its first moment on, and starts it.</summary>
    /// <param name="config">What to run.</param>
    /// <param name="tracked">Weight and fault; see <see cref="SetTrackedAsync"/>.</param>
    /// <param name="delay">Time until it takes part; adverts that arrive before are not looked at.</param>
    /// <param name="cancellationToken">Ends the wait, not the addition.</param>
    /// <returns>A task that completes when it runs.</returns>
    /// <exception cref="ArgumentException">The configuration contradicts itself, or its name or VRID is taken.</exception>
    public Task AddAsync(VirtualRouterConfig config, TrackedState tracked, TimeSpan delay, CancellationToken cancellationToken = default)
    {
        ThrowIfInvalid(config);
        return PostAsync((engine, now) => engine.Add(config, now + delay, now, tracked), cancellationToken);
    }

    /// <summary>Stops a virtual router and removes it.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="handOver">
    /// Whether a Master goes on answering for its addresses until its successor is heard, so that nothing is lost: at most the longest skew
    /// time and half a second to two seconds more.
    /// </param>
    /// <param name="cancellationToken">Ends the wait, not the removal.</param>
    /// <returns>A task that completes when its addresses are off.</returns>
    /// <exception cref="ArgumentException">There is none of that name.</exception>
    public async Task RemoveAsync(string name, bool handOver = true, CancellationToken cancellationToken = default)
    {
        var removed = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await PostAsync(
            (engine, now) =>
            {
                if (!engine.Remove(name, handOver, removed.SetResult, now))
                    throw new ArgumentException($"There is no virtual router named '{name}'.", nameof(name));
            },
            cancellationToken).ConfigureAwait(false);
        // An engine that fails meanwhile has given the addresses up, too.
        await (await Task.WhenAny(removed.Task, _completion.Task).WaitAsync(cancellationToken).ConfigureAwait(false)).ConfigureAwait(false);
    }

    /// <summary>Changes a running virtual router without a transition: a Master stays Master and misses no advertisement.</summary>
    /// <param name="name">Its present name.</param>
    /// <param name="config">What it is to become; interface, VRID, family and version must be the same.</param>
    /// <param name="cancellationToken">Ends the wait, not the change.</param>
    /// <returns>A task that completes when it is done.</returns>
    /// <exception cref="ArgumentException">There is none of that name, or what must stay would change.</exception>
    public Task ReconfigureAsync(string name, VirtualRouterConfig config, CancellationToken cancellationToken = default)
    {
        ThrowIfInvalid(config);
        return PostAsync((engine, now) => engine.Reconfigure(name, config, now), cancellationToken);
    }

    /// <summary>Changes a running virtual router, and what is tracked for it in the same moment.</summary>
    /// <param name="name">Its present name.</param>
    /// <param name="config">What it is to become; interface, VRID, family and version must be the same.</param>
    /// <param name="tracked">Weight and fault; see <see cref="SetTrackedAsync"/>.</param>
    /// <param name="cancellationToken">Ends the wait, not the change.</param>
    /// <returns>A task that completes when it is done.</returns>
    /// <exception cref="ArgumentException">There is none of that name, or what must stay would change.</exception>
    public Task ReconfigureAsync(string name, VirtualRouterConfig config, TrackedState tracked, CancellationToken cancellationToken = default)
    {
        ThrowIfInvalid(config);
        return PostAsync((engine, now) => engine.Reconfigure(name, config, now, tracked), cancellationToken);
    }

    /// <summary>Whether <see cref="ReconfigureAsync(string, VirtualRouterConfig, CancellationToken)"/> can change one configuration into another.</summary>
    /// <param name="from">The one that runs.</param>
    /// <param name="to">The one wanted.</param>
    /// <returns>False when the router must be removed and added again.</returns>
    public static bool CanReconfigure(VirtualRouterConfig from, VirtualRouterConfig to)
    {
        ArgumentNullException.ThrowIfNull(from);
        ArgumentNullException.ThrowIfNull(to);
        return VrrpEngine.CanReconfigure(from, to);
    }

    /// <summary>Declares that this host cannot serve the addresses of a virtual router, or that it can again.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="isFaulty">True puts it in Fault.</param>
    /// <param name="detail">Why, for the transition's detail.</param>
    /// <param name="cancellationToken">Ends the wait, not the change.</param>
    /// <returns>A task that completes when it is done.</returns>
    /// <exception cref="ArgumentException">There is none of that name.</exception>
    public Task DeclareFaultAsync(string name, bool isFaulty, string? detail = null, CancellationToken cancellationToken = default) =>
        PostAsync(
            (engine, now) =>
            {
                if (!engine.Declare(name, isFaulty, detail, now))
                    throw new ArgumentException($"There is no virtual router named '{name}'.", nameof(name));
            },
            cancellationToken);

    /// <summary>
    /// Says what this program tracks for a virtual router: how much that adds to its priority, and whether it is a fault. In force at once:
    /// a Master advertises the new priority with its next advertisement and yields when a higher one answers, a Backup's timer moves with its
    /// skew time (RFC 9568 §6.1). It stays until it is set anew, whatever <see cref="ReconfigureAsync(string, VirtualRouterConfig, CancellationToken)"/>
    /// changes.
    /// </summary>
    /// <param name="name">Its name.</param>
    /// <param name="tracked">The sum of all that is tracked; it replaces the one before.</param>
    /// <param name="cancellationToken">Ends the wait, not the change.</param>
    /// <returns>A task that completes when it is done.</returns>
    /// <exception cref="ArgumentException">There is none of that name.</exception>
    public Task SetTrackedAsync(string name, TrackedState tracked, CancellationToken cancellationToken = default) =>
        PostAsync(
            (engine, now) =>
            {
                if (!engine.SetTracked(name, tracked, now))
                    throw new ArgumentException($"There is no virtual router named '{name}'.", nameof(name));
            },
            cancellationToken);

    /// <summary>
    /// Addresses that this host has as long as the node runs, whatever the state of its routers. They are put back when someone takes
    /// them away and removed when the node stops; one that was there before stays.
    /// </summary>
    /// <param name="addresses">The whole set, each with its interface; it replaces the set before.</param>
    /// <param name="cancellationToken">Ends the wait, not the change.</param>
    /// <returns>A task that completes when it is done; a refusal is a notification.</returns>
    /// <exception cref="ArgumentException">An address names no interface.</exception>
    public Task SetStaticAddressesAsync(IEnumerable<VirtualAddress> addresses, CancellationToken cancellationToken = default)
    {
        VirtualAddress[] set = [.. addresses];
        if (set.FirstOrDefault(address => address.Interface is null) is { } homeless)
            throw new ArgumentException($"Static address {homeless} needs an interface.", nameof(addresses));
        return PostAsync((engine, now) => engine.SetStaticAddresses(set, now), cancellationToken);
    }

    /// <summary>
    /// Removes what an earlier process recorded as its own, left when it was killed, and nothing of this node wants: before routers are
    /// added, so that an address which left the configuration meanwhile leaves the host. Configured ones need no record.
    /// </summary>
    /// <param name="recorded">What the record names, each with its interface.</param>
    /// <param name="cancellationToken">Ends the wait, not the removal.</param>
    /// <returns>A task that completes when it is done.</returns>
    public Task RemoveLeftBehindAsync(IEnumerable<VirtualAddress> recorded, CancellationToken cancellationToken = default)
    {
        VirtualAddress[] addresses = [.. recorded];
        return PostAsync((engine, now) => engine.RemoveRecorded(addresses, now), cancellationToken);
    }

    /// <summary>A snapshot of all virtual routers.</summary>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>One status for each, in no particular order.</returns>
    public async Task<IReadOnlyList<VirtualRouterStatus>> GetStatusAsync(CancellationToken cancellationToken = default)
    {
        IReadOnlyList<VirtualRouterStatus> status = [];
        await PostAsync((engine, _) => status = [.. engine.Routers.Select(router => router.Snapshot())], cancellationToken)
            .ConfigureAwait(false);
        return status;
    }

    /// <summary>Counters that belong to no virtual router, as they are now.</summary>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>A copy.</returns>
    public async Task<NodeCounters> GetCountersAsync(CancellationToken cancellationToken = default)
    {
        NodeCounters? counters = null;
        await PostAsync((engine, _) => counters = engine.Counters.Copy(), cancellationToken).ConfigureAwait(false);
        return counters!;
    }

    /// <summary>All that the engine tells from now on. A reader that falls far behind loses the oldest.</summary>
    /// <param name="cancellationToken">Ends the stream.</param>
    /// <returns>The stream; it ends when the node stops.</returns>
    public IAsyncEnumerable<VrrpNotification> ReadNotificationsAsync(CancellationToken cancellationToken = default)
    {
        // Subscribed here and not at the first MoveNext, so that nothing told in between is missed.
        var channel = Channel.CreateBounded<VrrpNotification>(
            new BoundedChannelOptions(NotificationCapacity) { FullMode = BoundedChannelFullMode.DropOldest, SingleReader = true });
        lock (_subscriptionLock)
            _subscribers = [.. _subscribers, channel];
        if (_completion.Task.IsCompleted)
            channel.Writer.TryComplete();
        return Read(channel, cancellationToken);
    }

    /// <summary>The transitions of all virtual routers from now on.</summary>
    /// <param name="cancellationToken">Ends the stream.</param>
    /// <returns>The stream; it ends when the node stops.</returns>
    public IAsyncEnumerable<RouterTransition> ReadTransitionsAsync(CancellationToken cancellationToken = default) =>
        OnlyTransitions(ReadNotificationsAsync(cancellationToken), cancellationToken);

    /// <summary>Stops all virtual routers and then the engine. Asking again while it hands over ends the hand-over at once.</summary>
    /// <param name="handOver">Whether Masters answer for their addresses until a successor is heard.</param>
    /// <param name="cancellationToken">Ends the hand-over: addresses are then removed at once.</param>
    /// <returns>A task that completes when nothing of this node is left.</returns>
    public async Task StopAsync(bool handOver = true, CancellationToken cancellationToken = default)
    {
        bool isFirst = Interlocked.Exchange(ref _isStopRequested, 1) == 0;
        Post(new EngineCommand((engine, now) => StopAll(engine, handOver && isFirst, now), null));
        using (cancellationToken.Register(() => Post(new EngineCommand((engine, now) => StopAll(engine, handOver: false, now), null))))
            await _completion.Task.ConfigureAwait(false);
    }

    /// <summary>Stops with a hand-over; see <see cref="StopAsync"/>.</summary>
    /// <returns>A task that completes when nothing of this node is left.</returns>
    public async ValueTask DisposeAsync()
    {
        if (!_completion.Task.IsCompleted)
            await StopAsync().ConfigureAwait(false);
    }

    private static void ThrowIfInvalid(VirtualRouterConfig config)
    {
        ArgumentNullException.ThrowIfNull(config);
        var problems = config.Validate();
        if (problems.Count > 0)
            throw new ArgumentException(string.Join(' ', problems), nameof(config));
    }

    private static async IAsyncEnumerable<RouterTransition> OnlyTransitions(
        IAsyncEnumerable<VrrpNotification> notifications, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        await foreach (var notification in notifications.WithCancellation(cancellationToken).ConfigureAwait(false))
        {
            if (notification is RouterTransition transition)
                yield return transition;
        }
    }

    private async IAsyncEnumerable<VrrpNotification> Read(
        Channel<VrrpNotification> channel, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        try
        {
            await foreach (var notification in channel.Reader.ReadAllAsync(cancellationToken).ConfigureAwait(false))
                yield return notification;
        }
        finally
        {
            lock (_subscriptionLock)
                _subscribers = [.. _subscribers.Where(subscriber => subscriber != channel)];
        }
    }

    /// <summary>Told when the turn's packets have left: waking a listener would have it compete with them for the processor.</summary>
    private void Publish()
    {
        foreach (var notification in _untold)
        {
            foreach (var subscriber in Volatile.Read(ref _subscribers))
                subscriber.Writer.TryWrite(notification);
        }

        _untold.Clear();
    }

    private Task PostAsync(Action<VrrpEngine, Instant> action, CancellationToken cancellationToken)
    {
        var done = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        Post(new EngineCommand(action, done));
        return done.Task.WaitAsync(cancellationToken);
    }

    private void Post(EngineCommand command)
    {
        _commands.Enqueue(command);
        // The descriptor's number may belong to someone else once it is closed.
        lock (_wakeLock)
        {
            if (!_isClosed)
            {
                _waiter.Wake();
                return;
            }
        }

        RefuseCommands();
    }

    private void RefuseCommands()
    {
        while (_commands.TryDequeue(out var command))
            command.Done?.TrySetException(new ObjectDisposedException(nameof(VrrpNode), "The node has stopped."));
    }

    private static void StopAll(VrrpEngine engine, bool handOver, Instant now)
    {
        engine.IsStopping = true;
        foreach (string name in engine.Routers.Select(router => router.Config.Name).ToArray())
            engine.Remove(name, handOver, static () => { }, now);
    }

    private void Run(object? argument)
    {
        var started = (TaskCompletionSource)argument!;
        Exception? failure = null;
        try
        {
            SetScheduling();
            _engine.Start(MonotonicClock.Now);
            started.SetResult();
            Loop();
            _engine.SetStaticAddresses([], MonotonicClock.Now);
        }
#pragma warning disable CA1031 // Whatever it is, the addresses are given up before it is told.
        catch (Exception exception)
#pragma warning restore CA1031
        {
            var further = _engine.Abandon(MonotonicClock.Now);
            failure = further.Count == 0 ? exception : new AggregateException([exception, .. further]);
        }

        _engine.Dispose();
        _namespaceLock?.Dispose();
        lock (_wakeLock)
        {
            _isClosed = true;
            _waiter.Dispose();
        }

        Publish();
        if (failure is null)
            _completion.SetResult();
        else if (!started.TrySetException(failure))
            _completion.SetException(failure);
        else
            _completion.SetResult();
        RefuseCommands();
        foreach (var subscriber in _subscribers)
            subscriber.Writer.TryComplete();
    }

    private void Loop()
    {
        Span<int> ready = stackalloc int[64];
        while (!(_engine.IsStopping && _engine.RouterCount == 0))
        {
            // What was put off in the turn before waits for no deadline.
            int count = _waiter.Wait(_commands.IsEmpty ? _engine.NextDeadline : Instant.Origin, ready);
            var now = MonotonicClock.Now;
            _engine.BeginTurn(now);
            for (int i = 0; i < count; i++)
            {
                if (ready[i] == MonitorToken)
                    _engine.ReceiveInterfaces();
                else if (_linksByToken.TryGetValue(ready[i], out var link))
                    _engine.Receive(link);
            }

            // A reload asks for much at once, and each change may wait for the kernel: deadlines that come meanwhile go first.
            while (_commands.TryDequeue(out var command))
            {
                command.Execute(_engine, now);
                if (_engine.NextDeadline <= MonotonicClock.Now)
                    break;
            }

            _engine.EndTurn();
            if (_untold.Count > 0)
                Publish();
        }
    }

    private void SetScheduling()
    {
        RealTime.SetTimerSlack();
        if (_options.Processors.Length > 0)
            Try(() => RealTime.SetAffinity(_options.Processors.AsSpan()));
        if (_options.Nice is { } nice)
            Try(() => RealTime.SetNice(nice));
        if (_options.LockMemory)
            Try(RealTime.LockMemory);
        if (_options.RealTimeLimit is { } limit)
            Try(() => RealTime.SetTimeLimit(limit));
        if (_options.RealTimePriority is { } priority)
            Try(() => RealTime.SetRoundRobin(priority));

        void Try(Action set)
        {
            try
            {
                set();
            }
            catch (LinuxException exception) when (_options.SchedulingRefused is not null)
            {
                _options.SchedulingRefused(exception);
            }
        }
    }
}
