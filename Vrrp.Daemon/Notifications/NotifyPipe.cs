using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;
using Microsoft.Extensions.Logging;
using Vrrp.Daemon.Configuration.Model;
using Vrrp.Daemon.Hosting;
using Vrrp.Daemon.Tracking;
using Vrrp.Linux;
using static Vrrp.Linux.NativeMethods;

namespace Vrrp.Daemon.Notifications;

/// <summary>
/// One named pipe of events, and the script that reads it. Nobody waits for its reader: what does not fit is kept, of each subject the
/// latest line alone, until there is room. One that somebody removes is made again, and its script started anew.
/// </summary>
internal sealed class NotifyPipe(NotifyFifo config, RunScript run, TimeProvider time, ILogger logger) : IAsyncDisposable
{
    private const int O_RDWR = 2;
    private const int O_NONBLOCK = 0x800;
    private const int O_CLOEXEC = 0x80000;
    private const ushort S_IFMT = 0xF000;
    private const ushort S_IFIFO = 0x1000;
    private const uint OwnerOnly = 0x180;

    /// <summary>A pipe takes this many octets wholly or not at all.</summary>
    private const int AtomicLength = 4096;

    // The architectures differ.
    private static readonly int O_NOFOLLOW = RuntimeInformation.ProcessArchitecture == Architecture.Arm64 ? 0x8000 : 0x20000;

    /// <summary>How often a pipe that was full is tried again.</summary>
    internal static readonly TimeSpan RetryInterval = TimeSpan.FromSeconds(1);

    /// <summary>How often it is looked for: who removed it meanwhile has taken nothing from its script, which has it open.</summary>
    internal static readonly TimeSpan LookInterval = TimeSpan.FromSeconds(1);

    /// <summary>At the end, for the script to read the last lines and leave by itself.</summary>
    internal static readonly TimeSpan LimitAtEnd = TimeSpan.FromSeconds(1);

    internal static readonly TimeSpan FirstRestart = TimeSpan.FromSeconds(1);
    internal static readonly TimeSpan LongestRestart = TimeSpan.FromSeconds(60);

    private readonly Lock _lock = new();
    private readonly OrderedDictionary<string, string> _owed = new(StringComparer.Ordinal);
    private readonly CancellationTokenSource _closing = new();
    private readonly CancellationTokenSource _ending = new();
    private int _descriptor = -1;
    private bool _isOpening = true;
    private bool _hasClosed;
    private bool _isOurs;
    private (ulong Device, ulong Inode)? _identity;
    private ITimer? _retry;
    private ITimer? _look;
    private int _isLooking;
    private string? _toldProblem;
    private CancellationTokenSource? _turn;
    private bool _isReplaced;
    private Task _reader = Task.CompletedTask;

    public NotifyFifo Config => config;

    private string Path => config.Path!;

    /// <summary>
    /// Makes the pipe unless it is there, opens it and starts its script. What is in the way is logged, and the pipe stays shut. To look up its
    /// owner may take long; lines that come meanwhile are kept.
    /// </summary>
    public void Open()
    {
        string? problem = TryOpen(out int descriptor, out bool isOurs);
        lock (_lock)
        {
            _isOpening = false;
            if (problem is not null)
            {
                _owed.Clear();
                NotifyLog.PipeUnusable(logger, Path, problem);
                return;
            }

            Take(descriptor, isOurs);
            WriteOwed();
            if (_hasClosed)
            {
                // Who has found it meanwhile reads what it was told.
                Remove(_isOurs);
                _ = Close(_descriptor);
                _descriptor = -1;
                return;
            }

            if (_owed.Count > 0)
                BeginRetries();
            if (config.Script is { } script)
                _reader = SuperviseAsync(script);
            _look = time.CreateTimer(_ => Look(), null, LookInterval, LookInterval);
        }
    }

    private void Take(int descriptor, bool isOurs) => (_descriptor, _isOurs, _identity) = (descriptor, isOurs, LockFile.IdentityOf(descriptor));

    /// <summary>Finds out whether the path still leads to the pipe, and makes it again if not.</summary>
    private void Look()
    {
        // One look that hangs is enough.
        if (Interlocked.Exchange(ref _isLooking, 1) == 1)
            return;
        try
        {
            (ulong, ulong)? identity;
            lock (_lock)
                identity = _identity;
            if (LockFile.IdentityOf(Path) == identity)
                return;
            string? problem = TryOpen(out int descriptor, out bool isOurs);
            lock (_lock)
                Replace(descriptor, isOurs, problem);
        }
        finally
        {
            Interlocked.Exchange(ref _isLooking, 0);
        }
    }

