using System.Collections.Immutable;
using Vrrp.Mail;

namespace Vrrp.Daemon.Notifications;

/// <summary>
/// Several mail servers as one: the next is asked when those before cannot be used or do not take the mail now. One that could not be used,
/// or lets the answer to another mail wait, is asked after the others for a while, so that not every mail waits for it first.
/// </summary>
internal sealed class SeveralMailTransports(IReadOnlyList<IMailTransport> transports, TimeProvider time) : IMailTransport
{
    /// <summary>How long one that could not be used is asked last.</summary>
    public static readonly TimeSpan Rest = TimeSpan.FromMinutes(2);

    private readonly Lock _lock = new();
    private readonly long?[] _failed = new long?[transports.Count];
    private readonly int[] _unanswered = new int[transports.Count];

    /// <inheritdoc/>
    public async Task<MailOutcome> DeliverAsync(OutgoingMail mail, Action<ImmutableArray<string>>? committing, CancellationToken cancellationToken)
    {
        var settled = new HashSet<string>(StringComparer.Ordinal);
        var outcomes = new List<MailOutcome>();
        foreach (int index in Order())
        {
            var rest = mail with { Recipients = [.. mail.Recipients.Where(recipient => !settled.Contains(recipient))] };
            ImmutableArray<string> before = [.. settled];
            var outcome = await DeliverAsync(index, rest, done => committing?.Invoke([.. before, .. done]), cancellationToken).ConfigureAwait(false);
            outcomes.Add(outcome);
            settled.UnionWith(outcome.Settled);
            if (outcome.Verdict == MailVerdict.Delivered)
                break;
        }

        // A server that is there knows more of the mail than one that is not; a later one may only stand in when the first is away.
        var last = outcomes[^1];
        if (last.Verdict == MailVerdict.Delivered)
            return last;
        var decisive = outcomes.Find(outcome => outcome.Verdict == MailVerdict.Deferred)
            ?? outcomes.Find(outcome => outcome.Verdict == MailVerdict.Unavailable)
            ?? last;
        // One that is there and does not take this mail may take any other.
        bool isPutOff = decisive.Verdict == MailVerdict.Unavailable && outcomes.Exists(outcome => outcome.Verdict == MailVerdict.Refused);
        return decisive with
        {
            Verdict = isPutOff ? MailVerdict.Deferred : decisive.Verdict,
            CameWithMail = !isPutOff && outcomes.Exists(outcome => outcome.CameWithMail),
            Settled = [.. settled],
            Detail = string.Join("; ", outcomes.Select(outcome => outcome.Detail).Distinct()),
        };
    }

    private int[] Order()
    {
        lock (_lock)
            return [.. Enumerable.Range(0, transports.Count).OrderBy(index => _unanswered[index] > 0 || (_failed[index] is { } at && time.GetElapsedTime(at) < Rest))];
    }

    private async Task<MailOutcome> DeliverAsync(int index, OutgoingMail mail, Action<ImmutableArray<string>> committing, CancellationToken cancellationToken)
    {
        bool isCommitted = false;
        MailOutcome? outcome = null;
        try
        {
            return outcome = await transports[index].DeliverAsync(
                mail,
                done =>
                {
                    isCommitted = true;
                    lock (_lock)
                        _unanswered[index]++;
                    committing(done);
                },
                cancellationToken).ConfigureAwait(false);
        }
        finally
        {
            lock (_lock)
            {
                _unanswered[index] -= isCommitted ? 1 : 0;
                _failed[index] = outcome?.Verdict == MailVerdict.Unavailable ? time.GetTimestamp() : null;
            }
        }
    }
}
