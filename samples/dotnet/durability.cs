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
            methods = new[] { "password" },
            password = new
            {
                user = new
                {
                    name = env["OS_USERNAME"],
                    domain = new { name = env["OS_USER_DOMAIN_NAME"] },
                    password = env["OS_PASSWORD"],
                },
            },
        },
        scope = new
        {
            project = new
            {
                name = env["OS_PROJECT_NAME"],
                domain = new { name = env["OS_PROJECT_DOMAIN_NAME"] },
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
var created = await swift.PutAsync($"{storage}/fractals", null);
created.EnsureSuccessStatusCode();
if (created.StatusCode != HttpStatusCode.Created)
{
    throw new InvalidOperationException(
        "fractals is there already: use another name");
}
Console.WriteLine($"Created fractals: {(int)created.StatusCode}");

// step-3
var containers = await swift.GetFromJsonAsync<JsonElement>(
    $"{storage}?format=json");

foreach (var item in containers.EnumerateArray())
{
    Console.WriteLine(item.GetProperty("name"));
}

// step-4
// A name in a URL is percent-encoded.
var goatName = Uri.EscapeDataString("an amazing goat");
var goatUrl = $"{storage}/fractals/{goatName}";

using (var content = new StreamContent(File.OpenRead("goat.jpg")))
{
    var uploaded = await swift.PutAsync(goatUrl, content);
    uploaded.EnsureSuccessStatusCode();

    // Swift's ETag has no quotes, so that Headers.ETag would be null.
    var stored = uploaded.Headers.GetValues("ETag").Single();
    Console.WriteLine($"Uploaded an amazing goat: {stored}");
}

// step-5
var objects = await swift.GetFromJsonAsync<JsonElement>(
    $"{storage}/fractals?format=json");

foreach (var item in objects.EnumerateArray())
{
    Console.WriteLine(
        $"{item.GetProperty("name")}: {item.GetProperty("bytes")} bytes");
}

// step-6
var goat = await swift.SendAsync(
    new HttpRequestMessage(HttpMethod.Head, goatUrl));
goat.EnsureSuccessStatusCode();
Console.WriteLine(
    $"{goat.Content.Headers.ContentLength} bytes, "
    + $"{goat.Content.Headers.ContentType}");

using (var download = await swift.GetStreamAsync(goatUrl))
using (var file = File.Create("downloaded.jpg"))
{
    await download.CopyToAsync(file);
}
Console.WriteLine("Downloaded to downloaded.jpg");

// step-7
var etag = goat.Headers.GetValues("ETag").Single();
string checksum;
using (var file = File.OpenRead("downloaded.jpg"))
{
    checksum = Convert.ToHexStringLower(await MD5.HashDataAsync(file));
}
Console.WriteLine($"Swift:      {etag}");
Console.WriteLine($"Downloaded: {checksum}");

if (checksum != etag)
{
    throw new InvalidDataException("The download is damaged.");
}

// step-8
var deleted = await swift.DeleteAsync(goatUrl);
deleted.EnsureSuccessStatusCode();
Console.WriteLine("Deleted an amazing goat");

// step-9
objects = await swift.GetFromJsonAsync<JsonElement>(
    $"{storage}/fractals?format=json");
Console.WriteLine($"Objects: {objects}");

// step-10
// Nothing is held open: every request names its container.
var container = await swift.SendAsync(
    new HttpRequestMessage(HttpMethod.Head, $"{storage}/fractals"));
container.EnsureSuccessStatusCode();
count = container.Headers.GetValues("X-Container-Object-Count").Single();
Console.WriteLine($"fractals: {count} objects");

// step-11
// A client of its own, so that the app does not see the token.
using var web = new HttpClient();
var app = env["FRACTALS_ENDPOINT"];

var fractals = await web.GetFromJsonAsync<JsonElement>(
    $"{app}/v1/fractal?results_per_page=-1");

foreach (var fractal in fractals.GetProperty("objects").EnumerateArray())
{
    var uuid = fractal.GetProperty("uuid");

    // GetStreamAsync waits for the headers only: bytes go out as they come.
    using var picture = new StreamContent(
        await web.GetStreamAsync($"{app}/fractal/{uuid}"));
    picture.Headers.ContentType = new MediaTypeHeaderValue("image/png");

    var stored = await swift.PutAsync($"{storage}/fractals/{uuid}", picture);
    stored.EnsureSuccessStatusCode();
    Console.WriteLine(
        $"Backed up {uuid}: {stored.Headers.GetValues("ETag").Single()}");
}

// step-12
objects = await swift.GetFromJsonAsync<JsonElement>(
    $"{storage}/fractals?format=json");

foreach (var item in objects.EnumerateArray())
{
    var name = Uri.EscapeDataString(item.GetProperty("name").GetString()!);
    deleted = await swift.DeleteAsync($"{storage}/fractals/{name}");
    deleted.EnsureSuccessStatusCode();
}

// A container that still holds something would stay: 409.
deleted = await swift.DeleteAsync($"{storage}/fractals");
deleted.EnsureSuccessStatusCode();
Console.WriteLine("Deleted fractals");

// step-13
created = await swift.PutAsync($"{storage}/fractals", null);
created.EnsureSuccessStatusCode();

using (var content = new StreamContent(File.OpenRead("goat.jpg")))
{
    content.Headers.ContentType = new MediaTypeHeaderValue("image/jpeg");
    content.Headers.Add("X-Object-Meta-Description", "a funny goat");
    content.Headers.Add("X-Object-Meta-Created", "2015-06-02");

    var uploaded = await swift.PutAsync($"{storage}/fractals/goat", content);
    uploaded.EnsureSuccessStatusCode();
}

goat = await swift.SendAsync(
    new HttpRequestMessage(HttpMethod.Head, $"{storage}/fractals/goat"));
goat.EnsureSuccessStatusCode();

foreach (var item in new[] { "description", "created" })
{
    var value = goat.Headers.GetValues($"X-Object-Meta-{item}").Single();
    Console.WriteLine($"{item}: {value}");
}

// step-14
const int segmentSize = 2 * 1024 * 1024;

// This container may be there already, with segments of somebody else: the
// time in the names keeps these apart.
created = await swift.PutAsync($"{storage}/fractals_segments", null);
created.EnsureSuccessStatusCode();
var shared = created.StatusCode != HttpStatusCode.Created;
var prefix = $"fractals_segments/big-{DateTime.UtcNow:O}";

var segments = new List<object>();
using (var file = File.OpenRead("big.bin"))
{
    var buffer = new byte[segmentSize];
    int size;
    while ((size = await file.ReadAtLeastAsync(
        buffer, segmentSize, throwOnEndOfStream: false)) > 0)
    {
        var path = $"{prefix}/{segments.Count:D8}";
        var stored = await swift.PutAsync(
            $"{storage}/{path}", new ByteArrayContent(buffer, 0, size));
        stored.EnsureSuccessStatusCode();

        segments.Add(new
        {
            path,
            etag = Convert.ToHexStringLower(
                MD5.HashData(buffer.AsSpan(0, size))),
            size_bytes = size,
        });
    }
}

// The manifest makes one object of the segments, if Swift has each of them
// with this checksum and size. Were it JsonContent, its type would become that
// of the large object.
var manifest = await swift.PutAsync(
    $"{storage}/fractals/big?multipart-manifest=put",
    new ByteArrayContent(JsonSerializer.SerializeToUtf8Bytes(segments)));
manifest.EnsureSuccessStatusCode();

var big = await swift.SendAsync(
    new HttpRequestMessage(HttpMethod.Head, $"{storage}/fractals/big"));
big.EnsureSuccessStatusCode();
Console.WriteLine(
    $"big: {big.Content.Headers.ContentLength} bytes "
    + $"in {segments.Count} segments");

// step-15
Directory.CreateDirectory("restored");

// A listing ends after 10,000 names; the next one goes on after a marker.
var marker = "";
while (true)
{
    objects = await swift.GetFromJsonAsync<JsonElement>(
        $"{storage}/fractals?format=json&marker={marker}");
    if (objects.GetArrayLength() == 0)
    {
        break;
    }

    foreach (var item in objects.EnumerateArray())
    {
        var name = item.GetProperty("name").GetString()!;
        marker = Uri.EscapeDataString(name);

        // Combine() would take the name "/tmp/goat" for the whole path.
        var parts = name.Split('/');
        if (parts.Any(part => part is "" or "." or ".."
            || part.IndexOfAny(Path.GetInvalidFileNameChars()) >= 0
            || Encoding.UTF8.GetByteCount(part) > 255))
        {
            Console.WriteLine($"Refused {name}");
            continue;
        }
        var path = Path.Combine(["restored", .. parts]);
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);

        using var download = await swift.GetStreamAsync(
            $"{storage}/fractals/{marker}");
        using var file = File.Open(path, FileMode.CreateNew);
        await download.CopyToAsync(file);
        Console.WriteLine($"Restored {name}: {file.Length} bytes");
    }
}

// step-16
var key = RandomNumberGenerator.GetHexString(64);
var request = new HttpRequestMessage(HttpMethod.Post, $"{storage}/fractals");
request.Headers.Add("X-Container-Meta-Temp-URL-Key", key);
var updated = await swift.SendAsync(request);
updated.EnsureSuccessStatusCode();

var url = $"{storage}/fractals/goat";
var expires = DateTimeOffset.UtcNow.AddHours(1).ToUnixTimeSeconds();
var text = $"GET\n{expires}\n{new Uri(url).LocalPath}";
var signature = Convert.ToHexStringLower(HMACSHA256.HashData(
    Encoding.UTF8.GetBytes(key), Encoding.UTF8.GetBytes(text)));
Console.WriteLine(
    $"{url}?temp_url_sig={signature}&temp_url_expires={expires}");

// step-17
// The segments go with their manifest. Swift answers 200 even if one stays;
// then its container stays as well.
deleted = await swift.DeleteAsync(
    $"{storage}/fractals/big?multipart-manifest=delete");
deleted.EnsureSuccessStatusCode();
Console.WriteLine("Deleted big and its segments");

deleted = await swift.DeleteAsync($"{storage}/fractals/goat");
deleted.EnsureSuccessStatusCode();
Console.WriteLine("Deleted goat");

foreach (var name in new[] { "fractals", "fractals_segments" })
{
    if (name == "fractals_segments" && shared)
    {
        Console.WriteLine("Kept fractals_segments: it was there before");
        continue;
    }

    // Swift deletes no container that holds an object.
    deleted = await swift.DeleteAsync($"{storage}/{name}");
    if (deleted.StatusCode == HttpStatusCode.Conflict)
    {
        Console.WriteLine($"Kept {name}: there is something else in it");
        continue;
    }
    deleted.EnsureSuccessStatusCode();
    Console.WriteLine($"Deleted {name}");
}

containers = await swift.GetFromJsonAsync<JsonElement>(
    $"{storage}?format=json");
Console.WriteLine($"Containers: {containers}");

// step-18
