using System.Collections.Immutable;
using System.Globalization;
using System.Text;
using Vrrp.Daemon.Configuration.Syntax;

namespace Vrrp.Daemon.Configuration.Diagnostics;

/// <summary>
/// Collects findings; the catalogue of codes and wordings, one method each. A message never quotes a password.
/// 00xx files, preprocessing and braces; 01xx keywords and values; 02xx instances; 03xx groups and tracking; 04xx what is not active; 05xx virtual servers and checks; 06xx mail.
/// </summary>
internal sealed class DiagnosticBag
{
    // A hostile file must not turn into gigabytes of messages; errors are kept longer, for they decide.
    private const int MaxFindings = 1000;
    private const int MaxErrors = 2000;

    private readonly List<Diagnostic> _items = [];

    public bool HasErrors { get; private set; }

    /// <summary>Whether further warnings are only counted, so that nobody works out suggestions for them.</summary>
    public bool IsFull => _items.Count >= MaxFindings;

    /// <summary>Findings beyond the bound, counted only.</summary>
    public int Dropped { get; private set; }

    /// <summary>In the order of the file; findings of included files after each other.</summary>
    public ImmutableArray<Diagnostic> ToImmutable()
    {
        var files = new Dictionary<SourceText, int>();
        foreach (var item in _items)
        {
            if (item.Span.File is { } file)
                files.TryAdd(file, files.Count);
        }

        var sorted = _items
            .Select((d, i) => (Diagnostic: d, Index: i, File: d.Span.File is { } f ? files[f] : -1))
            .OrderBy(x => x.File).ThenBy(x => x.Diagnostic.Span.Start).ThenBy(x => x.Index)
            .Select(x => x.Diagnostic);
        return [.. Dropped == 0
            ? sorted
            : sorted.Append(new("VRRP0001", DiagnosticSeverity.Warning, default, (Dropped == 1 ? "1 further finding is" : Format($"{Dropped} further findings are")) + " not shown.", []))];
    }

    // 00xx: files

    public void FileMissing(string path) => Add("VRRP0002", Error, default(SourceSpan),
        $"{Clean(path)}: there is no such file. Name the configuration with -f FILE, or create it there.");

    public void FileUnreadable(string path, string problem) => Add("VRRP0003", Error, default(SourceSpan),
        $"{Clean(path)} cannot be read: {problem}. Check its mode and owner; the daemon reads it as the user it was started as.");

    public void FileExecutable(SourceText file) => Add("VRRP0004", Warning, new SourceSpan(file, 0, 0),
        "the file is executable: keepalived refuses such a file. It is read here; remove the mode bits with chmod a-x.");

    public void SeveralFiles(SourceText file, int count) => Add("VRRP0005", Warning, new SourceSpan(file, 0, 0),
        Format($"the name matches {count} files; they are read one after another as one configuration."));

    public void ByteOrderMark(SourceText file) => Add("VRRP0006", Warning, new SourceSpan(file, 0, 0),
        "the file begins with a byte order mark: keepalived takes it for a part of the first keyword. It is skipped here.");

    public void NotUtf8(SourceText file, int offset) => Add("VRRP0007", Warning, new SourceSpan(file, offset, 1),
        "this octet is no UTF-8, so the whole file is read as Latin-1: other letters than those of ASCII may be wrong in names, mails and the words of scripts. "
        + "Save it as UTF-8.");

    public void IncludeMissing(Place at, string path, bool required) => Add("VRRP0010", required ? Error : Warning, at,
        $"there is no file '{Clean(path)}' to include" + (required ? "; this form of include demands it." : "; keepalived only logs that."));

    public void IncludeMatchesNothing(Place at, string pattern, bool required) => Add("VRRP0011", required ? Error : Warning, at,
        $"no file matches '{Clean(pattern)}'" + (required ? ", and this form of include demands one." : "; keepalived only logs that."));

    public void IncludeUnreadable(Place at, string path, string problem, bool required) => Add("VRRP0012", required ? Error : Warning, at,
        $"'{Clean(path)}' is not included: {problem}.");

    public void TooManyIncludes(Place at, int depth, int files) => Add("VRRP0013", Error, at,
        Format($"files include each other more than {depth} deep, or more than {files} files are included; a file that includes itself does that."));

    public void TooManyNames(Place at, int names) => Add("VRRP0014", Error, at,
        Format($"the include lines look at more than {names} names of files and directories; reading stopped here. A pattern of directories in directories does that."));

    public void NothingToRun(string path) => Add("VRRP0015", Warning, default(SourceSpan),
        $"{Clean(path)} has no vrrp_instance, no static_ipaddress and no virtual_server that could run. The daemon starts with it and waits for a better one, "
        + "as keepalived does; it does not reload it while anything runs, for such a file is mostly empty by accident.");

    public void LineTooLong(Place at, int limit) => Add("VRRP0020", Warning, at,
        Format($"the line is longer than {limit} bytes and is ignored, as keepalived ignores it."));

    public void NulInLine(Place at) => Add("VRRP0021", Warning, at, "the line holds a NUL byte and is ignored, as keepalived ignores it.");

    public void UnterminatedQuote(Place at) => Add("VRRP0022", Warning, at,
        "the quote is not closed on this line; the line is ignored, as keepalived ignores it.");

    public void IncompleteCondition(Place at) => Add("VRRP0023", Warning, at, "there is no text after the condition; the line is ignored.");

    public void UndefinedName(Place at, string name) => Add("VRRP0024", Warning, at,
        $"'${Clean(name)}' is not defined at this point; the text stays as it is. Definitions come before their use: ${Clean(name)}=value.");

