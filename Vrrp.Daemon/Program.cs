using System.CommandLine;
using System.CommandLine.Help;
using Vrrp.Daemon.Commands;

// Not a RootCommand: that is named after the assembly, and the command is called vrrp.
var root = new Command("vrrp", "VRRP failover daemon: reads keepalived.conf and holds virtual IP addresses.");
root.Options.Add(new HelpOption());
root.Options.Add(new VersionOption());
root.Subcommands.Add(RunCommand.Create());
root.Subcommands.Add(CheckCommand.Create());
root.Subcommands.Add(IpvsCommand.Create());
root.Subcommands.Add(RealServerCommand.Create());
root.Subcommands.Add(AlertCommand.Create());
root.Subcommands.Add(DemoCommand.Create());
root.Subcommands.Add(SimulateCommand.Create());
// The commands handle signals themselves; the default ends the process two seconds after one, whatever a hand-over still needs.
return await root.Parse(args).InvokeAsync(new() { ProcessTerminationTimeout = null }).ConfigureAwait(false);
