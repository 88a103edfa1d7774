using Vrrp.Packets;

namespace Vrrp.Tests.Packets;

public class PacketRejectionTests
{
    [Fact]
    public void Values_are_the_indexes_of_an_array_of_counters()
    {
        var values = Enum.GetValues<PacketRejection>();
        Assert.Equal(PacketRejections.Count, values.Length);
        for (int i = 0; i < values.Length; i++)
            Assert.Equal(i, (int)values[i]);
    }

    [Fact]
    public void Every_reason_has_a_sentence_of_its_own()
    {
        var sentences = Enum.GetValues<PacketRejection>().Select(reason => reason.Describe()).ToList();
        Assert.Equal(sentences.Count, sentences.Distinct().Count());
        Assert.DoesNotContain("unknown reason", sentences);
        Assert.All(sentences, sentence => Assert.False(sentence.EndsWith('.')));
    }

    // Section 6.2 of the requirements: a counter of 8347 has one in 2787 and 6527; authentication is in 2787 only.
    [Fact]
    public void A_reason_has_its_counters_in_all_documents_or_is_one_of_authentication()
    {
        foreach (var reason in Enum.GetValues<PacketRejection>())
        {
            bool isAuthentication = reason is PacketRejection.InvalidAuthenticationType or PacketRejection.AuthenticationTypeMismatch
                or PacketRejection.AuthenticationFailure;
            Assert.Equal(reason.Rfc8347Counter() is null, reason.Rfc6527Counter() is null);
            Assert.Equal(reason.Rfc8347Counter() is not null || isAuthentication, reason.Rfc2787Counter() is not null);
            if (reason.IsGlobal())
                Assert.NotNull(reason.Rfc8347Counter());
        }
    }
}
