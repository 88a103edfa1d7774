using System.CommandLine;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Vrrp.Daemon.Configuration;
using Vrrp.Daemon.Configuration.Diagnostics;
using Vrrp.Daemon.Hosting;
using Vrrp.Daemon.Notifications;
using Vrrp.Daemon.Status;
using Vrrp.Linux;

namespace Vrrp.Daemon.Commands;

/// <summary><c>vrrp run</c>: the daemon, in the foreground.</summary>
internal static class RunCommand
{
    private const long LoadGarbage = 4 * 1024 * 1024;

    public static Command Create()
    {
        var file = new Option<string>("--use-file", "-f")
        {
            Description = "Configuration file.",
            HelpName = "FILE",
            DefaultValueFactory = _ => ConfigLoader.DefaultPath,
        };
        var configId = new Option<string?>("--config-id", "-i") { Description = "Identifier for lines that begin with @ID; the host's name by default.", HelpName = "ID" };
        var pidFile = new Option<string?>("--pid", "-p")
        {
            Description = $"File that names the running daemon; {PidFile.DefaultPath} by default.",
            HelpName = "FILE",
        };
        pidFile.Aliases.Add("--pid-file");
        var statusSocket = new Option<string?>("--status-socket")
        {
            Description = $"Unix socket at which status is served; beside the pid file by default ({StatusSocket.DefaultPath}), '{StatusSocket.None}' for none.",
            HelpName = "PATH",
        };
        var detail = new Option<bool>("--log-detail", "-D") { Description = "Log more, dropped packets of unknown VRIDs included." };
        // For demonstrations and tests: whoever runs them may be killed and must leave no daemon behind.
        var parent = CommandLine.WholeNumber("--die-with-parent", 1, int.MaxValue);
        parent.Hidden = true;
        var onlyVrrp = new Option<bool>("--vrrp", "-P") { Description = "Run the virtual routers alone, without virtual servers." };
        var onlyDirector = new Option<bool>("--check", "-C") { Description = "Run the virtual servers and their health checks alone, without virtual routers." };
        // What a keepalived command line has and a daemon that stays in the foreground and logs to the console does anyway.
        var dontFork = new Option<bool>("--dont-fork", "-n") { Hidden = true };
        var logConsole = new Option<bool>("--log-console", "-l") { Hidden = true };

        var command = new Command(
            "run",
            """
            Read the configuration, hold its virtual addresses and put its virtual servers into the kernel, in the foreground.

            SIGTERM and SIGINT leave cleanly: the router says goodbye and goes on answering until its successor is heard; a second signal leaves
            at once. SIGHUP reads the configuration again; one with errors changes nothing.

            Exit status: 0 stopped as told, 1 wrong command line, 2 the configuration has errors, 4 a permission is missing,
            6 the configuration cannot be read, 70 internal error.
            """)
        {
            file, configId, pidFile, statusSocket, detail, parent, onlyVrrp, onlyDirector, dontFork, logConsole,
        };
        command.SetAction((result, cancellationToken) =>
        {
            if (result.GetValue(parent) is { } parentId && !ParentProcess.TryFollow(parentId))
                return Task.FromResult(ExitCode.InternalError);
            return RunAsync(
                new DaemonRun
                {
                    ConfigurationPath = result.GetValue(file)!,
                    ConfigId = result.GetValue(configId),
                    LedgerPath = Path.ChangeExtension(result.GetValue(pidFile) ?? PidFile.DefaultPath, ".addresses"),
                    ScriptLedgerPath = Path.ChangeExtension(result.GetValue(pidFile) ?? PidFile.DefaultPath, ".scripts"),
                    DirectorLedgerPath = Path.ChangeExtension(result.GetValue(pidFile) ?? PidFile.DefaultPath, ".ipvs"),
                    // /run is gone after a boot, and a daemon beside the usual one has mails of its own.
                    MailSpoolPath = result.GetValue(pidFile) is { } own ? Path.ChangeExtension(own, ".mail") : AlertSpool.DefaultPath,
                    RunsVrrp = result.GetValue(onlyVrrp) || !result.GetValue(onlyDirector),
                    RunsDirector = result.GetValue(onlyDirector) || !result.GetValue(onlyVrrp),
                    StatusSocketPath = result.GetValue(statusSocket) switch
                    {
                        null => StatusSocket.Beside(result.GetValue(pidFile) ?? PidFile.DefaultPath),
                        StatusSocket.None => null,
                        var path => path,
                    },
                },
                result.GetValue(pidFile),
                result.GetValue(detail) ? LogLevel.Debug : LogLevel.Information);
        });
        return command;
    }

