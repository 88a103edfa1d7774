using System.Text;
using Vrrp.Daemon.Status;

namespace Vrrp.Tests.Status;

public class StatusRequestTests
{
    [Theory]
    [InlineData("GET /v1/status HTTP/1.1\r\nHost: x\r\n\r\n", 200, "/v1/status")]
    [InlineData("GET /v1/status?pretty=1&x=/ HTTP/1.0\r\n\r\n", 200, "/v1/status")]
    [InlineData("GET / HTTP/1.0\n\n", 200, "/")]
    [InlineData("GET /v1/ipvs HTTP/1.1\r\nA: b\r\n\r\nand a body", 200, "/v1/ipvs")]
    [InlineData("POST /v1/status HTTP/1.1\r\n\r\n", 405, "")]
    [InlineData("get /v1/status HTTP/1.1\r\n\r\n", 405, "")]
    [InlineData("GET /v1/status HTTP/2.0\r\n\r\n", 505, "")]
    [InlineData("GET /v1/status HTTP/1.10\r\n\r\n", 505, "")]
    [InlineData("GET http://x/v1/status HTTP/1.1\r\n\r\n", 400, "")]
    [InlineData("GET /v1/status\r\n\r\n", 400, "")]
    [InlineData("GET\r\n\r\n", 400, "")]
    [InlineData("\r\n\r\n", 400, "")]
    [InlineData(" / HTTP/1.1\r\n\r\n", 400, "")]
    [InlineData("GET /\u00e9 HTTP/1.1\r\n\r\n", 400, "")]
    public void Head_is_taken_or_refused_with_a_status(string head, int status, string path) =>
        Assert.Equal(new StatusRequest(status, path), StatusRequest.Parse(Encoding.UTF8.GetBytes(head)));

    [Fact]
    public void No_beginning_of_a_head_is_a_request_and_one_too_long_is_refused()
    {
        byte[] head = Encoding.ASCII.GetBytes("GET /v1/status HTTP/1.1\r\nHost: x\r\n\r\n");
        for (int length = 0; length < head.Length; length++)
            Assert.Null(StatusRequest.Parse(head.AsSpan(0, length)));
        byte[] flood = new byte[StatusRequest.MaximumLength];
        Array.Fill(flood, (byte)'a');
        Assert.Null(StatusRequest.Parse(flood.AsSpan(1)));
        Assert.Equal(431, StatusRequest.Parse(flood)!.Value.Status);
    }

    [Fact]
    public void Answer_says_how_long_it_is_and_that_it_is_the_last() => Assert.Equal(
        "HTTP/1.1 405 Method Not Allowed\r\nContent-Type: application/json\r\nContent-Length: 12\r\nCache-Control: no-store\r\nAllow: GET\r\nConnection: close\r\n\r\n",
        Encoding.ASCII.GetString(StatusRequest.AnswerHead(405, 12)));
}
