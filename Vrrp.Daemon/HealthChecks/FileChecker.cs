using System.Globalization;
using Vrrp.Daemon.Configuration.Model;

namespace Vrrp.Daemon.HealthChecks;

/// <summary>FILE_CHECK: the number at the beginning of a file, times the weight, is added to the server's; without a weight any but 0 is down.</summary>
internal sealed class FileChecker(FileCheck check) : IHealthChecker
{
    /// <inheritdoc/>
    public async Task<CheckResult> CheckAsync(CancellationToken cancellationToken)
    {
        // A file may be on a disk that is slow.
        await Task.CompletedTask.ConfigureAwait(ConfigureAwaitOptions.ForceYielding);
        int value;
        try
        {
            value = Read(await ReadStartAsync(cancellationToken).ConfigureAwait(false));
        }
        catch (FileNotFoundException)
        {
            // As keepalived: a file that is not there says 0.
            value = 0;
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            return CheckResult.Failure($"{check.Path} cannot be read: {exception.Message}");
        }

        if (check.WeightFactor == 0)
            return value == 0 ? CheckResult.Success : CheckResult.Failure($"{check.Path} says {value}");
        long weight = check.BaseWeight + ((long)value * check.WeightFactor);
        return CheckResult.Success with { Weight = (int)Math.Clamp(weight, 0, int.MaxValue) };
    }

    private async Task<string> ReadStartAsync(CancellationToken cancellationToken)
    {
        using var stream = new FileStream(check.Path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete, 1);
        var start = new byte[64];
        int length = await stream.ReadAtLeastAsync(start, start.Length, throwOnEndOfStream: false, cancellationToken).ConfigureAwait(false);
        return System.Text.Encoding.ASCII.GetString(start, 0, length);
    }

    /// <summary>The number a text begins with; 0 when it begins with none.</summary>
    internal static int Read(string text)
    {
        string word = text.TrimStart();
        int end = word.StartsWith('-') || word.StartsWith('+') ? 1 : 0;
        while (end < word.Length && char.IsAsciiDigit(word[end]))
            end++;
        return long.TryParse(word.AsSpan(0, end), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out long value)
            ? (int)Math.Clamp(value, int.MinValue, int.MaxValue) : 0;
    }
}
