using Microsoft.Extensions.Logging;

namespace Vrrp.Daemon.Notifications;

/// <summary>What mail alerts say: a line when a problem begins, changes or ends, none for each mail.</summary>
internal static partial class AlertLog
{
    [LoggerMessage(100, LogLevel.Warning, "mail alerts are not delivered: {Problem}; they wait and are tried again")]
    public static partial void Undelivered(ILogger logger, string problem);

    [LoggerMessage(101, LogLevel.Information, "mail alerts are delivered again; {Waiting} more wait")]
    public static partial void DeliveredAgain(ILogger logger, int waiting);

    [LoggerMessage(102, LogLevel.Error, "mail alert '{Subject}' is given up: {Problem}")]
    public static partial void Refused(ILogger logger, string subject, string problem);

    [LoggerMessage(114, LogLevel.Error, "mail alert '{Subject}' is given up as well")]
    public static partial void RefusedToo(ILogger logger, string subject);

    [LoggerMessage(115, LogLevel.Warning, "mail alert '{Subject}': {Problem}; its answer is awaited, and mail about something else goes past it")]
    public static partial void AnswerLate(ILogger logger, string subject, string problem);

    [LoggerMessage(103, LogLevel.Error, "mail alert '{Subject}' is given up: it could not be delivered in a day")]
    public static partial void GivenUp(ILogger logger, string subject);

    [LoggerMessage(104, LogLevel.Warning, "not every recipient gets mail alerts: {Problem}")]
    public static partial void RecipientRefused(ILogger logger, string problem);

    [LoggerMessage(105, LogLevel.Error, "mail alerts that wait are kept in memory only, {Directory} cannot be used: {Problem}")]
    public static partial void SpoolFailed(ILogger logger, string directory, string problem);

    [LoggerMessage(106, LogLevel.Warning, "whether mail alert '{Subject}' was delivered is not known, the daemon ended while the server was taking it; it is not sent twice")]
    public static partial void InDoubt(ILogger logger, string subject);

    [LoggerMessage(116, LogLevel.Warning, "whether mail alert '{Subject}' was delivered is not known, the server has had it and has not answered before the end; it is not sent twice")]
    public static partial void InDoubtAtEnd(ILogger logger, string subject);

    [LoggerMessage(107, LogLevel.Error, "{Path} in the mail spool is damaged and removed: {Problem}")]
    public static partial void SpoolFileDropped(ILogger logger, string path, string problem);

    [LoggerMessage(113, LogLevel.Error, "{Path} in the mail spool is left alone: {Problem}")]
    public static partial void SpoolFileSkipped(ILogger logger, string path, string problem);

    [LoggerMessage(108, LogLevel.Information, "{Count} mail alerts of the last run wait to be delivered")]
    public static partial void Restored(ILogger logger, int count);

    [LoggerMessage(109, LogLevel.Warning, "{Count} mail alerts could not be delivered before the end; they wait in {Directory}")]
    public static partial void LeftInSpool(ILogger logger, int count, string directory);

    [LoggerMessage(110, LogLevel.Error, "{Count} mail alerts could not be delivered before the end and are lost")]
    public static partial void Lost(ILogger logger, int count);

    [LoggerMessage(111, LogLevel.Warning, "mail is configured no more: {Count} mail alerts that waited are dropped")]
    public static partial void Unconfigured(ILogger logger, int count);

    [LoggerMessage(112, LogLevel.Critical, "mail alerts failed in themselves; they are tried again")]
    public static partial void Failed(ILogger logger, Exception exception);
}
