using Vrrp.Daemon.Configuration;
using Vrrp.Linux;
using Vrrp.Packets;
using Vrrp.Tests.Fuzzing.Targets;

namespace Vrrp.Tests.Fuzzing;

/// <summary>The fuzzer can fail: mistakes that were put in on purpose are found with the seed and within the executions of an ordinary run.</summary>
public class FuzzerTests
{
    private const ulong Seed = 20260;
    private const int EFAULT = 14;

    [Fact]
    public void A_codec_that_throws_for_one_kind_of_valid_packet_is_found()
    {
        var finding = Find(new FrameTarget(new PlantedCodec((rejection, advertisement) =>
        {
            if (rejection == PacketRejection.None && advertisement is { Family: IPFamily.IPv6, AddressCount: 3, Priority.Value: 0 })
                throw new InvalidOperationException("planted");
            return rejection;
        })));

        Assert.Contains("planted", finding.Problem, StringComparison.Ordinal);
        // The smallest such packet has an octet for the receiver, the headers, 8 octets and 3 addresses; an extension header may stay.
        Assert.InRange(finding.Input.Length - (1 + EthernetHeader.Length + IPv6Header.Length + 8 + (3 * 16)), 0, 16);
    }

    [Fact]
    public void A_codec_that_allocates_for_one_reason_is_found()
    {
        object? kept = null;
        var finding = Find(new FrameTarget(new PlantedCodec((rejection, advertisement) =>
        {
            if (rejection == PacketRejection.AddressList)
                kept = new byte[advertisement.AddressCount + 1];
            return rejection;
        })));

        Assert.Equal("allocation", finding.Kind);
        Assert.NotNull(kept);
    }

    [Fact]
    public void A_codec_that_takes_a_wrong_hop_limit_is_found()
    {
        var finding = Find(new FrameTarget(new PlantedCodec((rejection, _) => rejection == PacketRejection.HopLimit ? PacketRejection.None : rejection)));

        Assert.Contains("None: ", finding.Problem, StringComparison.Ordinal);
    }

    [Fact]
    public void A_codec_that_does_not_end_is_found_by_the_watchdog()
    {
        byte[]? hung = null;
        using var ended = new CancellationTokenSource();
        using var target = new FrameTarget(new PlantedCodec((rejection, _) =>
        {
            while (rejection == PacketRejection.FirstAddressNotLinkLocal && !ended.IsCancellationRequested)
                Thread.SpinWait(100);
            return rejection;
        }));
        using var fuzzer = new Fuzzer(
            target,
            Seed,
            input =>
            {
                hung = input;
                ended.Cancel();
            },
            processorLimit: TimeSpan.FromMilliseconds(500));

        _ = fuzzer.Load(target.Seeds);
        _ = fuzzer.Run(target.Executions, () => hung is null);
        Assert.NotNull(hung);
        using var sound = new FrameTarget(new VrrpFrameCodec());
        using var check = new Fuzzer(sound, Seed);
        Assert.Contains(new Feature(RejectionFeatures.Of(PacketRejection.FirstAddressNotLinkLocal), 0), check.Reaches(hung));
    }

    [Fact]
    public void An_engine_that_counts_a_packet_under_no_known_reason_is_found()
    {
        var finding = Find(new EngineTarget(new PlantedCodec((rejection, _) => rejection == PacketRejection.Interval ? (PacketRejection)200 : rejection)));

        Assert.Contains("not counted exactly once", finding.Problem, StringComparison.Ordinal);
    }

    [Fact]
    public void An_engine_that_acts_on_what_it_should_drop_is_found()
    {
        var planted = new PlantedCodec((rejection, advertisement) =>
            rejection == PacketRejection.None && advertisement is { VirtualRouterId.Value: 16, Priority.Value: 254 } ? throw new InvalidOperationException("planted") : rejection);
        var finding = Find(new EngineTarget(planted));

        Assert.Contains("planted", finding.Problem, StringComparison.Ordinal);
    }

