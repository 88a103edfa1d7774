using System.Collections.Frozen;
using System.Diagnostics;
using System.Globalization;
using System.Text;
using Vrrp.Tests.Linux.Lab;

namespace Vrrp.Tests.LaboratoryMachine;

/// <summary>
/// The cases of one test run that may need the machine. It is started when the first of them asks for its result, runs all that the kernel
/// here cannot, and ends. Each case gets its result as soon as there is one; a case without one fails.
/// </summary>
internal sealed class LaboratoryRun
{
    private const int SecondsToBoot = 120;

    private readonly FrozenDictionary<string, LaboratoryTestCase> _cases;
    private readonly FrozenDictionary<string, TaskCompletionSource<LaboratoryResult>> _results;
    private readonly IReadOnlyDictionary<string, string> _environment;
    private readonly Lazy<Task> _machine;

    /// <param name="cases">All cases that were asked for.</param>
    /// <param name="environment">Variables for the script besides those of this process.</param>
    public LaboratoryRun(IReadOnlyList<LaboratoryTestCase> cases, IReadOnlyDictionary<string, string>? environment = null)
    {
        _cases = cases.ToFrozenDictionary(testCase => testCase.UniqueID);
        _results = cases.ToFrozenDictionary(
            testCase => testCase.UniqueID, _ => new TaskCompletionSource<LaboratoryResult>(TaskCreationOptions.RunContinuationsAsynchronously));
        _environment = environment ?? FrozenDictionary<string, string>.Empty;
        _machine = new(RunMachineAsync);
    }

    public async Task<LaboratoryResult> ResultOfAsync(LaboratoryTestCase testCase, CancellationToken cancellation)
    {
        _ = _machine.Value;
        return await _results[testCase.UniqueID].Task.WaitAsync(cancellation);
    }

    private async Task RunMachineAsync()
    {
        string last;
        try
        {
            last = await RunCasesAsync();
        }
        catch (Exception failure)
        {
            // Whoever waits must learn of it, whatever it is.
            last = failure.ToString();
        }

        foreach (var result in _results.Values)
            result.TrySetResult(LaboratoryResult.None(last));
    }

    /// <summary>Runs the machine and returns why a case may have no result.</summary>
    private async Task<string> RunCasesAsync()
    {
        List<LaboratoryTestCase> selected = [];
        foreach (var testCase in _cases.Values)
        {
            if (await LaboratoryNeed.FindMissingAsync(testCase.Needs) is not null)
                selected.Add(testCase);
        }

        var folder = Directory.CreateTempSubdirectory("vrrp-laboratory-run-");
        try
        {
            return await RunCasesAsync(selected, folder);
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    private async Task<string> RunCasesAsync(IReadOnlyList<LaboratoryTestCase> selected, DirectoryInfo folder)
    {
        string list = Path.Combine(folder.FullName, "cases");
        await File.WriteAllLinesAsync(list, LaboratoryAgent.Describe(selected));
        int limit = SecondsToBoot + selected.Sum(testCase => testCase.Seconds);
        var info = Tool.StartInfo(
            Script(),
            [
                "run", "--tied", "--folder", folder.FullName, "--limit", limit.ToString(CultureInfo.InvariantCulture), "--",
                DotnetCommand(), typeof(LaboratoryRun).Assembly.Location, LaboratoryAgent.Verb, list,
            ]);
        foreach (var (name, value) in _environment)
            info.Environment[name] = value;

        StringBuilder said = new();
        string running = "";
        using var process = Process.Start(info)!;
        var errors = process.StandardError.ReadToEndAsync();
        while (await process.StandardOutput.ReadLineAsync() is { } line)
        {
            if (LaboratoryMessage.FromLine(line) is not { } message)
                said.AppendLine(line);
            else if (message.Result is { } result)
                _results[message.Id].TrySetResult(result);
            else
                running = _cases[message.Id].DisplayName;
        }

        await process.WaitForExitAsync();
        string why = process.ExitCode switch
        {
            0 => "The laboratory's machine did not run this case.",
            124 => $"The laboratory's machine was switched off after {limit} s, before this case had a result.",
            125 => "The laboratory's machine could not be started, or died before this case had a result.",
            var code => $"The laboratory's test run ended with {code} before this case had a result.",
        };
        return $"{why}\n{(running.Length == 0 ? "No case had begun." : $"The last that had begun: {running}")}\n{await errors}{said}";
    }

    /// <summary>Where the build has put the script that makes the machine.</summary>
    public static string Script()
    {
        string script = Path.Combine(AppContext.BaseDirectory, "Laboratory", "laboratory");
        return File.Exists(script) ? script : throw new LaboratoryException($"{script} is missing.");
    }

    /// <summary>The command that runs this process's framework, wherever it is installed.</summary>
    private static string DotnetCommand() =>
        Path.GetFullPath(Path.Combine(Path.GetDirectoryName(typeof(object).Assembly.Location)!, "..", "..", "..", "dotnet"));
}
