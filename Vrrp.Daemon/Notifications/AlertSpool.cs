using System.Collections.Immutable;
using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization;
using Microsoft.Extensions.Logging;
using Vrrp.Daemon.Tracking;
using Vrrp.Linux;

namespace Vrrp.Daemon.Notifications;

/// <summary>A mail on its way, as it is on disk.</summary>
/// <param name="Number">Its place in the order.</param>
/// <param name="Id">The part of Message-ID before the @.</param>
/// <param name="About">Mails about the same leave in their order.</param>
/// <param name="Subject">Subject.</param>
/// <param name="Body">Text.</param>
/// <param name="At">When it happened.</param>
/// <param name="Created">When the mail was made, by the wall clock.</param>
/// <param name="Count">How many alerts it stands for.</param>
/// <param name="Settled">Recipients who have it, or never will.</param>
/// <param name="Parts">What was held back and is told by it.</param>
internal sealed record SpooledMail(
    long Number,
    string Id,
    string About,
    string Subject,
    string Body,
    DateTimeOffset At,
    DateTimeOffset Created,
    int Count,
    ImmutableArray<string> Settled,
    ImmutableArray<string> Parts)
{
    /// <summary>Whether a file had all of it.</summary>
    [JsonIgnore]
    public bool IsWhole => Number >= 0 && Id is not null && About is not null && Subject is not null && Body is not null && !Settled.IsDefault && !Parts.IsDefault;
}

/// <summary>What is held back of one subject, as it is on disk.</summary>
internal sealed record SpooledHeld(
    string Id,
    string About,
    string Event,
    string Reason,
    string Subject,
    string Body,
    DateTimeOffset At,
    DateTimeOffset Since,
    int Count,
    Dictionary<string, int> Events,
    ImmutableArray<string> Recent)
{
    /// <summary>Whether a file had all of it.</summary>
    [JsonIgnore]
    public bool IsWhole => Count > 0 && Id is not null && About is not null && Event is not null && Reason is not null
        && Subject is not null && Body is not null && Events is not null && !Recent.IsDefault;
}

/// <summary>JSON of the spool, without reflection.</summary>
[JsonSerializable(typeof(SpooledMail))]
[JsonSerializable(typeof(SpooledHeld[]))]
internal sealed partial class SpoolJson : JsonSerializerContext;

/// <summary>
/// Mails that wait, a file each in a directory that only root may enter, so that no end of the daemon loses one. A mail that a server may
/// have is renamed before it can have it: one that is found so at the next start is not sent again.
/// </summary>
internal sealed class AlertSpool(string directory, ILogger logger)
{
    /// <summary>Where the mails of the usual daemon wait.</summary>
    public const string DefaultPath = "/var/spool/vrrp";

    private const int MaximumMails = 5000;
    private const int MaximumOctets = 4 * 1024 * 1024;
    private const ushort OthersMayUse = 0x3F;
    private const string Waiting = ".mail";
    private const string Committed = ".sent";
    private const string Unfinished = ".new";
    private const string HeldName = "held.json";

    /// <summary>Whether mails are kept in it.</summary>
    public bool IsUsable => _isUsable;

    /// <summary>The directory.</summary>
    public string Directory => directory;

    private const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite;

    private readonly Lock _lock = new();
    private string? _toldProblem;
    private volatile bool _isUsable;
    private bool _hasHeldFile;

