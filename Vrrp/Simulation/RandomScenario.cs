using System.Collections.Immutable;
using System.Globalization;
using Kind = Vrrp.Simulation.ScenarioDisturbanceKind;

namespace Vrrp.Simulation;

/// <summary>
/// Scenarios from a seed: two to five nodes, up to eight virtual routers of every kind on them, everything that can go wrong, and at the end
/// a LAN on which nothing is wrong any more. What the routers of one virtual router must agree on they agree on.
/// </summary>
public static class RandomScenario
{
    /// <summary>Makes the scenario of a seed.</summary>
    /// <param name="seed">Any number; equal seeds give equal scenarios.</param>
    /// <returns>The scenario.</returns>
    public static Scenario Create(int seed) => new Generator(seed).Create();

    private sealed class Generator
    {
        /// <summary>Intervals in centiseconds by pace; version 2 takes the next whole second.</summary>
        private static readonly int[][] Paces =
        [
            [1, 2, 5, 10, 20, 50],
            [100, 100, 100, 25, 300],
            [200, 500, 1000, 700],
            [2000, 4095, 1500],
        ];

        private readonly SeededRandom _random;
        private readonly int _seed;
        private readonly List<ScenarioDisturbance> _disturbances = [];

        // Gone through in the order in which they came to be, which sets do not promise.
        private readonly List<(string Node, Kind Ends)> _ailing = [];
        private readonly OrderedDictionary<(string Node, string Router), (int Weight, string? Words)> _tracked = [];
        private readonly List<(string Node, string Router)> _faulty = [];
        private readonly List<(string Node, string Router)> _gone = [];
        private readonly List<(string Node, string Address)> _taken = [];
        private readonly List<(string Node, string Address)> _given = [];
        private readonly OrderedDictionary<(string Node, string Router), VirtualRouterConfig> _configs = [];
        private readonly List<string> _slow = [];
        private readonly List<string> _secondDown = [];
        private readonly int _pace;
        private ImmutableArray<ScenarioNode> _nodes = [];
        private TimeSpan _interval;
        private TimeSpan _longest;
        private TimeSpan _now;
        private TimeSpan _frozenUntil;
        private bool _isLanIll;
        private bool _isSecondTracked;

        public Generator(int seed)
        {
            _seed = seed;
            _random = new(seed);
            _pace = _random.Pick<int>([0, 0, 0, 1, 1, 1, 1, 2, 2, 3]);
        }

        public Scenario Create()
        {
            CreateNodes();
            var shortest = _configs.Values.Min(config => config.AdvertisementInterval).Duration;
            var delay = Micros(_random.NextTime(TimeSpan.FromTicks(Math.Min(shortest.Ticks / 60, TimeSpan.TicksPerMillisecond * 3))) + TimeSpan.FromMicroseconds(20));
            var jitter = _random.Happens(0.5) ? Micros(_random.NextTime(delay)) : TimeSpan.Zero;
            if (_random.Happens(0.8))
                Wait(_random.Next(2, 12));
            for (int count = 8 + _random.Next(32); count > 0; count--)
            {
                Disturb();
                int kind = _random.Next(20);
                Wait(kind < 8 ? _random.NextDouble() : kind < 14 ? _random.NextDouble() * 6 : kind < 17 ? _random.Next(8, 30) : _random.Next(30, 300));
            }

            Restore();
            // Two elections, a hold, a retry, and a short while in which nothing may happen.
            var hold = _configs.Values.Max(config => config.PreemptDelay);
            int adverts = _configs.Values.Max(config => config.DownTimerAdverts);
            var tail = TimeSpan.FromSeconds(8) + hold + (_longest * ((2 * (adverts + 1.1)) + 6));
            return new()
            {
                Seed = _seed,
                Delay = delay,
                Jitter = jitter,
                Nodes = _nodes,
                Disturbances = [.. _disturbances],
                End = Micros(_now + (tail * 1.1) + (_longest * _random.Next(5, 60))),
            };
        }

        private static TimeSpan Micros(TimeSpan time) => TimeSpan.FromTicks(time.Ticks / TimeSpan.TicksPerMicrosecond * TimeSpan.TicksPerMicrosecond);

