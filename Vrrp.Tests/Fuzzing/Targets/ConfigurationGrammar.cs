using System.Collections.Immutable;
using System.Text;
using Vrrp.Daemon.Configuration.Binding;

namespace Vrrp.Tests.Fuzzing.Targets;

/// <summary>Changes configurations as text of this grammar: lines, words, braces and blocks, with the keyword table at hand.</summary>
internal static class ConfigurationGrammar
{
    private static readonly ImmutableArray<BlockSpec> s_blocks =
        [.. KeywordTable.Blocks.Values.Where(block => block.Kind == BlockKind.Keywords).OrderBy(block => block.Name, StringComparer.Ordinal)];

    private static readonly ImmutableDictionary<string, ImmutableArray<Keyword>> s_keywords =
        s_blocks.ToImmutableDictionary(block => block.Name, block => block.Keywords);

    private static readonly string[] s_names = ["VI_1", "VI_2", "VG1", "eth0", "eth1", "lo", "chk", "a", "10.0.0.1", "no_such", "a_name_of_sixteen"];

    private static readonly string[] s_addresses =
    [
        "10.0.0.1", "10.0.0.2", "10.0.0.3/24", "10.0.0.1/0", "10.0.0.1/33", "fe80::1", "fe80::2/64", "2001:db8::1/128", "224.0.0.18", "224.0.0.99", "ff02::12",
        "0.0.0.0", "255.255.255.255", "::", "1.2.3", "10.0.0.256", "::ffff:10.0.0.1", "fe80::1%eth0", "10.0.0.1/", "/24",
    ];

    private static readonly string[] s_numbers =
        ["0", "1", "2", "3", "5", "50", "100", "252", "253", "254", "255", "256", "-1", "-253", "-254", "1000", "1001", "99999999999999999999", "1x", "x", "", "+5", "0x10", "-", "٣"];

    private static readonly string[] s_seconds =
        ["0", "1", "0.01", "0.015", "0.001", "0.1", "1.5", "40.95", "41", "60", "255", "256", "1000.1", ".", "1.2.3", "1e3", "0.1234567", "99999999999999999999999999", "-1", "1s", "5."];

    private static readonly string[] s_switches = ["on", "off", "true", "false", "yes", "no", "maybe", "0"];

    private static readonly string[] s_options =
    [
        "dev eth0", "dev eth1", "dev", "brd +", "brd -", "brd 10.0.0.255", "brd fe80::1", "scope link", "scope 7", "scope nowhere", "scope x", "label eth0:1",
        "label a-label-that-is-too-long", "peer 10.0.0.9/32", "peer fe80::9", "home", "mngtmpaddr", "noprefixroute", "autojoin", "-nodad", "preferred_lft 0",
        "preferred_lft forever", "preferred_lft x", "no_track", "use_vmac", "track_group g", "10.0.0.7", "weight 10", "weight -10", "weight 300", "weight", "reverse", "noreverse",
        "min_ttl 10", "max_ttl 5", "min_ttl", "nonsense",
    ];

    private static readonly string[] s_pieces =
    [
        "{", "}", "{ }", "} {", "\"", "\"\"", "'", "\\", "#", "!", "\\#", "$", "${", "${A}", "$A", "$B", "${_PWD}", "${_ENV HOME}", "${_ENV X}", "${_RANDOM}", "${_RANDOM 5 1}", "${_INSTANCE}",
        "${_HASH}", "${_BANG}", "${no_such}", "@host", "@^host", "@other", "@", "~SEQ(N, 3)", "~SEQ(N, 2, 1)", "~SEQx(N, 9, 11)", "~SEQ(N, 1, 0, 5)", "~SEQ(", "~SEQ(N, 200000)", "~SEQ(1, 2)",
        "~LST(N, a, b)", "~LST({A,B}, {1,2}, {3})", "~LST(N)", "~LST({A}, {1,2})", "$N", "${N}", "$A=1", "$A=$A$A", "$A=${B}${B}", "$B=x\\", "$A=${A}", "$A=", "$=", "include", "\t", " ", "\r", "\v",
        "auth_pass", "vrrp_instance", "vrrp_instance VI_1", "virtual_server", "global_defs", "group", "real_server",
    ];

