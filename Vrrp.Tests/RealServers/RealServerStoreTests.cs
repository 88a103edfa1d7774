using Vrrp.Daemon.RealServers;
using static Vrrp.Tests.RealServers.FakeRealServerKernel;

namespace Vrrp.Tests.RealServers;

/// <summary>The state file: what root reads back is what root wrote.</summary>
public sealed class RealServerStoreTests : IDisposable
{
    private static readonly RealServerMemory Memory = new()
    {
        Vips = [new(Dr("10.0.0.100"), false), new(Tun("2001:db8::1"), true)],
        Settings = [new(AllIgnore, 0, 1), new(new("eth0.100", KernelSetting.ReversePathFilter), -1, 2)],
        Devices = [new("tunl0", true, true)],
    };

    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("vrrp-realserver-");

    private string StatePath => Path.Combine(_folder.FullName, "state");

    public void Dispose() => _folder.Delete(recursive: true);

    [Fact]
    public void What_is_saved_is_loaded()
    {
        Save();
        AssertSame(Memory, Load());
        Assert.Equal(["state", "state.lock"], _folder.GetFiles().Select(file => file.Name).Order(StringComparer.Ordinal));
    }

    [Fact]
    public void Without_a_file_there_is_nothing() => Assert.True(Load().IsEmpty);

    [Fact]
    public void Link_in_its_place_is_neither_followed_nor_read()
    {
        string target = Path.Combine(_folder.FullName, "target");
        File.WriteAllText(target, "precious");
        File.CreateSymbolicLink(StatePath, target);
        Assert.Contains("is a symbolic link", Assert.Throws<RealServerException>(Load).Message, StringComparison.Ordinal);
        // Writing replaces the link itself.
        Save();
        Assert.Equal("precious", File.ReadAllText(target));
        Assert.Null(new FileInfo(StatePath).LinkTarget);
        AssertSame(Memory, Load());
    }

    [Fact]
    public void Link_in_place_of_the_lock_is_not_followed()
    {
        string target = Path.Combine(_folder.FullName, "target");
        File.CreateSymbolicLink(StatePath + ".lock", target);
        Assert.Throws<RealServerException>(() => RealServerStore.OpenLocked(StatePath));
        Assert.False(File.Exists(target));
    }

    [Fact]
    public void File_that_others_may_write_is_not_believed()
    {
        Save();
        File.SetUnixFileMode(StatePath, File.GetUnixFileMode(StatePath) | UnixFileMode.OtherWrite);
        Assert.Contains("not believed", Assert.Throws<IOException>(Load).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Folder_in_its_place_is_refused()
    {
        Directory.CreateDirectory(StatePath);
        Assert.Contains("not a regular file", Assert.Throws<IOException>(Load).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Very_long_file_is_refused()
    {
        Save();
        File.AppendAllText(StatePath, new string(' ', 2 * 1024 * 1024));
        Assert.Contains("is not a state file", Assert.Throws<IOException>(Load).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void State_of_an_earlier_boot_is_forgotten() =>
        Assert.Same(RealServerMemory.Empty, RealServerMemory.Parse(Memory.Format("one"), "two"));

    [Theory]
    [InlineData("")]
    [InlineData("[]")]
    [InlineData("{}")]
    [InlineData("\"version\": 1", "\"version\": 2")]
    [InlineData("10.0.0.100", "127.0.0.1")]
    [InlineData("10.0.0.100", "nobody")]
    [InlineData("\"dr\"", "\"nat\"")]
    [InlineData("\"all\"", "\"../../kernel\"")]
    [InlineData("\"all\"", "\"..\"")]
    [InlineData("\"arp_ignore\"", "\"forwarding\"")]
    [InlineData("\"tunl0\"", "\"eth0\"")]
    [InlineData("\"tunl0\"", "\"lo\"")]
    [InlineData("\"before\": 0", "\"before\": \"0\"")]
    [InlineData("\"before\": 0", "\"before\": 99999999999")]
    [InlineData("\"wasThere\": true", "\"wasThere\": null")]
    public void What_root_would_not_have_written_is_refused(string old, string? changed = null)
    {
        string text = Memory.Format("boot");
        Assert.Null(RealServerMemory.Parse(changed is null ? old : text.Replace(old, changed, StringComparison.Ordinal), "boot"));
        AssertSame(Memory, RealServerMemory.Parse(text, "boot"));
    }

    [Fact]
    public async Task Second_writer_waits_for_the_first()
    {
        var first = RealServerStore.OpenLocked(StatePath);
        Assert.Throws<IOException>(() => new FileStream(StatePath + ".lock", FileMode.Open, FileAccess.ReadWrite, FileShare.None));
        var second = Task.Run(() => RealServerStore.OpenLocked(StatePath));
        first.Save(Memory);
        first.Dispose();
        using var opened = await second;
        AssertSame(Memory, opened.Load());
    }

    [Fact]
    public async Task Second_writer_whose_lock_was_removed_takes_another()
    {
        var first = RealServerStore.OpenLocked(StatePath);
        Assert.True(first.Load().IsEmpty);
        var second = Task.Run(() => RealServerStore.OpenLocked(StatePath));
        // The kernel lists who waits with an arrow.
        string waiting = $" {Environment.ProcessId} ";
        Assert.True(SpinWait.SpinUntil(
            () => File.ReadLines("/proc/locks").Any(line => line.Contains("-> FLOCK", StringComparison.Ordinal) && line.Contains(waiting, StringComparison.Ordinal)),
            TimeSpan.FromSeconds(30)));
        first.Dispose();
        var opened = await second;
        Assert.Throws<IOException>(() => new FileStream(StatePath + ".lock", FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None));
        Assert.True(opened.Load().IsEmpty);
        opened.Dispose();
        Assert.Empty(_folder.GetFiles());
    }

    private static void AssertSame(RealServerMemory expected, RealServerMemory? actual) => Assert.Equal(expected.Format(""), actual?.Format(""));

    private void Save()
    {
        using var store = RealServerStore.OpenLocked(StatePath);
        store.Save(Memory);
    }

    private RealServerMemory Load()
    {
        using var store = RealServerStore.Open(StatePath);
        return store.Load();
    }
}
