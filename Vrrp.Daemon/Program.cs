using System.CommandLine;

var root = new RootCommand("VRRP failover daemon: reads keepalived.conf and holds virtual IP addresses.");
return root.Parse(args).Invoke();
