using System.Text;
using Vrrp.Daemon.Tracking;

namespace Vrrp.Tests.Tracking;

/// <summary>Numbers as keepalived 2.2.7 reads them, and files that are none.</summary>
public sealed class FileNumberTests : IDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("vrrp-file-test-");

    public void Dispose() => _folder.Delete(recursive: true);

    [Theory]
    [InlineData("5\n", 5)]
    [InlineData("-5", -5)]
    [InlineData("+7", 7)]
    [InlineData(" \t\r\n\v\f 8", 8)]
    [InlineData("5x", 5)]
    [InlineData("1.9", 1)]
    [InlineData("0x10", 16)]
    [InlineData("-0XfF", -255)]
    [InlineData("0x", 0)]
    [InlineData("0xg", 0)]
    [InlineData("010", 8)]
    [InlineData("09", 0)]
    [InlineData("12a", 12)]
    [InlineData("", 0)]
    [InlineData("-", 0)]
    [InlineData("abc", 0)]
    [InlineData("- 5", 0)]
    [InlineData("2147483647", int.MaxValue)]
    [InlineData("-2147483648", int.MinValue)]
    [InlineData("2147483648", null)]
    [InlineData("-2147483649", null)]
    [InlineData("99999999999999999999999999", null)]
    [InlineData("-99999999999999999999999999", null)]
    public void A_number(string text, int? expected)
    {
        long number = FileNumber.Parse(Encoding.ASCII.GetBytes(text));
        Assert.Equal(expected, number is >= int.MinValue and <= int.MaxValue ? (int)number : null);
        string path = Path.Combine(_folder.FullName, "number");
        File.WriteAllText(path, text);
        Assert.Equal((number, null), (FileNumber.Read(path, out string? problem), problem));
        Assert.Null(FileNumber.FindProblem(path));
    }

    [Theory]
    [InlineData("5", null)]
    [InlineData("0", null)]
    [InlineData("0x", null)]
    [InlineData("0x1f", null)]
    [InlineData("", "the file is empty")]
    [InlineData("abc", "the file does not begin with a number")]
    [InlineData("-", "the file does not begin with a number")]
    [InlineData(" x5", "the file does not begin with a number")]
    [InlineData(null, "the file does not exist")]
    public void Why_there_is_no_number(string? text, string? expected)
    {
        string path = Path.Combine(_folder.FullName, "number");
        if (text is not null)
            File.WriteAllText(path, text);
        FileNumber.Read(path, out string? problem, out string? lack);

        Assert.Equal((null, expected), (problem, lack));
    }

    [Fact]
    public void What_is_not_there_says_zero()
    {
        string path = Path.Combine(_folder.FullName, "none");
        Assert.Equal((0L, null), (FileNumber.Read(path, out string? problem), problem));
        Assert.Equal((0L, null), (FileNumber.Read(path + "/below", out problem), problem));
        Assert.Equal("it does not exist", FileNumber.FindProblem(path));
    }

    [Fact]
    public async Task What_is_no_file_is_not_opened()
    {
        string pipe = Path.Combine(_folder.FullName, "pipe"), link = Path.Combine(_folder.FullName, "link");
        await Linux.Lab.Tool.RunAsync("mkfifo", [pipe]);
        File.CreateSymbolicLink(link, pipe);
        foreach (string path in (string[])[pipe, link, "/dev/zero", "/dev/tty", _folder.FullName])
        {
            // Without the check of its kind a pipe that nobody writes to would hold this up for ever.
            Assert.Equal((0L, "it is not a regular file"), (FileNumber.Read(path, out string? problem), problem));
            Assert.Equal("it is not a regular file", FileNumber.FindProblem(path));
        }
    }

    [Fact]
    public void A_huge_file_is_read_at_its_beginning_alone()
    {
        string path = Path.Combine(_folder.FullName, "huge");
        using (var file = File.Create(path))
        {
            file.Write("42 "u8);
            file.SetLength(1L << 40);
        }

        Assert.Equal(42, FileNumber.Read(path, out _));
        File.WriteAllText(path, new string(' ', 200) + "7");
        Assert.Equal(0, FileNumber.Read(path, out _));
    }

    [Fact]
    public void A_link_to_a_file_is_followed()
    {
        string path = Path.Combine(_folder.FullName, "file"), link = Path.Combine(_folder.FullName, "link");
        File.WriteAllText(path, "3");
        File.CreateSymbolicLink(link, path);

        Assert.Equal(3, FileNumber.Read(link, out _));
    }
}
