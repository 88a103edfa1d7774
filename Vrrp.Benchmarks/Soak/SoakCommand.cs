using System.ComponentModel;
using System.Diagnostics;
using System.Runtime.InteropServices;
using Vrrp.Benchmarks.Comparison;

namespace Vrrp.Benchmarks.Soak;

/// <summary><c>soak</c>: one director for a long time, with reloads.</summary>
internal static class SoakCommand
{
    private const int Success = 0;
    private const int Failure = 1;
    private const int WrongUsage = 2;

    public static int Run(string[] arguments)
    {
        if (SoakOptions.Parse(arguments) is not { } options)
        {
            Console.Error.WriteLine(SoakOptions.Usage);
            return WrongUsage;
        }

        if (!File.Exists(options.Daemon.Path) || !HasFilterTool())
        {
            Console.Error.WriteLine($"error: {options.Daemon.Path} or nft is missing");
            return WrongUsage;
        }

        using var interrupted = new CancellationTokenSource();
        using var onHangUp = PosixSignalRegistration.Create(PosixSignal.SIGHUP, Interrupt);
        using var onInterrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, Interrupt);
        using var onTerminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, Interrupt);
        foreach (var (name, value) in Compare.Machine())
            Console.WriteLine($"{name}: {value}");
        var report = new SoakReport(options);
        // Configurations, logs, statistics and the sockets of the runtimes: a place for all that the daemons leave in the place for such files.
        var files = Directory.CreateTempSubdirectory("vrrp-soak-");
        Environment.SetEnvironmentVariable("TMPDIR", files.FullName);
        try
        {
            foreach (bool hasPeer in options.HasPeer)
                report.Print(new SoakRun(options, hasPeer, interrupted.Token).Execute());
        }
        catch (OperationCanceledException) when (interrupted.IsCancellationRequested)
        {
            Console.Error.WriteLine("daemons and namespaces are gone");
            return Failure;
        }
        catch (InvalidOperationException exception)
        {
            Console.Error.WriteLine($"error: {exception.Message}");
            return Failure;
        }
        finally
        {
            files.Delete(recursive: true);
        }

        Console.WriteLine();
        Console.WriteLine($"Load after: {Compare.LoadAverage()}");
        return report.Conclude() ? Success : Failure;

        void Interrupt(PosixSignalContext context)
        {
            context.Cancel = true;
            Console.Error.WriteLine($"interrupted by {context.Signal}");
            interrupted.Cancel();
        }
    }

    private static bool HasFilterTool()
    {
        try
        {
            using var nft = Process.Start(new ProcessStartInfo("nft", ["--version"]) { RedirectStandardOutput = true })!;
            nft.WaitForExit();
            return true;
        }
        catch (Win32Exception)
        {
            return false;
        }
    }
}
