using System.Globalization;
using Vrrp.Simulation;

namespace Vrrp.Tests.Simulation;

/// <summary>
/// The state machine alone, on a wire that loses nothing, from states of every kind, reachable or not: whatever two to five routers
/// believe, one of them is Master by the time that the RFC's arithmetic gives, it is of the highest rank, and it stays.
/// </summary>
public class MachineConvergenceTests
{
    [Fact]
    public void From_any_state_the_highest_becomes_the_only_master()
    {
        for (int seed = 0; seed < 20_000; seed++)
            new Wire(seed).Run();
    }

    private sealed class Wire
    {
        private readonly int _seed;
        private readonly SeededRandom _random;
        private readonly VirtualRouterConfig[] _configs;
        private readonly MachineState[] _states;
        private readonly List<string> _story = [];
        private Instant _now = new(1_000_000_000_000);

        public Wire(int seed)
        {
            _seed = seed;
            _random = new(seed);
            bool isV2 = _random.Happens(0.3);
            int seconds = _random.Next(1, 256);
            var preemptDelay = _random.Happens(0.3) ? TimeSpan.FromSeconds(_random.Next(1, 300)) : TimeSpan.Zero;
            _configs = new VirtualRouterConfig[_random.Next(2, 6)];
            _states = new MachineState[_configs.Length];
            for (int i = 0; i < _configs.Length; i++)
            {
                _configs[i] = new()
                {
                    Name = $"r{i}",
                    Interface = "eth0",
                    VirtualRouterId = new(51),
                    Version = isV2 ? VrrpVersion.V2 : VrrpVersion.V3,
                    Priority = new(_random.Happens(0.2) ? 100 : _random.Next(1, 255)),
                    AdvertisementInterval = isV2 ? AdvertisementInterval.FromSeconds(seconds)
                        : AdvertisementInterval.FromCentiseconds(_random.Next(1, AdvertisementInterval.MaxVersion3Centiseconds + 1)),
                    PreemptDelay = preemptDelay,
                    AnswerLowerPriority = !_random.Happens(0.2),
                };
                _states[i] = AnyState(_configs[i]);
                _story.Add(string.Create(CultureInfo.InvariantCulture, $"r{i} priority {_configs[i].Priority} interval {_configs[i].AdvertisementInterval}: {_states[i]}"));
            }
        }

        public void Run()
        {
            var bound = _now.AddNanoseconds(Bound());
            while (Next() is var next && next <= bound)
                Turn(next);
            _now = bound;
            int master = CheckOneMaster();
            // And it stays so.
            var later = _now.AddNanoseconds(10 * LongestInterval());
            while (Next() is var next && next <= later)
            {
                Turn(next);
                Check(CheckOneMaster() == master, "another is Master now");
            }
        }

        private long LongestInterval() => Math.Max(
            _configs.Max(config => config.AdvertisementInterval.Nanoseconds), _states.Max(state => state.MasterAdverInterval.Nanoseconds));

        /// <summary>
        /// One down interval at most until there is a Master, another until the best has preempted it, a hold in between; a doubt or a
        /// goodbye that is believed costs one more of each.
        /// </summary>
        private long Bound()
        {
            long longest = LongestInterval();
            long down = _configs.Max(config => VrrpTimers.MasterDownNanoseconds(config.Version, new Priority(1), longest, config.DownTimerAdverts));
            long hold = _configs.Max(config => config.PreemptDelay.Ticks * 100);
            bool isDoubted = _states.Any(state => state.IsSuspect);
            return down + longest + (hold > 0 ? hold + down + longest : 0) + (isDoubted ? down + longest : 0);
        }

        private MachineState AnyState(VirtualRouterConfig config)
        {
            var learned = config.Version == VrrpVersion.V2 || _random.Happens(0.3) ? config.AdvertisementInterval
                : AdvertisementInterval.FromCentiseconds(_random.Next(1, AdvertisementInterval.MaxVersion3Centiseconds + 1));
            long down = VrrpTimers.MasterDownNanoseconds(config.Version, config.Priority, learned.Nanoseconds, config.DownTimerAdverts);
            bool isMaster = _random.Happens(0.4);
            return MachineState.Initial(config) with
            {
                State = isMaster ? VrrpState.Master : VrrpState.Backup,
                MasterAdverInterval = learned,
                Deadline = _now.AddNanoseconds(1 + _random.NextUpTo(isMaster ? config.AdvertisementInterval.Nanoseconds : down)),
                PreemptHoldUntil = _random.Happens(0.3) ? _now.AddNanoseconds(_random.NextUpTo(config.PreemptDelay.Ticks * 100)) : Instant.Never,
                Awaited = (AwaitedMaster)_random.Next(3),
                IsSuspect = isMaster && _random.Happens(0.1),
                MasterAddress = _random.Happens(0.5) ? Address(_random.Next(1, 9)) : default,
                MasterPriority = new(_random.Next(256)),
            };
        }

        private static IPAddressValue Address(int number) => IPAddressValue.FromIPv4((10u << 24) + (uint)number + 1);

        private Instant Next() => _states.Min(state => state.Deadline);

        /// <summary>Whoever is due acts; what that says is heard at the same instant, and what is said to that.</summary>
        private void Turn(Instant at)
        {
            _now = at;
            var said = new Queue<(int From, Priority Priority)>();
            for (int i = 0; i < _states.Length; i++)
            {
                if (_states[i].Deadline <= _now)
                    Step(i, VrrpEvent.DeadlineReached, said);
            }

            int answers = 0;
            while (said.TryDequeue(out var advertisement))
            {
                Check(++answers < 100, "they answer each other for ever");
                for (int i = 0; i < _states.Length; i++)
                {
                    if (i != advertisement.From)
                    {
                        Step(i, VrrpEvent.Advertisement(
                            advertisement.Priority, _configs[advertisement.From].AdvertisementInterval, Address(advertisement.From), Address(i)), said);
                    }
                }
            }
        }

        private void Step(int index, in VrrpEvent input, Queue<(int From, Priority Priority)> said)
        {
            var before = _states[index].State;
            var transition = VrrpStateMachine.Instance.Step(_configs[index], _states[index], input, _now);
            _states[index] = transition.State;
            if (transition.State.State != before)
                _story.Add($"{_now} r{index} {before} → {transition.State.State} ({transition.Reason})");
            foreach (var action in transition.Actions)
            {
                if (action is VrrpAction.SendAdvertisement)
                    said.Enqueue((index, transition.State.EffectivePriority));
            }
        }

        private int CheckOneMaster()
        {
            int[] masters = [.. Enumerable.Range(0, _states.Length).Where(i => _states[i].State == VrrpState.Master)];
            Check(masters.Length == 1, $"there are {masters.Length} Masters");
            Check(_configs.All(config => config.Priority <= _configs[masters[0]].Priority), $"r{masters[0]} is Master and not the highest");
            return masters[0];
        }

        private void Check(bool condition, string what)
        {
            if (!condition)
                Assert.Fail($"Seed {_seed}, {_now}: {what}.{Environment.NewLine}{string.Join(Environment.NewLine, _story)}");
        }
    }
}
