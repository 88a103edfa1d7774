using System.Buffers.Binary;
using System.Globalization;
using System.Text;
using Microsoft.Extensions.Logging;
using Microsoft.Win32.SafeHandles;
using Vrrp.Linux;

namespace Vrrp.Daemon.Tracking;

/// <summary>
/// The scripts that run now, in a file beside the pid file: after a SIGKILL the next start finds those that run on and ends them, so that
/// they neither do their work twice nor undo what newer ones did. Each has a mark of its own in its environment; nothing without it is ended.
/// What a script that had ended left running is not in the file, and goes on as it does while the daemon runs.
/// </summary>
internal sealed class ScriptLedger(string path, ILogger logger) : IDisposable
{
    /// <summary>The variable that holds the mark.</summary>
    public const string Variable = "VRRP_RUN";

    // A head: what the file is, and the mark that all of one daemon's scripts have in common. Then the slots: number, process.
    private const int HeadLength = 32;
    private const int SlotLength = 16;
    private const int SlotCount = 4096;
    private const int Length = HeadLength + (SlotCount * SlotLength);
    private const int LongestEnvironment = 1024 * 1024;
    private const int SIGKILL = 9;

    private readonly Lock _lock = new();
    private readonly Stack<int> _free = new();
    private SafeFileHandle? _file;
    private Guid _owner;
    private long _lastNumber;

    private static ReadOnlySpan<byte> Magic => "vrrp-scripts-1\n\0"u8;

    /// <summary>Ends what an earlier daemon left running, and begins a record of its own.</summary>
    public void Begin()
    {
        try
        {
            EndLeftBehind();
            Open();
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            TrackingLog.ScriptsNotRecorded(logger, path, exception.Message);
        }
    }

    /// <summary>Notes a script that is about to start.</summary>
    /// <param name="mark">What its environment is to hold, NAME=value.</param>
    /// <returns>Its slot; null when there is none for it.</returns>
    public int? Add(out string? mark)
    {
        lock (_lock)
        {
            mark = null;
            if (_file is null || !_free.TryPop(out int slot))
                return null;
            long number = ++_lastNumber;
            mark = Mark(_owner, number);
            Write(slot, number, 0);
            return slot;
        }
    }

    /// <summary>Notes its process.</summary>
    public void Name(int slot, int process)
    {
        lock (_lock)
            Write(slot, null, process);
    }

    /// <summary>It has ended.</summary>
    public void Remove(int slot)
    {
        lock (_lock)
        {
            Write(slot, 0, 0);
            _free.Push(slot);
        }
    }

    /// <summary>After a clean end there is nothing to be found.</summary>
    public void Dispose()
    {
        lock (_lock)
        {
            if (_file is null)
                return;
            _file.Dispose();
            _file = null;
        }

        try
        {
            File.Delete(path);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            TrackingLog.ScriptsNotRecorded(logger, path, exception.Message);
        }
    }

    private static string Mark(Guid owner, long number) => string.Create(CultureInfo.InvariantCulture, $"{Variable}={owner:N}-{number}");

    private void Open()
    {
        // Another file in its place, whatever is there: not one that somebody else may have open.
        File.Delete(path);
        var file = File.OpenHandle(path, FileMode.CreateNew, FileAccess.ReadWrite, FileShare.Read);
        try
        {
            File.SetUnixFileMode(file, UnixFileMode.UserRead | UnixFileMode.UserWrite);
            var owner = Guid.NewGuid();
            // All of it, so that a full disk shows now.
            var whole = new byte[Length];
            Magic.CopyTo(whole);
            owner.TryWriteBytes(whole.AsSpan(Magic.Length));
            RandomAccess.Write(file, whole, 0);
            lock (_lock)
            {
                (_file, _owner) = (file, owner);
                for (int slot = SlotCount - 1; slot >= 0; slot--)
                    _free.Push(slot);
            }
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    /// <summary>In place: the kernel has it when this returns, also for who comes after a SIGKILL.</summary>
    private void Write(int slot, long? number, int process)
    {
        if (_file is null)
            return;
        Span<byte> octets = stackalloc byte[SlotLength];
        BinaryPrimitives.WriteInt64LittleEndian(octets, number ?? 0);
        BinaryPrimitives.WriteInt64LittleEndian(octets[8..], process);
        int skipped = number is null ? 8 : 0;
        try
        {
            RandomAccess.Write(_file, octets[skipped..], HeadLength + (slot * SlotLength) + skipped);
        }
        catch (IOException exception)
        {
            TrackingLog.ScriptsNotRecorded(logger, path, exception.Message);
            _file.Dispose();
            _file = null;
        }
    }

    private void EndLeftBehind()
    {
        byte[] whole;
        try
        {
            if (new FileInfo(path).Length != Length)
                return;
            whole = File.ReadAllBytes(path);
        }
        catch (Exception exception) when (exception is FileNotFoundException or DirectoryNotFoundException)
        {
            return;
        }

        if (whole.Length != Length || !whole.AsSpan().StartsWith(Magic))
            return;
        var owner = new Guid(whole.AsSpan(Magic.Length, 16));
        var unnamed = new HashSet<string>(StringComparer.Ordinal);
        for (int at = HeadLength; at < Length; at += SlotLength)
        {
            long number = BinaryPrimitives.ReadInt64LittleEndian(whole.AsSpan(at)), process = BinaryPrimitives.ReadInt64LittleEndian(whole.AsSpan(at + 8));
            if (number <= 0)
                continue;
            string mark = Mark(owner, number);
            if (process == 0)
                unnamed.Add(mark);
            else if (process is > 1 and <= int.MaxValue && MarkOf((int)process) == mark)
                End((int)process);
        }

        // Killed between the start of a script and the note of its process.
        if (unnamed.Count > 0)
            EndUnnamed(unnamed);
    }

    private void EndUnnamed(HashSet<string> marks)
    {
        foreach (int process in new ProcessFiles().List())
        {
            if (MarkOf(process) is { } mark && marks.Contains(mark) && NativeMethods.GetSession(process) == process)
                End(process);
        }
    }

    private void End(int process)
    {
        string command = string.Join(' ', new ProcessFiles().Read(process)?.CommandLine ?? []);
        if (NativeMethods.Kill(-process, SIGKILL) == 0)
            TrackingLog.LeftBehindEnded(logger, process, command);
    }

    /// <summary>The mark in a process's environment; null: it has none, or it is gone.</summary>
    private static string? MarkOf(int process)
    {
        try
        {
            using var stream = File.OpenRead(string.Create(CultureInfo.InvariantCulture, $"/proc/{process}/environ"));
            var octets = new byte[LongestEnvironment];
            int length = stream.ReadAtLeast(octets, octets.Length, throwOnEndOfStream: false);
            return Encoding.UTF8.GetString(octets, 0, length).Split('\0').FirstOrDefault(variable => variable.StartsWith(Variable + "=", StringComparison.Ordinal));
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }
}
