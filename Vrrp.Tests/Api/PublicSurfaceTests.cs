using System.Reflection;
using System.Text;

namespace Vrrp.Tests.Api;

/// <summary>
/// What other programs can see of the library stands in Vrrp/PublicApi.txt: a change of it is a change someone meant.
/// UPDATE_PUBLIC_API=1 in the environment writes the file anew.
/// </summary>
public class PublicSurfaceTests
{
    [Fact]
    public void The_public_surface_is_the_one_that_is_checked_in()
    {
        string path = Path.Combine(FindRoot(), "Vrrp", "PublicApi.txt");
        string actual = Describe(typeof(VrrpNode).Assembly);
        if (Environment.GetEnvironmentVariable("UPDATE_PUBLIC_API") == "1")
            File.WriteAllText(path, actual);
        Assert.Equal(File.ReadAllText(path), actual);
    }

    private static string FindRoot()
    {
        string? directory = AppContext.BaseDirectory;
        while (directory is not null && !File.Exists(Path.Combine(directory, "Vrrp.sln")))
            directory = Path.GetDirectoryName(directory);
        return directory ?? throw new InvalidOperationException("The tests run from below the folder of Vrrp.sln.");
    }

    private static string Describe(Assembly assembly)
    {
        var text = new StringBuilder();
        foreach (var type in assembly.GetExportedTypes().OrderBy(type => type.FullName, StringComparer.Ordinal))
        {
            text.Append(Kind(type)).Append(' ').Append(type.FullName).Append('\n');
            var members = type
                .GetMembers(BindingFlags.Public | BindingFlags.Instance | BindingFlags.Static | BindingFlags.DeclaredOnly)
                .Where(member => member is not (MethodInfo { IsSpecialName: true } or Type) && !member.Name.Contains('<', StringComparison.Ordinal))
                .Select(member => member is FieldInfo { IsLiteral: true } constant
                    ? $"{member.Name} = {constant.GetRawConstantValue()}"
                    : member.ToString()!)
                .Order(StringComparer.Ordinal);
            foreach (string member in members)
                text.Append("    ").Append(member).Append('\n');
        }

        return text.ToString();
    }

    private static string Kind(Type type) =>
        type.IsEnum ? "enum" : type.IsInterface ? "interface" : type.IsValueType ? "struct" : type is { IsAbstract: true, IsSealed: true } ? "static class" : "class";
}
