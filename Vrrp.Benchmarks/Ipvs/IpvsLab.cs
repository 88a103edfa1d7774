using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;
using Vrrp.Benchmarks.Comparison;
using Vrrp.Linux;
using Vrrp.Netlink;

namespace Vrrp.Benchmarks.Ipvs;

/// <summary>
/// A director and, at the other end of its cable, one host that answers for all real servers: their addresses are one local route, and
/// behind each address and port that is checked something accepts connections and closes them.
/// </summary>
internal sealed class IpvsLab : IDisposable
{
    /// <summary>Real servers of a virtual server.</summary>
    private const int ServersPerService = 100;

    private const int ServersPerSubnet = 250;

    /// <summary>What all real servers but those of a detection listen on.</summary>
    private const int CommonPort = 80;

    /// <summary>Above this, a port of its own for each server that is to die.</summary>
    private const int FirstMortalPort = 8000;

    private readonly NetworkNamespace _director = NetworkNamespace.Create();
    private readonly NetworkNamespace _servers = NetworkNamespace.Create();
    private readonly Dictionary<int, Socket> _listeners = [];
    private readonly List<RunningDaemon> _daemons = [];

    public IpvsLab()
    {
        using var director = LinkBuilder.In(_director);
        using var servers = LinkBuilder.In(_servers);
        director.SetUp("lo");
        servers.SetUp("lo");
        director.CreateVeth("eth0", "eth0", _servers);
        director.AddAddress("eth0", IPAddressValue.Parse("10.100.255.1"), 16);
        servers.AddAddress("eth0", IPAddressValue.Parse("10.100.255.2"), 16);
        director.SetUp("eth0");
        servers.SetUp("eth0");
        using var route = _servers.Start(new ProcessStartInfo("ip", ["route", "add", "local", "10.100.0.0/17", "dev", "lo"]));
        route.WaitForExit();
        if (route.ExitCode != 0)
            throw new InvalidOperationException("The addresses of the real servers cannot be made local.");
        Listen(CommonPort);
    }

    /// <summary>So many real servers in services of a hundred, each with a TCP check.</summary>
    /// <param name="servers">How many.</param>
    /// <param name="delayLoop">Seconds between checks.</param>
    public static string Configuration(int servers, int delayLoop)
    {
        var text = new StringBuilder("global_defs {\n router_id ipvs\n}\n");
        for (int index = 0; index < servers; index++)
        {
            if (index % ServersPerService == 0)
            {
                text.Append(index == 0 ? "" : "}\n");
                AppendService(text, index / ServersPerService, delayLoop);
            }

            AppendServer(text, index, CommonPort);
        }

        return text.Append("}\n").ToString();
    }

    /// <summary>One service whose real servers each have a port of their own, so that one can die.</summary>
    public static string MortalConfiguration(int servers, int delayLoop)
    {
        var text = new StringBuilder("global_defs {\n router_id ipvs\n}\n");
        AppendService(text, 0, delayLoop);
        for (int index = 0; index < servers; index++)
            AppendServer(text, index, FirstMortalPort + index);
        return text.Append("}\n").ToString();
    }

    /// <summary>The real server of that number in a <see cref="MortalConfiguration"/> begins to serve.</summary>
    public void Serve(int server) => Listen(FirstMortalPort + server);

    /// <summary>It dies: connections are refused.</summary>
    public void Die(int server)
    {
        if (_listeners.Remove(FirstMortalPort + server, out var listener))
            listener.Dispose();
    }

    public RunningDaemon Start(Contender contender, string configuration)
    {
        var daemon = contender.Start(_director, configuration);
        _daemons.Add(daemon);
        return daemon;
    }

    /// <summary>How many real servers the kernel has, as it says in /proc.</summary>
    public int Destinations() => _director.Run(static () =>
        File.Exists("/proc/thread-self/net/ip_vs")
            ? File.ReadLines("/proc/thread-self/net/ip_vs").Count(line => line.StartsWith("  -> ", StringComparison.Ordinal) && !line.Contains("Remote", StringComparison.Ordinal))
            : 0);

    /// <summary>Waits for a number of real servers in the kernel; returns how long it took from a moment on the stopwatch's clock.</summary>
    public TimeSpan WaitFor(int destinations, long since, RunningDaemon daemon)
    {
        for (;;)
        {
            if (Destinations() == destinations)
                return Stopwatch.GetElapsedTime(since);
            if (daemon.HasExited || Stopwatch.GetElapsedTime(since) > TimeSpan.FromMinutes(3))
                throw new InvalidOperationException($"{Destinations()} real servers of {destinations} are in the kernel:\n{daemon.Log}");
            Thread.Sleep(TimeSpan.FromMilliseconds(10));
        }
    }

    public void Dispose()
    {
        foreach (var daemon in _daemons)
            daemon.Dispose();
        foreach (var listener in _listeners.Values)
            listener.Dispose();
        _director.Dispose();
        _servers.Dispose();
    }

    private static void AppendService(StringBuilder text, int number, int delayLoop) => text.Append(CultureInfo.InvariantCulture, $$"""
        virtual_server 10.99.0.{{number + 1}} 80 {
          delay_loop {{delayLoop}}
          lb_algo rr
          lb_kind DR
          protocol TCP

        """);

    private static void AppendServer(StringBuilder text, int index, int port) => text.Append(CultureInfo.InvariantCulture, $$"""
          real_server 10.100.{{index / ServersPerSubnet}}.{{(index % ServersPerSubnet) + 1}} {{port}} {
            weight 1
            TCP_CHECK {
              connect_timeout 2
            }
          }

        """);

    private void Listen(int port)
    {
        var listener = _servers.Run(() => new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp));
        listener.SetSocketOption(SocketOptionLevel.Socket, SocketOptionName.ReuseAddress, true);
        listener.Bind(new IPEndPoint(IPAddress.Any, port));
        listener.Listen(backlog: 4096);
        _listeners[port] = listener;
        new Thread(() => Accept(listener)) { IsBackground = true, Name = "real servers" }.Start();
    }

    private static void Accept(Socket listener)
    {
        try
        {
            for (;;)
                listener.Accept().Dispose();
        }
        catch (Exception closed) when (closed is SocketException or ObjectDisposedException)
        {
            // The server has died.
        }
    }
}
