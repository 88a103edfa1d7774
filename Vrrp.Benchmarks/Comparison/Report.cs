using System.Globalization;
using System.Text.Json;

namespace Vrrp.Benchmarks.Comparison;

/// <summary>One measured quantity of both daemons.</summary>
internal sealed record Line(string Quantity, string Unit, double Ours, double Theirs, int Samples)
{
    public double Ratio => Ours / Theirs;
}

/// <summary>Collects lines, and prints them as a table or as JSON.</summary>
internal sealed class Report(bool asJson)
{
    private static readonly JsonSerializerOptions Indented = new()
    {
        WriteIndented = true,
        NumberHandling = System.Text.Json.Serialization.JsonNumberHandling.AllowNamedFloatingPointLiterals,
    };

    private readonly List<Line> _lines = [];
    private bool _hasHeader;

    public void Add(string quantity, string unit, IReadOnlyCollection<double> ours, IReadOnlyCollection<double> theirs, Func<IReadOnlyCollection<double>, double>? of = null)
    {
        of ??= Statistics.Median;
        Add(new Line(quantity, unit, of(ours), of(theirs), Math.Min(ours.Count, theirs.Count)));
    }

    public void Add(Line line)
    {
        _lines.Add(line);
        if (asJson)
            return;
        if (!_hasHeader)
        {
            _hasHeader = true;
            Console.WriteLine("| Quantity | Unit | vrrp | keepalived | Ratio | Samples |");
            Console.WriteLine("|---|---|--:|--:|--:|--:|");
        }

        Console.WriteLine($"| {line.Quantity} | {line.Unit} | {Number(line.Ours)} | {Number(line.Theirs)} | {Number(line.Ratio)} | {line.Samples} |");
    }

    public void Finish(IReadOnlyDictionary<string, string> machine)
    {
        if (asJson)
            Console.WriteLine(JsonSerializer.Serialize(new { machine, lines = _lines }, Indented));
    }

    private static string Number(double value) => double.IsNaN(value) ? "–" : value.ToString(
        Math.Abs(value) >= 100 ? "0" : Math.Abs(value) >= 10 ? "0.0" : Math.Abs(value) >= 1 ? "0.00" : "0.000", CultureInfo.InvariantCulture);
}
