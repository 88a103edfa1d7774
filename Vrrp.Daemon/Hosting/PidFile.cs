using System.Globalization;

namespace Vrrp.Daemon.Hosting;

/// <summary>Names the running daemon, and by its lock keeps a second one from starting with the same file.</summary>
internal sealed class PidFile : IDisposable
{
    public const string DefaultPath = "/run/vrrp.pid";

    private readonly FileStream _stream;

    private PidFile(FileStream stream) => _stream = stream;

    /// <exception cref="IOException">The file is locked by a running daemon, or cannot be written.</exception>
    /// <exception cref="UnauthorizedAccessException">The directory is not ours to write.</exception>
    public static PidFile Create(string path)
    {
        // Not shared, the framework takes the kernel's lock on it, which ends with the process however that ends.
        var stream = new FileStream(path, new FileStreamOptions
        {
            Mode = FileMode.OpenOrCreate,
            Access = FileAccess.ReadWrite,
            Share = FileShare.None,
            UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead | UnixFileMode.OtherRead,
        });
        try
        {
            stream.SetLength(0);
            stream.Write(System.Text.Encoding.ASCII.GetBytes(Environment.ProcessId.ToString(CultureInfo.InvariantCulture) + "\n"));
            stream.Flush();
            return new PidFile(stream);
        }
        catch
        {
            stream.Dispose();
            throw;
        }
    }

    public void Dispose()
    {
        File.Delete(_stream.Name);
        _stream.Dispose();
    }
}
