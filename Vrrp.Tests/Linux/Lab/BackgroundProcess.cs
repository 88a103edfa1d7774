using System.Diagnostics;
using System.Globalization;
using Vrrp.Linux;

namespace Vrrp.Tests.Linux.Lab;

/// <summary>A program that runs beside the test; what it prints goes to a log.</summary>
internal sealed class BackgroundProcess : IAsyncDisposable
{
    private readonly Process _process;
    private readonly Task _ended;

    private BackgroundProcess(Process process, LineLog log, Signal changed, bool binaryOutput)
    {
        _process = process;
        Log = log;
        var error = ReadLinesAsync(process.StandardError, log);
        var output = binaryOutput ? Task.CompletedTask : ReadLinesAsync(process.StandardOutput, log);
        _ended = EndAsync();

        async Task EndAsync()
        {
            await process.WaitForExitAsync();
            await Task.WhenAll(error, output);
            changed.Pulse();
        }
    }

    public LineLog Log { get; }

    public int Id => _process.Id;

    public bool HasEnded => _ended.IsCompleted;

    /// <summary>What it ended with, once it has.</summary>
    public int ExitCode => _process.ExitCode;

    /// <summary>What the program writes when it was started with binary output.</summary>
    public Stream Output => _process.StandardOutput.BaseStream;

    /// <param name="file">The program.</param>
    /// <param name="arguments">Its arguments.</param>
    /// <param name="log">Where its lines go: standard error, and standard output unless that is binary.</param>
    /// <param name="changed">Told about each line and about the end.</param>
    /// <param name="binaryOutput">Whether the caller reads standard output itself.</param>
    /// <param name="network">Where it runs; where this process does when null.</param>
    public static BackgroundProcess Start(
        string file, IEnumerable<string> arguments, LineLog log, Signal changed, bool binaryOutput = false, NetworkNamespace? network = null)
    {
        var process = Tool.Start(Tool.StartInfo(file, arguments), network);
        process.StandardInput.Close();
        return new BackgroundProcess(process, log, changed, binaryOutput);
    }

    public void Send(PosixSignalNumber signal) => Tool.SendSignal(Id, signal);

    /// <summary>Takes the processor from the program and its children; the kernel goes on answering for their addresses.</summary>
    public void Freeze()
    {
        Send(PosixSignalNumber.Stop);
        foreach (var child in Children())
            Tool.SendSignal(child, PosixSignalNumber.Stop);
    }

    /// <summary>Gives the processor back.</summary>
    public void Thaw()
    {
        foreach (var child in Children())
            Tool.SendSignal(child, PosixSignalNumber.Continue);
        Send(PosixSignalNumber.Continue);
    }

    /// <summary>Kills the program and its children so that none of them can say a last word.</summary>
    public async Task KillAsync()
    {
        if (!HasEnded)
        {
            // A stopped parent neither restarts a child nor tells it to leave cleanly.
            Send(PosixSignalNumber.Stop);
            foreach (var child in Children())
                Tool.SendSignal(child, PosixSignalNumber.Kill);
            Send(PosixSignalNumber.Kill);
        }
        await WaitForEndAsync();
    }

    public async Task<int> WaitForEndAsync()
    {
        try
        {
            await _ended.WaitAsync(TimeSpan.FromSeconds(30));
        }
        catch (TimeoutException)
        {
            throw new LabTimeoutException($"{_process.StartInfo.FileName} {string.Join(' ', _process.StartInfo.ArgumentList)} does not end");
        }
        return _process.ExitCode;
    }

    public async ValueTask DisposeAsync()
    {
        await KillAsync();
        _process.Dispose();
    }

    private int[] Children()
    {
        try
        {
            return [.. File.ReadAllText($"/proc/{Id}/task/{Id}/children")
                .Split(' ', StringSplitOptions.RemoveEmptyEntries)
                .Select(id => int.Parse(id, CultureInfo.InvariantCulture))];
        }
        catch (IOException)
        {
            return [];
        }
    }

    private static async Task ReadLinesAsync(StreamReader reader, LineLog log)
    {
        while (await reader.ReadLineAsync() is { } line)
            log.Add(line);
    }
}
