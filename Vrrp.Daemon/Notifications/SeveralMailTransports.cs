using Vrrp.Mail;

namespace Vrrp.Daemon.Notifications;

/// <summary>Several mail servers as one: the next is asked when those before cannot be used or do not take the mail now.</summary>
internal sealed class SeveralMailTransports(IReadOnlyList<IMailTransport> transports) : IMailTransport
{
    /// <inheritdoc/>
    public async Task<MailOutcome> DeliverAsync(OutgoingMail mail, Action? committing, CancellationToken cancellationToken)
    {
        var settled = new HashSet<string>(StringComparer.Ordinal);
        var outcomes = new List<MailOutcome>();
        foreach (var transport in transports)
        {
            var rest = mail with { Recipients = [.. mail.Recipients.Where(recipient => !settled.Contains(recipient))] };
            var outcome = await transport.DeliverAsync(rest, committing, cancellationToken).ConfigureAwait(false);
            outcomes.Add(outcome);
            settled.UnionWith(outcome.Settled);
            if (outcome.Verdict == MailVerdict.Delivered)
                break;
        }

        // A server that is there knows more of the mail than one that is not; a later one may only stand in when the first is away.
        var last = outcomes[^1];
        var decisive = last.Verdict == MailVerdict.Delivered ? last
            : outcomes.Find(outcome => outcome.Verdict == MailVerdict.Deferred)
            ?? (outcomes.TrueForAll(outcome => outcome.Verdict == MailVerdict.Refused) ? last : null)
            ?? outcomes.Find(outcome => outcome.Verdict == MailVerdict.Unavailable)!;
        return decisive.Verdict == MailVerdict.Delivered
            ? decisive
            : decisive with { Settled = [.. settled], Detail = string.Join("; ", outcomes.Select(outcome => outcome.Detail).Distinct()) };
    }
}
