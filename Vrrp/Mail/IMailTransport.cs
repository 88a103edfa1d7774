using System.Collections.Immutable;

namespace Vrrp.Mail;

/// <summary>Hands a mail to a mail server, or says why it could not.</summary>
public interface IMailTransport
{
    /// <summary>
    /// Delivers one mail to those of its <see cref="OutgoingMail.Recipients"/>. What the network or the server does is an outcome, never
    /// an exception.
    /// </summary>
    /// <param name="mail">The mail.</param>
    /// <param name="committing">
    /// Called once before the server may take the mail over, so that a process killed from then on does not deliver it again; with those of
    /// the recipients for whom nothing is left to do if it does, because it takes the mail for them or never will. A transport that cannot
    /// tell that moment calls it before it begins, with all of them. Called again only for another server after the first did not take it
    /// for everyone.
    /// </param>
    /// <param name="cancellationToken">Gives the attempt up.</param>
    /// <returns>What became of it.</returns>
    /// <exception cref="OperationCanceledException">The attempt was given up; after <paramref name="committing"/> the server may have the mail.</exception>
    Task<MailOutcome> DeliverAsync(OutgoingMail mail, Action<ImmutableArray<string>>? committing, CancellationToken cancellationToken);
}