    public void EndlessDefinition(Place at, string name) => Add("VRRP0025", Error, at, $"'${Clean(name)}' expands without an end.");

    public void TextAfterMultiLine(Place at, string name) => Add("VRRP0026", Warning, at,
        $"'${Clean(name)}' has several lines, so its use must be the last thing on the line; this text is ignored.");

    public void BadRepetition(Place at, string problem) => Add("VRRP0027", Warning, at, $"the line is not repeated and is ignored: {Clean(problem)}.");

    public void ExpansionTooLarge(Place at) => Add("VRRP0028", Error, at, "the configuration grows beyond all reason when it is expanded; reading stopped here.");

    // 003x: braces

    public void MissingClosingBraces(SourceSpan at, ImmutableArray<(string Keyword, SourceSpan Open)> open) => Add("VRRP0030", Warning, at,
        Format($"{(open.Length == 1 ? "a closing brace is" : $"{open.Length} closing braces are")} missing at the end of the file; supplied here, as keepalived does."),
        [.. open.Select(o => new RelatedPlace(o.Open, $"this '{{'{(o.Keyword.Length > 0 ? $" of '{Clean(o.Keyword)}'" : "")} is not closed"))]);

    public void MissingBraceBefore(SourceSpan at, string block, Token open, Token stray) => Add("VRRP0031", Warning, at,
        $"a '}}' is missing here: '{Clean(stray)}' cannot stand inside '{Clean(block)}'. It is supplied here; keepalived would take "
        + $"'{Clean(stray)}' for an unknown keyword of '{Clean(block)}' and ignore it and what belongs to it.",
        [new(stray.Span, $"'{Clean(stray)}' begins here"), new(open.Span, $"this '{{' of '{Clean(block)}' is not closed")]);

    public void UnexpectedClosingBrace(Place at, SourceSpan supplied) => Add("VRRP0032", Warning, at,
        "there is no open block for this '}'; it is ignored, as keepalived ignores it.",
        supplied.IsNone ? [] : [new(supplied, "a '}' was supplied here: perhaps the blocks were meant to be nested, which keepalived does not know")]);

    public void UnexpectedOpeningBrace(Place at, string? keyword) => Add("VRRP0033", Warning, at,
        (keyword is null ? "no keyword precedes this '{'" : $"'{Clean(keyword)}' takes no block")
        + "; the block is skipped as a whole. keepalived would drop the '{' and let its '}' close the block around it.");

    public void MissingOpeningBrace(SourceSpan at, string keyword, bool supplied) => Add("VRRP0034", Warning, at,
        supplied
            ? $"a '{{' is missing after '{keyword}'; it is supplied here. keepalived would ignore the block."
            : $"'{keyword}' needs a block in braces; without one it is ignored, as keepalived ignores it.");

    public void NestedTooDeeply(Place at, int depth) => Add("VRRP0035", Warning, at, Format($"blocks are nested more than {depth} deep; this one is skipped."));

    // 01xx: keywords and values

    public void UnknownKeyword(Token word, string block, string? suggestion, ImmutableArray<string> elsewhere, BlockSyntax? skipped)
    {
        var message = new StringBuilder($"unknown keyword '{Clean(word)}'");
        message.Append(block == "root" ? " outside all blocks" : $" in {block}");
        message.Append(skipped is null ? "; the line is ignored, as keepalived ignores it." : "; it is skipped with its block.");
        if (skipped is not null)
            message.Append(" keepalived would read the lines inside as part of the block around, and its '}' would close that block.");
        if (suggestion is not null)
            message.Append(CultureInfo.InvariantCulture, $" Did you mean '{suggestion}'?");
        else if (!elsewhere.IsEmpty)
            message.Append(CultureInfo.InvariantCulture, $" It belongs {(elsewhere[0] == "root" ? "outside all blocks" : $"in {string.Join(", ", elsewhere.Take(3))}")}.");
        Add("VRRP0101", Warning, word, message.ToString());
    }

    public void UnknownInAuthentication(Token word) => Add("VRRP0132", Warning, word,
        "unknown keyword in authentication, not shown because it may be a password; the line is ignored, as keepalived ignores it. The keywords are auth_type and auth_pass.");

    public void MissingArgument(Place at, string keyword, string arguments) => Add("VRRP0102", Error, at,
        $"'{keyword}' needs {Article(arguments)}; keepalived exits at such a line.");

    public void MissingArgumentIgnored(Place at, string keyword, string arguments) => Add("VRRP0103", Warning, at,
        $"'{keyword}' needs {Article(arguments)}; the line is ignored, as keepalived ignores it.");

    public void OutOfRange(Token word, string name, int min, int max, DiagnosticSeverity severity, string? used = null) => Add("VRRP0104", severity, word,
        max == int.MaxValue
            ? Format($"'{name}' takes {min} or more, not '{Clean(word)}'{Consequence(severity, used)}")
            : Format($"'{name}' takes {min} to {max}, not '{Clean(word)}'{Consequence(severity, used)}"));

    public void NotANumber(Token word, string name, int min, int max, DiagnosticSeverity severity, string? used = null) => Add("VRRP0105", severity, word,
        max == int.MaxValue
            ? Format($"'{Clean(word)}' is not a whole number: '{name}' takes {min} or more{Consequence(severity, used)}")
            : Format($"'{Clean(word)}' is not a whole number: '{name}' takes {min} to {max}{Consequence(severity, used)}"));

    public void TrailingCharacters(Token word, string name, string used) => Add("VRRP0106", Warning, word,
        $"'{Clean(word)}' is not a number; '{name}' is {used}, what keepalived makes of it (its -t rejects it).");

