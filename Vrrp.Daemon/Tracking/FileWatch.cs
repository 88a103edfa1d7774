using Microsoft.Extensions.Logging;
using Vrrp.Daemon.Configuration.Model;

namespace Vrrp.Daemon.Tracking;

/// <summary>Reads a file's number, as <see cref="FileNumber.Read"/> does.</summary>
internal delegate long ReadNumber(string path, out string? problem, out string? lack);

/// <summary>Reads a track_file whenever the monitor says that it may have changed.</summary>
internal sealed class FileWatch(FileTracker file, TrackerReading reading, FileMonitor monitor, ILogger logger, ReadNumber? read = null)
    : TrackerWatch(file, reading)
{
    private const int Idle = 0, Busy = 1, BusyAndDue = 2;

    private readonly ReadNumber _read = read ?? FileNumber.Read;
    private int _reading;
    private string? _problem;
    private string? _lack;

    public string Directory { get; } = System.IO.Path.GetDirectoryName(file.Path) ?? "/";

    public string FileName { get; } = System.IO.Path.GetFileName(file.Path);

    /// <summary>Whether the name is that of a link now: what it leads to changes elsewhere.</summary>
    public bool IsLink
    {
        get
        {
            try
            {
                return new FileInfo(file.Path).LinkTarget is not null;
            }
            catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
            {
                // Nobody knows: read it once a second, as a link is.
                return true;
            }
        }
    }

    /// <summary>Reads it if it is a link: any other file that was just made is about to be written.</summary>
    public void ReadLink()
    {
        if (IsLink)
            Read();
    }

    public override void Start()
    {
        if (file.InitialValue is { } initial)
            WriteInitial(initial);
        monitor.Add(this);
    }

    public override Task StopAsync()
    {
        monitor.Remove(this);
        return Task.CompletedTask;
    }

    /// <summary>Has whoever reads it now read it once more.</summary>
    /// <returns>False: nobody does.</returns>
    public bool TryLeaveToReader() => Interlocked.CompareExchange(ref _reading, BusyAndDue, Busy) != Idle;

    /// <summary>Reads it again, or leaves that to who is reading it: a read may hang, and nobody waits for another's.</summary>
    public void Read()
    {
        if (TryLeaveToReader() || Interlocked.CompareExchange(ref _reading, Busy, Idle) != Idle)
            return;
        try
        {
            do
            {
                Interlocked.Exchange(ref _reading, Busy);
                ReadOnce();
            }
            while (Interlocked.CompareExchange(ref _reading, Idle, Busy) != Busy);
        }
        catch
        {
            Interlocked.Exchange(ref _reading, Idle);
            throw;
        }
    }

    /// <summary>A number that is too large leaves the one before in force.</summary>
    private void ReadOnce()
    {
        long number = _read(file.Path, out string? problem, out string? lack);
        bool counts = number == (int)number;
        if (!counts)
            problem = "its number is too large and does not count";
        if (problem is not null && problem != _problem)
            TrackingLog.Problem(logger, Name, problem);
        if (lack is not null && lack != _lack)
            TrackingLog.CountsAsZero(logger, Name, lack);
        bool wasOdd = _problem is not null || _lack is not null;
        (_problem, _lack) = (problem, lack);
        var before = Reading;
        var now = new TrackerReading(true, counts ? (int)number : before.Value);
        // Why there is no number has just been said; that there is one again is news, and a first one that was waited for in vain.
        if (problem is null && lack is null && (now.Value != before.Value || wasOdd || before is { IsUp: null, IsAwaited: false }))
            TrackingLog.Says(logger, Name, now.Value);
        Publish(now);
    }

    /// <summary>Whoever can put a link in its place must not have us write elsewhere: a new file beside it takes its name.</summary>
    private void WriteInitial(int value)
    {
        try
        {
            if (!file.Overwrite && System.IO.File.Exists(file.Path))
                return;
            string beside = $"{file.Path}.{Guid.NewGuid():N}";
            using (var stream = new FileStream(beside, new FileStreamOptions
            {
                Mode = FileMode.CreateNew,
                Access = FileAccess.Write,
                UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead | UnixFileMode.OtherRead,
            }))
                stream.Write(System.Text.Encoding.ASCII.GetBytes(FormattableString.Invariant($"{value}\n")));
            System.IO.File.Move(beside, file.Path, overwrite: true);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            TrackingLog.Problem(logger, Name, $"init_file could not be written: {exception.Message}");
        }
    }
}
