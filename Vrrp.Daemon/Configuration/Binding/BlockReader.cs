using Vrrp.Daemon.Configuration.Diagnostics;
using Vrrp.Daemon.Configuration.Syntax;

namespace Vrrp.Daemon.Configuration.Binding;

/// <summary>Walks a block with the keyword table: what is unknown, misplaced, incomplete or without effect is reported once here.</summary>
internal sealed class BlockReader(DiagnosticBag diagnostics)
{
    /// <summary>The first smtp_alert, in whichever block and form, that asks for mail. Null: there is none.</summary>
    public Token? FirstAlert { get; private set; }

    /// <summary>The statements a binder can use: known and with their arguments.</summary>
    public List<StatementSyntax> Read(BlockSyntax? block, string title, bool quiet = false) =>
        block?.Spec is not { Kind: BlockKind.Keywords } spec ? [] : Read(block.Statements, spec, title, quiet);

    public List<StatementSyntax> Read(IReadOnlyList<StatementSyntax> statements, BlockSpec spec, string title, bool quiet)
    {
        var usable = new List<StatementSyntax>(statements.Count);
        var inactive = new List<Token>();
        var without = new List<(Token Word, string Reason)>();
        foreach (var statement in statements)
        {
            if (statement.Words.Length == 0)
                continue;
            if (spec.Name is "authentication" or "auth_hmac" or "SSL")
                HideSecrets(statement, spec);
            if (statement.Keyword is not { } keyword)
            {
                ReportUnknown(statement, spec);
                continue;
            }

            if (keyword.Status == KeywordStatus.Obsolete)
            {
                diagnostics.ObsoleteKeyword(statement.Name, spec.Name, keyword.Replacement!);
                continue;
            }

            // Block headers are judged by their binders: keepalived skips such a block, it does not exit.
            if (keyword.Block is null && statement.Words.Length - 1 < keyword.MinArguments)
            {
                if (keyword.Name == "router_id")
                    diagnostics.MissingArgumentIgnored(statement.Name, keyword.Name, keyword.Arguments);
                else
                    diagnostics.MissingArgument(statement.Name, keyword.Name, keyword.Arguments);
                continue;
            }

            CheckExtraWords(statement, keyword, spec);
            if (keyword.Name.StartsWith("smtp_alert", StringComparison.Ordinal) && (statement.Words.Length < 2 || statement.Words[1].Text is "on" or "true" or "yes"))
                FirstAlert ??= statement.Name;
            if (keyword.Block is not null && statement.Block is null)
                continue;
            if (keyword.Status == KeywordStatus.Deprecated || (keyword.Status == KeywordStatus.NotActiveYet && keyword.Replacement is not null))
                diagnostics.DeprecatedKeyword(statement.Name, keyword.Replacement ?? "", spec.Name);
            if (keyword.Status == KeywordStatus.NoEffect)
            {
                if (!quiet)
                    without.Add((statement.Name, keyword.Replacement ?? ""));
                continue;
            }

            if (keyword.Status == KeywordStatus.NotActiveYet && !quiet)
            {
                if (ReferenceEquals(spec, KeywordTable.Root) && keyword.Block is not null)
                    diagnostics.BlockNotActive(statement.Span, keyword.Name);
                else
                    inactive.Add(statement.Name);
            }

            if (keyword is { Status: NotActive, Block.Kind: BlockKind.Keywords })
                Read(statement.Block, keyword.Name, quiet: true);
            usable.Add(statement);
        }

        if (inactive.Count > 0)
            diagnostics.NotActiveYet(inactive, title);
        foreach (var group in without.GroupBy(w => w.Reason))
            diagnostics.NoEffect([.. group.Select(w => w.Word)], group.Key);
        return usable;
    }

    private const KeywordStatus NotActive = KeywordStatus.NotActiveYet;

    private void ReportUnknown(StatementSyntax statement, BlockSpec spec)
    {
        if (diagnostics.IsFull)
        {
            diagnostics.UnknownKeyword(statement.Name, spec.Name, null, [], statement.Block);
            return;
        }

        var elsewhere = KeywordTable.BlocksWith(statement.Name.Text);
        string? suggestion = KeywordTable.Suggest(spec, statement.Name.Text);
        if (spec.Name == "authentication" && suggestion is null && elsewhere.IsEmpty)
        {
            statement.Name.Span.File?.MarkSecret(statement.Name.Span.Start, statement.Name.Span.Length);
            diagnostics.UnknownInAuthentication(statement.Name);
            return;
        }

        diagnostics.UnknownKeyword(statement.Name, spec.Name, suggestion, elsewhere, statement.Block);
    }

    private void CheckExtraWords(StatementSyntax statement, Keyword keyword, BlockSpec spec)
    {
        int max = keyword.Arguments switch
        {
            "[bool]" => 1,
            var a when a.Contains('[', StringComparison.Ordinal) || a.StartsWith("COMMAND", StringComparison.Ordinal) => int.MaxValue,
            _ => keyword.MinArguments,
        };
        if (keyword.Name is "vrrp_instance" or "vrrp_sync_group" or "virtual_server" or "notify_master")
            return;
        for (int i = 1; i < statement.Words.Length; i++)
        {
            // Options of a keyword may have the names of keywords: only what is one too many is suspected.
            if (i > Math.Max(keyword.MinArguments, max == int.MaxValue ? 0 : max) && !statement.Words[i].Quoted && keyword.Name != "auth_pass"
                && spec.Find(statement.Words[i].Text) is { } second && max != int.MaxValue)
            {
                diagnostics.SecondKeywordOnLine(statement.Words[i], second.Name, keyword.Name);
                return;
            }
        }

        if (statement.Words.Length - 1 > max)
            diagnostics.ExtraWords(statement.Words[max + 1].Span.To(statement.Words[^1].Span), keyword.Name, max);
    }

    // Also what follows a misspelt auth_pass is a password.
    private static void HideSecrets(StatementSyntax statement, BlockSpec spec)
    {
        bool type = statement.Words.Length > 1 && statement.Words[1].Text.ToUpperInvariant() is ("PASS" or "AH");
        int visible = spec.Name == "auth_hmac" || (type && statement.Name.Text == "auth_type") ? 2 : 1;
        foreach (var word in statement.Words.Skip(visible))
            word.Span.File?.MarkSecret(word.Span.Start, word.Span.Length);
    }
}
