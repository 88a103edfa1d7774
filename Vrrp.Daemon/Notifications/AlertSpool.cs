using System.Collections.Concurrent;
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
/// <param name="Abouts">All that it is about, if that is more than one thing.</param>
/// <param name="Left">Of a mail that a server may have: the recipients who do not get it by that, and for whom it is not settled either.</param>
/// <param name="Boot">The boot of the host in which the mail was made.</param>
/// <param name="SinceBoot">How long after it.</param>
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
    ImmutableArray<string> Parts,
    ImmutableArray<string>? Abouts = null,
    ImmutableArray<string>? Left = null,
    string? Boot = null,
    TimeSpan SinceBoot = default)
{
    /// <summary>Those that have to leave before it are about one of these too.</summary>
    [JsonIgnore]
    public ImmutableArray<string> Subjects => Abouts ?? [About];

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
/// have is renamed before it can have it: one that is found so at the next start is not sent again. What a disk refuses for a while is made
/// up for when it takes changes again.
/// </summary>
internal sealed class AlertSpool(string directory, ILogger logger, TimeProvider time, SpoolDisk? disk = null)
{
    /// <summary>Where the mails of the usual daemon wait.</summary>
    public const string DefaultPath = "/var/spool/vrrp";

    private const int MaximumMails = 5000;

    /// <summary>No file of ours is larger: beyond <see cref="MaximumHeldOctets"/> what is held back is shortened, and what it may be shortened to has <see cref="MaximumHeld"/> as its bound.</summary>
    private const int MaximumOctets = 64 * 1024 * 1024;
    private const int MaximumHeldOctets = 2 * 1024 * 1024;
    private const int MaximumHeld = 10_000;
    private const int MaximumText = 200;
    private const long HeldKey = -1;
    private const ushort OthersMayUse = 0x3F;
    private const string Waiting = ".mail";
    private const string Committed = ".sent";
    private const string HeldName = "held.json";

    /// <summary>The directory.</summary>
    public string Directory => directory;

    private readonly Lock _lock = new();
    private readonly SpoolDisk _disk = disk ?? new();

    /// <summary>What is on disk, by the mail's number, and whether a server may have it.</summary>
    private readonly ConcurrentDictionary<long, bool> _files = [];

    /// <summary>What the disk refused, by the mail's number.</summary>
    private readonly Dictionary<long, Action> _owed = [];
    private string? _toldProblem;
    private volatile bool _isUsable;

    /// <summary>Whether a mail is on disk.</summary>
    public bool Holds(long number) => _files.ContainsKey(number);

    /// <summary>Opens the directory, makes it if need be, and reads what an earlier process left in it.</summary>
    /// <returns>What was left, and a number that is free, as are those after it.</returns>
    public (ImmutableArray<SpooledMail> Mails, ImmutableArray<HeldAlerts> Held, long Following) Open()
    {
        string[] paths;
        try
        {
            System.IO.Directory.CreateDirectory(directory, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
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

            // What cannot be marked or removed would be sent again at every start.
            _disk.Probe(directory, time.GetUtcNow().UtcDateTime);
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
                SpooledMail? mail = null;
                if (path.EndsWith(SpoolDisk.Unfinished, StringComparison.Ordinal))
                    _disk.Delete(path);
                else if (path.EndsWith(Committed, StringComparison.Ordinal))
                    mail = Settle(path);
                else if (path.EndsWith(Waiting, StringComparison.Ordinal) && mails.Count < MaximumMails && Read(path, SpoolJson.Default.SpooledMail) is { } read && Keep(path, read))
                    mail = read;
                if (mail is not null)
                {
                    _files[mail.Number] = false;
                    mails.Add(mail);
                }
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
    public void Write(SpooledMail mail) => Do(
        mail.Number,
        () =>
        {
            WriteMail(mail, Waiting);
            _files[mail.Number] = false;
            _disk.Sync(directory);
        });

    /// <summary>Notes that a server may have a mail from now on, for all but those who are <see cref="SpooledMail.Left"/>.</summary>
    public void Commit(SpooledMail mail)
    {
        if (!IsThere(mail.Number))
            return;
        Do(
            mail.Number,
            () =>
            {
                if (_files[mail.Number] || mail.Left is { IsEmpty: false })
                {
                    WriteMail(mail, Committed);
                    // Killed before this, it is sent again: the server does not have it yet.
                    _disk.Delete(PathOf(mail.Number, Waiting));
                }
                else
                {
                    _disk.Move(PathOf(mail.Number, Waiting), PathOf(mail.Number, Committed));
                }

                _files[mail.Number] = true;
                _disk.Sync(directory);
            },
            isOwed: false);
    }

    /// <summary>Takes <see cref="Commit"/> back: the server has said that it does not have the mail, or not for everyone.</summary>
    public void Retry(SpooledMail mail) => Do(
        mail.Number,
        () =>
        {
            // In this order: killed in between, those who have it do not get it twice.
            WriteMail(mail, Waiting);
            _disk.Sync(directory);
            _disk.Delete(PathOf(mail.Number, Committed));
            _files[mail.Number] = false;
        });

    /// <summary>Forgets a mail.</summary>
    public void Remove(long number)
    {
        if (!IsThere(number))
            return;
        Do(
            number,
            () =>
            {
                _disk.Delete(PathOf(number, Waiting));
                _disk.Delete(PathOf(number, Committed));
                _files.TryRemove(number, out _);
            });
    }

    /// <summary>Puts all that is held back on disk, of as many subjects as one file has room for.</summary>
    public void WriteHeld(IReadOnlyCollection<HeldAlerts> held)
    {
        if (!IsThere(HeldKey) && held.Count == 0)
            return;
        string path = Path.Combine(directory, HeldName);
        Do(
            HeldKey,
            () =>
            {
                if (held.Count > 0)
                {
                    _disk.Write(path, Shorten([.. held.Take(MaximumHeld).Select(ToDisk)]), isDurable: !_files.ContainsKey(HeldKey));
                    _files[HeldKey] = false;
                }
                else
                {
                    _disk.Delete(path);
                    _files.TryRemove(HeldKey, out _);
                }
            });
    }

    /// <summary>Tries once more what the disk refused.</summary>
    public void MakeUp()
    {
        lock (_lock)
        {
            if (_owed.Count > 0)
                Try(PayOwed);
        }
    }

    private void WriteMail(SpooledMail mail, string extension) =>
        _disk.Write(PathOf(mail.Number, extension), JsonSerializer.SerializeToUtf8Bytes(mail, SpoolJson.Default.SpooledMail), isDurable: true);

    /// <summary>A flood of thousands of subjects loses its texts, and no alert: what happened to each, how often and why is kept.</summary>
    private static byte[] Shorten(SpooledHeld[] held)
    {
        byte[] content = JsonSerializer.SerializeToUtf8Bytes(held, SpoolJson.Default.SpooledHeldArray);
        return content.Length <= MaximumHeldOctets ? content : JsonSerializer.SerializeToUtf8Bytes([.. held.Select(Shorten)], SpoolJson.Default.SpooledHeldArray);
    }

    private static SpooledHeld Shorten(SpooledHeld held) => held with
    {
        Reason = Cut(held.Reason),
        // By its first line mail is filtered.
        Body = Cut(held.Body.Split('\n')[0]) + "\n",
        Recent = [.. held.Recent.TakeLast(1).Select(Cut)],
    };

    private static string Cut(string text) => text.Length <= MaximumText ? text : text[..MaximumText];

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

        if (held.Length > 0)
            _files[HeldKey] = false;
        else
            _disk.Delete(path);
        // Killed between writing the mail that tells of them and taking them off here.
        var told = mails.SelectMany(mail => mail.Parts).ToHashSet(StringComparer.Ordinal);
        return [.. held.Where(one => !told.Contains(one.Id)).Select(FromDisk)];
    }

    private bool Keep(string path, SpooledMail mail)
    {
        if (mail.IsWhole && path == PathOf(mail.Number, Waiting))
            return true;
        AlertLog.SpoolFileDropped(logger, path, "it is no mail of ours");
        _disk.Delete(path);
        return false;
    }

    /// <summary>A mail that was marked: what is left to do of it. Null: nothing.</summary>
    private SpooledMail? Settle(string path)
    {
        // With a waiting one beside it the server had said no, or did not have it yet.
        if (!File.Exists(Path.ChangeExtension(path, Waiting)) && Read(path, SpoolJson.Default.SpooledMail) is { IsWhole: true } mail)
        {
            AlertLog.InDoubt(logger, AlertText.OneLine(mail.Subject));
            if (mail.Left is { IsEmpty: false } && path == PathOf(mail.Number, Committed))
            {
                var rest = mail with { Left = null };
                WriteMail(rest, Waiting);
                _disk.Sync(directory);
                _disk.Delete(path);
                return rest;
            }
        }

        _disk.Delete(path);
        return null;
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
            _disk.Delete(path);
            return null;
        }
    }

    private string PathOf(long number, string extension) => Path.Combine(directory, number.ToString("D12", CultureInfo.InvariantCulture) + extension);

    /// <summary>Changes something, or tries it again with the next change that the disk takes.</summary>
    private void Do(long key, Action action, bool isOwed = true)
    {
        if (!_isUsable)
            return;
        // Mails come and go on different threads.
        lock (_lock)
        {
            // A newer change takes the place of an older one of the same mail.
            _owed.Remove(key);
            if (Try(action))
                Try(PayOwed);
            else if (isOwed)
                _owed[key] = action;
        }
    }

    /// <summary>Whether there is a file. What was to become one need not any more.</summary>
    private bool IsThere(long key)
    {
        lock (_lock)
        {
            _owed.Remove(key);
            return _files.ContainsKey(key);
        }
    }

    private void PayOwed()
    {
        foreach (var (key, action) in _owed.OrderBy(pair => pair.Key).ToArray())
        {
            action();
            _owed.Remove(key);
        }

        _toldProblem = null;
    }

    private bool Try(Action action)
    {
        try
        {
            action();
            return true;
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            Tell(exception.Message);
            return false;
        }
    }

    private void Tell(string problem)
    {
        if (_toldProblem != problem)
            AlertLog.SpoolFailed(logger, directory, problem);
        _toldProblem = problem;
    }
}
