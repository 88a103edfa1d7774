using Microsoft.Extensions.Logging;
using Vrrp.Daemon.Configuration.Model;

namespace Vrrp.Daemon.Tracking;

/// <summary>Reads a track_file whenever the monitor says that it may have changed.</summary>
internal sealed class FileWatch(FileTracker file, TrackerReading reading, FileMonitor monitor, ILogger logger) : TrackerWatch(file, reading)
{
    private readonly Lock _lock = new();
    private string? _problem;
    private string? _lack;
    private bool _hasRead;

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

    /// <summary>Reads it again. A number that is too large leaves the one before in force.</summary>
    public void Read()
    {
        lock (_lock)
        {
            long number = FileNumber.Read(file.Path, out string? problem, out string? lack);
            if (number != (int)number)
                problem = "its number is too large and does not count";
            if (problem is not null && problem != _problem)
                TrackingLog.Problem(logger, Name, problem);
            if (lack is not null && lack != _lack)
                TrackingLog.CountsAsZero(logger, Name, lack);
            bool wasOdd = _problem is not null || _lack is not null;
            (_problem, _lack) = (problem, lack);
            if (number != (int)number)
                return;
            // Also the first number of all, and one that is there again; why there is none has just been said.
            if ((number != Reading.Value || wasOdd || (number != 0 && !_hasRead)) && problem is null && lack is null)
                TrackingLog.Says(logger, Name, (int)number);
            _hasRead = true;
            if (number != Reading.Value)
                Publish(new(null, (int)number));
        }
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
