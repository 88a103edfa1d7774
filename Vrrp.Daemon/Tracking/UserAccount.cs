using System.Globalization;
using Vrrp.Linux;
using static Vrrp.Linux.NativeMethods;

namespace Vrrp.Daemon.Tracking;

/// <summary>Users and groups of this host, by name or number.</summary>
internal static unsafe class UserAccount
{
    /// <summary>The account scripts run as when none is configured, if it exists.</summary>
    public const string DefaultScriptUser = "keepalived_script";

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
        var found = user is null ? FindUser(DefaultScriptUser) : FindUser(user);
        if (found is null)
        {
            if (user is not null)
                problem = $"there is no user '{user}'";
            return null;
        }

        var (userId, groupId) = found.Value;
        if (group is not null)
        {
            if (FindGroup(group) is not { } named)
            {
                problem = $"there is no group '{group}'";
                return null;
            }

            groupId = named;
        }

        return userId == GetEffectiveUser() && userId != 0 ? null : new(userId, groupId);
    }

    private static (uint User, uint Group)? FindUser(string name)
    {
        byte* entry = stackalloc byte[EntryLength];
        var buffer = new byte[BufferLength];
        fixed (byte* text = buffer)
        {
            void* result = null;
            int error = uint.TryParse(name, NumberStyles.None, CultureInfo.InvariantCulture, out uint id)
                ? GetPasswordById(id, entry, text, BufferLength, &result)
                : GetPasswordByName(name, entry, text, BufferLength, &result);
            return error != 0 || result is null ? null : (*(uint*)(entry + NumbersOffset), *(uint*)(entry + NumbersOffset + 4));
        }
    }

    private static uint? FindGroup(string name)
    {
        if (uint.TryParse(name, NumberStyles.None, CultureInfo.InvariantCulture, out uint id))
            return id;
        byte* entry = stackalloc byte[EntryLength];
        var buffer = new byte[BufferLength];
        fixed (byte* text = buffer)
        {
            void* result = null;
            return GetGroupByName(name, entry, text, BufferLength, &result) != 0 || result is null ? null : *(uint*)(entry + NumbersOffset);
        }
    }
}
