using System.Globalization;
using System.Runtime.InteropServices;
using Vrrp.Linux;
using static Vrrp.Linux.NativeMethods;

namespace Vrrp.Daemon.Tracking;

/// <summary>Users and groups of this host, by name or number.</summary>
internal static unsafe class UserAccount
{
    /// <summary>The account scripts run as when none is configured, if it exists.</summary>
    public const string DefaultScriptUser = "keepalived_script";

    // Once seen, its absence is a failure of whoever knows the accounts, and no reason to run scripts as root.
    private static bool s_hasDefault;

    /// <summary>Whether that account exists.</summary>
    public static bool HasDefaultScriptUser => FindUser(DefaultScriptUser, out _) is not null;

    private const int BufferLength = 64 * 1024;

    // struct passwd and group are shorter than this; the numbers stand behind two pointers.
    private const int EntryLength = 128;
    private const int NumbersOffset = 16;

    /// <summary>Whom a script runs as.</summary>
    /// <param name="user">Name or number. Null: the default account if there is one, else this process's own user.</param>
    /// <param name="group">Name or number. Null: the user's group.</param>
    /// <param name="problem">What is wrong with them, as a clause; null when nothing is.</param>
    /// <returns>The numbers; null to stay who we are.</returns>
    public static Credentials? Resolve(string? user, string? group, out string? problem)
    {
        problem = null;
        var found = FindUser(user ?? DefaultScriptUser, out int error);
        if (error != 0)
        {
            // Whoever it is, it is not to be taken for nobody: that would be root.
            problem = $"user '{user ?? DefaultScriptUser}' cannot be looked up: {Marshal.GetPInvokeErrorMessage(error)}";
            return null;
        }

        if (found is null)
        {
            if (user is not null)
                problem = $"there is no user '{user}'";
            else if (Volatile.Read(ref s_hasDefault))
                problem = $"there is no user '{DefaultScriptUser}' any more";
            return null;
        }

        if (user is null)
            Volatile.Write(ref s_hasDefault, true);
        var (userId, groupId) = found.Value;
        if (group is not null)
        {
            if (FindGroup(group, out error) is not { } named)
            {
                problem = error != 0 ? $"group '{group}' cannot be looked up: {Marshal.GetPInvokeErrorMessage(error)}" : $"there is no group '{group}'";
                return null;
            }

            groupId = named;
        }

        return userId == GetEffectiveUser() && userId != 0 ? null : new(userId, groupId);
    }

    /// <param name="name">Name or number.</param>
    /// <param name="error">Why nobody knows whether there is such a user; 0 when that is known.</param>
    private static (uint User, uint Group)? FindUser(string name, out int error)
    {
        byte* entry = stackalloc byte[EntryLength];
        var buffer = new byte[BufferLength];
        fixed (byte* text = buffer)
        {
            void* result = null;
            error = LookUpError(uint.TryParse(name, NumberStyles.None, CultureInfo.InvariantCulture, out uint id)
                ? GetPasswordById(id, entry, text, BufferLength, &result)
                : GetPasswordByName(name, entry, text, BufferLength, &result));
            return error != 0 || result is null ? null : (*(uint*)(entry + NumbersOffset), *(uint*)(entry + NumbersOffset + 4));
        }
    }

    private static uint? FindGroup(string name, out int error)
    {
        error = 0;
        if (uint.TryParse(name, NumberStyles.None, CultureInfo.InvariantCulture, out uint id))
            return id;
        byte* entry = stackalloc byte[EntryLength];
        var buffer = new byte[BufferLength];
        fixed (byte* text = buffer)
        {
            void* result = null;
            error = LookUpError(GetGroupByName(name, entry, text, BufferLength, &result));
            return error != 0 || result is null ? null : *(uint*)(entry + NumbersOffset);
        }
    }

    // getpwnam(3): these are what some systems say of an account that is not there.
    private static int LookUpError(int error) => error is Errno.ENOENT or Errno.ESRCH or Errno.EBADF or Errno.EPERM ? 0 : error;
}
