using System.CommandLine;
using Vrrp.Daemon.Commands;

var root = new RootCommand("VRRP failover daemon: reads keepalived.conf and holds virtual IP addresses.");
root.Subcommands.Add(RunCommand.Create());
root.Subcommands.Add(CheckCommand.Create());
return await root.Parse(args).InvokeAsync().ConfigureAwait(false);
