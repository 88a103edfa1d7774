using System.Collections.Immutable;
using Vrrp.Daemon.Configuration.Syntax;

namespace Vrrp.Daemon.Configuration.Diagnostics;

internal enum DiagnosticSeverity
{
    Info,

    /// <summary>It runs, as it does under keepalived, but something is not as it was meant.</summary>
    Warning,

    /// <summary>No safe meaning is left: the configuration neither starts nor replaces a running one.</summary>
    Error,
}

/// <summary>One finding: its place, a code that never changes its meaning, and words for an operator.</summary>
internal sealed record Diagnostic(
    string Code, DiagnosticSeverity Severity, SourceSpan Span, string Message, ImmutableArray<RelatedPlace> Related);

/// <summary>Another place that explains a finding.</summary>
internal sealed record RelatedPlace(SourceSpan Span, string Message);

/// <summary>What a diagnostic points at, and where the definition was used that the text came out of.</summary>
internal readonly record struct Place(SourceSpan Span, SourceSpan Use)
{
    public static implicit operator Place(SourceSpan span) => new(span, default);

    public static implicit operator Place(Token token) => new(token.Span, token.Use);
}