    private static readonly string[] s_includes =
    [
        "include /etc/part.conf", "include part.conf", "includer missing.conf", "includem missing.conf", "includew conf.d/*.none", "includeb {part,missing}.conf", "includea conf.d/*.conf",
        "include loop.conf", "include conf.d/*.conf", "include secret.conf", "include /etc", "include run.conf", "include /dev/zero", "include {a,b,{c,d}}.conf", "include [", "include conf.d/[!a]*.conf",
        "include \"part.conf\"", "include", "include maze/*/*/*/*", "include maze/*/*/*/*/*.conf", "include ?????????", "include latin1.conf",
    ];

    /// <summary>One change.</summary>
    public static void Apply(FuzzInput input, ReadOnlySpan<byte> other, FuzzRandom random)
    {
        if (random.OneIn(6))
        {
            ByteMutations.Apply(input, other, [], random);
            return;
        }

        // Octet for character and back: also what is no text survives.
        var lines = Encoding.Latin1.GetString(input.Span).Split('\n').ToList();
        int at = random.Next(lines.Count);
        int count = Math.Min(1 + random.Next(6), lines.Count - at);
        switch (random.Next(18))
        {
            case 0:
                lines.RemoveRange(at, count);
                break;
            case 1:
                lines.InsertRange(random.Next(lines.Count + 1), lines.GetRange(at, count));
                break;
            case 2:
                var moved = lines.GetRange(at, count);
                lines.RemoveRange(at, count);
                lines.InsertRange(random.Next(lines.Count + 1), moved);
                break;
            case 3:
                string[] others = Encoding.Latin1.GetString(other).Split('\n');
                int from = random.Next(others.Length);
                lines.InsertRange(at, others.Skip(from).Take(1 + random.Next(12)));
                break;
            case 4:
                lines.Insert(at, Statement(random.Pick(s_blocks.AsSpan()), random, 2));
                break;
            case 5 or 6:
                // A keyword of the block that is open here, as far as counting braces tells.
                lines.Insert(at, Statement(BlockAt(lines, at) ?? KeywordTable.Root, random, 2));
                break;
            case 7:
                lines.Insert(at, Instance(random));
                break;
            case 8:
                lines.Insert(at, Group(random));
                break;
            case 9 or 10:
                lines[at] = ChangeWord(lines[at], random);
                break;
            case 11:
                lines[at] = InsertAt(lines[at], random.Pick<string>(s_pieces), random);
                break;
            case 12:
                lines.Insert(at, random.Pick<string>(s_includes));
                break;
            case 13:
                lines[at] = $"{random.Pick<string>(s_pieces)} {lines[at]}";
                break;
            case 14:
                lines.Insert(at, Entry(random));
                break;
            case 15 when random.OneIn(4):
                string open = random.Pick("{", "a {", "vrrp_instance V {", "virtual_ipaddress {");
                lines.InsertRange(at, Enumerable.Repeat(open, random.Pick(3, 20, 70, 200)));
                break;
            case 16 when random.OneIn(4):
                lines[at] += new string(random.Pick('x', ' ', '"', '$', '{', ',', '*'), random.Pick(200, 1000, 1023, 1024, 1500));
                break;
            case 17 when random.OneIn(4):
                lines[at] = InsertAt(lines[at], random.Pick("\0", "\u00EF\u00BB\u00BF", "\u00FF", "\u00C3\u00A9", "\u0085", "\u00EE\u0080\u0080", "\u001B[31m", "\u007F"), random);
                break;
            default:
                lines.Insert(at, $"~SEQ(N, {random.Pick<string>(s_numbers.AsSpan(0, 8))}) {Statement(random.Pick(s_blocks.AsSpan()), random, 0)}");
                break;
        }

        input.Set(Encoding.Latin1.GetBytes(string.Join('\n', lines)));
    }

    /// <summary>An instance that is complete, with some more lines.</summary>
    public static string Instance(FuzzRandom random)
    {
        var text = new StringBuilder();
        var spec = KeywordTable.Blocks["vrrp_instance"];
        text.Append($"vrrp_instance {random.Pick<string>("VI_1", "VI_2", "VI_3")} {{\n");
        text.Append($"interface {random.Pick<string>("eth0", "eth0", "eth1", "lo")}\nvirtual_router_id {random.Pick<string>("51", "52", "53")}\n");
        if (random.OneIn(2))
            text.Append($"priority {random.Pick<string>("100", "255", "150")}\n");
        text.Append($"virtual_ipaddress {{\n{Entry(random)}\n}}\n");
        for (int more = random.Next(4); more > 0; more--)
            text.Append(Statement(spec, random, 2)).Append('\n');
        return text.Append('}').ToString();
    }