    public void NotADuration(Token word, string name, decimal min, decimal max, string? used) => Add("VRRP0107", Warning, word,
        Format($"'{Clean(word)}' is not a number of seconds: '{name}' takes {min} to {max}{(used is null ? "; the default holds." : Consequence(Warning, used))}"));

    public void DurationOutOfRange(Token word, string name, decimal min, decimal max, string? used) => Add("VRRP0108", Warning, word,
        Format($"'{name}' takes {min} to {max} seconds, not '{Clean(word)}'{Consequence(Warning, used)}"));

    public void TooManyDigits(Token word, string name) => Add("VRRP0109", Warning, word, $"'{name}' has more than six digits after the point; it is rounded to microseconds.");

    public void NotASwitch(Token word, string name) => Add("VRRP0110", Warning, word,
        $"'{name}' takes on, true or yes, off, false or no, not '{Clean(word)}'; the line is ignored.");

    public void NotAnAddress(Token word, string name) => Add("VRRP0111", Warning, word, $"'{Clean(word)}' in '{name}' is not an IP address; it is ignored.");

    public void NotMulticast(Token word, string name, IPFamily? family) => Add("VRRP0112", Warning, word,
        $"'{name}' takes {(family is null ? "a" : $"an {family}")} multicast address, not '{Clean(word)}'; the line is ignored.");

    public void NotAnInterfaceName(Token word) => Add("VRRP0113", Warning, word,
        $"'{Clean(word)}' cannot be the name of an interface (1 to 15 characters, no '/', no ':').");

    public void NotATableName(Token word, int max) => Add("VRRP0139", Warning, word,
        Format($"'{Clean(word)}' cannot be the name of a table (1 to {max} bytes); the line is ignored."));

    public void BadPrefixLength(Token word, int full) => Add("VRRP0114", Warning, word,
        Format($"the prefix length of '{Clean(word)}' is not 0 to {full}; /{full} is used, as by keepalived."));

    public void OptionWithoutValue(Token word, string list) => Add("VRRP0115", Warning, word, $"the option '{Clean(word)}' in '{list}' has no value; it is ignored.");

    public void RepeatedOption(Token word, string list) => Add("VRRP0116", Warning, word, $"'{Clean(word)}' stands twice in one entry of '{list}'; the first holds.");

    public void OptionOfOtherFamily(Token word, string family) => Add("VRRP0117", Warning, word, $"'{Clean(word)}' is for {family} addresses only; it is ignored.");

    public void UnknownOption(Token word, string list, bool secondAddress) => Add("VRRP0118", Warning, word,
        secondAddress
            ? $"only one address a line in '{list}': '{Clean(word)}' is taken for an unknown option and ignored, as keepalived does. Put it on a line of its own."
            : $"unknown option '{Clean(word)}' in '{list}'; it is ignored.");

    public void LabelTooLong(Token word) => Add("VRRP0119", Warning, word, "a label has at most 15 characters; the whole address is left out, as keepalived leaves it out.");

    public void BroadcastWithPeer(Token word) => Add("VRRP0120", Warning, word, "an address with a peer has no broadcast address; it is left out.");

    public void SecondKeywordOnLine(Token word, string second, string first) => Add("VRRP0121", Warning, word,
        $"'{second}' stands on the line of '{first}' and is not read as a keyword: one keyword a line. keepalived takes it for an argument of '{first}'.");

    public void ExtraWords(Place at, string keyword, int max) => Add("VRRP0122", Warning, at,
        Format($"'{keyword}' takes {(max == 0 ? "no argument" : max == 1 ? "one argument" : $"{max} arguments")}; the rest of the line is ignored."));

    public void DeprecatedKeyword(Token word, string replacement, string block) => Add("VRRP0123", Warning, word,
        word.Text == "nb_get_retry" && block != "HTTP_GET"
        ? $"'nb_get_retry' is deprecated; it is taken as the '{replacement}' it means. keepalived knows it in HTTP_GET and SSL_GET only: "
            + $"in {block} it ignores the line, and '{replacement}' keeps its default."
        : $"'{Clean(word)}' is deprecated{(replacement.Length == 0 ? " and does nothing any more" : $"; use {replacement}")}. keepalived reports it, too.");

    public void ObsoleteKeyword(Token word, string block, string replacement)
    {
        string text = Clean(word);
        Add("VRRP0124", Warning, word, word.Text switch
        {
            "nat_mask" => $"'{text}' is deprecated and has no effect: {replacement}.",
            _ => $"'{text}' is {replacement}; the line is ignored, as keepalived ignores it.",
        });
    }

    public void NotOneName(Token word, string keyword, int count) => Add("VRRP0125", Warning, word,
        Format($"'{keyword}' takes exactly one name, not {count}; the whole block is skipped, as keepalived skips it."));

    public void DuplicateName(Token word, string keyword, SourceSpan earlier) => Add("VRRP0126", Warning, word,
        $"there is a {keyword} '{Clean(word)}' already; this whole block is skipped, as keepalived skips it.", [new(earlier, "the first one")]);

    public void AlreadySpecified(Token word) => Add("VRRP0127", Warning, word, $"'{Clean(word)}' is specified already; the first one holds, as with keepalived.");

    public void RepeatRaisedToOne(Token word, string name) => Add("VRRP0128", Warning, word, $"'{name}' is at least 1; 1 is used, as by keepalived.");

    public void ZeroInterval(Token word, string name) => Add("VRRP0129", Warning, word,
        $"keepalived reports an explicit 0 for '{name}' as out of range; it means what leaving the line out means: no gap.");

