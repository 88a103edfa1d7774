using Vrrp.Packets;

namespace Vrrp.Tests.Packets;

public class VrrpAuthenticationTests
{
    // VR-024, VR-025: the examples of section 1.3.
    [Theory]
    [InlineData("12345678", 0x3132333435363738)]
    [InlineData("secret", 0x7365637265740000)]
    [InlineData("it.163.com", 0x69742E3136332E63)]
    [InlineData("a", 0x6100000000000000)]
    public void A_password_is_eight_octets_filled_with_zeros(string text, ulong expected)
    {
        var password = SimplePassword.From(text);
        Assert.True(password.Matches(expected));
        Assert.False(password.Matches(expected ^ 1));
        Assert.False(password.Matches(expected ^ (1UL << 63)));
        Assert.Equal(password, SimplePassword.From(System.Text.Encoding.ASCII.GetBytes(text)));
    }

    // VR-026, VR-027.
    [Theory]
    [InlineData("")]
    [InlineData("pässword")]
    [InlineData("12345678é")]
    [InlineData("ab\0")]
    [InlineData(null)]
    public void What_cannot_be_a_password_is_refused_without_repeating_it(string? text)
    {
        Assert.False(SimplePassword.TryFrom(text, out var password));
        Assert.True(password.IsEmpty);
        var exception = Assert.ThrowsAny<ArgumentException>(() => SimplePassword.From(text!));
        if (!string.IsNullOrEmpty(text))
            Assert.DoesNotContain(text, exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Octets_that_cannot_be_a_password_are_refused()
    {
        Assert.Throws<ArgumentException>(() => SimplePassword.From([]));
        Assert.Throws<ArgumentException>(() => SimplePassword.From([0x61, 0x80]));
        Assert.Throws<ArgumentException>(() => SimplePassword.From([0x61, 0x00]));
    }

    // VR-031.
    [Fact]
    public void Its_text_is_never_given_back()
    {
        Assert.Equal("(hidden)", SimplePassword.From("secret").ToString());
        Assert.Equal("none", default(SimplePassword).ToString());
    }

    [Fact]
    public void Equality_is_that_of_the_octets_that_count()
    {
        Assert.True(SimplePassword.From("it.163.c") == SimplePassword.From("it.163.com"));
        Assert.True(SimplePassword.From("a") != SimplePassword.From("b"));
        Assert.False(SimplePassword.From("a").Equals(new object()));
        Assert.Equal(SimplePassword.From("a").GetHashCode(), SimplePassword.From("a").GetHashCode());
    }
}
