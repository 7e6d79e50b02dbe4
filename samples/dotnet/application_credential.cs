// step-1
// Without this line, the first run downloads a compiler of native code.
#:property PublishAot=false

using System.Net;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;

var env = Environment.GetEnvironmentVariables();

var login = new
{
    auth = new
    {
        identity = new
        {
            methods = new[] { "application_credential" },
            application_credential = new
            {
                id = env["OS_APPLICATION_CREDENTIAL_ID"],
                secret = env["OS_APPLICATION_CREDENTIAL_SECRET"],
            },
        },
    },
};

var identity = $"{env["OS_AUTH_URL"]}".TrimEnd('/');
if (!identity.EndsWith("/v3"))
{
    identity += "/v3";
}

using var swift = new HttpClient();

// PostAsync and the like return a 404 as if all were well, so every answer is
// checked. GetStreamAsync and GetFromJsonAsync check theirs by themselves.
var issued = await swift.PostAsync(
    $"{identity}/auth/tokens",
    new StringContent(
        JsonSerializer.Serialize(login), Encoding.UTF8, "application/json"));
issued.EnsureSuccessStatusCode();

// The token comes in a header, the catalog in the body.
swift.DefaultRequestHeaders.Add(
    "X-Auth-Token", issued.Headers.GetValues("X-Subject-Token"));
var body = await issued.Content.ReadFromJsonAsync<JsonElement>();

var storage = (
    from service in body.GetProperty("token").GetProperty("catalog")
        .EnumerateArray()
    where service.GetProperty("type").ValueEquals("object-store")
    from endpoint in service.GetProperty("endpoints").EnumerateArray()
    where endpoint.GetProperty("interface").ValueEquals(
            (string?)env["OS_INTERFACE"] ?? "public")
        && endpoint.GetProperty("region").ValueEquals(
            (string?)env["OS_REGION_NAME"])
    select endpoint.GetProperty("url").GetString()).First();

var account = await swift.SendAsync(
    new HttpRequestMessage(HttpMethod.Head, storage));
account.EnsureSuccessStatusCode();
var count = account.Headers.GetValues("X-Account-Container-Count").Single();
Console.WriteLine($"Connected: {count} containers");

// step-2
