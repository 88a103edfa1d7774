using System.Collections.Immutable;
using Vrrp.Daemon.Configuration.Binding;

namespace Vrrp.Daemon.Configuration.Syntax;

/// <summary>A keyword with its arguments, or an entry of a list; perhaps with a block.</summary>
internal sealed class StatementSyntax(ImmutableArray<Token> words, Keyword? keyword)
{
    /// <summary>The keyword or first word, then the others; empty only for a block that nothing precedes.</summary>
    public ImmutableArray<Token> Words { get; } = words;

    /// <summary>What the table knows of the first word in this block. Null: unknown, or an entry of a list.</summary>
    public Keyword? Keyword { get; } = keyword;

    public BlockSyntax? Block { get; set; }

    public Token Name => Words[0];

    public ReadOnlySpan<Token> Arguments => Words.AsSpan()[1..];

    /// <summary>First to last word.</summary>
    public SourceSpan Span => Words.Length == 0 ? Block?.Open.Span ?? default : Words[0].Span.To(Words[^1].Span);
}

/// <summary>What stands between two braces.</summary>
internal sealed class BlockSyntax(Token open, BlockSpec? spec)
{
    public Token Open { get; } = open;

    /// <summary>The closing brace; a missing one stands where it was supplied.</summary>
    public Token? Close { get; set; }

    /// <summary>What the table knows of the content. Null: the block is skipped.</summary>
    public BlockSpec? Spec { get; } = spec;

    public List<StatementSyntax> Statements { get; } = [];
}

/// <summary>All that was read, included files pasted in.</summary>
internal sealed record FileSyntax(ImmutableArray<StatementSyntax> Statements);