    [Fact]
    public void A_parser_that_throws_for_one_line_is_found()
    {
        var finding = Find(new ConfigurationTarget(content =>
            content.AsSpan().IndexOf("strict_mode"u8) >= 0 ? throw new FormatException("planted") : ConfigurationTarget.Load(content)));

        Assert.Contains("planted", finding.Problem, StringComparison.Ordinal);
        Assert.InRange(finding.Input.Length, "strict_mode".Length, 100);
    }

    [Fact]
    public void A_parser_that_forgets_errors_is_found()
    {
        var finding = Find(new ConfigurationTarget(content =>
        {
            var result = ConfigurationTarget.Load(content);
            return result with { Diagnostics = [.. result.Diagnostics.Where(finding => finding.Code is not ("VRRP0102" or "VRRP0104" or "VRRP0105"))] };
        }));

        Assert.Contains("a configuration with errors was taken, or one without was not", finding.Problem, StringComparison.Ordinal);
    }

    [Fact]
    public void Equal_seeds_do_the_same()
    {
        Assert.Equal(Trace(1), Trace(1));
        Assert.NotEqual(Trace(1), Trace(2));

        static string Trace(ulong seed)
        {
            using var target = new NetlinkTarget();
            using var fuzzer = new Fuzzer(target, seed);
            Assert.Null(fuzzer.Load(target.Seeds));
            var report = fuzzer.Run(2000);
            return $"{report.Executions} {report.CorpusSize} {string.Join(", ", fuzzer.Distill().Select(entry => Convert.ToHexString(entry.Input)))}";
        }
    }