    public void SwitchTurnsOnAnyway(Token word, string name) => Add("VRRP0130", Warning, word,
        $"keepalived switches '{name}' on in an instance even with '{Clean(word)}'; so it is on here. Leave the line out to switch it off.");

    public void LooksLikeKeyword(Token word, string list, string block) => Add("VRRP0131", Warning, word,
        $"'{Clean(word)}' is a keyword of {block}, but here it is read as an entry of '{list}': is a '}}' missing before it?");

    public void NotAHostAddress(Token word, string list) => Add("VRRP0140", Warning, word,
        $"'{Clean(word)}' in '{list}' is no address that a host can have; it is ignored.");

    // 02xx: instances

    public void MissingVirtualRouterId(Token name) => Add("VRRP0201", Error, name,
        $"instance '{Clean(name)}' has no virtual_router_id, which all its routers must share (1 to 255).");

    public void MissingInterface(Token name, bool unicast) => Add("VRRP0202", Error, name,
        $"instance '{Clean(name)}' has no interface{(unicast ? " and no unicast_src_ip; unicast needs one of the two." : ".")}");

    public void UnusableInterface(Token word) => Add("VRRP0234", Error, word, "the instance has no usable interface.");

    public void LoopbackInterface(Token word) => Add("VRRP0203", Error, word, "an instance cannot run on the loopback interface.");

    public void NoVirtualAddress(Token name, string why) => Add("VRRP0204", Error, name,
        $"instance '{Clean(name)}' has no usable virtual_ipaddress, and {why} demands one.");

    public void NoVirtualAddressVersion2(Token name) => Add("VRRP0205", Warning, name,
        $"instance '{Clean(name)}' has no virtual_ipaddress; it runs, as under keepalived. Write no_virtual_ipaddress if that is meant.");

    public void DuplicateVirtualRouterId(Token word, string other, SourceSpan place, string? onInterface, IPFamily family) => Add("VRRP0206", Error, word,
        $"virtual_router_id {Clean(word)} is used by '{Clean(other)}' already{(onInterface is null ? "" : $" on {Clean(onInterface)}")} for {family}; every router there needs its own.",
        [new(place, $"used by '{Clean(other)}'")]);

    public void UnknownState(Token word) => Add("VRRP0207", Warning, word, $"'state' is MASTER or BACKUP, not '{Clean(word)}'; BACKUP is used, as by keepalived.");

    public void MasterWithoutPriority(Token word) => Add("VRRP0208", Warning, word,
        "state MASTER without a priority makes this router the owner of the addresses (priority 255), as with keepalived; give it a priority if that is not meant.");

    public void NoPreemptCleared(Token word, string why) => Add("VRRP0209", Warning, word,
        $"'nopreempt' has no effect with {why} and is cleared, as by keepalived: use state BACKUP on all routers.");

    public void PreemptDelayCleared(Token word, string why) => Add("VRRP0210", Warning, word, $"'preempt_delay' has no effect with {why} and is cleared, as by keepalived.");

    public void IntervalRounded(Token word, AdvertisementInterval used, string why) => Add("VRRP0211", Warning, word,
        $"'advert_int' is {used}, not {Clean(word)}: {why}.");

    public void RepeatedAddress(Token word, SourceSpan first) => Add("VRRP0235", Warning, word,
        $"{Clean(word)} is in the list already; it is advertised twice, as by keepalived before 2.4, which would drop adverts of another length. Remove it on all routers.",
        [new(first, "the first one")]);

    public void DuplicateAddress(Token word, SourceSpan first) => Add("VRRP0212", Warning, word,
        $"{Clean(word)} is in the list already; this one is ignored.", first.IsNone ? [] : [new(first, "the first one")]);

    public void AddressInTwoInstances(Token word, SourceSpan first) => Add("VRRP0213", Warning, word,
        $"{Clean(word)} belongs to another instance on this interface already; both hold it, as with keepalived before 2.4, and where one of them is Master elsewhere two hosts will answer for it. Remove it from one.",
        [new(first, "the first one")]);

    public void OtherFamilyIgnored(Token word, string what, IPFamily family) => Add("VRRP0214", Warning, word,
        $"'{Clean(word)}' is not of the instance's family ({family}), which {what} must be; it is ignored. virtual_ipaddress_excluded takes both families.");

    public void TooManyAddresses(Token word, int max) => Add("VRRP0215", Warning, word,
        Format($"an advert holds {max} addresses; from here on they are held but not advertised."));

    public void IPv6NeedsVersion3(Token word) => Add("VRRP0216", Warning, word, "IPv6 needs version 3, which is used, as by keepalived.");

    public void AuthenticationDropped(Token word, string why) => Add("VRRP0217", Warning, word, $"'authentication' is dropped, as by keepalived: {why}.");

    public void UnknownAuthenticationType(Token word) => Add("VRRP0218", Warning, word, "'auth_type' takes PASS or AH, in capitals, and this is neither; the line is ignored, so there is no authentication, and routers that have one will drop our adverts.");

    public void AuthenticationHeader(Token word) => Add("VRRP0219", Error, word,
        "auth_type AH is not supported: peers that use it would drop our adverts, and there would be two Masters. Use PASS, or none, on all routers.");

    public void PasswordCut(Token word, int length) => Add("VRRP0220", Warning, word,
        Format($"the password has {length} bytes and only the first 8 are sent, as by keepalived; cut it to 8 on all routers."));

    public void PasswordNotAscii(Token word) => Add("VRRP0236", Error, word,
        "the first 8 bytes of the password are not all ASCII: what is sent of them depends on the encoding of the file. Use ASCII on all routers.");