    private static async Task<int> RunAsync(DaemonRun run, string? pidPath, LogLevel logLevel)
    {
        var loaded = ConfigLoader.Load(run.ConfigurationPath, new LoadOptions { ConfigId = run.ConfigId });
        try
        {
            if (loaded.Config?.GlobalDefs.NetworkNamespace is { } network)
                NamespaceEntry.Enter(network);
        }
        catch (LinuxException exception)
        {
            await Console.Error.WriteLineAsync($"error: net_namespace: {exception.Message}").ConfigureAwait(false);
            return exception.IsPermission ? ExitCode.Permission : ExitCode.Configuration;
        }

        await Console.Error.WriteAsync(DiagnosticPrinter.ToText(loaded.Diagnostics)).ConfigureAwait(false);
        if (loaded.Config is not { } read)
            return loaded.FileRead ? ExitCode.Configuration : ExitCode.NoConfiguration;
        var config = run.Select(read);
        // What is empty as a whole is among the findings.
        if (config.IsEmpty && !read.IsEmpty)
            await Console.Error.WriteLineAsync($"warning: {run.ConfigurationPath} has {run.NothingToRun}: of what it has, this command line runs nothing.").ConfigureAwait(false);

        PidFile? pidFile = null;
        string path = pidPath ?? PidFile.DefaultPath;
        try
        {
            Capabilities.Demand("change addresses", Capability.NetAdmin);
            Capabilities.Demand(run.RunsVrrp ? "send and receive VRRP" : "check real servers by ping", Capability.NetRaw);
            pidFile = PidFile.Create(path);
        }
        catch (LinuxException exception)
        {
            await Console.Error.WriteLineAsync($"error: {exception.Message}").ConfigureAwait(false);
            return ExitCode.Permission;
        }
        catch (IOException exception) when (exception.HResult == Errno.EAGAIN)
        {
            await Console.Error.WriteLineAsync(
                $"error: the pid file {path} belongs to a vrrp that is running; stop that, or give this one a file of its own with --pid.").ConfigureAwait(false);
            return ExitCode.Usage;
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            await Console.Error.WriteLineAsync(
                $"error: the pid file {path} cannot be written: {exception.Message} Name another with --pid.").ConfigureAwait(false);
            return exception is UnauthorizedAccessException ? ExitCode.Permission : ExitCode.Usage;
        }

        // A large file leaves many times its size; nobody waits yet, and the routers grow into its place.
        if (GC.GetTotalAllocatedBytes() > LoadGarbage)
            GC.Collect();
        try
        {
            using var host = DaemonServices.Build(run, config, logLevel);
            var lifetime = host.Services.GetRequiredService<IHostApplicationLifetime>();
            var logger = host.Services.GetRequiredService<ILogger<DaemonRun>>();
            HostingLog.Starting(logger, typeof(RunCommand).Assembly.GetName().Version?.ToString(3) ?? "", Environment.ProcessId, run.ConfigurationPath);
            try
            {
                await host.StartAsync().ConfigureAwait(false);
            }
            catch (OperationCanceledException) when (lifetime.ApplicationStopping.IsCancellationRequested)
            {
                // Told to stop before it had started: the service took back what it had done.
                return run.ExitCode;
            }

            var stopping = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            using (lifetime.ApplicationStopping.Register(stopping.SetResult))
                await stopping.Task.ConfigureAwait(false);
            SignalLifetime.HeedNothingMore();
            await host.StopAsync(host.Services.GetRequiredService<SignalLifetime>().AtOnce).ConfigureAwait(false);
            HostingLog.Ending(logger, Environment.ProcessId);
            return run.ExitCode;
        }
        catch (ObjectDisposedException) when (run.ExitCode != ExitCode.Success)
        {
            // The engine failed meanwhile, which is in the log.
            return run.ExitCode;
        }
        catch (Exception exception) when (ExitCode.Of(exception) is not null)
        {
            await Console.Error.WriteLineAsync($"error: {exception.Message}").ConfigureAwait(false);
            return ExitCode.Of(exception)!.Value;
        }
        finally
        {
            pidFile.Dispose();
        }
    }
}
