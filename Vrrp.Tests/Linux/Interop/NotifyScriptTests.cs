using System.Diagnostics;
using Vrrp.Tests.Linux.Lab;
using Xunit.Abstractions;

namespace Vrrp.Tests.Linux.Interop;

/// <summary>keepalived and ours live through the same with the same scripts and pipes; both must have told them the same.</summary>
public sealed class NotifyScriptTests(ITestOutputHelper output)
{
    private static readonly string[] s_names = ["V1", "V2", "V3", "V4"];

    [Fact]
    public async Task Scripts_and_pipes_are_told_what_keepalived_tells_them()
    {
        var recordings = new List<Recording>();
        foreach (var kind in (DirectorKind[])[DirectorKind.Keepalived, DirectorKind.Vrrp])
        {
            await using var lab = await Laboratory.CreateAsync();
            try
            {
                recordings.Add(await PlayAsync(lab, kind));
            }
            catch
            {
                output.WriteLine(await lab.ReportAsync());
                foreach (var file in Directory.GetFiles(lab.Folder, "*.told"))
                    output.WriteLine($"===== {file}\n{await File.ReadAllTextAsync(file)}");
                throw;
            }
        }

        var (theirs, ours) = (recordings[0], recordings[1]);
        output.WriteLine($"===== keepalived\n{theirs.Scripts}\n{theirs.Lines}\n===== ours\n{ours.Scripts}\n{ours.Lines}");
        Assert.Equal(theirs.Scripts, ours.Scripts);
        Assert.Equal(theirs.Lines, ours.Lines);
        // Sanity of the comparison itself: what was to be seen was seen.
        Assert.Contains("[V1:any][INSTANCE][V1][BACKUP][150]", ours.Scripts, StringComparison.Ordinal);
        Assert.Contains("[V4:lower][a\tb]['c \"d]", ours.Scripts, StringComparison.Ordinal);
        Assert.Contains("GROUP \"G\" MASTER 0", ours.Lines, StringComparison.Ordinal);
        Assert.Contains("INSTANCE \"V4\" MASTER_RX_LOWER_PRI 157", ours.Lines, StringComparison.Ordinal);
        // keepalived ends the reader of the pipe before it can read the last lines.
        Assert.Contains("INSTANCE \"V1\" STOP 150", ours.All, StringComparison.Ordinal);
        Assert.Contains("GROUP \"G\" STOP 0", ours.All, StringComparison.Ordinal);
    }

    private sealed record Recording(string Scripts, string Lines, string All);

    private static async Task<Recording> PlayAsync(Laboratory lab, DirectorKind kind)
    {
        string scripts = Path.Combine(lab.Folder, "scripts.told"), lines = Path.Combine(lab.Folder, "lines.told");
        string note = await WriteScriptAsync(lab, "note.sh", $"line=; for word in \"$@\"; do line=\"$line[$word]\"; done; printf '%s\\n' \"$line\" >> {scripts}");
        string read = await WriteScriptAsync(lab, "read.sh", $"while read -r line; do printf '%s\\n' \"$line\" >> {lines}; done < \"$2\"");
        string whole = Config(lab, note, read, ["V1", "V2", "V3", "V4"]);

        string weight = Path.Combine(lab.Folder, "weight");
        await File.WriteAllTextAsync(weight, "0\n");
        var director = lab.AddDirector(lab.A, kind);
        await director.StartAsync(whole);
        await UntilAsync("all are Master", () => Told(scripts, "][MASTER][", s_names.Length + 1));

        await File.WriteAllTextAsync(weight, "7\n");
        await UntilAsync("the priority has changed", () => Told(lines, "\"V4\" MASTER_PRIORITY 157", 1));

        // One that hears nobody becomes Master beside it.
        var rival = lab.AddDirector(lab.B, DirectorKind.Vrrp);
        await lab.SwitchFilterAsync($$"""
            table bridge deaf {
                chain forward {
                    type filter hook forward priority 0
                    oifname "{{lab.B.Port(0)}}" ip protocol 112 drop
                }
            }
            """);
        await rival.StartAsync(VirtualRouterSpec.Global + Instance("V4", 54, 100, ""));
        await UntilAsync("the rival was heard", () => Told(scripts, "[V4:lower]", 1) && Told(lines, "MASTER_RX_LOWER_PRI", 1));
        await rival.KillAsync();

        await lab.A.SetLinkAsync(0, up: false);
        await UntilAsync("all are in Fault", () => Told(scripts, "][FAULT][", s_names.Length + 1));
        await lab.A.SetLinkAsync(0, up: true);
        await UntilAsync("all are Master again", () => Told(scripts, "][MASTER][", 2 * (s_names.Length + 1)));

        await director.ReloadAsync(Config(lab, note, read, ["V1", "V2"]));
        await UntilAsync("what was removed has told so", () => Told(scripts, "[V3:deleted]", 1) && Told(scripts, "[V3][DELETED]", 1)
            && Told(scripts, "[V4][FAULT]", 2) && Told(lines, "\"V3\" DELETED", 1) && Told(lines, "\"V4\" FAULT", 2));
        string beforeTheEnd = Sequences(lines, line => line.Split(' ')[1]);
        await director.StopAsync();
        await UntilAsync("the end was told", () => Told(scripts, "][STOP][", 3) && Told(scripts, ":stop]", 3));
        if (kind == DirectorKind.Vrrp)
            Assert.Empty(Directory.GetFiles(lab.Folder, "*.fifo"));
        return new(Sequences(scripts, line => line.Split(']')[0]), beforeTheEnd, await File.ReadAllTextAsync(lines));
    }

