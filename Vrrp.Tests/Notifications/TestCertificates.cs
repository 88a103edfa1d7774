using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Vrrp.Tests.Notifications;

/// <summary>An authority of our own and a certificate that it signed for a host.</summary>
internal sealed class TestCertificates : IDisposable
{
    private readonly X509Certificate2 _authority;

    private readonly string _key;

    /// <param name="host">Address or name that the certificate is for.</param>
    public TestCertificates(string host)
    {
        var (from, until) = (new DateTimeOffset(2020, 1, 1, 0, 0, 0, default), new DateTimeOffset(2120, 1, 1, 0, 0, 0, default));
        using var authorityKey = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var authority = new CertificateRequest("CN=test authority", authorityKey, HashAlgorithmName.SHA256);
        authority.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        _authority = authority.CreateSelfSigned(from, until);
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=mail", key, HashAlgorithmName.SHA256);
        var names = new SubjectAlternativeNameBuilder();
        if (IPAddress.TryParse(host, out var address))
            names.AddIpAddress(address);
        else
            names.AddDnsName(host);
        request.CertificateExtensions.Add(names.Build());
        using var signed = request.Create(_authority, from, until, [1, 2, 3]);
        using var withKey = signed.CopyWithPrivateKey(key);
        Server = X509CertificateLoader.LoadPkcs12(withKey.Export(X509ContentType.Pkcs12), null);
        _key = key.ExportPkcs8PrivateKeyPem();
        File.WriteAllText(AuthorityPath, _authority.ExportCertificatePem());
    }

    public X509Certificate2 Server { get; }

    public string AuthorityPath { get; } = Path.GetTempFileName();

    /// <summary>Writes certificate and key as a server program wants them.</summary>
    public void WriteServer(string certificatePath, string keyPath)
    {
        File.WriteAllText(certificatePath, Server.ExportCertificatePem());
        File.WriteAllText(keyPath, _key);
        File.SetUnixFileMode(keyPath, UnixFileMode.UserRead | UnixFileMode.UserWrite);
    }

    public void Dispose()
    {
        _authority.Dispose();
        Server.Dispose();
        File.Delete(AuthorityPath);
    }
}
