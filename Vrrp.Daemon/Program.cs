using System.CommandLine;
using Vrrp.Daemon.Commands;

var root = new RootCommand("VRRP failover daemon: reads keepalived.conf and holds virtual IP addresses.");
root.Subcommands.Add(RunCommand.Create());
root.Subcommands.Add(CheckCommand.Create());
root.Subcommands.Add(DemoCommand.Create());
// The commands handle signals themselves; the default ends the process two seconds after one, whatever a hand-over still needs.
return await root.Parse(args).InvokeAsync(new() { ProcessTerminationTimeout = null }).ConfigureAwait(false);