        private void CreateNodes()
        {
            int count = _random.Pick<int>([2, 2, 3, 3, 3, 4, 5]);
            var routers = new List<ScenarioRouter>[count];
            for (int i = 0; i < count; i++)
                routers[i] = [];
            int virtualRouters = _random.Next(1, _pace == 0 ? 4 : 9);
            bool isGrouped = virtualRouters > 1 && _random.Happens(0.3);
            int members = isGrouped ? Math.Min(_random.Next(2, 4), virtualRouters) : 0;
            int[] ranks = Shuffled(count);
            int[] groupPriorities = [.. ranks.Select(rank => Priority(rank))];
            for (int number = 1; number <= virtualRouters; number++)
                CreateVirtualRouter(number, number <= members ? groupPriorities : null, routers);
            _nodes =
            [
                .. Enumerable.Range(0, count).Select(i => new ScenarioNode
                {
                    Name = ((char)('A' + i)).ToString(),
                    ClockRate = _random.Happens(0.15) ? _random.Next(970, 1031) / 1000.0 : 1,
                    Routers = [.. routers[i]],
                }),
            ];
            foreach (var node in _nodes)
            {
                foreach (var router in node.Routers)
                    _configs.Add((node.Name, router.Config.Name), router.Config);
            }

            _longest = _configs.Values.Max(config => config.AdvertisementInterval).Duration;
            _interval = _random.Pick([.. _configs.Values]).AdvertisementInterval.Duration;
        }

        private void CreateVirtualRouter(int number, int[]? groupPriorities, List<ScenarioRouter>[] routers)
        {
            int count = routers.Length;
            bool isV2 = _random.Happens(0.25);
            bool isV6 = !isV2 && _random.Happens(0.35);
            // RFC 9568 §1: a VRID of two families is two virtual routers.
            bool isShared = isV6 && _random.Happens(0.2) && number > 1
                && !routers.Any(list => list.Exists(router => router.Config.VirtualRouterId.Value == 9 + number && router.Config.Family == IPFamily.IPv6));
            int id = isShared ? 9 + number : 10 + number;
            var plain = new VirtualRouterConfig
            {
                Name = $"r{number}",
                Interface = ScenarioText.Interface,
                VirtualRouterId = new(id),
                Version = isV2 ? VrrpVersion.V2 : VrrpVersion.V3,
                Family = isV6 ? IPFamily.IPv6 : IPFamily.IPv4,
                AdvertisementInterval = Interval(isV2),
                VirtualAddresses = [.. Enumerable.Range(1, _random.Pick<int>([1, 1, 2, 3])).Select(i => Address(isV6, number, i))],
                ExcludedAddresses = _random.Happens(0.1) ? [Address(!isV6, number, 9)] : [],
                Password = isV2 && _random.Happens(0.5) ? Packets.SimplePassword.From("scenario") : null,
                SyncGroup = groupPriorities is null ? null : "group",
                AnswerLowerPriority = !_random.Happens(0.1),
                AdvertiseBeforeYield = _random.Happens(0.1),
                AcceptMode = !_random.Happens(0.1),
                DownTimerAdverts = _random.Happens(0.08) ? _random.Next(2, 6) : 3,
            };
            // A group keeps one rank, so what is tracked for one of it only ends its service.
            bool isTracked = _random.Happens(0.2);
            _isSecondTracked |= isTracked;
            bool isMixed = !isV2 && _random.Happens(0.2);
            bool isUnicast = _random.Happens(0.15);
            int preempt = _random.Pick<int>([0, 0, 0, 1, 2]);
            var delay = _random.Happens(0.15) ? plain.AdvertisementInterval.Duration * _random.Next(1, 20) : TimeSpan.Zero;
            bool areEqual = _random.Happens(0.2);
            int[] ranks = Shuffled(count);
            bool[] takesPart = [.. Enumerable.Range(0, count).Select(_ => groupPriorities is not null || _random.Happens(0.85))];
            takesPart[0] = takesPart[1] = true;
            int owner = groupPriorities is null && _random.Happens(0.1) ? Array.IndexOf(takesPart, true, _random.Next(2)) : -1;
            int[] peers = [.. Enumerable.Range(0, count).Where(i => takesPart[i])];
            for (int i = 0; i < count; i++)
            {
                if (!takesPart[i])
                    continue;
                int priority = i == owner ? 255 : groupPriorities?[i] ?? (areEqual ? 100 : Priority(ranks[i]));
                var config = plain with
                {
                    Priority = new(priority),
                    AdvertisementInterval = isMixed ? Interval(isV2) : plain.AdvertisementInterval,
                    TrackedInterfaces = isTracked && i != owner && _random.Happens(0.7) ? [Tracked(groupPriorities is not null)] : [],
                    Preempt = preempt == 0 || (preempt == 2 && _random.Happens(0.5)),
                    PreemptDelay = delay,
                    Checksum = !isV2 && !isV6 && _random.Happens(0.2) ? VrrpChecksum.MessageOnly : default,
                    UnicastPeers = isUnicast ? [.. peers.Where(peer => peer != i).Select(peer => new Packets.UnicastPeer(Scenario.AddressOf(peer, plain.Family)))] : [],
                };
                var startAfter = _random.Happens(0.1) ? Micros(_random.NextTime(plain.AdvertisementInterval.Duration * 10)) : TimeSpan.Zero;
                routers[i].Add(new(config, startAfter));
            }
        }

