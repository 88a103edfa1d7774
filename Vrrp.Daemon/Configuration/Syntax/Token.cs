namespace Vrrp.Daemon.Configuration.Syntax;

internal enum TokenKind
{
    Word,
    OpenBrace,
    CloseBrace,
    EndOfLine,
}

/// <summary>A word or brace, with the place its text was written.</summary>
/// <param name="Kind">What it is.</param>
/// <param name="Text">The text after quotes, escapes and definitions were resolved.</param>
/// <param name="Span">Where the text stands; inside a definition when it came out of one.</param>
internal sealed record Token(TokenKind Kind, string Text, SourceSpan Span)
{
    /// <summary>Whether the word was quoted, so that an empty one is possible.</summary>
    public bool Quoted { get; init; }

    /// <summary>Where the definition was used that the text came out of. None: written in place.</summary>
    public SourceSpan Use { get; init; }

    /// <summary>Blanks, comments and unused lines between the previous token of the file and this one.</summary>
    public SourceSpan LeadingTrivia { get; init; }

    /// <summary>Whether it stands behind the keyword of a password on its line.</summary>
    public bool IsSecret { get; init; }

    /// <summary>Whether the parser supplied it where the file lacks it.</summary>
    public bool IsMissing { get; init; }

    // The text may be a password.
    public override string ToString() => $"{Kind} {Span}";
}
