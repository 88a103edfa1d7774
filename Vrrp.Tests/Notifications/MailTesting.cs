using System.Collections.Immutable;
using Microsoft.Extensions.Logging;
using Vrrp.Daemon.Configuration;
using Vrrp.Daemon.Configuration.Model;
using Vrrp.Daemon.Notifications;
using Vrrp.Mail;
using Xunit;

namespace Vrrp.Tests.Notifications;

/// <summary>What tests of mail share.</summary>
internal static class MailTesting
{
    public static readonly DateTimeOffset At = new(2026, 3, 1, 4, 5, 6, 789, TimeSpan.FromHours(2));

    public static OutgoingMail Mail(params string[] to) => new()
    {
        MessageId = "1@host",
        Date = At,
        From = "r1@example.org",
        To = [.. to],
        Recipients = [.. to],
        Subject = "[R1] VRRP Instance VI_1 - Entering MASTER state",
        Body = "=> VRRP Instance is now owning VRRP VIPs <=\n.dot\n",
    };

    public static MailSettings Settings(params int[] ports) => new()
    {
        Servers = [.. ports.Select(port => new MailServer("127.0.0.1", $"{port}"))],
        From = "r1@example.org",
        To = ["a@example.org"],
        HeloName = "r1.example.org",
    };

    public static Alert Alert(string about, string happened = "Entering MASTER state", string reason = "a test") =>
        new(about, happened, reason, At, $"[R1] {about} - {happened}", $"=> {happened} <=\n");

    /// <summary>A configuration as it is read from a file, which must be without errors.</summary>
    public static DaemonConfig Config(string text)
    {
        var result = ConfigLoader.LoadText(text, "keepalived.conf");
        return result.Config ?? throw new InvalidOperationException(string.Join('\n', result.Diagnostics.Select(d => d.Message)));
    }

    /// <summary>Waits until something is so.</summary>
    public static async Task UntilAsync(Func<bool> condition, string what)
    {
        for (int i = 0; i < 12_000; i++)
        {
            if (condition())
                return;
            await Task.Delay(5);
        }

        Assert.Fail($"It did not come to be: {what}.");
    }
}

/// <summary>A transport that does what a test says and remembers what it was given.</summary>
internal sealed class TransportDouble : IMailTransport
{
    public Func<OutgoingMail, MailOutcome> Answer { get; set; } = _ => MailOutcome.Success;

    public List<OutgoingMail> Delivered { get; } = [];

    public int Attempts { get; private set; }

    /// <summary>Until it is complete, nothing is answered.</summary>
    public Task Gate { get; set; } = Task.CompletedTask;

    /// <summary>What it waits for once it may have a mail, before it answers.</summary>
    public Func<OutgoingMail, Task> Hold { get; set; } = _ => Task.CompletedTask;

    public OutgoingMail[] Snapshot()
    {
        lock (Delivered)
            return [.. Delivered];
    }

    /// <summary>Those whom it takes a mail for.</summary>
    public Func<OutgoingMail, ImmutableArray<string>> Takes { get; set; } = mail => mail.Recipients;

    public async Task<MailOutcome> DeliverAsync(OutgoingMail mail, Action<ImmutableArray<string>>? committing, CancellationToken cancellationToken)
    {
        await Gate.WaitAsync(cancellationToken);
        var hold = Hold(mail);
        if (!hold.IsCompleted)
        {
            committing?.Invoke(Takes(mail));
            committing = null;
            await hold.WaitAsync(cancellationToken);
        }

        lock (Delivered)
            Attempts++;
        var outcome = Answer(mail);
        lock (Delivered)
        {
            if (outcome.Verdict == MailVerdict.Delivered)
            {
                committing?.Invoke(Takes(mail));
                Delivered.Add(mail);
            }
        }

        return outcome;
    }
}

/// <summary>Keeps what is logged.</summary>
internal sealed class LogDouble : ILogger
{
    private readonly List<string> _lines = [];

    public string[] Lines
    {
        get
        {
            lock (_lines)
                return [.. _lines];
        }
    }

    public IDisposable? BeginScope<TState>(TState state)
        where TState : notnull => null;

    public bool IsEnabled(LogLevel logLevel) => true;

    public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
    {
        lock (_lines)
            _lines.Add($"{logLevel}: {formatter(state, exception)}");
    }
}

/// <summary>A directory that is gone after the test.</summary>
internal sealed class SpoolDirectory : IDisposable
{
    public string Path { get; } = Directory.CreateTempSubdirectory("vrrp-spool-").FullName;

    /// <summary>What is in it, but for what is being written.</summary>
    public ImmutableArray<string> Files =>
        [.. Directory.GetFiles(Path).Where(file => !file.EndsWith(".new", StringComparison.Ordinal)).Select(file => System.IO.Path.GetFileName(file)).Order(StringComparer.Ordinal)];

    public void Dispose() => Directory.Delete(Path, recursive: true);
}

/// <summary>A disk that says what is done to it, and takes no change where a test says so.</summary>
internal sealed class DiskDouble : SpoolDisk
{
    private readonly List<string> _changes = [];

    public volatile bool IsReadOnly;

    /// <summary>What was changed, in its order.</summary>
    public string[] Changes
    {
        get
        {
            lock (_changes)
                return [.. _changes];
        }
    }

    public override void Probe(string directory, DateTime now)
    {
        Note("probe");
        base.Probe(directory, now);
    }

    public override void Write(string path, byte[] content, bool isDurable)
    {
        Note($"write {Path.GetFileName(path)}{(isDurable ? "" : ", perhaps")}");
        base.Write(path, content, isDurable);
    }

    public override void Move(string from, string to)
    {
        Note($"move {Path.GetFileName(from)} to {Path.GetFileName(to)}");
        base.Move(from, to);
    }

    public override void Delete(string path)
    {
        Note($"delete {Path.GetFileName(path)}");
        base.Delete(path);
    }

    public override void Sync(string directory)
    {
        Note("sync");
        base.Sync(directory);
    }

    private void Note(string change)
    {
        if (IsReadOnly)
            throw new IOException("Read-only file system");
        lock (_changes)
            _changes.Add(change);
    }
}
