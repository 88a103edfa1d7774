using System.Globalization;
using System.Runtime.InteropServices;
using Vrrp.Linux;

namespace Vrrp.Tests.Linux;

public sealed class ChildProcessTests : IDisposable
{
    private const int ENOENT = 2;
    private const int ENOEXEC = 8;
    private const int EACCES = 13;
    private const int EMFILE = 24;
    private const int ELOOP = 40;

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    // Nobody else's, so that whoever runs as it belongs to these tests.
    private static readonly Credentials s_user = new(64123, 64124);

    private readonly string _directory = Directory.CreateTempSubdirectory("vrrp-test-").FullName;

    public ChildProcessTests() =>
        File.SetUnixFileMode(_directory, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute | UnixFileMode.OtherRead
            | UnixFileMode.OtherWrite | UnixFileMode.OtherExecute);

    /// <summary>Ways to take on a user: each program that is here, and a thread of this process.</summary>
    public static TheoryData<string> Ways => [.. UserChanger.All.Where(changer => changer.Works()).Select(changer => changer.Path), ""];

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    private static ChildProcess Start(string way, string path, params string[] arguments) => ChildProcess.Start(
        path, [path, .. arguments], ["WORD=two words", "PATH=/usr/bin:/bin"], s_user, UserChanger.All.FirstOrDefault(changer => changer.Path == way), OpenDescriptor);

    private static int OpenDescriptor(int id) => (int)NativeMethods.SystemCall(434, id, 0, 0);

    private string Write(string name, string text, bool isForAll = true)
    {
        string path = Path.Combine(_directory, name);
        File.WriteAllText(path, text);
        var own = UnixFileMode.UserRead | UnixFileMode.UserExecute;
        File.SetUnixFileMode(path, isForAll ? own | UnixFileMode.OtherRead | UnixFileMode.OtherExecute : own);
        return path;
    }

    [Fact]
    public async Task Of_many_that_start_and_end_at_once_each_is_told_of_with_its_own_status()
    {
        // Numbers of descriptors are used again while others start.
        await Parallel.ForAsync(0, 250, new ParallelOptions { MaxDegreeOfParallelism = 16 }, async (status, cancellationToken) =>
        {
            string text = status.ToString(CultureInfo.InvariantCulture);
            var child = ChildProcess.Start("/bin/sh", ["/bin/sh", "-c", $"exit {text}"], [], null);
            Assert.Equal(new ExitStatus(status, IsSignal: false), await child.Exited.WaitAsync(Patience, cancellationToken));
        });
    }

    [Fact]
    public async Task No_thread_of_this_process_is_ever_one_that_a_scripts_user_may_kill()
    {
        Assert.NotNull(UserChanger.Find());
        // Signal 0 asks for the right alone. The number of a thread will do, for the signal and for the end of the whole process.
        string attack = $"while :; do for task in /proc/{Environment.ProcessId}/task/*; do kill -0 ${{task##*/}} 2>/dev/null && exit 7; done; done";
        var attacker = ChildProcess.Start("/bin/sh", ["/bin/sh", "-c", attack], [], s_user);
        try
        {
            for (int i = 0; i < 300; i++)
            {
                var child = ChildProcess.Start("/bin/true", ["/bin/true"], [], s_user);
                Assert.Equal(new ExitStatus(0, IsSignal: false), await child.Exited.WaitAsync(Patience));
            }

            Assert.False(attacker.Exited.IsCompleted);
            // He would have seen one: where nothing but a thread can do it, he does.
            using var limit = new CancellationTokenSource(Patience);
            while (!attacker.Exited.IsCompleted)
            {
                limit.Token.ThrowIfCancellationRequested();
                await Start("", "/bin/true").Exited.WaitAsync(Patience);
            }

            Assert.Equal(new ExitStatus(7, IsSignal: false), await attacker.Exited);
        }
        finally
        {
            attacker.Signal(9);
        }
    }

    [Theory]
    [MemberData(nameof(Ways))]
    public async Task However_it_takes_on_its_user_a_program_finds_the_same(string way)
    {
        string file = Path.Combine(_directory, "found");
        string script = Write("script", $"""
            #!/bin/sh
            exec > {file}
            grep -E '^(Uid|Gid|Groups|Sig(Blk|Ign)|ShdPnd|Cap|NoNewPrivs)' /proc/self/status
            read -r id name state parent group session rest < /proc/$$/stat
            echo "$((group - id)) $((session - id))"
            pwd
            readlink /proc/$$/fd/0 /proc/$$/fd/1 /proc/$$/fd/2
            printf '<%s>' "$@"
            echo
            env | sort
            """);
        var child = Start(way, script, "one", "two words", "--help");
        Assert.Equal(new ExitStatus(0, IsSignal: false), await child.Exited.WaitAsync(Patience));

        string own = File.ReadLines("/proc/self/status").Single(line => line.StartsWith("CapBnd", StringComparison.Ordinal));
        string inherited = File.ReadLines("/proc/self/status").Single(line => line.StartsWith("CapInh", StringComparison.Ordinal));
        string privileges = File.ReadLines("/proc/self/status").Single(line => line.StartsWith("NoNewPrivs", StringComparison.Ordinal));
        string nothing = new('0', 16);
        string[] expected =
        [
            "Uid:\t64123\t64123\t64123\t64123", "Gid:\t64124\t64124\t64124\t64124", "Groups:\t64124",
            $"ShdPnd:\t{nothing}", $"SigBlk:\t{nothing}", $"SigIgn:\t{nothing}",
            inherited, $"CapPrm:\t{nothing}", $"CapEff:\t{nothing}", own, $"CapAmb:\t{nothing}", privileges,
            "0 0", "/", "/dev/null", file, "/dev/null", "<one><two words><--help>",
            "PATH=/usr/bin:/bin", "PWD=/", "WORD=two words",
        ];
        Assert.Equal(expected, (await File.ReadAllLinesAsync(file)).Select(line => WithoutRealTime(line.TrimEnd())));

        // Two of those above 31 are the C library's own, which it lets nobody change.
        static string WithoutRealTime(string line) =>
            line.StartsWith("SigIgn:", StringComparison.Ordinal) ? $"SigIgn:\t{Convert.ToUInt64(line[8..], 16) & 0x7FFF_FFFF:x16}" : line;
    }