        /// <summary>Mostly a weight that changes the rank, at times one that ends the service.</summary>
        private TrackedInterface Tracked(bool endsService) => new(
            ScenarioText.SecondInterface, endsService || _random.Happens(0.2) ? 0 : _random.Next(-150, 151), _random.Happens(0.1));

        private AdvertisementInterval Interval(bool isV2)
        {
            int centiseconds = _random.Pick(Paces[_pace]);
            if (!isV2)
                return AdvertisementInterval.FromCentiseconds(centiseconds);
            int seconds = (centiseconds + 99) / 100;
            return AdvertisementInterval.FromSeconds(_pace == 3 && _random.Happens(0.3) ? 255 : seconds);
        }

        private int Priority(int rank) => Math.Clamp((rank * 50) + _random.Next(-20, 21), 1, 254);

        private static VirtualAddress Address(bool isV6, int number, int index) => VirtualAddress.Host(IPAddressValue.Parse(
            !isV6 ? $"10.0.{number}.{index}" : index == 1 ? $"fe80::{number}:{index}" : $"2001:db8::{number}:{index}"));

        private int[] Shuffled(int count)
        {
            int[] numbers = [.. Enumerable.Range(1, count)];
            for (int i = count - 1; i > 0; i--)
            {
                int other = _random.Next(i + 1);
                (numbers[i], numbers[other]) = (numbers[other], numbers[i]);
            }

            return numbers;
        }

        private static bool AddTo<T>(List<T> list, T item)
        {
            if (list.Contains(item))
                return false;
            list.Add(item);
            return true;
        }

        private void Wait(double intervals) => _now = Micros(_now + (_interval * intervals));

        private void Add(Kind kind, string? node = null, string? target = null, double value = 0, TimeSpan duration = default, string? words = null) =>
            _disturbances.Add(new()
            {
                At = _now,
                Kind = kind,
                Node = node,
                Target = target,
                Value = value,
                Duration = duration,
                Words = words,
            });