    public void EmptyPassword(Token word) => Add("VRRP0221", Warning, word, "there is no password, so there is no authentication, as with keepalived.");

    public void PasswordWithoutType(Token word) => Add("VRRP0222", Warning, word, "there is an auth_pass but no auth_type, so there is no authentication, as with keepalived.");

    public void NoUnicastPeers(Token word, bool fault) => Add("VRRP0223", Warning, word,
        fault ? "there are no unicast peers; unicast_fault_no_peer keeps the instance in FAULT." : "there are no unicast peers; multicast is used, as by keepalived.");

    public void UnicastSourceWithoutPeers(Token word) => Add("VRRP0224", Warning, word,
        "'unicast_src_ip' without unicast_peer is deprecated: it is the source of multicast adverts, as with keepalived. Use mcast_src_ip.");

    public void PeerIsOwnSource(Token word) => Add("VRRP0225", Warning, word, $"the peer {Clean(word)} is this router's own unicast_src_ip.");

    public void DuplicatePeer(Token word) => Add("VRRP0226", Warning, word, $"the peer {Clean(word)} is in the list already; this one is ignored.");

    public void TtlRangeEmpty(Token word) => Add("VRRP0227", Warning, word, "min_ttl is above max_ttl: every advert of this peer will be dropped.");

    public void StrictWithUnicast(Token word) => Add("VRRP0228", Warning, word,
        "strict mode allows no unicast peers; they are used, as by keepalived 2.2, but newer releases refuse to start.");

    public void StrictStateNotRank(Token word, bool owner) => Add("VRRP0229", Warning, word,
        $"strict mode allows state MASTER with priority 255 and only then; {(owner ? "MASTER" : "BACKUP")} is used.");

    public void StrictFirstAddressNotLinkLocal(Token word) => Add("VRRP0230", Warning, word, "strict mode wants a link-local address as first IPv6 address (RFC 9568 §5.2.9).");

    public void StrictDownTimer(Token word) => Add("VRRP0231", Warning, word, "strict mode allows no other 'down_timer_adverts' than 3, which is used.");

    public void StrictAccept(Token word) => Add("VRRP0232", Warning, word, "strict mode of version 2 allows no 'accept' for a router that is not the owner; it is cleared.");

    public void OwnerIgnoresAnyway(Token word) => Add("VRRP0233", Warning, word, "an address owner ignores adverts in any case, as with keepalived.");

    // 03xx: groups and tracking

    public void UnknownMember(Token word, string group, string? suggestion) => Add("VRRP0301", Warning, word,
        $"there is no instance '{Clean(word)}'; it is left out of group '{Clean(group)}', as by keepalived."
        + (suggestion is null ? "" : $" Did you mean '{Clean(suggestion)}'?"));

    public void MemberTwice(Token word, string group, string other) => Add("VRRP0302", Warning, word,
        group == other
            ? $"'{Clean(word)}' is in the group already."
            : $"'{Clean(word)}' belongs to group '{Clean(other)}' already and is left out of '{Clean(group)}': an instance has one group.");

    public void EmptyGroup(Token name, bool noList) => Add("VRRP0303", Warning, name,
        $"group '{Clean(name)}' {(noList ? "has no members (they go into a 'group { ... }' block)" : "has no member that exists")} and is removed, as by keepalived.");

    public void GroupOfOne(Token name, string member) => Add("VRRP0304", Warning, name,
        $"group '{Clean(name)}' has one member, '{Clean(member)}': there is nothing to keep in step. keepalived reports that, too.");

    public void MemberDemoted(Token word, string instance, string group) => Add("VRRP0305", DiagnosticSeverity.Info, word,
        $"state MASTER of '{Clean(instance)}' has no effect in group '{Clean(group)}' and is taken as BACKUP, as by keepalived: not all members have priority 255.");

    public void WeightInGroup(Token name, string group, ImmutableArray<string> names, bool areIgnored) => Add("VRRP0306", Warning, name,
        $"'{Clean(name)}' tracks {Clean(string.Join(", ", names))} with a weight, which group '{Clean(group)}' does not allow: "
        + (areIgnored ? "it is not tracked, as by keepalived." : "the weight is ignored, as by keepalived, and weight 0 makes it a fault.")
        + " sync_group_tracking_weight makes weights count.");

    public void WeightOfOwner(Token name, ImmutableArray<string> names, bool areIgnored) => Add("VRRP0307", Warning, name,
        $"'{Clean(name)}' has priority 255, which no weight changes: {Clean(string.Join(", ", names))} "
        + (areIgnored ? "is not tracked, as by keepalived. Weight 0 would make it a fault." : "is tracked with weight 0, which makes it a fault, as with keepalived."));

    public void GroupWeightWithOwner(Token name, string owner, ImmutableArray<string> names) => Add("VRRP0308", Warning, name,
        $"'{Clean(owner)}' of group '{Clean(name)}' has priority 255, which no weight changes: {Clean(string.Join(", ", names))} "
        + "is tracked with weight 0 for all members, which makes it a fault, as with keepalived.");

    public void TrackedTwice(Token word) => Add("VRRP0310", Warning, word, $"'{Clean(word)}' is tracked already; this entry is ignored.");

    public void TrackedUnknown(Token word, string list) => Add("VRRP0311", Warning, word,
        $"'{Clean(word)}' in '{list}' is not defined above this line; it is ignored, as keepalived ignores it.");

    public void TooManyTracked(Token word, int max) => Add("VRRP0312", Warning, word,
        Format($"'{Clean(word)}' is one too many: {max} are tracked at most; it is ignored."));

    public void TrackerWithout(Token name, string keyword, string what) => Add("VRRP0313", Warning, name,
        $"{keyword} '{Clean(name)}' has no {what} and is left out, as by keepalived.");