    private static string Group(FuzzRandom random) =>
        $"vrrp_sync_group {random.Pick("VG1", "VG2")} {{\ngroup {{\n{random.Pick<string>(s_names)}\n{random.Pick("VI_1", "VI_2")}\n}}\n{Statement(KeywordTable.Blocks["vrrp_sync_group"], random, 1)}\n}}";

    private static string Entry(FuzzRandom random)
    {
        string entry = random.Pick<string>(random.OneIn(6) ? s_names : s_addresses);
        for (int options = random.Next(4) - 1; options > 0; options--)
            entry += " " + random.Pick<string>(s_options);
        return entry;
    }

    /// <summary>A keyword of a block with arguments, and with a block if it has one.</summary>
    private static string Statement(BlockSpec spec, FuzzRandom random, int depth)
    {
        if (spec.Kind != BlockKind.Keywords)
            return spec.Kind == BlockKind.Words ? $"{random.Pick<string>(s_names)} {random.Pick<string>(s_names)}" : Entry(random);
        var keyword = random.Pick(s_keywords[spec.Name].AsSpan());
        var text = new StringBuilder(keyword.Name);
        foreach (string argument in keyword.Arguments.Split(' ', StringSplitOptions.RemoveEmptyEntries))
        {
            if (random.OneIn(12) || (argument[0] == '[' && random.OneIn(2)))
                break;
            text.Append(' ').Append(Value(argument.Trim('[', ']'), random));
        }

        if (random.OneIn(20))
            text.Append(' ').Append(random.Pick<string>(s_pieces));
        if (keyword.Block is not { } block || random.OneIn(15))
            return text.ToString();
        text.Append(" {\n");
        for (int lines = depth > 0 ? random.Next(4) : 0; lines > 0; lines--)
            text.Append(Statement(block, random, depth - 1)).Append('\n');
        return text.Append('}').ToString();
    }

    private static string Value(string argument, FuzzRandom random)
    {
        if (random.OneIn(10))
            return random.Pick<string>(random.Pick(s_names, s_addresses, s_numbers, s_seconds, s_pieces));
        if (argument.Contains('|', StringComparison.Ordinal))
            return random.Pick<string>(argument.Split('|'));
        return argument switch
        {
            "SECONDS" or "MILLISECONDS" or "MICROSECONDS" => random.Pick<string>(s_seconds),
            "bool" => random.Pick<string>(s_switches),
            "ADDRESS" or "NETMASK" => random.Pick<string>(s_addresses),
            "COUNT" or "WEIGHT" or "PRIORITY" or "NUMBER" or "PORT" or "BYTES" or "CPU" or "ID" or "LEVEL" => random.Pick<string>(s_numbers),
            "PASSWORD" => random.Pick(ConfigurationTarget.Password, "secret", "nine-octets", "p\u00E4ss", "\"\"", "a\"b"),
            "NAME" or "INTERFACE" or "STRING" or "USER" or "GROUP" => random.Pick<string>(s_names),
            _ when char.IsAsciiDigit(argument[0]) => random.Pick<string>(s_numbers),
            _ => random.Pick("x", "\"a b\"", "/bin/true", "'q'"),
        };
    }

    private static string ChangeWord(string line, FuzzRandom random)
    {
        var words = line.Split(' ').ToList();
        int at = random.Next(words.Count);
        switch (random.Next(6))
        {
            case 0:
                words.RemoveAt(at);
                break;
            case 1:
                words.Insert(at, words[random.Next(words.Count)]);
                break;
            case 2:
                words[at] = $"\"{words[at]}\"";
                break;
            case 3:
                words[at] = random.Pick<string>(random.Pick(s_names, s_addresses, s_numbers, s_seconds, s_switches));
                break;
            case 4:
                words.Add(random.Pick<string>(s_options));
                break;
            default:
                // A misspelling.
                if (words[at].Length > 1)
                    words[at] = words[at].Remove(random.Next(words[at].Length), 1);
                break;
        }

        return string.Join(' ', words);
    }

    private static string InsertAt(string line, string piece, FuzzRandom random) => line.Insert(random.Next(line.Length + 1), piece);

    private static BlockSpec? BlockAt(List<string> lines, int at)
    {
        var open = new Stack<BlockSpec?>();
        for (int i = 0; i < at; i++)
        {
            string line = lines[i].Trim();
            if (line.EndsWith('{'))
                open.Push((open.TryPeek(out var around) ? around : KeywordTable.Root)?.Find(line.Split(' ')[0])?.Block);
            else if (line == "}")
                open.TryPop(out _);
        }

        return open.TryPeek(out var spec) ? spec : KeywordTable.Root;
    }
}
