using System.Globalization;
using System.Text;
using Vrrp.Daemon.Hosting;
using Vrrp.Linux;

namespace Vrrp.Tests.Fuzzing.Targets;

/// <summary>A pid file that something else left: whatever is in it, it ends up with our number and is gone afterwards.</summary>
internal sealed class PidFileTarget : IFuzzTarget
{
    private readonly string _path = Path.Combine(Path.GetTempPath(), $"vrrp-fuzz-{Guid.NewGuid():N}.pid");

    public string Name => "pid-file";

    public int Executions => 500;

    public IReadOnlyList<byte[]> Seeds { get; } = ["1\n"u8.ToArray(), "99999999999999999999\n"u8.ToArray(), "not a number"u8.ToArray()];

    public void Execute(ReadOnlySpan<byte> input, FuzzContext context)
    {
        File.WriteAllBytes(_path, input);
        string content;
        using (PidFile.Create(_path))
        {
            content = ReadUnlocked(_path);
        }

        if (content != Environment.ProcessId.ToString(CultureInfo.InvariantCulture) + "\n")
            throw new BrokenPromiseException("the pid file holds something else than our number");
        if (File.Exists(_path))
            throw new BrokenPromiseException("the pid file stays");
        context.ReachedCount("length", input.Length);
    }

    public void Dispose() => File.Delete(_path);

    // The framework would heed the lock, which is the very thing that keeps others out.
    private static unsafe string ReadUnlocked(string path)
    {
        int file = NativeMethods.Open(path, 0, 0);
        byte* buffer = stackalloc byte[64];
        nint length = NativeMethods.Read(file, buffer, 64);
        _ = NativeMethods.Close(file);
        return Encoding.ASCII.GetString(buffer, (int)Math.Max(0, length));
    }
}
