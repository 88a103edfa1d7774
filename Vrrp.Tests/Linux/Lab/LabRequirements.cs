namespace Vrrp.Tests.Linux.Lab;

/// <summary>What the laboratory needs of the machine. A missing piece fails a test with one line that says what to install.</summary>
internal static class LabRequirements
{
    private static readonly string[] Tools = ["ip", "bridge", "keepalived", "tshark", "tcpdump", "ping", "arping", "nft", "ipvsadm", "smtpd", "dovecot"];
    private static readonly Lazy<string?> Missing = new(Find);

    public static void Demand()
    {
        if (Missing.Value is { } missing)
            throw new InvalidOperationException(missing);
    }

    private static string? Find()
    {
        if (!OperatingSystem.IsLinux() || !Environment.IsPrivilegedProcess)
            return "The network laboratory needs root on Linux: run the tests with sudo.";
        string[] absent = [.. Tools.Where(tool => FindOnPath(tool) is null)];
        return absent.Length == 0
            ? null
            : $"The network laboratory needs {string.Join(", ", absent)}: apt-get install keepalived tshark tcpdump iproute2 iputils-ping arping nftables ipvsadm opensmtpd dovecot-submissiond";
    }

    private static string? FindOnPath(string tool) =>
        $"{Environment.GetEnvironmentVariable("PATH")}:/usr/sbin:/sbin".Split(':', StringSplitOptions.RemoveEmptyEntries)
            .Select(folder => Path.Combine(folder, tool))
            .FirstOrDefault(File.Exists);
}
