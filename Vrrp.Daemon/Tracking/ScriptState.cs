using Vrrp.Daemon.Configuration.Model;

namespace Vrrp.Daemon.Tracking;

/// <summary>Results of a script to up or down. Pure.</summary>
/// <param name="IsUp">Null: there is no result yet.</param>
/// <param name="Streak">Results in a row that speak against <paramref name="IsUp"/>.</param>
internal readonly record struct ScriptState(bool? IsUp, int Streak = 0)
{
    public static ScriptState Initial(ScriptTracker script) => new(script.InitFail ? false : null);

    /// <summary>The state after one more result. The first of all decides by itself; later ones have to come in a row.</summary>
    public ScriptState After(bool success, ScriptTracker script)
    {
        if (IsUp is not { } isUp)
            return new(success);
        if (success == isUp)
            return new(isUp);
        // A reload may have lowered the number below what was counted.
        return Streak + 1 >= (success ? script.Rise : script.Fall) ? new(success) : this with { Streak = Streak + 1 };
    }
}
