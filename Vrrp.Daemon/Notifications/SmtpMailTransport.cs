using System.Collections.Immutable;
using System.Globalization;
using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Vrrp.Daemon.Configuration.Model;
using Vrrp.Daemon.HealthChecks;
using Vrrp.Mail;

namespace Vrrp.Daemon.Notifications;

/// <summary>Delivers mail to one SMTP server (RFC 5321), over STARTTLS (RFC 3207) and with authentication (RFC 4954) where asked to.</summary>
/// <remarks>
/// A dialogue of our own over the framework's sockets and <see cref="SslStream"/>, because <see cref="System.Net.Mail.SmtpClient"/> cannot be
/// told its HELO name, has no bound for a step of an asynchronous dialogue and no check of certificates but a process-wide one, does not show
/// the dialogue, hides which step was refused, and gives no sign before the server takes a mail over.
/// </remarks>
internal sealed class SmtpMailTransport(MailServer server, MailSettings settings, TimeProvider time) : IMailTransport
{
    /// <summary>Octets of one reply, all its lines; more is no mail server.</summary>
    private const int MaximumReply = 16 * 1024;

    /// <summary>Names of a certificate, and recipients, that a message tells.</summary>
    private const int MaximumNames = 5;

    /// <summary>RFC 5321 §4.5.3.2.6: who gives up earlier on the answer to the end of a mail gets it delivered twice.</summary>
    private static readonly TimeSpan CommitTimeout = TimeSpan.FromMinutes(10);

    /// <summary>What a goodbye is worth once the mail is delivered.</summary>
    private static readonly TimeSpan QuitTimeout = TimeSpan.FromSeconds(2);

    /// <summary>Told each line of the dialogue, secrets masked: <c>&lt;-</c> from the server, <c>-&gt;</c> to it, <c>--</c> what happened besides.</summary>
    public Action<string>? Dialogue { get; init; }

    /// <summary>Makes the socket of an attempt; refused when the process has too many, or the host has no such family.</summary>
    public Func<AddressFamily, Socket> OpenSocket { get; init; } = family => new(family, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };

    private MailServer Server => server;

    private MailSettings Settings => settings;

    private TimeProvider Time => time;

    /// <inheritdoc/>
    public async Task<MailOutcome> DeliverAsync(OutgoingMail mail, Action<ImmutableArray<string>>? committing, CancellationToken cancellationToken)
    {
        Session? session = null;
        try
        {
            session = await ConnectAsync(cancellationToken).ConfigureAwait(false);
            await session.BeginAsync(cancellationToken).ConfigureAwait(false);
            var outcome = await session.SendAsync(mail, committing, cancellationToken).ConfigureAwait(false);
            // Whoever is killed during a slow goodbye must know already that the mail is delivered.
            var leaving = LeaveAsync(session);
            session = null;
            if (Dialogue is not null)
                await leaving.ConfigureAwait(false);
            return outcome;
        }
        catch (SmtpFailure failure)
        {
            Dialogue?.Invoke($"-- {failure.Outcome.Detail}");
            bool cameWithMail = failure.Outcome.Verdict == MailVerdict.Unavailable && session is { HasBegun: true };
            return failure.Outcome with { CameWithMail = cameWithMail };
        }
        finally
        {
            if (session is not null)
                await session.DisposeAsync().ConfigureAwait(false);
        }
    }

    private static async Task LeaveAsync(Session session)
    {
        await using (session.ConfigureAwait(false))
            await session.QuitAsync().ConfigureAwait(false);
    }

