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
}

/// <summary>Runs scripts: as their user, without a shell, in a session of their own, for a limited time.</summary>
internal sealed class ScriptRunner(TimeProvider time)
{
    private const int SIGTERM = 15;
    private const int SIGKILL = 9;

    /// <summary>From SIGTERM to SIGKILL.</summary>
    private static readonly TimeSpan Grace = TimeSpan.FromSeconds(2);

    /// <summary>After SIGKILL, when nobody may be held up: a process in an uninterruptible sleep heeds it when it wakes, or never.</summary>
    private static readonly TimeSpan LimitOfKill = TimeSpan.FromSeconds(1);

    /// <summary>Whether programs that others than root could change are refused when they would run as root (<c>enable_script_security</c>).</summary>
    public bool IsSecure { get; set; }

    /// <summary>Finds out whether a command could run now.</summary>
    /// <returns>What is in its way, as a clause; null: nothing.</returns>
    public string? FindProblem(ScriptCommand command) =>
        Prepare(command, [], out string path, out _, out _) ?? ScriptSecurity.FindUnreadableFormat(path);

    /// <summary>Runs a command to its end.</summary>
    /// <param name="command">The command, its user and group.</param>
    /// <param name="arguments">Arguments behind those of the command.</param>
    /// <param name="variables">NAME=value, beside this process's environment.</param>
    /// <param name="timeout">Then it is ended; infinite: never.</param>
    /// <param name="cancellationToken">Ends it at once.</param>
    /// <param name="timedOut">Told the result at the timeout, before the process is ended: that may take any time.</param>
    public async Task<ScriptResult> RunAsync(
        ScriptCommand command, IReadOnlyList<string> arguments, IReadOnlyList<string> variables, TimeSpan timeout, CancellationToken cancellationToken,
        Action<ScriptResult>? timedOut = null)
    {
        cancellationToken.ThrowIfCancellationRequested();
        if (Prepare(command, arguments, out string path, out var words, out var credentials) is { } problem)
            return new(ScriptEnd.NotStarted, 0, problem);
        ChildProcess child;
        try
        {
            child = ChildProcess.Start(path, words, Environment(variables), credentials);
        }
        catch (LinuxException exception)
        {
            return new(ScriptEnd.NotStarted, exception.Error, ScriptSecurity.FindUnreadableFormat(path) ?? exception.Message);
        }
        catch (Exception exception) when (exception is OutOfMemoryException or ThreadStartException)
        {
            // So the runtime tells of a limit of threads, which may be higher or farther away next time.
            return new(ScriptEnd.NotStarted, 0, exception.Message);
        }

        try
        {
            return Describe(await child.Exited.WaitAsync(timeout, time, cancellationToken).ConfigureAwait(false));
        }
        catch (LinuxException exception)
        {
            // Its end is known to nobody, and so is what it found.
            return new(ScriptEnd.NotStarted, exception.Error, exception.Message);
        }
        catch (TimeoutException)
        {
            var result = new ScriptResult(ScriptEnd.TimedOut, 0, $"it ran longer than {timeout.TotalSeconds:0.###} s and was ended");
            try
            {
                timedOut?.Invoke(result);
            }
            finally
            {
                await EndAsync(child, cancellationToken).ConfigureAwait(false);
            }

            return result;
        }
        catch (OperationCanceledException)
        {
            await EndAsync(child, cancellationToken).ConfigureAwait(false);
            throw;
        }
    }

    private async Task EndAsync(ChildProcess child, CancellationToken cancellationToken)
    {
        // A wait that fails is over all the same.
        var ended = child.Exited.ContinueWith(static _ => { }, CancellationToken.None, TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default);
        child.Signal(SIGTERM);
        try
        {
            await ended.WaitAsync(Grace, time, CancellationToken.None).ConfigureAwait(false);
        }
        catch (TimeoutException)
        {
            // The group goes below.
        }

        // Also what it had started and left behind, which may ignore the first signal.
        child.Signal(SIGKILL);
        try
        {
            await ended.WaitAsync(cancellationToken).ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            try
            {
                await ended.WaitAsync(LimitOfKill, time, CancellationToken.None).ConfigureAwait(false);
            }
            catch (TimeoutException)
            {
                // The reaper learns of its end, if there is one.
            }
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
            if (entry.Key is string name && name is not ("NOTIFY_SOCKET" or "WATCHDOG_USEC" or "WATCHDOG_PID" or "LISTEN_FDS" or "LISTEN_PID")
                && !name.StartsWith("DOTNET_", StringComparison.Ordinal)
                && !variables.Any(variable => variable.StartsWith(name + "=", StringComparison.Ordinal)))
                own.Add($"{name}={entry.Value}");
        }

        return own;
    }
}