        private void Disturb()
        {
            var node = _random.Pick(_nodes);
            string name = node.Name;
            // What ails a node is as likely to end as something else is to begin.
            var ailments = _ailing.FindAll(ailment => ailment.Node == name);
            if (ailments.Count > 0 && _random.Happens(0.5))
            {
                var ended = _random.Pick(ailments);
                Add(ended.Ends, name);
                _ailing.Remove(ended);
                return;
            }

            switch (_random.Next(52))
            {
                case 0 or 1 or 2:
                    Ail(name, Kind.Crash, Kind.Start, value: _random.Happens(0.6) ? _random.Next(1, 12) : 0);
                    break;
                case 3 or 4 or 5 or 6:
                    var length = Micros(_random.NextTime(_interval * _random.Pick<int>([1, 2, 4, 12]))) + TimeSpan.FromMicroseconds(1);
                    Add(Kind.Freeze, name, duration: length);
                    _frozenUntil = _now + length > _frozenUntil ? _now + length : _frozenUntil;
                    if (_random.Happens(0.4))
                        DisturbFrozen(node);
                    break;
                case 7 or 8:
                    if (_random.Happens(0.4) && _slow.Remove(name))
                        Add(Kind.Clock, name, value: node.ClockRate);
                    else if (AddTo(_slow, name))
                        Add(Kind.Clock, name, value: _random.Next(40, 200) / 100.0);
                    break;
                case 9 or 10:
                    Ail(name, Kind.LinkDown, Kind.LinkUp);
                    break;
                case 11 or 12:
                    Ail(name, Kind.CableOut, Kind.CableIn);
                    break;
                case 13:
                    Ail(name, Kind.InterfaceRemoved, Kind.InterfaceCreated);
                    break;
                case 14 or 15:
                    Ail(name, Kind.AddressesRefused, Kind.AddressesAccepted, words: node.Routers.Length == 0 || _random.Happens(0.6)
                        ? null : _random.Pick(_random.Pick(node.Routers).Config.VirtualAddresses).Address.ToString());
                    break;
                case 16:
                    Ail(name, Kind.SendingFails, Kind.SendingWorks);
                    break;
                case 17 or 18:
                    TakeOrGive(node);
                    break;
                case 19 or 20 or 21 or 22 or 23:
                    DisturbLan(name);
                    break;
                case 24 or 25 or 26:
                    Ail(name, Kind.RemovalsRefused, Kind.RemovalsAccepted);
                    break;
                case 27 or 28:
                    RefuseSockets(name);
                    break;
                case 29:
                    Add(Kind.EventsLost, name);
                    break;
                case 30 or 31 or 32 when _isSecondTracked:
                    bool wasDown = _secondDown.Remove(name);
                    Add(wasDown ? Kind.LinkUp : Kind.LinkDown, name, words: ScenarioText.SecondInterface);
                    if (!wasDown)
                        _secondDown.Add(name);
                    break;
                default:
                    if (node.Routers.Length > 0)
                        Disturb(node, _random.Pick(node.Routers).Config.Name);
                    break;
            }
        }

        /// <summary>What an operator or a hypervisor does to a host while its processes stand still.</summary>
        private void DisturbFrozen(ScenarioNode node)
        {
            Wait(_random.NextDouble() * 3);
            for (int count = _random.Next(1, 4); count > 0; count--)
            {
                if (_random.Happens(0.5))
                    TakeOrGive(node);
                else
                    Disturb();
            }

            // Of what happened to it meanwhile it is told no more than that there was something.
            if (_random.Happens(0.3))
                Add(Kind.EventsLost, node.Name);
        }

        /// <summary>That is noticed by who has to open some: often a process that starts.</summary>
        private void RefuseSockets(string node)
        {
            Ail(node, Kind.SocketsRefused, Kind.SocketsAccepted);
            if (_random.Happens(0.4))
                return;
            Wait(_random.NextDouble());
            Ail(node, Kind.Crash, Kind.Start);
            if (_random.Happens(0.3))
                return;
            Wait(_random.NextDouble() * 6);
            Add(Kind.Start, node);
            _ailing.Remove((node, Kind.Start));
        }

        private void Ail(string node, Kind begins, Kind ends, double value = 0, string? words = null)
        {
            if (AddTo(_ailing, (node, ends)))
                Add(begins, node, value: value, words: words);
        }

        private void TakeOrGive(ScenarioNode node)
        {
            string own = Scenario.AddressOf(_nodes.IndexOf(node), _random.Happens(0.4) ? IPFamily.IPv6 : IPFamily.IPv4).ToString();
            string address = node.Routers.Length == 0 || _random.Happens(0.25) ? own
                : _random.Pick(_random.Pick(node.Routers).Config.VirtualAddresses).Address.ToString();
            bool isOwned = node.Routers.Any(router => router.Config.IsOwner
                && router.Config.VirtualAddresses.Any(held => held.Address.ToString() == address));
            if (_random.Happens(0.7) || address == own || isOwned)
            {
                Add(Kind.AddressTaken, node.Name, words: address);
                if (address == own || isOwned)
                    AddTo(_taken, (node.Name, address));
                _given.Remove((node.Name, address));
            }
            else
            {
                if (_random.Happens(0.5))
                    Add(Kind.AddressTaken, node.Name, words: address);
                Add(Kind.AddressGiven, node.Name, words: address);
                AddTo(_given, (node.Name, address));
            }
        }

