using System.Net.NetworkInformation;

namespace Vrrp.Daemon.Notifications;

/// <summary>What this host calls itself.</summary>
internal static class HostName
{
    /// <summary>With its domain where the system knows one without asking a name server.</summary>
    public static string Qualified
    {
        get
        {
            var properties = IPGlobalProperties.GetIPGlobalProperties();
            string name = Environment.MachineName;
            string domain = properties.DomainName;
            string full = name.Contains('.', StringComparison.Ordinal) || domain.Length == 0 || domain == "(none)" ? name : $"{name}.{domain}";
            // It stands in HELO and in Message-IDs.
            return full.Length > 0 && full.All(c => char.IsAsciiLetterOrDigit(c) || c is '.' or '-' or '_') ? full : "localhost";
        }
    }
}