    public void WeightAlone(Token word, string entry) => Add("VRRP0314", Warning, word,
        $"'{Clean(word)}' after '{Clean(entry)}' is not 'weight NUMBER [reverse|noreverse]'; the whole entry is left out, as by keepalived.");

    public void WeightTooLarge(Token word, string entry, int max) => Add("VRRP0315", Warning, word,
        Format($"the weight of '{Clean(entry)}' is -{max} to {max}, not '{Clean(word)}'; the whole entry is left out, as by keepalived."));

    public void NotAnAbsolutePath(Token word, string keyword) => Add("VRRP0316", Warning, word,
        $"'{keyword}' takes a path from the root, not '{Clean(word)}': the daemon's directory is no place to rely on. The line is ignored.");

    public void QuorumMaxBelowQuorum(Token word) => Add("VRRP0317", Warning, word, "quorum_max is below quorum and is ignored, as by keepalived.");

    public void NotTracked(Token name, string keyword) => Add("VRRP0318", DiagnosticSeverity.Info, name,
        $"no instance and no group tracks {keyword} '{Clean(name)}'; nobody watches it.");

    public void TrackerCannotRun(SourceSpan at, string name, string problem, string consequence) => Add("VRRP0319", Warning, at,
        $"vrrp_script '{Clean(name)}' cannot run on this host: {Clean(problem)}. It counts as failed: {Clean(consequence)}. keepalived would leave it out.");

    public void ScriptCannotRun(SourceSpan at, string keyword, string subject, string problem) => Add("VRRP0320", Warning, at,
        $"'{keyword}' of {Clean(subject)} cannot run on this host: {Clean(problem)}.");

    public void ScriptsRunAsRoot(SourceSpan at) => Add("VRRP0321", Warning, at,
        "enable_script_security is set, but there is neither a script_user nor an account keepalived_script: keepalived runs no script that names no user. "
        + "Here they run as root, as long as nobody else could change them. Name whom they run as: script_user USER.");

    public void NoShell(SourceSpan at, string word) => Add("VRRP0322", Warning, at,
        $"there is no shell, here as with keepalived: '{Clean(word)}' is an argument of the command. Write a script of these words, or sh -c '…'.");

    // 05xx: virtual servers, real servers and checks

    public void NotAVirtualServer(Token word) => Add("VRRP0501", Warning, word,
        $"'virtual_server' takes ADDRESS [PORT], fwmark NUMBER or group NAME, not '{Clean(word)}'; the block is left out, as by keepalived.");

    public void NotARealServer(Token word) => Add("VRRP0502", Warning, word,
        $"'real_server' takes ADDRESS [PORT], not '{Clean(word)}'; the block is left out, as by keepalived.");

    public void NoRealServers(Token word) => Add("VRRP0503", Warning, word,
        $"virtual server '{Clean(word)}' has no usable real server and is left out, as by keepalived.");

    public void UnknownScheduler(Token word, string known, string used) => Add("VRRP0504", Warning, word,
        $"there is no scheduler '{Clean(word)}'; the line is ignored and {used} used, as by keepalived. The schedulers are {known.Replace(" ", ", ", StringComparison.Ordinal)}.");

    public void UnknownForwarding(Token word, string keyword, string used) => Add("VRRP0505", Warning, word,
        $"'{keyword}' takes NAT, DR or TUN, in capitals, not '{Clean(word)}'; the line is ignored and {used} used, as by keepalived.");

    public void UnknownTunnel(Token word) => Add("VRRP0506", Warning, word, $"a tunnel is of type ipip, gue or gre, not '{Clean(word)}'; ipip is used.");

    public void TunnelWithoutPort(Token word) => Add("VRRP0507", Warning, word, "a tunnel of type gue needs a port, as in 'type gue port 6080'; ipip is used, as by keepalived, which who expects gue does not understand.");

    public void TunnelOptionElsewhere(Token word, string method) => Add("VRRP0508", Warning, word, $"'{Clean(word)}' has no meaning for {method}; it is ignored.");

    public void BalancingDefault(Token word, string keyword, string standard) => Add("VRRP0509", Warning, word,
        $"virtual server '{Clean(word)}' has no {keyword}; {standard} is used, as by keepalived. Write it, so that nobody has to know.");

    public void ProtocolOfMark(Token word) => Add("VRRP0510", Warning, word, "a firewall mark stands for packets of any protocol: 'protocol' is ignored, as by keepalived.");

    public void OnePacketNeedsUdp(Token word) => Add("VRRP0511", Warning, word, "'ops' schedules every packet for itself, which only UDP bears; it is cleared, as by keepalived.");

    public void PersistenceSwitchedOn(Token word, uint seconds) => Add("VRRP0512", Warning, word,
        Format($"a service without a port needs persistence; it is switched on with {seconds} s, as by keepalived. Write persistence_timeout."));

    public void NotANetmask(Token word) => Add("VRRP0513", Warning, word, $"'{Clean(word)}' is not a netmask such as 255.255.255.0; the line is ignored.");

    public void FlagNeedsScheduler(Token word, string scheduler) => Add("VRRP0514", Warning, word,
        $"'{Clean(word)}' belongs to scheduler {scheduler} and stands after 'lb_algo {scheduler}'; it is ignored, as by keepalived.");

    public void SorryOptionBeforeServer(Token word) => Add("VRRP0515", Warning, word, $"'{Clean(word)}' stands after sorry_server; it is ignored.");

    public void SuspendWithoutAddress(Token word) => Add("VRRP0516", Warning, word, "a firewall mark has no address that could be absent: 'ha_suspend' is cleared, as by keepalived.");