    [Fact]
    public void The_octet_behind_guarded_memory_cannot_be_read()
    {
        using var memory = new GuardedMemory(100);
        var octets = memory.Put([1, 2, 3]);
        Assert.Equal([1, 2, 3], octets.ToArray());
        Assert.Equal([1, 2, 3], memory.Last());
        string path = Path.GetTempFileName();
        try
        {
            // The kernel reads for us, and says what a processor would end the process for.
            Assert.Equal((1, 0), WriteFrom(path, memory, -1));
            Assert.Equal((-1, EFAULT), WriteFrom(path, memory, 0));
        }
        finally
        {
            File.Delete(path);
        }

        Assert.Throws<ArgumentOutOfRangeException>(() => memory.Room(1 << 20));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void The_watchdog_tells_of_what_takes_long_and_of_nothing_else(bool waits)
    {
        int told = 0;
        using var heard = new ManualResetEventSlim();
        using var watchdog = new Watchdog(
            TimeSpan.FromMilliseconds(waits ? 600_000 : 300),
            TimeSpan.FromMilliseconds(waits ? 300 : 600_000),
            () =>
            {
                Interlocked.Increment(ref told);
                heard.Set();
            });
        // By the processor's time nothing of this is long; by the clock's a busy machine makes it so.
        for (int i = 0; i < 1000 && !waits; i++)
        {
            watchdog.Begin();
            watchdog.End();
        }

        Assert.Equal(0, told);
        watchdog.Begin();
        while (!waits && !heard.IsSet)
            Thread.SpinWait(1000);
        heard.Wait();
        watchdog.End();
        Assert.Equal(1, told);
    }

    [Fact]
    public void An_input_is_made_as_small_as_its_property_allows()
    {
        byte[] input = [.. Enumerable.Range(0, 200).Select(i => (byte)i)];
        byte[] small = Fuzzer.Minimize(input, candidate => candidate.Contains((byte)77) && candidate.Contains((byte)150) && candidate.Length >= 3);

        Assert.Equal((byte[])[0, 77, 150], small.Order());
    }

    [Fact]
    public void An_input_never_grows_beyond_its_capacity()
    {
        var random = new FuzzRandom(3);
        var input = new FuzzInput(50);
        byte[] other = [1, 2, 3, 4, 5];
        for (int i = 0; i < 20_000; i++)
        {
            ByteMutations.Apply(input, other, [[9, 9], []], random);
            Assert.InRange(input.Length, 0, 50);
        }

        input.Set([1, 2, 3, 4]);
        input.Replace(1, 2, [7, 8, 9]);
        Assert.Equal([1, 7, 8, 9, 4], input.Span.ToArray());
        input.Insert(0, input.Span[3..]);
        Assert.Equal([9, 4, 1, 7, 8, 9, 4], input.Span.ToArray());
        input.Remove(1, 5);
        Assert.Equal([9, 4], input.Span.ToArray());
    }

    [Fact]
    public void Every_receiver_takes_the_packet_made_for_it()
    {
        using var target = new FrameTarget(new VrrpFrameCodec());
        using var fuzzer = new Fuzzer(target, Seed);
        for (int i = 0; i < Receivers.All.Length; i++)
        {
            var reached = fuzzer.Reaches([(byte)i, .. AdvertisementMutator.ValidFrame(Receivers.All[i])]);
            bool isOwner = Receivers.All[i].Rules is { DropsAsOwner: true };
            var expected = Receivers.All[i].Rules is null ? PacketRejection.UnknownVirtualRouterId : isOwner ? PacketRejection.OwnerReceives : PacketRejection.None;
            Assert.True(reached.Contains(new Feature(RejectionFeatures.Of(expected), 0)), $"{Receivers.All[i].Name}: {string.Join(", ", reached)}");
        }
    }

    [Theory]
    [InlineData("hex", "00ff10")]
    [InlineData("hex", "")]
    [InlineData("conf", "610a")]
    [InlineData("hex", "61")]
    [InlineData("hex", "610d0a")]
    public void What_is_stored_is_read_again(string extension, string digits)
    {
        byte[] input = Convert.FromHexString(digits);
        string folder = Path.Combine(Path.GetTempPath(), $"vrrp-fuzz-{Guid.NewGuid():N}");
        try
        {
            string path = FuzzCorpus.Write(folder, "name", "what it is for", input);
            Assert.Equal($"name.{extension}", Path.GetFileName(path));
            Assert.Equal(input, FuzzCorpus.Decode(path, File.ReadAllBytes(path)));
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static FuzzFinding Find(IFuzzTarget target)
    {
        using (target)
        using (var fuzzer = new Fuzzer(target, Seed))
        {
            // Not the stored corpus: it has the answer to some of these.
            if (fuzzer.Load(target.Seeds) is { } found)
                return found;
            return Assert.Single(fuzzer.Run(target.Executions).Findings);
        }
    }

    private static unsafe (nint Written, int Error) WriteFrom(string path, GuardedMemory memory, int offset)
    {
        int file = NativeMethods.Open(path, 1, 0);
        nint written = NativeMethods.Write(file, memory.End + offset, 1);
        int error = written < 0 ? Errno.Last : 0;
        _ = NativeMethods.Close(file);
        return (written, error);
    }

    private delegate PacketRejection Verdict(PacketRejection rejection, Advertisement advertisement);

    /// <summary>The codec with a mistake put in.</summary>
    private sealed class PlantedCodec(Verdict verdict) : IFrameCodec
    {
        private readonly VrrpFrameCodec _codec = new();

        public bool TryPeekVirtualRouterId(in ReceivedPacket packet, out byte virtualRouterId) => _codec.TryPeekVirtualRouterId(packet, out virtualRouterId);

        public PacketRejection Read(scoped in ReceivedPacket packet, IPFamily family, ReceptionRules? rules, out Advertisement advertisement) =>
            verdict(_codec.Read(packet, family, rules, out advertisement), advertisement);

        public int Write(in AdvertisementContent content, IPAddressValue source, IPAddressValue destination, Span<byte> buffer) =>
            _codec.Write(content, source, destination, buffer);
    }
}