        private void DisturbLan(string node)
        {
            string other = _random.Pick(_nodes).Name;
            _isLanIll = true;
            // What ails a LAN often ails one way of it only, and in one direction.
            var (from, to) = node != other && _random.Happens(0.5) ? (node, other) : (null, null);
            switch (_random.Next(10))
            {
                case 0 or 1:
                    Add(Kind.Loss, from, to, value: _random.Next(5, 101) / 100.0);
                    break;
                case 2:
                    Add(Kind.Delay, from, to, duration: Micros(_random.NextTime(_interval * 2)));
                    break;
                case 3:
                    Add(Kind.Jitter, from, to, duration: Micros(_random.NextTime(_interval * 2)));
                    break;
                case 4:
                    Add(Kind.Duplication, from, to, value: _random.Next(10, 100) / 100.0);
                    break;
                case 5:
                    Add(Kind.Reordering, from, to, value: _random.Next(10, 100) / 100.0, duration: Micros(_random.NextTime(_interval * 3)));
                    break;
                case 6 or 7 when node != other:
                    Add(_random.Happens(0.8) ? Kind.Cut : Kind.Join, node, other);
                    break;
                case 8:
                    Add(Kind.Part, node == other ? node : $"{node},{other}");
                    break;
                default:
                    Add(Kind.Heal);
                    _isLanIll = false;
                    break;
            }
        }

        private void Disturb(ScenarioNode node, string router)
        {
            var key = (node.Name, router);
            var config = _configs[key];
            if (_gone.Contains(key))
            {
                Add(Kind.Rejoin, node.Name, router);
                _gone.Remove(key);
                return;
            }

            switch (_random.Next(20))
            {
                case 0 or 1:
                    Add(Kind.Leave, node.Name, router);
                    _gone.Add(key);
                    break;
                case 2 or 3 or 4:
                    Add(Kind.HandOver, node.Name, router);
                    _gone.Add(key);
                    break;
                case 5 or 6 when _faulty.Remove(key):
                    Add(Kind.FaultEnded, node.Name, router);
                    break;
                case 5 or 6:
                    Add(Kind.FaultDeclared, node.Name, router);
                    _faulty.Add(key);
                    break;
                case 7 or 8 when !config.IsOwner:
                    int priority = _random.Next(1, 255);
                    // The members of a group keep one rank.
                    foreach (var member in node.Routers.Where(member => member.Config.Name == router
                        || (config.SyncGroup is not null && member.Config.SyncGroup == config.SyncGroup)))
                    {
                        Add(Kind.Priority, node.Name, member.Config.Name, priority);
                        _configs[(node.Name, member.Config.Name)] = _configs[(node.Name, member.Config.Name)] with { Priority = new(priority) };
                    }

                    break;
                case 9 or 10:
                    Reconfigure(node, router);
                    break;
                case 11:
                    Add(Kind.Misconfigure, node.Name, router, words: Mistake(config, node));
                    break;
                case 12 or 13 or 14 or 15:
                    Track(node, config);
                    break;
                default:
                    string[] words = [.. ScenarioMalformedPacket.Words];
                    string word = _random.Pick(words[..^1]);
                    Add(Kind.Malformed, node.Name, router, words: _random.Happens(0.3)
                        ? string.Create(CultureInfo.InvariantCulture, $"flip{_random.Next(1000)}") : word);
                    break;
            }
        }

        /// <summary>What the program tracks for a router begins to ail, or ends.</summary>
        private void Track(ScenarioNode node, VirtualRouterConfig config)
        {
            bool ends = _tracked.GetValueOrDefault((node.Name, config.Name)) != default && _random.Happens(0.5);
            int weight = ends || _random.Happens(0.3) ? 0 : _random.Next(-200, 201);
            string? words = ends || _random.Happens(0.6) ? null : _random.Happens(0.7) ? ScenarioText.Faulty : ScenarioText.Pending;
            // The members of a group keep one rank.
            foreach (var member in node.Routers.Where(member => member.Config.Name == config.Name
                || (config.SyncGroup is not null && member.Config.SyncGroup == config.SyncGroup)))
            {
                var key = (node.Name, member.Config.Name);
                var tracked = (weight, member.Config.Name == config.Name ? words : _tracked.GetValueOrDefault(key).Words);
                Add(Kind.Tracked, node.Name, member.Config.Name, tracked.weight, words: tracked.Item2);
                _tracked[key] = tracked;
            }
        }