    /// <summary>Opens the directory, makes it if need be, and reads what an earlier process left in it.</summary>
    /// <returns>What was left, and a number that is free, as are those after it.</returns>
    public (ImmutableArray<SpooledMail> Mails, ImmutableArray<HeldAlerts> Held, long Following) Open()
    {
        string[] paths;
        try
        {
            System.IO.Directory.CreateDirectory(directory, OwnerOnly | UnixFileMode.UserExecute);
            // Whoever else could write there could have mail sent, or read it.
            string? problem = !ScriptSecurity.TryStat(directory, follow: false, out uint owner, out ushort mode) ? "it cannot be looked at"
                : owner != NativeMethods.GetEffectiveUser()
                    ? string.Create(CultureInfo.InvariantCulture, $"it belongs to another user (uid {owner}): chown it to uid {NativeMethods.GetEffectiveUser()}")
                : (mode & OthersMayUse) != 0 ? $"others may enter it: chmod 700 {directory}"
                : null;
            if (problem is not null)
            {
                Tell(problem);
                return ([], [], 0);
            }

            paths = [.. System.IO.Directory.EnumerateFileSystemEntries(directory).Order(StringComparer.Ordinal)];
        }
#pragma warning disable CA1031 // Whatever it is, mail goes on in memory.
        catch (Exception exception)
#pragma warning restore CA1031
        {
            // Not used either: without knowing what waits there, new mails could take the place of it.
            Tell(exception.Message);
            return ([], [], 0);
        }

        _isUsable = true;
        var mails = ImmutableArray.CreateBuilder<SpooledMail>();
        foreach (string path in paths)
        {
            Try(path, () =>
            {
                if (path.EndsWith(Unfinished, StringComparison.Ordinal))
                    File.Delete(path);
                else if (path.EndsWith(Committed, StringComparison.Ordinal))
                    Settle(path);
                else if (path.EndsWith(Waiting, StringComparison.Ordinal) && mails.Count < MaximumMails && Read(path, SpoolJson.Default.SpooledMail) is { } mail && Keep(path, mail))
                    mails.Add(mail);
            });
        }

        ImmutableArray<HeldAlerts> held = [];
        Try(Path.Combine(directory, HeldName), () => held = ReadHeld(mails));
        // Also what could not be read keeps its number.
        return (mails.ToImmutable(), held, paths.Select(NumberOf).DefaultIfEmpty(-1).Max() + 1);
    }

    private static long NumberOf(string path) =>
        long.TryParse(Path.GetFileNameWithoutExtension(path), NumberStyles.None, CultureInfo.InvariantCulture, out long number) && number < long.MaxValue / 2 ? number : -1;

    /// <summary>One file that cannot be read does not keep back the others.</summary>
    private void Try(string path, Action action)
    {
        try
        {
            action();
        }
#pragma warning disable CA1031 // Whatever it is, the other files are good.
        catch (Exception exception)
#pragma warning restore CA1031
        {
            AlertLog.SpoolFileSkipped(logger, path, exception.Message);
        }
    }

    /// <summary>Puts a mail on disk, or its changed state.</summary>
    public void Write(SpooledMail mail) =>
        Do(() => WriteFile(PathOf(mail.Number, Waiting), JsonSerializer.SerializeToUtf8Bytes(mail, SpoolJson.Default.SpooledMail), isDurable: true));

    /// <summary>Notes that a server may have a mail from now on.</summary>
    public void Commit(long number) => Do(() => File.Move(PathOf(number, Waiting), PathOf(number, Committed), overwrite: true));

    /// <summary>Takes <see cref="Commit"/> back: the server has said that it does not have the mail, or not for everyone.</summary>
    public void Retry(SpooledMail mail) => Do(() =>
    {
        // In this order: killed in between, those who have it do not get it twice.
        WriteFile(PathOf(mail.Number, Waiting), JsonSerializer.SerializeToUtf8Bytes(mail, SpoolJson.Default.SpooledMail), isDurable: false);
        File.Delete(PathOf(mail.Number, Committed));
    });

    /// <summary>Forgets a mail.</summary>
    public void Remove(long number) => Do(() =>
    {
        File.Delete(PathOf(number, Waiting));
        File.Delete(PathOf(number, Committed));
    });

    /// <summary>Puts all that is held back on disk.</summary>
    public void WriteHeld(IReadOnlyCollection<HeldAlerts> held) => Do(() =>
    {
        string path = Path.Combine(directory, HeldName);
        if (held.Count > 0)
            WriteFile(path, JsonSerializer.SerializeToUtf8Bytes([.. held.Select(ToDisk)], SpoolJson.Default.SpooledHeldArray), isDurable: false);
        else if (_hasHeldFile)
            File.Delete(path);
        _hasHeldFile = held.Count > 0;
    });

