using Vrrp.Daemon.Commands;

// The commands handle signals themselves; the default ends the process two seconds after one, whatever a hand-over still needs.
return await CommandLine.InvokeAsync(args, new() { ProcessTerminationTimeout = null }).ConfigureAwait(false);
