// step-1
import static java.nio.charset.StandardCharsets.UTF_8;
import static java.nio.file.StandardCopyOption.REPLACE_EXISTING;

import com.google.common.io.ByteSource;
import com.google.common.io.MoreFiles;
import com.google.gson.JsonElement;
import com.google.gson.JsonParser;
import com.google.inject.Module;
import java.io.File;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.DigestInputStream;
import java.security.MessageDigest;
import java.security.SecureRandom;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.logging.Level;
import java.util.logging.Logger;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;
import org.jclouds.ContextBuilder;
import org.jclouds.http.okhttp.config.OkHttpCommandExecutorServiceModule;
import org.jclouds.io.ContentMetadata;
import org.jclouds.io.Payload;
import org.jclouds.io.Payloads;
import org.jclouds.openstack.keystone.catalog.functions.AdminURL;
import org.jclouds.openstack.keystone.catalog.functions.InternalURL;
import org.jclouds.openstack.keystone.catalog.functions.PublicURLOrInternal;
import org.jclouds.openstack.keystone.catalog.functions.ServiceEndpointResolutionStrategy;
import org.jclouds.openstack.keystone.config.KeystoneProperties;
import org.jclouds.openstack.swift.v1.SwiftApi;
import org.jclouds.openstack.swift.v1.domain.Container;
import org.jclouds.openstack.swift.v1.domain.ObjectList;
import org.jclouds.openstack.swift.v1.domain.Segment;
import org.jclouds.openstack.swift.v1.domain.SwiftObject;
import org.jclouds.openstack.swift.v1.options.ListContainerOptions;
import org.jclouds.openstack.swift.v1.options.PutOptions;

public class Durability {
  // Guice, which puts jclouds together, warns of jclouds at every start.
  private static final Logger GUICE = Logger.getLogger("com.google.inject");

