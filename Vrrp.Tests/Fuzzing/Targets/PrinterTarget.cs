using System.Buffers.Binary;
using System.Text;
using System.Text.Json;
using Vrrp.Daemon.Configuration.Diagnostics;
using Vrrp.Daemon.Configuration.Syntax;

namespace Vrrp.Tests.Fuzzing.Targets;

/// <summary>
/// Findings that point anywhere at all, into a file of any text: an input is three spans of two numbers each, a span of it that is secret,
/// and the text.
/// </summary>
internal sealed class PrinterTarget : IFuzzTarget
{
    private const int Header = 32;

    public string Name => "printer";

    public int Executions => 60_000;

    public int MaxLength => 1024;

    public IReadOnlyList<byte[]> Seeds { get; } =
    [
        .. from span in (int[][])[[0, 1, 3, 2, 0, 0, 4, 2], [10, 5, 0, 200, 12, 0, 0, 0], [-1, -1, int.MaxValue, 1, 5, int.MaxValue, 0, 0]]
           from text in (string[])["", "a b\n\tc d\r\nauth_pass x\n", "x " + new string('y', 400) + "\n"]
           select (byte[])[.. span.SelectMany(Octets), .. Encoding.Latin1.GetBytes(text)],
    ];

    public void Execute(ReadOnlySpan<byte> input, FuzzContext context)
    {
        if (input.Length < Header)
            return;
        var file = new SourceText("x.conf", Encoding.Latin1.GetString(input[Header..]));
        var first = SpanOf(file, input, 0);
        // A secret is always a word of the file.
        var secret = SpanOf(file, input, 24);
        int secretStart = Math.Clamp(secret.Start, 0, file.Text.Length);
        int secretLength = Math.Clamp(secret.Length, 0, file.Text.Length - secretStart);
        file.MarkSecret(secretStart, secretLength);
        Diagnostic[] findings =
        [
            new("VRRP9999", DiagnosticSeverity.Warning, first, "message", [new(SpanOf(file, input, 8), "related"), new(default, "nowhere")]),
            new("VRRP9999", DiagnosticSeverity.Error, SpanOf(file, input, 16), "message", []),
            new("VRRP9999", DiagnosticSeverity.Info, default, "message", []),
        ];
        using var stream = new MemoryStream(4096);
        using var writer = new Utf8JsonWriter(stream);
        long before = GC.GetAllocatedBytesForCurrentThread();
        string text = DiagnosticPrinter.ToText(findings, colour: false);
        string colourful = DiagnosticPrinter.ToText(findings, colour: true);
        foreach (var finding in findings)
            _ = DiagnosticPrinter.ToLine(finding);
        DiagnosticPrinter.WriteJson(writer, findings);
        context.Allocated(GC.GetAllocatedBytesForCurrentThread() - before, (64 * 1024) + (200L * input.Length));
        writer.Flush();

        context.ReachedCount("line", first.Line);
        context.ReachedCount("column", first.Column);
        context.ReachedCount("length", text.Length);
        context.Reached("caret", text.Contains('~', StringComparison.Ordinal) ? 2 : text.Contains('^', StringComparison.Ordinal) ? 1 : 0);
        context.Reached("hidden", text.Contains('*', StringComparison.Ordinal) ? 1 : 0);
        if (text.AsSpan().IndexOfAnyExcept(FindingText.Printable) >= 0)
            throw new BrokenPromiseException("a control character is printed");
        if (colourful.Length < text.Length)
            throw new BrokenPromiseException("colour makes it shorter");
        if (secretLength > 12 && file.Text.AsSpan(secretStart, secretLength).IndexOfAnyExceptInRange('A', 'z') < 0
            && text.Contains(file.Text.Substring(secretStart, secretLength), StringComparison.Ordinal) && file.Text.IndexOf(file.Text.Substring(secretStart, secretLength), StringComparison.Ordinal) == file.Text.LastIndexOf(file.Text.Substring(secretStart, secretLength), StringComparison.Ordinal))
            throw new BrokenPromiseException("a secret is printed");
    }

    private static SourceSpan SpanOf(SourceText file, ReadOnlySpan<byte> input, int at) =>
        new(file, BinaryPrimitives.ReadInt32LittleEndian(input[at..]), BinaryPrimitives.ReadInt32LittleEndian(input[(at + 4)..]));

    private static byte[] Octets(int number)
    {
        var octets = new byte[4];
        BinaryPrimitives.WriteInt32LittleEndian(octets, number);
        return octets;
    }
}