    /// <summary>What each script, or each subject of a pipe, was told, in order: scripts of different keywords run side by side in keepalived.</summary>
    private static string Sequences(string path, Func<string, string> key) => string.Join('\n', File.ReadAllLines(path)
        .GroupBy(key).OrderBy(group => group.Key, StringComparer.Ordinal)
        // keepalived tells every single advertisement of a lower Master.
        .SelectMany(group => group.Aggregate(new List<string>(), (kept, line) =>
        {
            if (kept.Count == 0 || kept[^1] != line)
                kept.Add(line);
            return kept;
        })));

    private static bool Told(string path, string text, int count) =>
        File.Exists(path) && File.ReadAllLines(path).Count(line => line.Contains(text, StringComparison.Ordinal)) >= count;

    private static string Config(Laboratory lab, string note, string read, string[] names) => $$"""
        global_defs {
            router_id lab
            script_user root
            vrrp_notify_priority_changes on
            vrrp_notify_fifo {{lab.Folder}}/vrrp.fifo
            vrrp_notify_fifo_script "{{read}} 'its own'"
        }
        vrrp_track_file weight {
            file {{lab.Folder}}/weight
        }
        vrrp_sync_group G {
            group {
                V1
                V2
            }
            {{Scripts(note, "G")}}
        }

        """ + string.Concat(names.Select(name => Instance(name, 50 + name[1] - '0', 150, Scripts(note, name) + name switch
        {
            "V3" => $"\nnotify_deleted \"{note} V3:deleted\"\n",
            "V4" => $$"""

                track_file {
                    weight weight 1
                }
                notify_master_rx_lower_pri "{{note}} V4:lower 'a\tb' \"'c \\\"d\""

                """,
            _ => "",
        })));

    private static string Scripts(string note, string name) => $"""
        notify_master "{note} {name}:master"
        notify_backup "{note} {name}:backup"
        notify_fault "{note} {name}:fault"
        notify_stop "{note} {name}:stop"
        notify "{note} {name}:any"
        """;

    private static string Instance(string name, int vrid, int priority, string lines) => $$"""
        vrrp_instance {{name}} {
            interface eth0
            version 3
            virtual_router_id {{vrid}}
            priority {{priority}}
            advert_int 0.5
            virtual_ipaddress {
                10.77.0.{{vrid + 100}}
            }
            {{lines}}
        }

        """;

    private static async Task<string> WriteScriptAsync(Laboratory lab, string name, string text)
    {
        string path = Path.Combine(lab.Folder, name);
        await File.WriteAllTextAsync(path, $"#!/bin/sh\n{text}\n");
        File.SetUnixFileMode(path, (UnixFileMode)0x1ED);
        return path;
    }

    private static async Task UntilAsync(string what, Func<bool> condition)
    {
        using var beat = new PeriodicTimer(TimeSpan.FromMilliseconds(20));
        var patience = 3 * Laboratory.Patience;
        for (var waited = Stopwatch.StartNew(); !condition(); await beat.WaitForNextTickAsync())
        {
            if (waited.Elapsed > patience)
                throw new LabTimeoutException($"Waited {patience.TotalSeconds:0} s in vain for: {what}");
        }
    }
}
