using BenchmarkDotNet.Configs;
using BenchmarkDotNet.Diagnosers;
using BenchmarkDotNet.Jobs;
using BenchmarkDotNet.Running;
using BenchmarkDotNet.Toolchains.InProcess.Emit;
using Vrrp.Benchmarks.Comparison;
using Vrrp.Benchmarks.Hang;
using Vrrp.Benchmarks.Ipvs;
using Vrrp.Benchmarks.Soak;

if (args is ["compare", ..])
    return Compare.Run(args[1..]);
if (args is ["hang", ..])
    return HangCommand.Run(args[1..]);
if (args is ["ipvs", ..])
    return IpvsCommand.Run(args[1..]);
if (args is ["soak", ..])
    return SoakCommand.Run(args[1..]);

// In this process: the benchmark runner builds projects for frameworks it knows, and it is older than this one.
var config = DefaultConfig.Instance
    .AddJob(Job.Default.WithToolchain(InProcessEmitToolchain.Instance))
    .AddDiagnoser(MemoryDiagnoser.Default);
BenchmarkSwitcher.FromAssembly(typeof(Program).Assembly).Run(args, config);
return 0;