  public static void main(String[] args) throws Exception {
    GUICE.setLevel(Level.SEVERE);

    Map<String, String> env = System.getenv();
    String region = env.get("OS_REGION_NAME");
    String domain = env.get("OS_USER_DOMAIN_NAME");
    String user = domain + ":" + env.get("OS_USERNAME");
    String project = env.get("OS_PROJECT_NAME");
    String projectDomain = env.get("OS_PROJECT_DOMAIN_NAME");

    // Unless told so, jclouds speaks version 2 of the Identity API.
    var identity = new Properties();
    identity.setProperty(KeystoneProperties.KEYSTONE_VERSION, "3");
    identity.setProperty(KeystoneProperties.SCOPE, "project:" + project);
    identity.setProperty(KeystoneProperties.PROJECT_DOMAIN_NAME, projectDomain);

    // A module says which of the catalog's endpoints jclouds takes.
    var chooser =
        switch (env.getOrDefault("OS_INTERFACE", "public")) {
          case "internal" -> InternalURL.class;
          case "admin" -> AdminURL.class;
          default -> PublicURLOrInternal.class;
        };
    var strategy = ServiceEndpointResolutionStrategy.class;
    Module urls = binder -> binder.bind(strategy).to(chooser);

    // By default jclouds sends requests with HttpURLConnection, which does not
    // tell why an upload was refused. OkHttp does.
    SwiftApi swift =
        ContextBuilder.newBuilder("openstack-swift")
            .endpoint(env.get("OS_AUTH_URL").replaceFirst("(/v3)?/*$", "/v3"))
            .credentials(user, env.get("OS_PASSWORD"))
            .overrides(identity)
            .modules(List.of(new OkHttpCommandExecutorServiceModule(), urls))
            .buildApi(SwiftApi.class);

    long count = swift.getAccountApi(region).get().getContainerCount();
    System.out.printf("Connected: %d containers%n", count);

    // step-2
    var containers = swift.getContainerApi(region);

    if (!containers.create("fractals")) {
      String reason = "fractals is there already: use another name";
      throw new IllegalStateException(reason);
    }
    System.out.println("Created fractals");

    // step-3
    for (Container item : containers.list()) {
      System.out.println(item.getName());
    }

    // step-4
    var objects = swift.getObjectApi(region, "fractals");

    Payload file = Payloads.newFilePayload(new File("goat.jpg"));
    String etag = objects.put("an amazing goat", file);
    System.out.println("Uploaded an amazing goat: " + etag);

    // step-5
    for (SwiftObject item : objects.list()) {
      long size = item.getPayload().getContentMetadata().getContentLength();
      System.out.printf("%s: %d bytes%n", item.getName(), size);
    }

    // step-6
    SwiftObject goat = objects.getWithoutBody("an amazing goat");
    ContentMetadata content = goat.getPayload().getContentMetadata();
    System.out.println("Size: " + content.getContentLength());
    System.out.println("Type: " + content.getContentType());

    goat = objects.get("an amazing goat");
    try (InputStream body = goat.getPayload().openStream()) {
      Files.copy(body, Path.of("downloaded.jpg"), REPLACE_EXISTING);
    }
    System.out.println("Downloaded to downloaded.jpg");

    // step-7
    MessageDigest md5 = MessageDigest.getInstance("MD5");
    InputStream saved = Files.newInputStream(Path.of("downloaded.jpg"));
    try (var body = new DigestInputStream(saved, md5)) {
      body.transferTo(OutputStream.nullOutputStream());
    }
    String checksum = HexFormat.of().formatHex(md5.digest());
    System.out.println("Swift:      " + goat.getETag());
    System.out.println("Downloaded: " + checksum);

    if (!checksum.equals(goat.getETag())) {
      throw new IOException("The download is damaged.");
    }

    // step-8
    objects.delete("an amazing goat");
    System.out.println("Deleted an amazing goat");

    // step-9
    System.out.println("Objects: " + objects.list());

    // step-10
    // If there is no such container, this is null.
    Container container = containers.get("fractals");
    System.out.printf("fractals: %d objects%n", container.getObjectCount());

    // step-11
    String endpoint = env.get("FRACTALS_ENDPOINT");
    HttpClient http = HttpClient.newHttpClient();

    URI url = URI.create(endpoint + "/v1/fractal?results_per_page=-1");
    HttpRequest request = HttpRequest.newBuilder(url).build();
    var answer = http.send(request, BodyHandlers.ofString());
    if (answer.statusCode() != 200) {
      throw new IOException("The app answered " + answer.statusCode());
    }

    var fractals = JsonParser.parseString(answer.body()).getAsJsonObject();
    for (JsonElement fractal : fractals.getAsJsonArray("objects")) {
      String uuid = fractal.getAsJsonObject().get("uuid").getAsString();
      url = URI.create(endpoint + "/fractal/" + uuid);
      request = HttpRequest.newBuilder(url).build();
      var picture = http.send(request, BodyHandlers.ofInputStream());
      if (picture.statusCode() != 200) {
        throw new IOException("The app answered " + picture.statusCode());
      }

      // If the app does not say the length, this fails. For a length of -1,
      // jclouds would store an empty object and report no error.
      var length = picture.headers().firstValueAsLong("Content-Length");
      try (InputStream body = picture.body()) {
        Payload payload = Payloads.newInputStreamPayload(body);
        payload.getContentMetadata().setContentLength(length.orElseThrow());
        payload.getContentMetadata().setContentType("image/png");
        String stored = objects.put(uuid, payload);
        System.out.printf("Backed up %s: %s%n", uuid, stored);
      }
    }

    // step-12
    for (SwiftObject item : objects.list()) {
      objects.delete(item.getName());
    }

    // If something is left, deleteIfEmpty() throws nothing: it gives false.
    if (!containers.deleteIfEmpty("fractals")) {
      throw new IllegalStateException("fractals is not empty");
    }
    System.out.println("Deleted fractals");

    // step-13
    containers.create("fractals");

    file = Payloads.newFilePayload(new File("goat.jpg"));
    file.getContentMetadata().setContentType("image/jpeg");
    objects.put(
        "goat",
        file,
        PutOptions.Builder.metadata(
            Map.of("description", "a funny goat", "created", "2015-06-02")));

    goat = objects.getWithoutBody("goat");
    System.out.println("description: " + goat.getMetadata().get("description"));
    System.out.println("created: " + goat.getMetadata().get("created"));

    // step-14
    // This container may be there already, with segments of somebody else: the
    // time in the names keeps these apart.
    boolean shared = !containers.create("fractals_segments");
    String prefix = "big-" + Instant.now();
    var parts = swift.getObjectApi(region, "fractals_segments");

    long segmentSize = 2 * 1024 * 1024;
    ByteSource source = MoreFiles.asByteSource(Path.of("big.bin"));
    List<Segment> segments = new ArrayList<>();

    for (long start = 0; start < source.size(); start += segmentSize) {
      // A slice holds nothing: it is read from the file while it is sent.
      ByteSource slice = source.slice(start, segmentSize);
      Payload payload = Payloads.newByteSourcePayload(slice);
      payload.getContentMetadata().setContentLength(slice.size());

      String name = String.format("%s/%08d", prefix, segments.size());
      segments.add(
          Segment.builder()
              .path("fractals_segments/" + name)
              .etag(parts.put(name, payload))
              .sizeBytes(slice.size())
              .build());
    }

    var manifests = swift.getStaticLargeObjectApi(region, "fractals");
    // Without a type, the large object would have the manifest's, JSON.
    var type = Map.of("content-type", "application/octet-stream");
    manifests.replaceManifest("big", segments, Map.of(), type);

    SwiftObject big = objects.getWithoutBody("big");
    content = big.getPayload().getContentMetadata();
    long sum = content.getContentLength();
    System.out.printf("big: %d bytes in %d segments%n", sum, segments.size());

    // step-15
    Path folder = Files.createDirectory(Path.of("restored"));

    // A list ends after 10,000 names; the next one goes on after a marker.
    ObjectList page = objects.list();
    while (!page.isEmpty()) {
      for (SwiftObject item : page) {
        String name = item.getName();
        // resolve() would take the name "/tmp/goat" for the whole path.
        var pieces = List.of(name.split("/", -1));
        if (pieces.contains("")
            || pieces.contains(".")
            || pieces.contains("..")
            || pieces.stream().anyMatch(p -> p.getBytes(UTF_8).length > 255)) {
          System.out.println("Refused " + name);
          continue;
        }

        Path path = folder.resolve(name);
        Files.createDirectories(path.getParent());
        try (InputStream body = objects.get(name).getPayload().openStream()) {
          long size = Files.copy(body, path);
          System.out.printf("Restored %s: %d bytes%n", name, size);
        }
      }

      String last = page.get(page.size() - 1).getName();
      page = objects.list(ListContainerOptions.Builder.marker(last));
    }

    // step-16
    byte[] random = new byte[32];
    new SecureRandom().nextBytes(random);
    String key = HexFormat.of().formatHex(random);
    containers.updateMetadata("fractals", Map.of("temp-url-key", key));

    // jclouds' own TemporaryUrlSigner takes the account's key, and SHA-1.
    URI uri = goat.getUri();
    long expires = Instant.now().plusSeconds(3600).getEpochSecond();
    String text = "GET\n" + expires + "\n" + uri.getPath();

    Mac mac = Mac.getInstance("HmacSHA256");
    mac.init(new SecretKeySpec(key.getBytes(UTF_8), "HmacSHA256"));
    byte[] hmac = mac.doFinal(text.getBytes(UTF_8));
    String signature = HexFormat.of().formatHex(hmac);

    String query = "temp_url_sig=" + signature + "&temp_url_expires=" + expires;
    System.out.println(uri + "?" + query);

    // step-17
    // The segments go with their manifest.
    var gone = manifests.delete("big");
    System.out.printf("Deleted big: %d objects%n", gone.deleted());
    objects.delete("goat");
    System.out.println("Deleted goat");

    for (String name : List.of("fractals", "fractals_segments")) {
      if (name.equals("fractals_segments") && shared) {
        System.out.println("Kept fractals_segments: it was there before");
      } else if (containers.deleteIfEmpty(name)) {
        System.out.println("Deleted " + name);
      } else {
        System.out.printf("Kept %s: there is something else in it%n", name);
      }
    }
    System.out.println("Containers: " + containers.list());

    swift.close();

    // step-18
  }
}
