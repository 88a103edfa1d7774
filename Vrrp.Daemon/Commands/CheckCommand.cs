using System.CommandLine;
using System.Text;
using System.Text.Json;
using Vrrp.Daemon.Configuration;
using Vrrp.Daemon.Configuration.Diagnostics;
using Vrrp.Daemon.Hosting;
using Vrrp.Daemon.Tracking;

namespace Vrrp.Daemon.Commands;

/// <summary><c>vrrp check</c>: reads a configuration, says everything that is wrong with it, and changes nothing.</summary>
internal static class CheckCommand
{
    public const int Runs = 0;
    public const int Refused = 2;
    public const int WarningsWhenStrict = 5;
    public const int NotReadable = 6;

    public static Command Create()
    {
        var file = new Option<string>("--use-file", "-f")
        {
            Description = "The configuration file, or a pattern that several match.",
            HelpName = "FILE",
            DefaultValueFactory = _ => ConfigLoader.DefaultPath,
        };
        var configId = new Option<string?>("--config-id", "-i")
        {
            Description = "What lines that begin with @ID are compared with. Default: the host name up to its first dot.",
            HelpName = "ID",
        };
        var json = new Option<bool>("--json") { Description = "Print one JSON document instead of text." };
        var strict = new Option<bool>("--strict") { Description = "Let warnings fail, as keepalived -t does." };
        var colour = new Option<bool>("--color") { Description = "Colour the text." };
        var command = new Command("check", """
            Check a keepalived.conf and change nothing. Interfaces need not exist on this host; scripts that could not run on it are warnings.

            Exit status: 0 the configuration runs, with or without warnings; 1 bad command line; 2 there are errors: it would
            neither start nor replace a running configuration; 5 it runs, but there are warnings and --strict is given;
            6 the file cannot be read. A file with nothing to run is a warning: the daemon starts with it, and refuses to reload it.
            """)
        {
            file, configId, json, strict, colour,
        };
        command.SetAction(parsed => Run(
            parsed.GetValue(file)!,
            new LoadOptions { ConfigId = parsed.GetValue(configId), Scripts = new ScriptHost() },
            parsed.GetValue(json),
            parsed.GetValue(strict),
            parsed.GetValue(colour),
            parsed.InvocationConfiguration.Output));
        return command;
    }

    public static int Run(string path, LoadOptions options, bool json, bool strict, bool colour, TextWriter output)
    {
        var result = ConfigLoader.Load(path, options);
        int status = !result.FileRead ? NotReadable
            : result.Config is null ? Refused
            : strict && result.Count(DiagnosticSeverity.Warning) > 0 ? WarningsWhenStrict
            : Runs;
        if (json)
        {
            output.WriteLine(ToJson(result, status));
        }
        else
        {
            output.Write(DiagnosticPrinter.ToText(result.Diagnostics, colour));
            output.WriteLine(Summary(result));
        }

        return status;
    }

    /// <summary>One line: how much was found, and whether it runs.</summary>
    public static string Summary(LoadResult result)
    {
        var text = new StringBuilder();
        text.Append(Counted.Of(result.Count(DiagnosticSeverity.Warning), "warning")).Append(", ").Append(Counted.Of(result.Count(DiagnosticSeverity.Error), "error"));
        if (!result.FileRead)
            return text.Append("; there is no configuration").ToString();
        if (result.Config is not { } config)
            return text.Append("; the configuration does not run").ToString();
        if (config.IsEmpty)
            return text.Append("; the configuration runs with nothing to do, and no reload accepts it while anything runs").ToString();
        var parts = new List<string>();
        if (config.Instances.Length > 0)
        {
            parts.Add(Counted.Of(config.Instances.Length, "instance"));
            parts.Add(Counted.Of(config.SyncGroups.Length, "sync group"));
            parts.Add(Counted.Of(config.Instances.Sum(i => i.VirtualAddresses.Length + i.ExcludedAddresses.Length), "virtual address", "es"));
        }

        if (config.StaticAddresses.Length > 0)
            parts.Add(Counted.Of(config.StaticAddresses.Length, "static address", "es"));
        if (config.VirtualServers.Length > 0)
        {
            parts.Add(Counted.Of(config.VirtualServers.Length, "virtual server")
                + " with " + Counted.Of(config.VirtualServers.Sum(server => server.RealServers.Length), "real server"));
        }

        text.Append("; the configuration runs: ").AppendJoin(", ", parts);
        return text.ToString();
    }

    private static string ToJson(LoadResult result, int status)
    {
        using var stream = new MemoryStream();
        using (var writer = new Utf8JsonWriter(stream, new JsonWriterOptions { Indented = true }))
        {
            writer.WriteStartObject();
            writer.WriteBoolean("runs", result.Config is not null);
            writer.WriteBoolean("reloads", result.Config is { IsEmpty: false });
            writer.WriteNumber("exitStatus", status);
            writer.WriteNumber("errors", result.Count(DiagnosticSeverity.Error));
            writer.WriteNumber("warnings", result.Count(DiagnosticSeverity.Warning));
            writer.WriteString("summary", Summary(result));
            writer.WritePropertyName("diagnostics");
            DiagnosticPrinter.WriteJson(writer, result.Diagnostics);
            writer.WriteEndObject();
        }

        return Encoding.UTF8.GetString(stream.ToArray());
    }
}
