namespace Vrrp.Tests.Protocol;

public class MacAddressTests
{
    [Fact] // VR-003
    public void The_virtual_MAC_ends_with_the_VRID_and_tells_the_families_apart()
    {
        for (int id = 1; id <= 255; id++)
        {
            Assert.Equal($"00:00:5e:00:01:{id:x2}", MacAddress.ForVirtualRouter(new(id), IPFamily.IPv4).ToString());
            Assert.Equal($"00:00:5e:00:02:{id:x2}", MacAddress.ForVirtualRouter(new(id), IPFamily.IPv6).ToString());
        }
    }
}
