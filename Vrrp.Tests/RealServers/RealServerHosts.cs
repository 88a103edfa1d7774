using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Text.RegularExpressions;
using Vrrp.Daemon.Commands;
using Vrrp.Linux;
using Vrrp.Tests.Linux;

namespace Vrrp.Tests.RealServers;

/// <summary>A host that forwards as a director would, and beside it on the LAN a real server that knows the way back.</summary>
internal sealed partial class RealServerHosts : IDisposable
{
    public const string DirectorAddress = "10.0.0.1";
    public const string ServerAddress = "10.0.0.2";
    public const string DirectorAddress6 = "fd77::1";
    public const string ServerAddress6 = "fd77::2";

    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("vrrp-realserver-");
    private readonly TwoHosts _hosts = new();

    public RealServerHosts()
    {
        Director.Links.AddAddress("eth0", IPAddressValue.Parse(DirectorAddress6), 64);
        Server.Links.AddAddress("eth0", IPAddressValue.Parse(ServerAddress6), 64);
        // Answers of the VIP come another way than packets for it go.
        foreach (string device in (string[])["all", "default", "eth0"])
            Assert.True(Director.Network.TryWriteSysctl($"ipv4/conf/{device}/rp_filter", "0"));
        // A new namespace has what the machine has.
        foreach (string device in (string[])["all", "default", "lo", "eth0", "eth1"])
        {
            foreach (string key in (string[])["arp_ignore", "arp_announce", "rp_filter"])
                Set($"ipv4/conf/{device}/{key}", 0);
        }
    }

    public Host Director => _hosts.A;

    public Host Server => _hosts.B;

    public string StatePath => Path.Combine(_folder.FullName, "state");

    /// <summary>Runs <c>vrrp realserver</c> on the real server.</summary>
    public (int Status, string Output) Vrrp(params string[] arguments) => Server.Network.Run(() =>
    {
        using var output = new StringWriter();
        int status = RealServerCommand.Create().Parse([.. arguments, "--state", StatePath])
            .Invoke(new InvocationConfiguration { Output = output, Error = output });
        return (status, output.ToString());
    });

    /// <summary>The same, and it must succeed.</summary>
    public string Do(params string[] arguments)
    {
        var (status, output) = Vrrp(arguments);
        Assert.True(status == 0, $"vrrp realserver {string.Join(' ', arguments)} ended with {status}: {output}");
        return output;
    }

    public int? Setting(string path) => Server.Network.Run(() =>
        File.Exists("/proc/sys/net/" + path) ? int.Parse(File.ReadAllText("/proc/sys/net/" + path), CultureInfo.InvariantCulture) : (int?)null);

    public void Set(string path, int value) => Assert.True(Server.Network.TryWriteSysctl(path, value.ToString(CultureInfo.InvariantCulture)), path);

    /// <summary>All that a real server could have changed, to be compared. What the kernel finds out by itself, a moment after a link is up, is left out.</summary>
    public string State() => string.Join('\n', Addresses(), Links(), Server.Network.Run(() =>
        string.Join('\n', Directory.GetDirectories("/proc/sys/net/ipv4/conf").Order(StringComparer.Ordinal)
            .SelectMany(device => ((string[])["arp_ignore", "arp_announce", "rp_filter"]).Select(key => $"{device}/{key} {File.ReadAllText($"{device}/{key}")}")))));

    private string Addresses() => Run(Server, "ip", "-o", "address", "show").Replace(" tentative", "", StringComparison.Ordinal);

    // The flags say whether a link is up; the column before them whether the kernel has noticed that it works.
    private string Links() => OperationalState().Replace(Run(Server, "ip", "-o", "-brief", "link", "show"), "$1");

    [GeneratedRegex(@"^(\S+ +)\S+ +", RegexOptions.Multiline)]
    private static partial Regex OperationalState();

    /// <summary>Runs a program on a host, and it must succeed.</summary>
    public static string Run(Host host, string file, params string[] arguments)
    {
        var (status, output) = TryRun(host, file, arguments);
        Assert.True(status == 0, $"{file} {string.Join(' ', arguments)} ended with {status}: {output}");
        return output;
    }

    public static (int Status, string Output) TryRun(Host host, string file, params string[] arguments)
    {
        var start = new ProcessStartInfo(file) { RedirectStandardOutput = true, RedirectStandardError = true };
        foreach (string argument in arguments)
            start.ArgumentList.Add(argument);
        using var process = host.Network.Start(start);
        var error = process.StandardError.ReadToEndAsync();
        string output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return (process.ExitCode, output + error.GetAwaiter().GetResult());
    }

    /// <summary>Whether an address answers one of some requests.</summary>
    public static bool Pings(Host host, string address, string source, int attempts = 1)
    {
        for (int attempt = 0; attempt < attempts; attempt++)
        {
            if (TryRun(host, "ping", "-n", "-c", "1", "-W", "2", "-I", source, address).Status == 0)
                return true;
        }

        return false;
    }

    /// <summary>Whether any host answers one of three ARP requests for an address, in the judgement of <c>arping</c>.</summary>
    public static bool AnswersArp(Host host, string address)
    {
        var (status, output) = TryRun(host, "arping", "-c", "3", "-C", "1", "-I", "eth0", address);
        // It was able to ask, so that silence is the real server's.
        Assert.Contains(status == 0 ? " 1 packets received" : "3 packets transmitted, 0 packets received", output, StringComparison.Ordinal);
        return status == 0;
    }

    /// <summary>Whether the director has learned a hardware address for an address, from an answer or from a question.</summary>
    public bool DirectorKnows(string address) => Run(Director, "ip", "neigh", "show", address).Contains("lladdr", StringComparison.Ordinal);

    public void DirectorForgets() => Run(Director, "ip", "neigh", "flush", "dev", "eth0", "nud", "all");

    public string MacOfServer() => Server.FactsOf("eth0").MacAddress.ToString();

    /// <summary>Asks the VIP for a page, from the director's side; the real server's part of it answers.</summary>
    public async Task<string> GetPageAsync(string vip, string source)
    {
        var address = IPAddress.Parse(vip);
        using var listener = Server.Network.Run(() =>
        {
            var socket = new Socket(address.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
            socket.Bind(new IPEndPoint(address, 80));
            socket.Listen();
            return socket;
        });
        using var client = Director.Network.Run(() =>
        {
            var socket = new Socket(address.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
            socket.Bind(new IPEndPoint(IPAddress.Parse(source), 0));
            return socket;
        });
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        var serving = ServeAsync();
        await client.ConnectAsync(address, 80, patience.Token);
        using var stream = new NetworkStream(client);
        await stream.WriteAsync("GET / HTTP/1.0\r\n\r\n"u8.ToArray(), patience.Token);
        using var reader = new StreamReader(stream, Encoding.ASCII);
        string answer = await reader.ReadToEndAsync(patience.Token);
        await serving;
        return answer;

        async Task ServeAsync()
        {
            using var accepted = await listener.AcceptAsync(patience.Token);
            using var connection = new NetworkStream(accepted);
            using var request = new StreamReader(connection, Encoding.ASCII, leaveOpen: true);
            while (await request.ReadLineAsync(patience.Token) is { Length: > 0 })
            {
            }

            await connection.WriteAsync(Encoding.ASCII.GetBytes($"HTTP/1.0 200 OK\r\n\r\n{((IPEndPoint)accepted.LocalEndPoint!).Address}"), patience.Token);
            accepted.Shutdown(SocketShutdown.Send);
        }
    }

    public void Dispose()
    {
        _hosts.Dispose();
        _folder.Delete(recursive: true);
    }
}