    private static SpooledHeld ToDisk(HeldAlerts held) => new(
        held.Id, held.Last.About, held.Last.Event, held.Last.Reason, held.Last.Subject, held.Last.Body, held.Last.At, held.Since, held.Count, new(held.Events), [.. held.Recent]);

    private static HeldAlerts FromDisk(SpooledHeld held) => new()
    {
        Id = held.Id,
        Last = new(held.About, held.Event, held.Reason, held.At, held.Subject, held.Body),
        Since = held.Since,
        Count = held.Count,
        Events = held.Events.ToImmutableSortedDictionary(StringComparer.Ordinal),
        Recent = [.. held.Recent],
        RecentCount = held.Recent.Length,
    };

    private ImmutableArray<HeldAlerts> ReadHeld(IEnumerable<SpooledMail> mails)
    {
        string path = Path.Combine(directory, HeldName);
        if (!File.Exists(path))
            return [];
        SpooledHeld[] held = Read(path, SpoolJson.Default.SpooledHeldArray) ?? [];
        if (!held.All(one => one is { IsWhole: true }))
        {
            AlertLog.SpoolFileDropped(logger, path, "it is no record of ours");
            held = [.. held.Where(one => one is { IsWhole: true })];
        }

        _hasHeldFile = held.Length > 0;
        if (!_hasHeldFile)
            File.Delete(path);
        // Killed between writing the mail that tells of them and taking them off here.
        var told = mails.SelectMany(mail => mail.Parts).ToHashSet(StringComparer.Ordinal);
        return [.. held.Where(one => !told.Contains(one.Id)).Select(FromDisk)];
    }

    private bool Keep(string path, SpooledMail mail)
    {
        if (mail.IsWhole && path == PathOf(mail.Number, Waiting))
            return true;
        AlertLog.SpoolFileDropped(logger, path, "it is no mail of ours");
        File.Delete(path);
        return false;
    }

    private void Settle(string path)
    {
        // With a waiting one beside it the server had said no.
        if (!File.Exists(Path.ChangeExtension(path, Waiting)) && Read(path, SpoolJson.Default.SpooledMail) is { IsWhole: true } mail)
            AlertLog.InDoubt(logger, AlertText.OneLine(mail.Subject));
        File.Delete(path);
    }

    private T? Read<T>(string path, System.Text.Json.Serialization.Metadata.JsonTypeInfo<T> type)
        where T : class
    {
        try
        {
            if (new FileInfo(path).Length > MaximumOctets)
                throw new InvalidDataException("it is larger than any of ours");
            return JsonSerializer.Deserialize(File.ReadAllBytes(path), type) ?? throw new InvalidDataException("it is empty");
        }
        catch (Exception exception) when (exception is JsonException or InvalidDataException or NotSupportedException)
        {
            AlertLog.SpoolFileDropped(logger, path, exception.Message);
            File.Delete(path);
            return null;
        }
    }

    private static void WriteFile(string path, byte[] content, bool isDurable)
    {
        string next = path + Unfinished;
        using (var stream = new FileStream(next, new FileStreamOptions { Mode = FileMode.Create, Access = FileAccess.Write, UnixCreateMode = OwnerOnly }))
        {
            stream.Write(content);
            stream.Flush(isDurable);
        }

        File.Move(next, path, overwrite: true);
    }

    private string PathOf(long number, string extension) => Path.Combine(directory, number.ToString("D12", CultureInfo.InvariantCulture) + extension);

    private void Do(Action action)
    {
        if (!_isUsable)
            return;
        // Mails come and go on different threads.
        lock (_lock)
        {
            try
            {
                action();
                _toldProblem = null;
            }
            catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
            {
                Tell(exception.Message);
            }
        }
    }

    private void Tell(string problem)
    {
        if (_toldProblem != problem)
            AlertLog.SpoolFailed(logger, directory, problem);
        _toldProblem = problem;
    }
}
