using System.Globalization;
using Vrrp.Tests.Linux.Lab;
using Xunit.Abstractions;

namespace Vrrp.Tests.Linux;

/// <summary>Scripts that never end and pipes that nobody reads hold up nothing but themselves.</summary>
public sealed class HangingScriptTests(ITestOutputHelper output)
{
    private const int Instances = 40;
    private const int Adverts = 60;

    private static readonly int[] Vrids = [.. Enumerable.Range(1, Instances)];

    [Fact]
    public async Task Adverts_leave_while_scripts_hang_and_the_stop_ends_them_all()
    {
        await using var lab = await Laboratory.CreateAsync();
        var director = lab.AddDirector(lab.A, DirectorKind.Vrrp);
        try
        {
            string begun = Path.Combine(lab.Folder, "begun"), script = Path.Combine(lab.Folder, "hang.sh");
            // It heeds no signal that can be ignored, nor does what it starts.
            await File.WriteAllTextAsync(script, $"#!/bin/sh\ntrap '' TERM INT HUP\necho \"$1\" >> {begun}\nsleep 100000 &\nwait\nsleep 100000\n");
            File.SetUnixFileMode(script, (UnixFileMode)0x1ED);
            await AdvertPauses.StartControlAsync(lab);
            await director.StartAsync(Config(lab, script));
            await lab.WaitForAsync(
                "scripts to hang", 3 * Laboratory.Patience, () => File.Exists(begun) && File.ReadAllLines(begun) is var lines && lines.Contains("tracker") && lines.Contains("check") && lines.Count(line => line is "backup" or "any") >= 32);

            int mark = lab.Captures[0].Mark;
            await AdvertPauses.WaitForAdvertsAsync(lab, Vrids, mark, Adverts);
            Assert.Empty(AdvertPauses.Find(lab, Vrids, mark));

            Assert.Equal(0, await director.StopAsync().WaitAsync(3 * Laboratory.Patience));
            // What is killed is there until it had a processor to die on.
            using var limit = new CancellationTokenSource(3 * Laboratory.Patience);
            using var beat = new PeriodicTimer(TimeSpan.FromMilliseconds(20));
            while ((await Tool.RunAsync("ip", ["netns", "pids", lab.A.Namespace])).Split('\n', StringSplitOptions.RemoveEmptyEntries)
                .Any(id => CommandOf(id).Contains(script, StringComparison.Ordinal) || CommandOf(id).Contains("100000", StringComparison.Ordinal)))
                await beat.WaitForNextTickAsync(limit.Token);
        }
        catch
        {
            output.WriteLine(director.Log.ToString());
            throw;
        }
    }

    private static string CommandOf(string id)
    {
        try
        {
            return File.ReadAllText($"/proc/{id}/cmdline");
        }
        catch (IOException)
        {
            // It has ended meanwhile.
            return "";
        }
    }

    private static string Config(Laboratory lab, string script) => $$"""
        global_defs {
            script_user root
            vrrp_notify_fifo {{lab.Folder}}/unread.fifo
            vrrp_notify_fifo_script "{{script}} reader"
        }
        vrrp_script hangs {
            script "{{script}} tracker"
            interval 1
            timeout 3
            weight 10
        }
        virtual_server 10.77.0.100 80 {
            delay_loop 1
            protocol TCP
            lvs_sched rr
            lvs_method NAT
            real_server 10.77.0.99 80 {
                MISC_CHECK {
                    misc_path "{{script}} check"
                    misc_timeout 3
                }
            }
        }

        """ + string.Concat(Enumerable.Range(1, Instances).Select(vrid => string.Create(CultureInfo.InvariantCulture, $$"""
        vrrp_instance V{{vrid}} {
            interface eth0
            version 3
            virtual_router_id {{vrid}}
            advert_int 0.1
            virtual_ipaddress {
                10.77.0.{{vrid + 100}}
            }
            notify_backup "{{script}} backup"
            notify "{{script}} any"
            track_script {
                hangs
            }
        }

        """)));
}
