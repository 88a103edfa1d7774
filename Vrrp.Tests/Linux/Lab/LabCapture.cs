using System.Buffers.Binary;

namespace Vrrp.Tests.Linux.Lab;

/// <summary>
/// Everything that crosses one bridge, read live from tcpdump with the kernel's time stamps and kept in a file for tshark.
/// It listens on the bridge, whose link stays up when a port's goes down.
/// </summary>
internal sealed class LabCapture : IAsyncDisposable
{
    private const int FileHeaderLength = 24;
    private const int RecordHeaderLength = 16;
    private const uint NanosecondMagic = 0xA1B23C4D;

    private readonly BackgroundProcess _tcpdump;
    private readonly Signal _changed;
    private readonly List<CapturedFrame> _frames = [];
    private readonly Task _reading;

    private LabCapture(BackgroundProcess tcpdump, string path, Signal changed)
    {
        _tcpdump = tcpdump;
        _changed = changed;
        Path = path;
        _reading = ReadAsync();
    }

    public string Path { get; }

    /// <summary>How many frames there are by now: a mark to look on from.</summary>
    public int Mark
    {
        get
        {
            lock (_frames)
                return _frames.Count;
        }
    }

    public IReadOnlyList<CapturedFrame> Frames => Since(0);

    /// <summary>Returns when frames are being captured, not before.</summary>
    /// <param name="filter">What to capture, in tcpdump's words; everything when empty.</param>
    public static async Task<LabCapture> StartAsync(string namespaceName, string bridge, string path, Signal changed, string filter = "")
    {
        string[] arguments =
        [
            "netns", "exec", namespaceName, "tcpdump", "-i", bridge, "-n", "-U", "--immediate-mode", "--time-stamp-precision=nano",
            "-B", "8192", "-w", "-", filter,
        ];
        var tcpdump = BackgroundProcess.Start("ip", arguments, new LineLog(changed), changed, binaryOutput: true);
        var capture = new LabCapture(tcpdump, path, changed);
        try
        {
            await changed.WaitForAsync("tcpdump listening", Laboratory.Patience, () => tcpdump.Log.Contains("listening on") || tcpdump.HasEnded);
            if (tcpdump.HasEnded)
                throw new InvalidOperationException($"tcpdump does not run: {tcpdump.Log}");
        }
        catch
        {
            await capture.DisposeAsync();
            throw;
        }
        return capture;
    }

    public IReadOnlyList<CapturedFrame> Since(int mark)
    {
        lock (_frames)
            return _frames[Math.Min(mark, _frames.Count)..];
    }

    /// <summary>Ends the capture; afterwards the file is complete.</summary>
    public async Task StopAsync()
    {
        if (!_tcpdump.HasEnded && !_reading.IsCompleted)
            _tcpdump.Send(PosixSignalNumber.Terminate);
        await _reading.WaitAsync(Laboratory.Patience);
        await _tcpdump.WaitForEndAsync();
    }

    public async ValueTask DisposeAsync() => await _tcpdump.DisposeAsync();

    private async Task ReadAsync()
    {
        await using var file = File.Create(Path);
        var stream = _tcpdump.Output;
        var header = new byte[FileHeaderLength];
        if (await stream.ReadAtLeastAsync(header, header.Length, throwOnEndOfStream: false) < header.Length)
            return;
        if (BinaryPrimitives.ReadUInt32LittleEndian(header) != NanosecondMagic)
            throw new InvalidDataException("tcpdump wrote another format than little-endian pcap with nanoseconds.");
        await file.WriteAsync(header);
        var record = new byte[RecordHeaderLength];
        while (await stream.ReadAtLeastAsync(record, record.Length, throwOnEndOfStream: false) == record.Length)
        {
            var bytes = new byte[BinaryPrimitives.ReadInt32LittleEndian(record.AsSpan(8))];
            await stream.ReadExactlyAsync(bytes);
            await file.WriteAsync(record);
            await file.WriteAsync(bytes);
            var time = TimeSpan.FromSeconds(BinaryPrimitives.ReadUInt32LittleEndian(record))
                + TimeSpan.FromTicks(BinaryPrimitives.ReadUInt32LittleEndian(record.AsSpan(4)) / TimeSpan.NanosecondsPerTick);
            lock (_frames)
                _frames.Add(CapturedFrame.Decode(_frames.Count + 1, time, bytes));
            _changed.Pulse();
        }
    }
}
