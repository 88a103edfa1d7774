using System.Buffers;
using System.Collections.Immutable;
using System.Globalization;
using System.Text;

namespace Vrrp.Tests.Fuzzing;

/// <summary>An input that is kept.</summary>
internal sealed record CorpusEntry(string Name, byte[] Input);

/// <summary>
/// The stored inputs: a folder for each target in <c>Corpus</c>, a small file for each input. Text is kept as it is (<c>.conf</c>),
/// everything else as hexadecimal octets under a line that says what it is for (<c>.hex</c>).
/// </summary>
internal static class FuzzCorpus
{
    private const string Prefix = "Corpus/";
    private const int OctetsPerLine = 32;

    private static readonly SearchValues<byte> s_textOctets = SearchValues.Create([(byte)'\t', (byte)'\n', .. Enumerable.Range(32, 95).Select(c => (byte)c)]);

    /// <summary>The stored inputs of a target.</summary>
    public static ImmutableArray<CorpusEntry> Of(string target)
    {
        var assembly = typeof(FuzzCorpus).Assembly;
        string folder = $"{Prefix}{target}/";
        var entries = ImmutableArray.CreateBuilder<CorpusEntry>();
        foreach (string name in assembly.GetManifestResourceNames().Where(n => n.StartsWith(folder, StringComparison.Ordinal)).Order(StringComparer.Ordinal))
        {
            using var stream = assembly.GetManifestResourceStream(name)!;
            using var content = new MemoryStream();
            stream.CopyTo(content);
            entries.Add(new(name[folder.Length..], Decode(name, content.ToArray())));
        }

        return entries.DrainToImmutable();
    }

    /// <summary>The folders that hold inputs.</summary>
    public static IEnumerable<string> Targets => typeof(FuzzCorpus).Assembly.GetManifestResourceNames()
        .Where(name => name.StartsWith(Prefix, StringComparison.Ordinal)).Select(name => name.Split('/')[1]).Distinct();

    /// <summary>Writes an input into a folder, in the form that can be read best.</summary>
    /// <param name="folder">The folder; made if it is missing.</param>
    /// <param name="name">Name of the file without its extension.</param>
    /// <param name="purpose">What it is for.</param>
    /// <param name="input">The input.</param>
    /// <returns>The path.</returns>
    public static string Write(string folder, string name, string purpose, ReadOnlySpan<byte> input)
    {
        Directory.CreateDirectory(folder);
        bool isText = IsText(input);
        string path = Path.Combine(folder, name + (isText ? ".conf" : ".hex"));
        if (isText)
            File.WriteAllBytes(path, input);
        else
            File.WriteAllText(path, ToHex(purpose, input));
        return path;
    }

    public static string ToHex(string purpose, ReadOnlySpan<byte> input)
    {
        var text = new StringBuilder();
        text.Append(CultureInfo.InvariantCulture, $"# {purpose}\n");
        for (int i = 0; i < input.Length; i += OctetsPerLine)
        {
            var line = input[i..Math.Min(i + OctetsPerLine, input.Length)];
            for (int k = 0; k < line.Length; k += 4)
                text.Append(k > 0 ? " " : "").Append(Convert.ToHexStringLower(line[k..Math.Min(k + 4, line.Length)]));
            text.Append('\n');
        }

        return text.ToString();
    }

    public static byte[] Decode(string name, byte[] content)
    {
        if (!name.EndsWith(".hex", StringComparison.Ordinal))
            return content;
        var digits = new StringBuilder();
        foreach (string line in Encoding.UTF8.GetString(content).Split('\n'))
        {
            if (!line.StartsWith('#'))
                digits.Append(line.Replace(" ", "", StringComparison.Ordinal));
        }

        return Convert.FromHexString(digits.ToString());
    }

    // A file of text ends with a line end, and empty files look like mistakes.
    public static bool IsText(ReadOnlySpan<byte> input) => input.Length > 0 && input[^1] == '\n' && input.IndexOfAnyExcept(s_textOctets) < 0;
}