    public void OverlappingVirtualServer(Token word, string service, SourceSpan first) => Add("VRRP0517", Warning, word,
        $"{service} is a virtual server already; this whole block is left out. Two blocks cannot share one service of the kernel.", [new(first, "the first one")]);

    public void DuplicateRealServer(Token word, string server, SourceSpan first) => Add("VRRP0518", Warning, word,
        $"real server {server} is in this virtual server already; this one is left out, as by keepalived.", [new(first, "the first one")]);

    public void OtherFamilyNeedsTunnel(Token word, IPFamily family) => Add("VRRP0519", Warning, word,
        $"'{Clean(word)}' is not of the service's family ({family}), which only TUN can carry; it is left out, as by keepalived.");

    public void PortIsTheServices(Token word, ushort port) => Add("VRRP0520", Warning, word,
        Format($"DR and TUN do not rewrite ports: '{Clean(word)}' is reset to the service's port {port}, as by keepalived."));

    public void QuorumTooHigh(Token word, long quorum, long total) => Add("VRRP0521", Warning, word,
        Format($"quorum {quorum} is above the weight of all real servers, {total}, and could never be gained; {total} is used, as by keepalived."));

    public void HysteresisTooHigh(Token word, long used) => Add("VRRP0522", Warning, word,
        Format($"hysteresis must be below the quorum, or it would never be lost; {used} is used, as by keepalived."));

    public void ThresholdsCrossed(Token word) => Add("VRRP0523", Warning, word, "lthreshold is above uthreshold, which the kernel refuses; it is lowered to it.");

    public void UnknownServerGroup(Token word, IEnumerable<string> known) => Add("VRRP0524", Warning, word,
        $"there is no virtual_server_group '{Clean(word)}'; the virtual server is left out, as by keepalived."
        + (known.Any() ? $" There is {Clean(string.Join(", ", known.Take(5)))}." : ""));

    public void EmptyServerGroup(Token word) => Add("VRRP0525", Warning, word, $"virtual_server_group '{Clean(word)}' has no usable entry.");

    public void BadGroupEntry(Token word) => Add("VRRP0526", Warning, word,
        $"'{Clean(word)}' is no entry of a virtual_server_group: ADDRESS, ADDRESS-LAST or ADDRESS/LENGTH with a port, or fwmark NUMBER; it is ignored.");

    public void GroupTooLarge(Token word, int max) => Add("VRRP0527", Warning, word, Format($"a virtual_server_group has at most {max} services; this entry is ignored."));

    public void CheckWithout(Token word, string what) => Add("VRRP0530", Warning, word,
        $"this {Clean(word)} has no {what} and is left out, as by keepalived.");

    public void UnknownChoice(Token word, string keyword, string choices, string? used = null) => Add("VRRP0531", Warning, word,
        $"'{keyword}' takes {choices}, not '{Clean(word)}'; the line is ignored{(used is null ? "" : $" and {used} used, as by keepalived")}.");

    public void NotADigest(Token word) => Add("VRRP0532", Warning, word, $"'{Clean(word)}' is not an MD5 digest of 32 hexadecimal digits; the line is ignored.");

    public void NotAStatusCode(Token word) => Add("VRRP0533", Warning, word, $"'{Clean(word)}' is not a status code or range from 100 to 599; it is ignored.");

    public void BadPattern(Token word, string problem) => Add("VRRP0534", Error, word, $"the pattern cannot be used: {Clean(problem)}");

    public void PatternOptionWithoutEffect(Token word) => Add("VRRP0535", Warning, word,
        $"'{Clean(word)}' is an option of PCRE2 that patterns have not here; it is ignored. caseless, dotall, multiline, extended and no_auto_capture are known.");

    public void NotForAHeader(Token word, string keyword) => Add("VRRP0536", Warning, word,
        $"'{keyword}' goes into a request and takes no blanks or control characters; the line is ignored.");

    public void NotADomainName(Token word) => Add("VRRP0537", Warning, word, $"'{Clean(word)}' is not a domain name; the line is ignored.");

    public void NotHex(Token word, string keyword, bool wildcards) => Add("VRRP0538", Warning, word,
        $"'{keyword}' takes an even number of hexadecimal digits{(wildcards ? ", or x for any" : "")}, not '{Clean(word)}'; it is ignored.");

    public void ReplyLengthsCrossed(Token word) => Add("VRRP0539", Warning, word, "min_reply_length is above max_reply_length, which is raised to it.");

    public void BindFamily(Token word, IPAddressValue target) => Add("VRRP0540", Warning, word,
        $"'{Clean(word)}' is not of the family of {target}, which is probed from it; the line is ignored.");

    public void LinkLocalWithoutInterface(Token word, IPAddressValue target) => Add("VRRP0541", Warning, word,
        $"{target} is a link-local address: without bind_if nobody knows on which link, and the check will fail.");

    public void IncompleteTlsClient(Token word) => Add("VRRP0542", Warning, word, "SSL needs a certificate and a key; it is ignored, as by keepalived.");

    public void CheckLost(Token server, Token check) => Add("VRRP0543", Warning, server,
        $"real server {Clean(server)} is never checked, because '{Clean(check)}' is not used: it gets connections also while it is down, as with keepalived.",
        [new(check.Span, "what was meant as its check")]);

    public void NeverChecked(Token server) => Add("VRRP0544", Warning, server,
        $"real server {Clean(server)} has no check, and others of this virtual server have one: it gets connections also while it is down.");