        private void Reconfigure(ScenarioNode node, string router)
        {
            var key = (node.Name, router);
            var config = _configs[key];
            bool isV2 = config.Version == VrrpVersion.V2;
            string words = _random.Next(7) switch
            {
                // Version 2 wants one interval on all routers.
                0 or 1 when !isV2 => $"interval {ScenarioText.Time(Interval(isV2).Duration)}",
                2 => config.Preempt ? "nopreempt" : "preempt",
                3 => config.PreemptDelay == TimeSpan.Zero ? $"preempt-delay {ScenarioText.Time(config.AdvertisementInterval.Duration * _random.Next(1, 8))}" : "preempt-delay 0s",
                4 => config.AnswerLowerPriority ? "noanswer" : "answer",
                5 => config.AcceptMode ? "noaccept" : "accept",
                // Peers note that the list differs and go by it all the same. An owner has to own what it advertises.
                6 when !config.IsOwner => $"address {Lengthened(config)}",
                _ => config.AdvertiseBeforeYield ? "answer" : "advertise-before-yield",
            };
            Add(Kind.Reconfigure, node.Name, router, words: words);
            _configs[key] = ScenarioText.Change(config, words);
            var interval = _configs[key].AdvertisementInterval.Duration;
            _longest = interval > _longest ? interval : _longest;
        }

        private static string Lengthened(VirtualRouterConfig config)
        {
            bool isV6 = config.Family == IPFamily.IPv6;
            int number = int.Parse(config.Name.AsSpan(1), CultureInfo.InvariantCulture);
            string[] addresses = [.. config.VirtualAddresses.Select(address => address.Address.ToString())];
            return addresses.Length > 1 ? addresses[0] : $"{addresses[0]},{Address(isV6, number, 7).Address}";
        }

        private string Mistake(VirtualRouterConfig config, ScenarioNode node)
        {
            string other = node.Routers.FirstOrDefault(router => router.Config.Name != config.Name)?.Config.Name ?? "";
            return _random.Next(7) switch
            {
                0 => "vrid 200",
                1 => config.Version == VrrpVersion.V2 ? "v3" : "v2",
                2 => config.Family == IPFamily.IPv6 ? "ipv4" : "ipv6",
                3 => config.IsOwner ? "priority 100" : "priority 255",
                4 => config.Version == VrrpVersion.V2 ? "interval 50ms" : "interval 200s",
                5 when other.Length > 0 => $"name {other} priority 77",
                5 => "interface eth9",
                _ => "priority 0",
            };
        }

        /// <summary>Everything that was taken is given back, everything that was broken mended.</summary>
        private void Restore()
        {
            // A process that stands still takes no command.
            _now = _frozenUntil > _now ? _frozenUntil : _now;
            if (_isLanIll)
                Add(Kind.Heal);
            foreach (var (node, ends) in _ailing)
                Add(ends, node);
            foreach (string node in _secondDown)
                Add(Kind.LinkUp, node, words: ScenarioText.SecondInterface);
            foreach (var ((node, router), tracked) in _tracked)
            {
                if (tracked != default)
                    Add(Kind.Tracked, node, router);
            }

            foreach (string node in _slow)
                Add(Kind.Clock, node, value: _nodes.Single(other => other.Name == node).ClockRate);
            foreach (var (node, address) in _given)
                Add(Kind.AddressTaken, node, words: address);
            foreach (var (node, address) in _taken)
                Add(Kind.AddressGiven, node, words: address);
            foreach (var (node, router) in _gone)
                Add(Kind.Rejoin, node, router);
            foreach (var (node, router) in _faulty)
                Add(Kind.FaultEnded, node, router);
            if (_random.Happens(0.2))
                Add(Kind.Freeze, _random.Pick(_nodes).Name, duration: Micros(_interval * _random.Next(1, 8)));
        }
    }
}
