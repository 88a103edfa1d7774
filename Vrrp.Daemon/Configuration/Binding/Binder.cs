using System.Collections.Immutable;
using Vrrp.Daemon.Configuration.Diagnostics;
using Vrrp.Daemon.Configuration.Model;
using Vrrp.Daemon.Configuration.Syntax;

namespace Vrrp.Daemon.Configuration.Binding;

/// <summary>Tree to model: walks the root with the keyword table and calls the binders of the blocks.</summary>
internal sealed class Binder
{
    private readonly BlockReader _reader;
    private readonly GlobalDefsBinder _globals;
    private readonly TrackingBinder _tracking;
    private readonly VrrpBinder _vrrp;
    private readonly VirtualServerBinder _servers;

    public Binder(DiagnosticBag diagnostics)
    {
        var values = new ValueReaders(diagnostics);
        _reader = new(diagnostics);
        _globals = new(diagnostics, _reader, values);
        _tracking = new(diagnostics, _reader, values);
        _vrrp = new(diagnostics, _reader, values, _tracking);
        _servers = new(diagnostics, _reader, values, new(diagnostics, values), new(diagnostics, _reader, values, _tracking));
    }

    public DaemonConfig Bind(FileSyntax file, string path)
    {
        var inactive = ImmutableArray.CreateBuilder<InactiveBlock>();
        foreach (var statement in _reader.Read(file.Statements, KeywordTable.Root, "the root", quiet: false))
        {
            switch (statement.Name.Text)
            {
                case "global_defs":
                    _globals.Bind(statement.Block!);
                    break;
                case "vrrp_instance":
                    _vrrp.BindInstance(statement);
                    break;
                case "vrrp_sync_group":
                    _vrrp.BindGroup(statement);
                    break;
                case "static_ipaddress":
                    _vrrp.BindStatic(statement);
                    break;
                case "garp_group":
                    _vrrp.BindAnnouncementGroup(statement);
                    break;
                case "vrrp_script" or "track_file" or "vrrp_track_file" or "vrrp_track_process":
                    _tracking.Define(statement);
                    break;
                case "virtual_server":
                    _servers.BindServer(statement);
                    break;
                case "virtual_server_group":
                    _servers.BindGroup(statement);
                    break;
                case "SSL":
                    _servers.BindTls(statement);
                    break;
                default:
                    _tracking.Define(statement);
                    if (statement.Keyword!.Block is null)
                        _globals.BindRootLine(statement);
                    else
                        inactive.Add(new(statement.Name.Text, string.Join(' ', statement.Words.Skip(1).Select(w => w.Text)), statement.Span));
                    break;
            }
        }

        var globals = _globals.Complete();
        var servers = _servers.Complete(globals);
        var config = _vrrp.Complete(globals, path, inactive.DrainToImmutable());
        config = config with { VirtualServers = servers, Trackers = _tracking.Complete(globals) };
        return config with { GlobalDefs = _globals.CompleteSyncDaemon(config) };
    }
}