    private async Task<Session> ConnectAsync(CancellationToken cancellationToken)
    {
        if (server.PortNumber is not { } port)
            throw Fail("port", $"'{server.Port}' is not a port");
        IPAddress[] addresses;
        if (IPAddress.TryParse(server.Host, out var literal))
        {
            addresses = [literal];
        }
        else
        {
            try
            {
                // The system's resolver heeds no token once it has begun.
                addresses = await WithinAsync(settings.Timeout, "looking the name up", token => Dns.GetHostAddressesAsync(server.Host, token).WaitAsync(token), cancellationToken)
                    .ConfigureAwait(false);
            }
            catch (SocketException exception)
            {
                throw Fail("name", $"the name {server.Host} cannot be resolved: {exception.Message}");
            }
        }

        SmtpFailure? last = null;
        foreach (var address in addresses)
        {
            Dialogue?.Invoke($"-- connecting to {new IPEndPoint(address, port)}");
            Socket? socket = null;
            try
            {
                socket = OpenSocket(address.AddressFamily);
                await WithinAsync(
                    settings.Timeout,
                    "connecting",
                    async token =>
                    {
                        await socket.ConnectAsync(new IPEndPoint(address, port), token).ConfigureAwait(false);
                        return true;
                    },
                    cancellationToken).ConfigureAwait(false);
                return new Session(this, new NetworkStream(socket, ownsSocket: true));
            }
            catch (SocketException exception)
            {
                socket?.Dispose();
                last = Fail($"connect {exception.SocketErrorCode}", CheckSocket.Describe(exception));
                Dialogue?.Invoke($"-- {CheckSocket.Describe(exception)}");
            }
            catch (SmtpFailure failure)
            {
                socket?.Dispose();
                last = failure;
            }
            catch
            {
                socket?.Dispose();
                throw;
            }
        }

        throw last ?? Fail("name", $"the name {server.Host} has no address");
    }

