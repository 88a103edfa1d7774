using Vrrp.Daemon.Configuration.Model;
using Vrrp.Daemon.Tracking;
using Vrrp.Linux;

namespace Vrrp.Daemon.Notifications;

/// <summary>A file whose first line is a password that only its owner may read.</summary>
internal static class PasswordFile
{
    private const int MaximumOctets = 4096;
    private const ushort OthersMayRead = 0x3F;
    private const ushort S_IFMT = 0xF000;
    private const ushort S_IFREG = 0x8000;

    /// <summary>The password; null: the clause says why there is none.</summary>
    public static Secret? Read(string path, out string? problem)
    {
        problem = FindProblem(path);
        if (problem is not null)
            return null;
        byte[] content;
        try
        {
            if (new FileInfo(path).Length > MaximumOctets)
            {
                problem = $"the password file {path} is longer than {MaximumOctets} octets";
                return null;
            }

            content = File.ReadAllBytes(path);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            problem = $"the password file {path} cannot be read: {exception.Message}";
            return null;
        }

        int end = content.AsSpan().IndexOfAny((byte)'\r', (byte)'\n');
        var secret = new Secret(end < 0 ? content : content.AsSpan(0, end));
        Array.Clear(content);
        problem = secret.Length == 0 ? $"the password file {path} has an empty first line" : null;
        return problem is null ? secret : null;
    }

    /// <summary>As <see cref="FindProblem"/>, and whether there is a password in it, as far as this process may look.</summary>
    public static string? FindProblemWithin(string path)
    {
        if (FindProblem(path) is { } found)
            return found;
        try
        {
            File.OpenHandle(path).Dispose();
        }
        catch (UnauthorizedAccessException)
        {
            // The daemon may look into it.
            return null;
        }
        catch (IOException exception)
        {
            return $"the password file {path} cannot be read: {exception.Message}";
        }

        _ = Read(path, out string? problem);
        return problem;
    }

    /// <summary>What is in the way of using it, as a clause; null: nothing.</summary>
    public static string? FindProblem(string path)
    {
        if (!Path.IsPathRooted(path))
            return $"the password file {path} is not an absolute path";
        if (!ScriptSecurity.TryStat(path, follow: true, out uint owner, out ushort mode))
            return $"the password file {path} is not there, or its directory is not ours to look into";
        if ((mode & S_IFMT) != S_IFREG)
            return $"the password file {path} is not a regular file";
        if ((mode & OthersMayRead) != 0)
            return $"the password file {path} may be used by others than its owner: chmod 600 {path}";
        return owner != 0 && owner != NativeMethods.GetEffectiveUser() ? $"the password file {path} belongs neither to root nor to the user of this process" : null;
    }
}
