using System.Collections.Immutable;
using Vrrp.Daemon.Configuration.Binding;
using Vrrp.Daemon.Configuration.Diagnostics;

namespace Vrrp.Daemon.Configuration.Syntax;

/// <summary>
/// Tokens to tree. It knows the keyword table because only that tells a forgotten brace from a misspelt keyword.
/// </summary>
internal sealed class Parser(List<Token> tokens, DiagnosticBag diagnostics)
{
    private const int MaxDepth = 64;

    private readonly List<StatementSyntax> _root = [];
    private readonly List<Frame> _frames = [];
    private readonly List<(Token Stray, SourceSpan Supplied)> _supplied = [];
    private StatementSyntax? _last;
    private int _at;

    public FileSyntax Parse()
    {
        SourceSpan lastEnd = default;
        while (_at < tokens.Count)
        {
            var token = tokens[_at];
            switch (token.Kind)
            {
                case TokenKind.Word:
                    ReadStatement(lastEnd);
                    lastEnd = EndOf(tokens[_at - 1].Span);
                    continue;
                case TokenKind.OpenBrace:
                    Open(token);
                    lastEnd = EndOf(token.Span);
                    break;
                case TokenKind.CloseBrace:
                    Close(token);
                    lastEnd = EndOf(token.Span);
                    break;
            }

            _at++;
        }

        RequireBlock(next: null);
        if (_frames.Count > 0)
        {
            diagnostics.MissingClosingBraces(lastEnd, [.. _frames.Select(f => (f.Statement.Words.Length == 0 ? "" : f.Statement.Name.Text, f.Block.Open.Span))]);
            while (_frames.Count > 0)
                Supply(lastEnd);
        }

        return new([.. _root]);
    }

    private static SourceSpan EndOf(SourceSpan span) => span with { Start = span.End, Length = 0 };

    private BlockSpec? Spec => _frames.Count == 0 ? KeywordTable.Root : _frames[^1].Block.Spec;

    private void ReadStatement(SourceSpan lastEnd)
    {
        int start = _at;
        while (_at < tokens.Count && tokens[_at].Kind == TokenKind.Word)
            _at++;
        ImmutableArray<Token> words = [.. tokens[start.._at]];
        if (_at < tokens.Count && tokens[_at].Kind == TokenKind.EndOfLine)
            _at++;
        bool opens = _at < tokens.Count && tokens[_at].Kind == TokenKind.OpenBrace;
        RequireBlock(words[0]);
        if (opens)
            RecoverMissingBrace(words[0], lastEnd);
        var spec = Spec;
        // An unclosed list swallows the statements after it: they look like entries.
        if (spec is { Kind: not BlockKind.Keywords } && _frames.Count > 0 && !words[0].Quoted
            && (_frames.Count == 1 ? KeywordTable.Root : _frames[^2].Block.Spec) is { Kind: BlockKind.Keywords } around && around.Find(words[0].Text) is not null)
            diagnostics.LooksLikeKeyword(words[0], _frames[^1].Statement.Name.Text, around.Name);
        var statement = new StatementSyntax(words, spec is { Kind: BlockKind.Keywords } ? spec.Find(words[0].Text) : null);
        (_frames.Count == 0 ? _root : _frames[^1].Block.Statements).Add(statement);
        _last = statement;
    }

    /// <summary>A block's keyword that is unknown here but known further out: braces are missing before it.</summary>
    private void RecoverMissingBrace(Token name, SourceSpan lastEnd)
    {
        if (_frames.Count == 0 || name.Quoted)
            return;
        var spec = Spec;
        if (spec is { Kind: BlockKind.Keywords } && spec.Find(name.Text) is not null)
            return;
        // In a block that nobody knows only an unmistakable header says where we are.
        if (spec is null && !KeywordTable.IsUnmistakable(name.Text))
            return;
        int outer = _frames.Count - 1;
        while (outer >= 0)
        {
            var around = outer == 0 ? KeywordTable.Root : _frames[outer - 1].Block.Spec;
            if (around?.Kind == BlockKind.Keywords && around.Find(name.Text)?.Block is not null)
                break;
            outer--;
        }

        if (outer < 0)
            return;
        while (_frames.Count > outer)
        {
            var frame = _frames[^1];
            diagnostics.MissingBraceBefore(lastEnd, frame.Statement.Words.Length == 0 ? "" : frame.Statement.Name.Text, frame.Block.Open, name);
            _supplied.Add((name, lastEnd));
            Supply(lastEnd);
        }
    }

    private void Supply(SourceSpan at)
    {
        _frames[^1].Block.Close = new(TokenKind.CloseBrace, "}", at) { IsMissing = true };
        _frames.RemoveAt(_frames.Count - 1);
        _last = null;
    }

    private void Open(Token brace)
    {
        var statement = _last;
        _last = null;
        if (statement is null || statement.Block is not null)
        {
            diagnostics.UnexpectedOpeningBrace(brace, null);
            statement = new([], null);
            (_frames.Count == 0 ? _root : _frames[^1].Block.Statements).Add(statement);
        }
        else if (statement.Keyword is { Block: null } || (Spec is { Kind: not BlockKind.Keywords }))
        {
            diagnostics.UnexpectedOpeningBrace(brace, statement.Name.Text);
        }

        if (_frames.Count >= MaxDepth)
        {
            diagnostics.NestedTooDeeply(brace, MaxDepth);
            SkipBlock();
            return;
        }

        statement.Block = new(brace, statement.Keyword?.Block);
        _frames.Add(new(statement, statement.Block));
    }

    private void SkipBlock()
    {
        int depth = 1;
        while (depth > 0 && ++_at < tokens.Count)
            depth += tokens[_at].Kind switch { TokenKind.OpenBrace => 1, TokenKind.CloseBrace => -1, _ => 0 };
    }

    private void Close(Token brace)
    {
        RequireBlock(next: null);
        _last = null;
        if (_frames.Count == 0)
        {
            diagnostics.UnexpectedClosingBrace(brace, _supplied.Count > 0 ? _supplied[^1].Supplied : default);
            return;
        }

        _frames[^1].Block.Close = brace;
        _frames.RemoveAt(_frames.Count - 1);
    }

    /// <summary>Called when something follows a statement: if its block has not been opened, it is missing, or only its brace.</summary>
    private void RequireBlock(Token? next)
    {
        var statement = _last;
        _last = null;
        if (statement?.Keyword is not { Block: { } spec } keyword || statement.Block is not null)
            return;
        bool inside = next is not null && Spec!.Find(next.Text) is null && (spec.Kind != BlockKind.Keywords || spec.Find(next.Text) is not null);
        diagnostics.MissingOpeningBrace(EndOf(statement.Words[^1].Span), keyword.Name, inside);
        if (!inside)
            return;
        statement.Block = new(new(TokenKind.OpenBrace, "{", EndOf(statement.Words[^1].Span)) { IsMissing = true }, spec);
        _frames.Add(new(statement, statement.Block));
    }

    private readonly record struct Frame(StatementSyntax Statement, BlockSyntax Block);
}
