using System.Diagnostics;
using System.Runtime.InteropServices;
using Vrrp.Linux;

namespace Vrrp.Tests.Linux.Lab;

/// <summary>Runs other programs.</summary>
internal static partial class Tool
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    /// <summary>Runs a program to its end and returns what it printed.</summary>
    /// <exception cref="InvalidOperationException">It failed.</exception>
    public static async Task<string> RunAsync(string file, IEnumerable<string> arguments, string? input = null, NetworkNamespace? network = null)
    {
        var (exitCode, output, error) = await TryRunAsync(file, arguments, input, network);
        return exitCode == 0
            ? output
            : throw new InvalidOperationException($"{file} {string.Join(' ', arguments)} ended with {exitCode}: {error}{output}\n{input}");
    }

    public static async Task<(int ExitCode, string Output, string Error)> TryRunAsync(
        string file, IEnumerable<string> arguments, string? input = null, NetworkNamespace? network = null)
    {
        using var process = Start(StartInfo(file, arguments), network);
        var output = process.StandardOutput.ReadToEndAsync();
        var error = process.StandardError.ReadToEndAsync();
        if (input is not null)
            await process.StandardInput.WriteAsync(input);
        process.StandardInput.Close();
        using var giveUp = new CancellationTokenSource(Patience);
        try
        {
            await process.WaitForExitAsync(giveUp.Token);
        }
        catch (OperationCanceledException)
        {
            process.Kill();
            throw new LabTimeoutException($"{file} {string.Join(' ', arguments)} has not ended after {Patience.TotalSeconds} s");
        }
        return (process.ExitCode, await output, await error);
    }

    public static ProcessStartInfo StartInfo(string file, IEnumerable<string> arguments)
    {
        var info = new ProcessStartInfo(file)
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        foreach (var argument in arguments)
            info.ArgumentList.Add(argument);
        return info;
    }

    /// <summary>Starts a program in a network namespace; in this process's own when it is null.</summary>
    public static Process Start(ProcessStartInfo info, NetworkNamespace? network) =>
        network?.Start(info) ?? Process.Start(info) ?? throw new InvalidOperationException($"{info.FileName} was not started.");

    public static void SendSignal(int process, PosixSignalNumber signal) => _ = Kill(process, (int)signal);

    [LibraryImport("libc", EntryPoint = "kill")]
    private static partial int Kill(int process, int signal);
}

/// <summary>Signals under the numbers Linux gives them.</summary>
internal enum PosixSignalNumber
{
    Hangup = 1,
    Interrupt = 2,
    Kill = 9,
    Terminate = 15,
    Continue = 18,
    Stop = 19,
}