    private void Replace(int descriptor, bool isOurs, string? problem)
    {
        if (problem is not null)
        {
            // Tried at each look, said once until it is another problem.
            if (problem != _toldProblem && !_hasClosed)
                NotifyLog.PipeLost(logger, Path, problem);
            _toldProblem = problem;
            return;
        }

        if (_hasClosed)
        {
            Remove(isOurs);
            _ = Close(descriptor);
            return;
        }

        NotifyLog.PipeMadeAgain(logger, Path);
        _toldProblem = null;
        // Who reads the old one finds its end behind what it was told.
        _ = Close(_descriptor);
        Take(descriptor, isOurs);
        _isReplaced = true;
        _turn?.CancelAfter(LimitAtEnd);
        WriteOwed();
    }

    /// <summary>Writes a line, or keeps it until there is room.</summary>
    /// <param name="subject">What it tells of: a later line of the same takes its place.</param>
    /// <param name="line">With its line feed.</param>
    public void Write(string subject, string line)
    {
        lock (_lock)
        {
            if (!_isOpening)
            {
                if (_descriptor < 0 || (_owed.Count == 0 && TryWrite(line)))
                    return;
                if (_owed.Count == 0)
                    BeginRetries();
            }

            _owed.Remove(subject);
            _owed.Add(subject, line);
        }
    }

    /// <summary>Closes the pipe and removes it if it was made here, at once.</summary>
    /// <returns>Completes when its script has ended; it may read what it was told last, for a moment.</returns>
    public Task CloseAsync(CancellationToken atOnce)
    {
        lock (_lock)
        {
            _hasClosed = true;
            if (_descriptor < 0)
                return Task.CompletedTask;
            WriteOwed();
            _retry?.Dispose();
            _look?.Dispose();
            // Another of that name is not ours to remove.
            Remove(_isOurs && LockFile.IdentityOf(Path) == _identity);
            _closing.Cancel();
            _ = Close(_descriptor);
            _descriptor = -1;
        }

        return EndReaderAsync(atOnce);
    }

    public async ValueTask DisposeAsync() => await CloseAsync(CancellationToken.None).ConfigureAwait(false);

    private string? TryOpen(out int descriptor, out bool isOurs)
    {
        (descriptor, isOurs) = (-1, false);
        var owner = UserAccount.Resolve(config.User, config.Group, out string? problem);
        if (problem is not null)
            return problem;
        isOurs = MakeFifo(Path, OwnerOnly) == 0;
        if (!isOurs && Errno.Last != Errno.EEXIST)
            return $"it cannot be made: {Marshal.GetPInvokeErrorMessage(Errno.Last)}";
        // Looked at first: to open a device may do something.
        if (!isOurs && (!ScriptSecurity.TryStat(Path, follow: false, out _, out ushort mode) || (mode & S_IFMT) != S_IFIFO))
            return "something is there that is no pipe";
        // For reading as well: otherwise it could not be opened before there is a reader, and would lose what is in it with the last one.
        descriptor = NativeMethods.Open(Path, O_RDWR | O_NONBLOCK | O_CLOEXEC | O_NOFOLLOW, 0);
        if (descriptor < 0)
            problem = $"it cannot be opened: {Marshal.GetPInvokeErrorMessage(Errno.Last)}";
        else if (!IsPipe(descriptor))
            problem = "something is there that is no pipe";
        else if (isOurs && owner is { } wanted && ChangeOwner(descriptor, wanted.User, wanted.Group) != 0)
            problem = $"it cannot be given to its owner: {Marshal.GetPInvokeErrorMessage(Errno.Last)}";
        if (problem is null)
            return null;
        if (descriptor >= 0)
            _ = Close(descriptor);
        Remove(isOurs);
        return problem;
    }

    private void Remove(bool isOurs)
    {
        if (!isOurs)
            return;
        try
        {
            File.Delete(Path);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            NotifyLog.PipeLeft(logger, Path, exception.Message);
        }
    }

    private static bool IsPipe(int descriptor) =>
        ScriptSecurity.TryStat(string.Create(CultureInfo.InvariantCulture, $"/proc/self/fd/{descriptor}"), follow: true, out _, out ushort mode)
        && (mode & S_IFMT) == S_IFIFO;

