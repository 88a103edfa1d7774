using Microsoft.Extensions.Logging;
using Vrrp.Daemon.Configuration.Diagnostics;

namespace Vrrp.Daemon.Hosting;

/// <summary>The findings of a configuration as log lines: place, code and message, without the excerpt that a terminal gets.</summary>
internal static class DiagnosticLog
{
    public static void Write(ILogger logger, IEnumerable<Diagnostic> diagnostics)
    {
        foreach (var diagnostic in diagnostics)
        {
            string line = DiagnosticPrinter.ToLine(diagnostic);
            switch (diagnostic.Severity)
            {
                case DiagnosticSeverity.Error:
                    HostingLog.ConfigurationError(logger, line);
                    break;
                case DiagnosticSeverity.Warning:
                    HostingLog.ConfigurationWarning(logger, line);
                    break;
                default:
                    HostingLog.ConfigurationNote(logger, line);
                    break;
            }
        }
    }
}
