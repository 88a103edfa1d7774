using System.Collections;
using Vrrp.Daemon.Configuration.Model;
using Vrrp.Linux;

namespace Vrrp.Daemon.Tracking;

/// <summary>How a script ended.</summary>
internal enum ScriptEnd
{
    /// <summary>It ended by itself.</summary>
    Exited,

    /// <summary>It ran too long and was ended, with all that it had started.</summary>
    TimedOut,

    /// <summary>A signal of someone else ended it.</summary>
    Killed,

    /// <summary>It could not be started.</summary>
    NotStarted,
}

/// <summary>What became of a script.</summary>
/// <param name="End">How it ended.</param>
/// <param name="Status">Exit status, or the signal's number.</param>
/// <param name="Problem">Why it was not started or what went wrong, as a clause; null when it exited with 0.</param>
internal readonly record struct ScriptResult(ScriptEnd End, int Status, string? Problem)
{
    public bool IsSuccess => End == ScriptEnd.Exited && Status == 0;

    /// <summary>Completes when a process that heeded no signal is gone after all; null: nothing is left of it.</summary>
    public Task? Remains { get; init; }
}

/// <summary>A process that runs a script.</summary>
/// <param name="Id">Its number, and that of its group.</param>
/// <param name="Exited">Completes when it has ended.</param>
/// <param name="Signal">Sends a signal to all of the group.</param>
internal sealed record ScriptProcess(int Id, Task<ExitStatus> Exited, Action<int> Signal)
{
    /// <summary>Starts a program of this host, as <see cref="ChildProcess.Start"/> does.</summary>
    public static ScriptProcess Start(string path, IReadOnlyList<string> arguments, IReadOnlyList<string> environment, Credentials? credentials)
    {
        var child = ChildProcess.Start(path, arguments, environment, credentials);
        return new(child.Id, child.Exited, child.Signal);
    }
}

/// <summary>Starts a program.</summary>
internal delegate ScriptProcess StartScript(string path, IReadOnlyList<string> arguments, IReadOnlyList<string> environment, Credentials? credentials);

/// <summary>
/// Runs scripts: as their user, without a shell, in a session of their own, for a limited time. Nobody waits longer than that and the time
/// it takes to end one, also where its file or its user cannot be looked up, or where it heeds no signal.
/// </summary>
internal sealed class ScriptRunner(TimeProvider time, StartScript? start = null, ScriptLedger? ledger = null) : IDisposable
{
    private const int SIGTERM = 15;
    private const int SIGKILL = 9;

    /// <summary>Scripts that heed no signal; while there are so many no other is started.</summary>
    internal const int MaximumRemains = 64;

    private static readonly TimeSpan LimitOfLedger = TimeSpan.FromSeconds(1);

    /// <summary>From SIGTERM to SIGKILL.</summary>
    internal static readonly TimeSpan Grace = TimeSpan.FromSeconds(2);

    /// <summary>After SIGKILL: a process in an uninterruptible sleep heeds it when it wakes, or never.</summary>
    internal static readonly TimeSpan LimitOfKill = TimeSpan.FromSeconds(5);

    /// <summary>The same when nobody may be held up.</summary>
    private static readonly TimeSpan ShortLimitOfKill = TimeSpan.FromSeconds(1);

    private readonly StartScript _start = start ?? ScriptProcess.Start;
    private readonly Lock _lock = new();
    private readonly HashSet<Life> _lives = [];
    private bool _isDisposed;
    private int _remains;

    /// <summary>Whether programs that others than root could change are refused when they would run as root (<c>enable_script_security</c>).</summary>
    public bool IsSecure { get; set; }

    /// <summary>To be called before the first script: ends those that an earlier daemon was killed over, and records those to come.</summary>
    public async Task BeginAsync()
    {
        if (ledger is null)
            return;
        try
        {
            // A process stuck in the kernel may keep its environment from who asks for it.
            await Aside.RunAsync(ledger.Begin).WaitAsync(LimitOfLedger, time).ConfigureAwait(false);
        }
        catch (TimeoutException)
        {
            // Those of now are recorded when it comes back.
        }
    }

    /// <summary>Finds out whether a command could run now. May take as long as the file system does.</summary>
    /// <returns>What is in its way, as a clause; null: nothing.</returns>
    public string? FindProblem(ScriptCommand command) =>
        Prepare(command, [], out string path, out _, out _) ?? ScriptSecurity.FindUnreadableFormat(path);