    /// <returns>False when there is no room.</returns>
    private unsafe bool TryWrite(string line)
    {
        byte[] bytes = Encoding.UTF8.GetBytes(line);
        // A part of it would be worse than nothing.
        if (bytes.Length > AtomicLength)
        {
            NotifyLog.PipeUnusable(logger, Path, $"a line of {bytes.Length} octets is too long");
            return true;
        }

        nint written;
        fixed (byte* start = bytes)
        {
            do
                written = NativeMethods.Write(_descriptor, start, (nuint)bytes.Length);
            while (written < 0 && Errno.Last == Errno.EINTR);
        }

        if (written >= 0)
            return true;
        if (Errno.Last == Errno.EAGAIN)
            return false;
        NotifyLog.PipeUnusable(logger, Path, Marshal.GetPInvokeErrorMessage(Errno.Last));
        return true;
    }

    private void BeginRetries()
    {
        NotifyLog.PipeFull(logger, Path);
        _retry = time.CreateTimer(_ => WriteOwed(), null, RetryInterval, RetryInterval);
    }

    private void WriteOwed()
    {
        lock (_lock)
        {
            if (_descriptor < 0 || _owed.Count == 0)
                return;
            while (_owed.Count > 0 && TryWrite(_owed.GetAt(0).Value))
                _owed.RemoveAt(0);
            if (_owed.Count > 0)
                return;
            // Without it nothing was full: they came before the pipe was open.
            if (_retry is null)
                return;
            _retry.Dispose();
            _retry = null;
            NotifyLog.PipeDrained(logger, Path);
        }
    }

    /// <summary>Keeps the script running.</summary>
    private async Task SuperviseAsync(ScriptCommand script)
    {
        await Task.CompletedTask.ConfigureAwait(ConfigureAwaitOptions.ForceYielding);
        var pause = FirstRestart;
        (ScriptEnd End, string? Problem)? told = null;
        try
        {
            while (true)
            {
                long start = time.GetTimestamp();
                var (result, isReplaced) = await RunReaderAsync(script).ConfigureAwait(false);
                if (_closing.IsCancellationRequested)
                    return;
                if (isReplaced)
                {
                    (pause, told) = (FirstRestart, null);
                    continue;
                }

                // It did its work for a while: what comes now is another story.
                if (time.GetElapsedTime(start) >= LongestRestart)
                    (pause, told) = (FirstRestart, null);
                // One that ends in the same way again and again says so once.
                if (told != (result.End, result.Problem))
                    TellEnd(result, pause);
                told = (result.End, result.Problem);
                await Task.Delay(pause, time, _closing.Token).ConfigureAwait(false);
                pause = pause * 2 < LongestRestart ? pause * 2 : LongestRestart;
            }
        }
        catch (OperationCanceledException)
        {
            // The pipe was closed.
        }
    }

    private void TellEnd(ScriptResult result, TimeSpan pause)
    {
        if (result.End == ScriptEnd.NotStarted)
            NotifyLog.ReaderNotStarted(logger, Path, result.Problem ?? "no reason is known", (long)pause.TotalSeconds);
        else
            NotifyLog.ReaderEnded(logger, Path, result.Problem ?? "it exited with status 0", (long)pause.TotalSeconds);
    }

    private async Task<(ScriptResult Result, bool IsReplaced)> RunReaderAsync(ScriptCommand script)
    {
        // Cancelled a while after there is another pipe.
        using var turn = new CancellationTokenSource(Timeout.InfiniteTimeSpan, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(turn.Token, _ending.Token);
        lock (_lock)
            (_turn, _isReplaced) = (turn, false);
        ScriptResult result;
        try
        {
            result = await run(script, [Path], [], Timeout.InfiniteTimeSpan, either.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (!_ending.IsCancellationRequested)
        {
            result = new(ScriptEnd.Killed, 0, "it was ended");
        }
#pragma warning disable CA1031 // What failed once may work the next time.
        catch (Exception exception) when (exception is not OperationCanceledException)
#pragma warning restore CA1031
        {
            result = new(ScriptEnd.NotStarted, 0, exception.Message);
        }

        lock (_lock)
        {
            _turn = null;
            return (result, _isReplaced);
        }
    }

    private async Task EndReaderAsync(CancellationToken atOnce)
    {
        try
        {
            await _reader.WaitAsync(LimitAtEnd, time, atOnce).ConfigureAwait(false);
        }
        catch (Exception exception) when (exception is TimeoutException or OperationCanceledException)
        {
            await _ending.CancelAsync().ConfigureAwait(false);
            await _reader.ConfigureAwait(false);
        }

        _ending.Dispose();
        _closing.Dispose();
    }
}