    public void ServerIsItself(Token word, string service) => Add("VRRP0545", Warning, word,
        $"{Clean(word)} is the virtual server's own address ({service}): what is sent there stays on this director, and a check asks the virtual server itself. "
        + "Write the address that the server has of its own.");

    public void SyncOfMixedFamilies(Token word, string server, SourceSpan place) => Add("VRRP0552", Warning, word,
        $"the kernel synchronises no connections while a real server is of another family than its service, as {server} is: "
        + "whichever of the two comes second is refused. Leave one of them out.", [new(place, "of another family than its service")]);

    public void BadSyncDaemon(Place at, string problem) => Add("VRRP0550", Warning, at, $"'lvs_sync_daemon': {problem}; the line is ignored.");

    public void SyncInstanceUnknown(Token word) => Add("VRRP0551", Warning, word,
        $"there is no vrrp_instance '{Clean(word)}' for lvs_sync_daemon to follow; connections are not synchronised.");

    // 04xx: recognised, but nothing is done with it

    public void BlockNotActive(SourceSpan at, string keyword) => Add("VRRP0401", Warning, at, keyword switch
    {
        "bfd_instance" =>
            $"recognised; '{keyword}' is not active in this version: it is not watched and changes no priority.",
        _ => $"recognised; '{keyword}' is not active in this version.",
    });

    public void NotActiveYet(List<Token> words, string block) => Add("VRRP0402", Warning, words[0],
        $"recognised, but not active in this version ({Clean(block)}): {string.Join(", ", words.Select(w => w.Text).Distinct(StringComparer.Ordinal))}.");

    public void OptionNotActiveYet(Token word, string list) => Add("VRRP0403", Warning, word, $"recognised, but not active in this version: option '{Clean(word)}' of '{list}'.");

    public void NoEffect(List<Token> words, string reason) => Add("VRRP0404", DiagnosticSeverity.Info, words[0],
        $"no effect here: {string.Join(", ", words.Select(w => w.Text).Distinct(StringComparer.Ordinal))} ({reason}).");

    // 06xx: mail

    public void MailIncomplete(Token word, string missing) => Add("VRRP0601", Warning, word, $"no mail alert is sent: {missing}.");

    public void NotAMailAddress(Token word, string consequence) => Add("VRRP0602", Warning, word,
        $"'{Clean(word)}' is not a mail address; {consequence}. One word each: user@host, or \"Name <user@host>\" in quotes.");

    public void NotAMailPort(Token word) => Add("VRRP0603", Warning, word,
        $"'{Clean(word)}' is no port that mail goes by (1 to 65535, smtp or submission); this server cannot be used.");

    public void NotAHost(Token word, string keyword) => Add("VRRP0604", Warning, word,
        $"'{Clean(word)}' in '{Clean(keyword)}' is neither an address nor the name of a host; this server cannot be used.");

    public void MailPasswordMissing(Token word) => Add("VRRP0605", Warning, word,
        "a user name without a password: name its file with '!vrrp smtp_password_file PATH'. Until then no mail is delivered.");

    public void MailPasswordInClear(Token word) => Add("VRRP0606", Warning, word,
        "the password would cross the network in the clear: it is sent to no server but one on this host. Encrypt with '!vrrp smtp_starttls'.");

    public void MailFileUnusable(Token word, string problem) => Add("VRRP0607", Warning, word, $"{Clean(problem)}. Until then no mail is delivered.");

    private const DiagnosticSeverity Error = DiagnosticSeverity.Error;
    private const DiagnosticSeverity Warning = DiagnosticSeverity.Warning;

    private static string Consequence(DiagnosticSeverity severity, string? used) =>
        severity == Error ? "." : used is null ? "; the default holds, as with keepalived." : $"; {used} is used, as by keepalived.";

    private static string Article(string arguments) => arguments.Contains(' ', StringComparison.Ordinal) ? $"arguments: {arguments}" : $"an argument: {arguments}";

    public void MailPortOfTls(Token word) => Add("VRRP0611", Warning, word,
        "on port 465 a mail server speaks TLS from the first octet on, which is not supported: no mail gets through. Use port 587 with '!vrrp smtp_starttls'.");

    public void PipeNamedTwice(Token word) => Add("VRRP0610", Warning, word,
        $"'{Clean(word)}' is the pipe of another keyword already: it gets the lines of both, and of their scripts the first alone reads it. keepalived writes each line that is for both twice.");

    private static string Format(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);

    /// <summary>A word of a file that goes into a message; what stands behind auth_pass is none, wherever the line is.</summary>
    private static string Clean(Token word) => word.IsSecret ? "(hidden)" : Clean(word.Text);

    /// <summary>Text of a file that goes into a message: no control characters, no endless words.</summary>
    private static string Clean(string text)
    {
        if (text.Length > 200)
            text = string.Concat(text.AsSpan(0, 200), "…");
        if (!text.AsSpan().ContainsAnyInRange('\0', '\x1f') && !text.AsSpan().ContainsAnyInRange('\x7f', '\x9f'))
            return text;
        return string.Concat(text.Select(c => char.IsControl(c) ? $"\\x{(int)c:x2}" : c.ToString()));
    }

    private void Add(string code, DiagnosticSeverity severity, Place at, string message, ImmutableArray<RelatedPlace> related = default)
    {
        HasErrors |= severity == Error;
        if (_items.Count >= (severity == Error ? MaxErrors : MaxFindings))
        {
            Dropped++;
            return;
        }

        related = related.IsDefault ? [] : related;
        if (!at.Use.IsNone && at.Use != at.Span)
            related = related.Add(new(at.Use, "the definition is used here"));
        _items.Add(new(code, severity, at.Span, message, related));
    }
}
