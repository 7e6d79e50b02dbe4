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
import org.jclouds.openstack.keystone.auth.config.CredentialTypes;
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

    // jclouds calls an application credential an API access key.
    var identity = new Properties();
    identity.setProperty(KeystoneProperties.KEYSTONE_VERSION, "3");
    String kind = CredentialTypes.API_ACCESS_KEY_CREDENTIALS;
    identity.setProperty(KeystoneProperties.CREDENTIAL_TYPE, kind);

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
            .credentials(
                env.get("OS_APPLICATION_CREDENTIAL_ID"),
                env.get("OS_APPLICATION_CREDENTIAL_SECRET"))
            .overrides(identity)
            .modules(List.of(new OkHttpCommandExecutorServiceModule(), urls))
            .buildApi(SwiftApi.class);

    long count = swift.getAccountApi(region).get().getContainerCount();
    System.out.printf("Connected: %d containers%n", count);

    // step-2
  }
}
