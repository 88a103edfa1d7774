using System.Globalization;
using System.Text;

namespace Vrrp.Tests.Simulation.Exploration;

/// <summary>What an exploration found.</summary>
/// <param name="States">Distinct states.</param>
/// <param name="Transitions">Things that happened: edges between states, those back to known ones included.</param>
/// <param name="Depth">Length of the longest of the shortest ways to a state.</param>
/// <param name="IsComplete">Whether nothing is left to explore.</param>
/// <param name="LongestRecovery">Ticks that the election took after the last disturbance, at worst.</param>
/// <param name="StatesWithTwoMasters">States in which a partition or a lost packet has two Masters.</param>
internal sealed record Exploration(int States, long Transitions, int Depth, bool IsComplete, int LongestRecovery, int StatesWithTwoMasters);

/// <summary>
/// Breadth first through everything that can happen, so that what goes wrong is shown by a shortest sequence. Each distinct state is checked
/// once, and from each one the election must end in time when nothing more goes wrong.
/// </summary>
internal sealed class Explorer
{
    private const int OnTheWay = -1;

    private readonly Scenario _scenario;
    private readonly World _from;
    private readonly World _world;
    private readonly World _probe;
    private readonly StateTable _states = new();
    private readonly List<int> _parents = [];
    private readonly StateTable _settled = new();
    private readonly List<int> _recovery = [];
    private readonly List<(int Number, bool IsOver, int Ticks)> _way = [];

    public Explorer(Scenario scenario, IVrrpStateMachine machine)
    {
        _scenario = scenario;
        _from = new(scenario, machine);
        _world = new(scenario, machine);
        _probe = new(scenario, machine);
    }

    /// <exception cref="SafetyException">Something went wrong; the message is the shortest sequence that leads there.</exception>
    public Exploration Run()
    {
        long transitions = 0;
        int depth = 0;
        int longest = 0;
        int twoMasters = 0;
        var choices = new List<Choice>();
        Add(_world.Save(), parent: -1);
        int levelEnd = 1;
        int next = 0;
        while (next < _states.Count && depth < _scenario.Depth)
        {
            for (; next < levelEnd; next++)
            {
                _from.Load(_states[next]);
                _from.Enumerate(choices);
                foreach (var choice in choices)
                {
                    _world.Load(_from);
                    transitions++;
                    try
                    {
                        _world.Apply(choice);
                    }
                    catch (SafetyException)
                    {
                        throw new SafetyException(Explain(next, choice));
                    }

                    Add(_world.Save(), next);
                }
            }

            if (_states.Count > levelEnd)
                depth++;
            levelEnd = _states.Count;
        }

        return new(_states.Count, transitions, depth, next == _states.Count, longest, twoMasters);

        void Add(UInt128 state, int parent)
        {
            if (!_states.TryAdd(state, out int number))
                return;
            _parents.Add(parent);
            try
            {
                _probe.Load(state);
                if (_probe.Save() != state)
                    throw new InvalidOperationException("A state that was loaded is not the one that was saved.");
                twoMasters += _probe.Masters > 1 ? 1 : 0;
                int recovery = Recover();
                longest = Math.Max(longest, recovery);
                if (recovery > _scenario.RecoveryTicks)
                    throw new SafetyException($"The election took {recovery} ticks; {_scenario.RecoveryTicks} are enough.");
            }
            catch (SafetyException exception)
            {
                throw new SafetyException(Explain(number, null) + TellUndisturbed(state, exception.Message));
            }
        }
    }

    /// <summary>
    /// Ticks from the state in the probe until the election is over for good, when nothing more goes wrong: from then on there is one Master,
    /// and nobody moves again.
    /// </summary>
    private int Recover()
    {
        _way.Clear();
        _probe.Settle();
        int recovery;
        while (true)
        {
            if (!_settled.TryAdd(_probe.Save(), out int number))
            {
                recovery = _recovery[number];
                if (recovery == OnTheWay)
                    recovery = CloseCircle(number);
                break;
            }

            _recovery.Add(OnTheWay);
            bool isElected = _probe.IsElected(out string complaint);
            int ticks = _probe.AdvanceToDeadline();
            if (ticks == 0 && !isElected)
                throw new SafetyException($"No timer runs and {complaint}.");
            int moves = _probe.Moves;
            _probe.Settle();
            _way.Add((number, isElected && _probe.Moves == moves, ticks));
            if (ticks > 0)
                continue;
            recovery = 0;
            break;
        }

        for (int i = _way.Count - 1; i >= 0; i--)
        {
            var (number, isOver, ticks) = _way[i];
            recovery = isOver && recovery == 0 ? 0 : recovery + ticks;
            _recovery[number] = recovery;
        }

        return recovery;
    }

    /// <summary>The world repeats itself from here on: all along the circle the election must be over.</summary>
    private int CloseCircle(int number)
    {
        int start = _way.FindIndex(step => step.Number == number);
        if (_way.Skip(start).All(step => step.IsOver))
            return 0;
        throw new SafetyException("The election never ends, though nothing more goes wrong.");
    }

    /// <summary>The shortest way to a state, and what happened then.</summary>
    private string Explain(int number, Choice? last)
    {
        var way = new List<int>();
        for (int at = number; at >= 0; at = _parents[at])
            way.Add(at);
        way.Reverse();
        var text = new StringBuilder().AppendLine(CultureInfo.InvariantCulture, $"{_scenario.Name}, after {way.Count - (last is null ? 1 : 0)} events:");
        var choices = new List<Choice>();
        for (int i = 1; i < way.Count; i++)
        {
            var from = _states[way[i - 1]];
            _probe.Load(from);
            _probe.Enumerate(choices);
            var choice = choices.First(candidate =>
            {
                _probe.Load(from);
                _probe.Apply(candidate);
                return _probe.Save() == _states[way[i]];
            });
            _probe.Load(from);
            text.AppendLine(CultureInfo.InvariantCulture, $"{i,3}. {_probe.Tell(choice)}").AppendLine(CultureInfo.InvariantCulture, $"     {_probe}");
        }

        if (last is { } wrong)
        {
            _probe.Load(_states[number]);
            try
            {
                _probe.Tell(wrong);
            }
            catch (SafetyException exception)
            {
                text.AppendLine(CultureInfo.InvariantCulture, $"{way.Count,3}. {exception.Message}");
            }
        }

        return text.ToString();
    }

    /// <summary>How it goes on from a state when nothing more goes wrong, for a while or until what is complained of.</summary>
    private string TellUndisturbed(UInt128 state, string complaint)
    {
        var text = new StringBuilder().AppendLine("When nothing more goes wrong:");
        _probe.Load(state);
        for (int i = 0; i < 30; i++)
        {
            try
            {
                if (_probe.NextUndisturbed() is { } choice)
                    text.AppendLine(CultureInfo.InvariantCulture, $"     {_probe.Tell(choice)}");
                else if (_probe.AdvanceToDeadline() is > 0 and var ticks)
                    text.AppendLine(CultureInfo.InvariantCulture, $"     {ticks} ticks later: {_probe}");
                else
                    break;
            }
            catch (SafetyException exception)
            {
                // The complaint is part of it.
                return text.Append(CultureInfo.InvariantCulture, $"     {exception.Message}").ToString();
            }
        }

        return text.Append(CultureInfo.InvariantCulture, $"=> {complaint}").ToString();
    }
}