    private async Task<T> WithinAsync<T>(TimeSpan limit, string what, Func<CancellationToken, Task<T>> step, CancellationToken cancellationToken)
    {
        using var timeout = new CancellationTokenSource(limit, time);
        using var both = CancellationTokenSource.CreateLinkedTokenSource(timeout.Token, cancellationToken);
        try
        {
            return await step(both.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (timeout.IsCancellationRequested && !cancellationToken.IsCancellationRequested)
        {
            throw Fail($"{what} late", $"{what} took longer than {limit.TotalSeconds:0.###} s");
        }
    }

    private SmtpFailure Fail(string problem, string detail) => Fail(MailVerdict.Unavailable, problem, detail);

    private SmtpFailure Fail(MailVerdict verdict, string problem, string detail) => new(new MailOutcome(verdict, $"{server} {problem}", $"{server}: {detail}"));

    /// <summary>Ends the dialogue; it leaves this class as the outcome it carries.</summary>
    private sealed class SmtpFailure(MailOutcome outcome) : Exception
    {
        public MailOutcome Outcome => outcome;
    }

    /// <summary>A reply: its code and the text of its lines.</summary>
    private readonly record struct Reply(int Code, ImmutableArray<string> Lines)
    {
        public bool IsPositive => Code is >= 200 and < 400;

        public bool IsPermanent => Code >= 500;

        public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Code} {string.Join(' ', Lines)}").TrimEnd();
    }

    private sealed class Session(SmtpMailTransport owner, Stream stream) : IAsyncDisposable
    {
        private readonly byte[] _buffer = new byte[MaximumReply];
        private Stream _stream = stream;
        private int _length;
        private string[] _secrets = [];
        private HashSet<string> _offers = [];

        /// <summary>Whether the server has accepted the sender of this mail.</summary>
        public bool HasBegun { get; private set; }

        public ValueTask DisposeAsync() => _stream.DisposeAsync();

        /// <summary>From the greeting up to where mail may be sent.</summary>
        public async Task BeginAsync(CancellationToken cancellationToken)
        {
            var greeting = await ReadAsync("the greeting", owner.Settings.Timeout, cancellationToken).ConfigureAwait(false);
            Demand(greeting, "greeting");
            await HelloAsync(cancellationToken).ConfigureAwait(false);
            if (owner.Settings.StartTls)
                await StartTlsAsync(cancellationToken).ConfigureAwait(false);
            if (owner.Settings.UserName is not null)
                await AuthenticateAsync(cancellationToken).ConfigureAwait(false);
        }

        public async Task<MailOutcome> SendAsync(OutgoingMail mail, Action<ImmutableArray<string>>? committing, CancellationToken cancellationToken)
        {
            if (!MailAddresses.TryRead(mail.From, out string sender, out _))
                throw owner.Fail(MailVerdict.Refused, "sender", $"'{mail.From}' is not a mail address");
            var reply = await SayAsync($"MAIL FROM:<{sender}>", "the answer to MAIL FROM", cancellationToken).ConfigureAwait(false);
            // 530 and its kin speak of this client, not of this mail.
            if (reply.Code is 421 or 530 or 534 or 535 or 538)
                throw owner.Fail($"MAIL {reply.Code}", $"MAIL FROM was answered with {reply}");
            if (!reply.IsPositive)
                throw owner.Fail(reply.IsPermanent ? MailVerdict.Refused : MailVerdict.Deferred, $"MAIL {reply.Code}", $"the sender was answered with {reply}");

            HasBegun = true;
            var (accepted, refused, deferred) = (new List<string>(), new List<string>(), new List<string>());
            var (worst, remarks) = (default(Reply), new List<string>());
            foreach (string recipient in mail.Recipients)
            {
                if (!MailAddresses.TryRead(recipient, out string address, out _))
                {
                    refused.Add(recipient);
                    remarks.Add($"'{recipient}' is not a mail address");
                    continue;
                }

                reply = await SayAsync($"RCPT TO:<{address}>", "the answer to RCPT TO", cancellationToken).ConfigureAwait(false);
                if (reply.Code == 421)
                    throw owner.Fail("RCPT 421", $"the recipient {address} was answered with {reply}");
                if (reply.IsPositive)
                {
                    accepted.Add(recipient);
                    continue;
                }

                (reply.IsPermanent ? refused : deferred).Add(recipient);
                worst = reply;
                remarks.Add($"the recipient {address} was answered with {reply}");
            }

            string problem = string.Create(CultureInfo.InvariantCulture, $"{owner.Server} RCPT {worst.Code}");
            string more = remarks.Count > MaximumNames ? string.Create(CultureInfo.InvariantCulture, $"; and {remarks.Count - MaximumNames} more were not taken") : "";
            string detail = remarks.Count == 0 ? "" : $"{owner.Server}: {string.Join("; ", remarks.Take(MaximumNames))}{more}";
            if (accepted.Count > 0)
                await TransferAsync(mail, () => committing?.Invoke([.. accepted, .. refused]), cancellationToken).ConfigureAwait(false);
            if (deferred.Count > 0)
                return new(MailVerdict.Deferred, problem, detail) { Settled = [.. accepted, .. refused] };
            if (accepted.Count == 0)
                return new(MailVerdict.Refused, problem, detail);
            return refused.Count == 0 ? MailOutcome.Success : new(MailVerdict.Delivered, problem, detail);
        }

        public async Task QuitAsync()
        {
            using var limit = new CancellationTokenSource(QuitTimeout, owner.Time);
            try
            {
                await SayAsync("QUIT", "the answer to QUIT", QuitTimeout, limit.Token).ConfigureAwait(false);
            }
            catch (Exception exception) when (exception is SmtpFailure or OperationCanceledException)
            {
                // What became of the mail is decided already.
                owner.Dialogue?.Invoke("-- the server did not say goodbye");
            }
        }

        private async Task TransferAsync(OutgoingMail mail, Action committing, CancellationToken cancellationToken)
        {
            Judge(await SayAsync("DATA", "the answer to DATA", cancellationToken).ConfigureAwait(false), "DATA");
            byte[] content = Stuff(MailFormat.Write(mail));
            foreach (string line in Encoding.ASCII.GetString(content).TrimEnd('\n').Split('\n'))
                owner.Dialogue?.Invoke($"-> {line.TrimEnd('\r')}");
            await WriteAsync(content, "sending the mail", cancellationToken).ConfigureAwait(false);
            committing();
            await WriteAsync(".\r\n"u8.ToArray(), "sending the mail", cancellationToken).ConfigureAwait(false);
            owner.Dialogue?.Invoke("-> .");
            Judge(await ReadAsync("the answer to the mail", CommitTimeout, cancellationToken).ConfigureAwait(false), "mail");
        }

        private async Task HelloAsync(CancellationToken cancellationToken)
        {
            var reply = await SayAsync($"EHLO {owner.Settings.HeloName}", "the answer to EHLO", cancellationToken).ConfigureAwait(false);
            _offers = reply.IsPositive ? [.. reply.Lines.Skip(1).Select(line => line.ToUpperInvariant())] : [];
            if (!reply.IsPositive && reply.Code is >= 500 and < 510)
                reply = await SayAsync($"HELO {owner.Settings.HeloName}", "the answer to HELO", cancellationToken).ConfigureAwait(false);
            Demand(reply, "HELO");
        }

        private async Task StartTlsAsync(CancellationToken cancellationToken)
        {
            if (!_offers.Contains("STARTTLS"))
                throw owner.Fail("STARTTLS", "the server does not offer STARTTLS, without which nothing is sent (smtp_starttls)");
            Demand(await SayAsync("STARTTLS", "the answer to STARTTLS", cancellationToken).ConfigureAwait(false), "STARTTLS");
            // Whatever came in the clear behind the reply must not count as said under encryption.
            if (_length > 0)
                throw owner.Fail("STARTTLS", "the server talks on in the clear after STARTTLS");
            string? weakness = null;
            var options = new SslClientAuthenticationOptions
            {
                TargetHost = owner.Server.Host,
                RemoteCertificateValidationCallback = (_, certificate, chain, errors) =>
                {
                    weakness = Describe(errors, certificate as X509Certificate2, chain);
                    return weakness is null;
                },
            };
            var authorities = new X509Certificate2Collection();
            var tls = new SslStream(_stream);
            _stream = tls;
            try
            {
                if (owner.Settings.AuthorityFile is { } path)
                {
                    authorities.ImportFromPemFile(path);
                    options.CertificateChainPolicy = new X509ChainPolicy
                    {
                        TrustMode = X509ChainTrustMode.CustomRootTrust,
                        RevocationMode = X509RevocationMode.NoCheck,
                    };
                    options.CertificateChainPolicy.CustomTrustStore.AddRange(authorities);
                }

                await owner.WithinAsync(
                    owner.Settings.Timeout,
                    "agreeing on TLS",
                    async token =>
                    {
                        await tls.AuthenticateAsClientAsync(options, token).ConfigureAwait(false);
                        return true;
                    },
                    cancellationToken).ConfigureAwait(false);
            }
            catch (AuthenticationException exception)
            {
                throw owner.Fail("TLS", weakness ?? $"TLS was not agreed on: {exception.InnerException?.Message ?? exception.Message}");
            }
            catch (Exception exception) when (exception is IOException or CryptographicException or UnauthorizedAccessException)
            {
                throw owner.Fail("TLS", $"TLS was not agreed on: {exception.Message}");
            }
            finally
            {
                foreach (var authority in authorities)
                    authority.Dispose();
            }

            owner.Dialogue?.Invoke($"-- encrypted with {tls.SslProtocol}, the certificate is valid for {owner.Server.Host}");
            await HelloAsync(cancellationToken).ConfigureAwait(false);
        }

        private async Task AuthenticateAsync(CancellationToken cancellationToken)
        {
            bool isLocal = _stream is NetworkStream { Socket.RemoteEndPoint: IPEndPoint { Address: { } remote } } && IPAddress.IsLoopback(remote);
            if (_stream is not SslStream && !isLocal)
                throw owner.Fail("AUTH", "the password is not sent without encryption: set smtp_starttls");
            if (owner.Settings.PasswordFile is not { } path)
                throw owner.Fail("AUTH", "smtp_username is set without smtp_password_file");
            if (PasswordFile.Read(path, out string? problem) is not { } password)
                throw owner.Fail("password", problem!);
            string methods = _offers.FirstOrDefault(offer => offer.StartsWith("AUTH ", StringComparison.Ordinal)) ?? "";
            string[] known = methods.Split(' ');
            string user = owner.Settings.UserName!;
            string plain = Convert.ToBase64String([0, .. Encoding.UTF8.GetBytes(user), 0, .. password.Bytes]);
            // A server may repeat what it was told, as it was or decoded.
            string[] forms = [plain, Convert.ToBase64String(password.Bytes), Convert.ToBase64String(Encoding.UTF8.GetBytes(user))];
            _secrets = [.. forms, .. forms.Select(form => form.TrimEnd('=')), Clean(Encoding.UTF8.GetString(password.Bytes))];
            Array.Sort(_secrets, (one, other) => other.Length.CompareTo(one.Length));
            Reply reply;
            if (known.Contains("PLAIN"))
            {
                reply = await SayAsync($"AUTH PLAIN {plain}", "AUTH PLAIN ****", "the answer to AUTH", owner.Settings.Timeout, cancellationToken)
                    .ConfigureAwait(false);
            }
            else if (known.Contains("LOGIN"))
            {
                reply = await SayAsync("AUTH LOGIN", "the answer to AUTH", cancellationToken).ConfigureAwait(false);
                if (reply.Code == 334)
                {
                    reply = await SayAsync(Convert.ToBase64String(Encoding.UTF8.GetBytes(user)), "****", "the answer to AUTH", owner.Settings.Timeout, cancellationToken)
                        .ConfigureAwait(false);
                }

                if (reply.Code == 334)
                {
                    reply = await SayAsync(Convert.ToBase64String(password.Bytes), "****", "the answer to AUTH", owner.Settings.Timeout, cancellationToken)
                        .ConfigureAwait(false);
                }
            }
            else
            {
                throw owner.Fail("AUTH", "the server offers neither AUTH PLAIN nor AUTH LOGIN");
            }

            if (reply.Code != 235)
                throw owner.Fail(string.Create(CultureInfo.InvariantCulture, $"AUTH {reply.Code}"), $"the user name and password were answered with {reply}");
        }

        /// <summary>A server that says no here says it to every mail.</summary>
        private void Demand(Reply reply, string step)
        {
            if (!reply.IsPositive)
                throw owner.Fail(string.Create(CultureInfo.InvariantCulture, $"{step} {reply.Code}"), $"{step} was answered with {reply}");
        }

        /// <summary>A server that says no here says it to this mail.</summary>
        private void Judge(Reply reply, string step)
        {
            if (reply.IsPositive)
                return;
            var verdict = reply.Code == 421 ? MailVerdict.Unavailable : reply.IsPermanent ? MailVerdict.Refused : MailVerdict.Deferred;
            throw owner.Fail(verdict, string.Create(CultureInfo.InvariantCulture, $"{step} {reply.Code}"), $"the {step} was answered with {reply}");
        }

        private Task<Reply> SayAsync(string line, string what, CancellationToken cancellationToken) =>
            SayAsync(line, line, what, owner.Settings.Timeout, cancellationToken);

        private Task<Reply> SayAsync(string line, string what, TimeSpan limit, CancellationToken cancellationToken) =>
            SayAsync(line, line, what, limit, cancellationToken);

        private async Task<Reply> SayAsync(string line, string shown, string what, TimeSpan limit, CancellationToken cancellationToken)
        {
            // Nothing of the configuration may become a command of its own.
            if (line.Any(char.IsControl))
                throw owner.Fail("line", "a name or address in the configuration holds a control character");
            owner.Dialogue?.Invoke($"-> {shown}");
            await WriteAsync(Encoding.UTF8.GetBytes(line + "\r\n"), what, cancellationToken).ConfigureAwait(false);
            return await ReadAsync(what, limit, cancellationToken).ConfigureAwait(false);
        }

        private async Task WriteAsync(byte[] octets, string what, CancellationToken cancellationToken)
        {
            try
            {
                await owner.WithinAsync(
                    owner.Settings.Timeout,
                    what,
                    async token =>
                    {
                        await _stream.WriteAsync(octets, token).ConfigureAwait(false);
                        await _stream.FlushAsync(token).ConfigureAwait(false);
                        return true;
                    },
                    cancellationToken).ConfigureAwait(false);
            }
            catch (IOException exception)
            {
                throw Broken(exception, what);
            }
        }

        private async Task<Reply> ReadAsync(string what, TimeSpan limit, CancellationToken cancellationToken)
        {
            try
            {
                return await owner.WithinAsync(limit, what, token => ReadReplyAsync(what, token), cancellationToken).ConfigureAwait(false);
            }
            catch (IOException exception)
            {
                throw Broken(exception, what);
            }
        }

        private SmtpFailure Broken(IOException exception, string what) => owner.Fail(
            $"{what} broken", $"the connection broke before {what}: {(exception.InnerException is SocketException inner ? CheckSocket.Describe(inner) : exception.Message)}");

        private async Task<Reply> ReadReplyAsync(string what, CancellationToken cancellationToken)
        {
            var lines = ImmutableArray.CreateBuilder<string>();
            int octets = 0;
            while (true)
            {
                int end = _buffer.AsSpan(0, _length).IndexOf((byte)'\n');
                if (end < 0)
                {
                    if (_length == _buffer.Length)
                        throw owner.Fail($"{what} long", $"{what} is longer than {MaximumReply} octets");
                    int count = await _stream.ReadAsync(_buffer.AsMemory(_length), cancellationToken).ConfigureAwait(false);
                    if (count == 0)
                        throw owner.Fail($"{what} closed", $"the server closed the connection before {what}");
                    _length += count;
                    continue;
                }

                string line = Mask(Clean(Encoding.UTF8.GetString(_buffer, 0, end).TrimEnd('\r')));
                _buffer.AsSpan(end + 1, _length - end - 1).CopyTo(_buffer);
                _length -= end + 1;
                octets += end + 1;
                owner.Dialogue?.Invoke($"<- {line}");
                if (line.Length < 3 || !int.TryParse(line.AsSpan(0, 3), NumberStyles.None, CultureInfo.InvariantCulture, out int code)
                    || code is < 200 or > 599 || (line.Length > 3 && line[3] is not (' ' or '-')) || octets > MaximumReply)
                {
                    throw owner.Fail($"{what} foreign", $"{what} is not SMTP");
                }

                lines.Add(line.Length > 4 ? line[4..] : "");
                if (line.Length == 3 || line[3] == ' ')
                    return new(code, lines.DrainToImmutable());
            }
        }

        /// <summary>A reply without the user name and password that it repeats; its code stays.</summary>
        private string Mask(string line)
        {
            if (line.Length < 4)
                return line;
            string text = line[4..];
            foreach (string secret in _secrets)
                text = secret.Length > 0 ? text.Replace(secret, "****", StringComparison.OrdinalIgnoreCase) : text;
            return line[..4] + text;
        }

        private static string Clean(string line) => string.Concat(line.Select(c => char.IsControl(c) ? '?' : c));

        /// <summary>A line that begins with a dot gets a second one (RFC 5321 §4.5.2).</summary>
        private static byte[] Stuff(byte[] content)
        {
            var stuffed = new List<byte>(content.Length + 16);
            bool isStart = true;
            foreach (byte octet in content)
            {
                if (isStart && octet == '.')
                    stuffed.Add((byte)'.');
                stuffed.Add(octet);
                isStart = octet == '\n';
            }

            return [.. stuffed];
        }

        private string? Describe(SslPolicyErrors errors, X509Certificate2? certificate, X509Chain? chain)
        {
            if (errors == SslPolicyErrors.None)
                return null;
            if (certificate is null || errors.HasFlag(SslPolicyErrors.RemoteCertificateNotAvailable))
                return "the server shows no certificate";
            if (errors.HasFlag(SslPolicyErrors.RemoteCertificateNameMismatch))
                return $"the server's certificate is for {NamesOf(certificate)}, not for {owner.Server.Host}: name the server in smtp_server as its certificate does";
            var status = chain?.ChainStatus ?? [];
            var reasons = status.Select(one => one.StatusInformation.Trim().TrimEnd('.')).Where(text => text.Length > 0).Distinct();
            // What else is wrong with it, its age above all, only who runs the server can mend.
            string remedy = Array.Exists(status, one => (one.Status & (X509ChainStatusFlags.UntrustedRoot | X509ChainStatusFlags.PartialChain)) != 0)
                ? ": name the file of the authority that signed it with smtp_ca_file"
                : ": the server needs another";
            return $"the server's certificate is not trusted: {string.Join("; ", reasons)}{remedy}";
        }

        private static string NamesOf(X509Certificate2 certificate)
        {
            var names = certificate.Extensions.OfType<X509SubjectAlternativeNameExtension>()
                .SelectMany(extension => extension.EnumerateDnsNames().Concat(extension.EnumerateIPAddresses().Select(address => address.ToString())))
                .Take(MaximumNames)
                .Select(Clean);
            string text = string.Join(", ", names);
            return text.Length == 0 ? "no name" : text;
        }
    }
}