    [Theory]
    [MemberData(nameof(Ways))]
    public async Task However_it_takes_on_its_user_its_status_and_its_signal_are_told(string way)
    {
        foreach (int status in (int[])[1, 125, 126, 127])
        {
            var child = Start(way, "/bin/sh", "-c", $"exit {status.ToString(CultureInfo.InvariantCulture)}");
            Assert.Equal(new ExitStatus(status, IsSignal: false), await child.Exited.WaitAsync(Patience));
        }

        var hanging = Start(way, "/bin/sleep", "100000");
        hanging.Signal(15);
        Assert.Equal(new ExitStatus(15, IsSignal: true), await hanging.Exited.WaitAsync(Patience));
        // One that is called as the program that changes users.
        var namesake = Start(way, Write(Path.GetFileName(way) is { Length: > 0 } name ? name : "chroot", "#!/bin/sh\nexit 127\n"));
        Assert.Equal(new ExitStatus(127, IsSignal: false), await namesake.Exited.WaitAsync(Patience));
    }

    [Theory]
    [MemberData(nameof(Ways))]
    public async Task However_it_takes_on_its_user_what_cannot_be_executed_is_not_started(string way)
    {
        string loop = Path.Combine(_directory, "loop");
        await NotStartedAsync(Path.Combine(_directory, "missing"), ENOENT);
        await NotStartedAsync(Write("mine", "#!/bin/sh\n", isForAll: false), EACCES);
        await NotStartedAsync(Write("windows", "#!/bin/sh\r\n"), ENOENT);
        await NotStartedAsync(Write("interpreted", $"#! {_directory}/missing -x\n"), ENOENT);
        await NotStartedAsync(Write("theirs", $"#!{_directory}/mine\n"), EACCES);
        await NotStartedAsync(Write("loop", $"#!{loop}\n"), ELOOP);
        await NotStartedAsync(Write("text", "exit 0\n"), ENOEXEC);
        await NotStartedAsync(Write("nothing", "#! \n"), ENOEXEC);
        await NotStartedAsync(Write("long", "#!/" + new string('x', 300) + "\n"), ENOEXEC);
        await NotStartedAsync(Write("empty", ""), ENOEXEC);
        await NotStartedAsync(Write("indirect", $"#!{_directory}/text\n"), ENOEXEC);
        // What only the kernel says, when the process is there already.
        await NotStartedAsync(Write("directory", $"#!{_directory}\n"), EACCES);

        var child = Start(way, Write("chain", $"#!{Write("link", "#!/bin/sh\nexit 3\n")}\n"));
        Assert.Equal(new ExitStatus(3, IsSignal: false), await child.Exited.WaitAsync(Patience));

        async Task NotStartedAsync(string path, int error)
        {
            var failure = await Assert.ThrowsAsync<LinuxException>(async () => await Start(way, path).Exited.WaitAsync(Patience));
            Assert.Equal((path, error), (path, failure.Error));
            Assert.Contains(path, failure.Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void One_that_nobody_can_watch_leaves_nothing_behind()
    {
        int id = 0;
        var failure = Assert.Throws<LinuxException>(() => Watch(started =>
        {
            id = started;
            Marshal.SetLastPInvokeError(EMFILE);
            return -1;
        }));
        Assert.Equal(EMFILE, failure.Error);
        Assert.Equal(-1, NativeMethods.Kill(id, 0));

        // A file that is always ready cannot be waited for.
        int descriptor = -1;
        failure = Assert.Throws<LinuxException>(() => Watch(started =>
        {
            id = started;
            return descriptor = NativeMethods.Open("/etc/passwd", 0x80000, 0);
        }));
        Assert.Equal(1, failure.Error);
        Assert.True(descriptor >= 0);
        Assert.Equal(-1, NativeMethods.Kill(id, 0));

        static void Watch(Func<int, int> open) => ChildProcess.Start("/bin/sleep", ["/bin/sleep", "100000"], [], null, null, open);
    }
}
