using System.CommandLine;
using Vrrp.Daemon.Commands;

var root = new RootCommand("VRRP failover daemon: reads keepalived.conf and holds virtual IP addresses.");
root.Subcommands.Add(CheckCommand.Create());
return root.Parse(args).Invoke();