    /// <summary>Runs a command to its end.</summary>
    /// <param name="command">The command, its user and group.</param>
    /// <param name="arguments">Arguments behind those of the command.</param>
    /// <param name="variables">NAME=value, beside this process's environment.</param>
    /// <param name="timeout">Then it is ended; infinite: never.</param>
    /// <param name="cancellationToken">Ends it at once.</param>
    /// <param name="timedOut">Told the result at the timeout, before the process is ended: that takes a while.</param>
    public Task<ScriptResult> RunAsync(
        ScriptCommand command, IReadOnlyList<string> arguments, IReadOnlyList<string> variables, TimeSpan timeout, CancellationToken cancellationToken,
        Action<ScriptResult>? timedOut = null) =>
        RunAsync(command, arguments, variables, timeout, CancellationToken.None, cancellationToken, timedOut);

    /// <summary>The same; when <paramref name="timeUp"/> is cancelled its time is up, as at the timeout.</summary>
    public async Task<ScriptResult> RunAsync(
        ScriptCommand command, IReadOnlyList<string> arguments, IReadOnlyList<string> variables, TimeSpan timeout, CancellationToken timeUp,
        CancellationToken cancellationToken, Action<ScriptResult>? timedOut = null)
    {
        cancellationToken.ThrowIfCancellationRequested();
        if (Volatile.Read(ref _remains) >= MaximumRemains)
            return new(ScriptEnd.NotStarted, 0, $"{MaximumRemains} scripts that cannot be ended are still there; none is started beside them");
        var life = new Life();
        lock (_lock)
        {
            if (_isDisposed)
                return new(ScriptEnd.NotStarted, 0, "the daemon stops");
            _lives.Add(life);
        }

        long begun = time.GetTimestamp();
        life.Ended = LiveAsync(life, command, arguments, variables);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, timeUp);
        try
        {
            return await life.Ended.WaitAsync(timeout, time, either.Token).ConfigureAwait(false);
        }
        catch (Exception exception) when (exception is TimeoutException
            || (exception is OperationCanceledException && !cancellationToken.IsCancellationRequested))
        {
            if (exception is OperationCanceledException)
                timeout = TimeSpan.FromSeconds(Math.Round(time.GetElapsedTime(begun).TotalSeconds));
            var result = new ScriptResult(ScriptEnd.TimedOut, 0, $"it ran longer than {Text(timeout)} and was ended");
            try
            {
                timedOut?.Invoke(result);
            }
            finally
            {
                await EndAsync(life, LimitOfKill, cancellationToken).ConfigureAwait(false);
            }

            return life.Ended.IsCompleted ? result : Leave(life, command, timeout);
        }
        catch (OperationCanceledException)
        {
            await EndAsync(life, ShortLimitOfKill, CancellationToken.None).ConfigureAwait(false);
            throw;
        }
    }

    /// <summary>Ends all that still run at once, with all that they started.</summary>
    public void Dispose()
    {
        Life[] lives;
        lock (_lock)
        {
            _isDisposed = true;
            lives = [.. _lives];
        }

        foreach (var life in lives)
            life.Signal(SIGKILL);
        ledger?.Dispose();
    }

    private static string Text(TimeSpan timeout) => FormattableString.Invariant($"{timeout.TotalSeconds:0.###} s");

    /// <summary>From the look at its file to its end.</summary>
    private async Task<ScriptResult> LiveAsync(Life life, ScriptCommand command, IReadOnlyList<string> arguments, IReadOnlyList<string> variables)
    {
        int? slot = null;
        try
        {
            string? problem = null;
            ScriptProcess? process = null;
            // A file system or a directory of users that does not answer is waited for aside.
            await Aside.RunAsync(() =>
            {
                problem = Prepare(command, arguments, out string path, out var words, out var credentials);
                // Whoever waited may have gone meanwhile.
                if (problem is not null || life.IsEnding)
                    return;
                string? mark = null;
                slot = ledger?.Add(out mark);
                try
                {
                    process = _start(path, words, Environment(mark is null ? variables : [.. variables, mark]), credentials);
                    if (slot is { } named)
                        ledger!.Name(named, process.Id);
                }
                catch (LinuxException) when ((problem = ScriptSecurity.FindUnreadableFormat(path)) is not null)
                {
                    // That says more than the kernel does.
                }
            }).ConfigureAwait(false);
            if (process is null)
                return new(ScriptEnd.NotStarted, 0, problem ?? "it was not started in time");
            life.Begin(process);
            return Describe(await process.Exited.ConfigureAwait(false));
        }
        catch (LinuxException exception)
        {
            // It cannot be started; or its end is known to nobody, and so is what it found.
            return new(ScriptEnd.NotStarted, exception.Error, exception.Message);
        }
        catch (Exception exception) when (exception is OutOfMemoryException or ThreadStartException)
        {
            // So the runtime tells of a limit of threads, which may be higher or farther away next time.
            return new(ScriptEnd.NotStarted, 0, exception.Message);
        }
        finally
        {
            if (slot is { } taken)
                ledger!.Remove(taken);
            lock (_lock)
                _lives.Remove(life);
        }
    }

    private ScriptResult Leave(Life life, ScriptCommand command, TimeSpan timeout)
    {
        Interlocked.Increment(ref _remains);
        var gone = life.Ended.ContinueWith(
            _ => Interlocked.Decrement(ref _remains), CancellationToken.None, TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default);
        string what = life.Id is { } id ? FormattableString.Invariant($"process {id} heeds no signal") : "the system does not even start it";
        return new(ScriptEnd.TimedOut, 0, $"it ran longer than {Text(timeout)} and cannot be ended, for {what}; it is left alone: {command.CommandLine}") { Remains = gone };
    }

    private async Task EndAsync(Life life, TimeSpan limitOfKill, CancellationToken cancellationToken)
    {
        // A wait that fails is over all the same.
        var ended = life.Ended.ContinueWith(static _ => { }, CancellationToken.None, TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default);
        life.Signal(SIGTERM);
        await HasEndedAsync(ended, Grace, CancellationToken.None).ConfigureAwait(false);
        // Also what it had started and left behind, which may ignore the first signal.
        life.Signal(SIGKILL);
        if (!await HasEndedAsync(ended, limitOfKill, cancellationToken).ConfigureAwait(false))
            await HasEndedAsync(ended, cancellationToken.IsCancellationRequested ? ShortLimitOfKill : TimeSpan.Zero, CancellationToken.None).ConfigureAwait(false);
    }

    private async Task<bool> HasEndedAsync(Task ended, TimeSpan limit, CancellationToken cancellationToken)
    {
        try
        {
            await ended.WaitAsync(limit, time, cancellationToken).ConfigureAwait(false);
            return true;
        }
        catch (Exception exception) when (exception is TimeoutException or OperationCanceledException)
        {
            return ended.IsCompleted;
        }
    }

    private string? Prepare(
        ScriptCommand command, IReadOnlyList<string> arguments, out string path, out IReadOnlyList<string> words, out Credentials? credentials)
    {
        (path, words, credentials) = ("", [], null);
        if (ScriptCommandLine.Split(command.CommandLine) is not { } split)
            return "a quote is not closed";
        if (split.Count == 0)
            return "the command is empty";
        if (ScriptSecurity.FindProgram(split[0], out string? fault) is not { } found)
            return fault;
        credentials = UserAccount.Resolve(command.User, command.Group, out string? problem);
        if (problem is not null)
            return problem;
        bool isRoot = credentials is { User: 0 } || (credentials is null && NativeMethods.GetEffectiveUser() == 0);
        if (IsSecure && isRoot && ScriptSecurity.FindWeakness(found) is { } weakness)
            return $"enable_script_security forbids to run it as root: {weakness}";
        path = found;
        words = [.. split, .. arguments];
        return null;
    }

    private static ScriptResult Describe(ExitStatus exit) => exit switch
    {
        { IsSignal: true } => new(ScriptEnd.Killed, exit.Code, $"signal {exit.Code} ended it"),
        { Code: 0 } => new(ScriptEnd.Exited, 0, null),
        _ => new(ScriptEnd.Exited, exit.Code, $"it exited with status {exit.Code}"),
    };

    private static List<string> Environment(IReadOnlyList<string> variables)
    {
        var own = new List<string>(variables);
        foreach (DictionaryEntry entry in System.Environment.GetEnvironmentVariables())
        {
            // What the service manager tells this process is not a script's to answer.
            if (entry.Key is string name && name is not (ScriptLedger.Variable or "NOTIFY_SOCKET" or "WATCHDOG_USEC" or "WATCHDOG_PID" or "LISTEN_FDS" or "LISTEN_PID")
                && !name.StartsWith("DOTNET_", StringComparison.Ordinal)
                && !variables.Any(variable => variable.StartsWith(name + "=", StringComparison.Ordinal)))
                own.Add($"{name}={entry.Value}");
        }

        return own;
    }

    /// <summary>One run. Its process may come to be when it is to end already.</summary>
    private sealed class Life
    {
        private readonly Lock _lock = new();
        private ScriptProcess? _process;
        private bool _isEnding;

        public Task<ScriptResult> Ended { get; set; } = Task.FromResult(default(ScriptResult));

        public int? Id
        {
            get
            {
                lock (_lock)
                    return _process?.Id;
            }
        }

        public bool IsEnding
        {
            get
            {
                lock (_lock)
                    return _isEnding;
            }
        }

        public void Begin(ScriptProcess process)
        {
            lock (_lock)
            {
                _process = process;
                if (_isEnding)
                    process.Signal(SIGKILL);
            }
        }

        public void Signal(int signal)
        {
            lock (_lock)
            {
                _isEnding = true;
                _process?.Signal(signal);
            }
        }
    }
}
