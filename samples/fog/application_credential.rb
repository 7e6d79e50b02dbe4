# step-1
require "digest"
require "fileutils"
require "fog/openstack"
require "json"
require "open-uri"
require "openssl"
require "securerandom"

# fog-openstack 1.0.8 knows no application credentials. But it takes a token,
# and the address of Object Storage, that it need not ask for itself.
identity = ENV.fetch("OS_AUTH_URL").chomp("/").delete_suffix("/v3")
credential = {
  id: ENV.fetch("OS_APPLICATION_CREDENTIAL_ID"),
  secret: ENV.fetch("OS_APPLICATION_CREDENTIAL_SECRET")
}
answer = Excon.post(
  "#{identity}/v3/auth/tokens",
  headers: { "Content-Type" => "application/json" },
  body: JSON.generate(
    auth: {
      identity: {
        methods: ["application_credential"],
        application_credential: credential
      }
    }
  ),
  expects: 201
)

catalog = Fog::OpenStack::Auth::Catalog::V3.new(
  JSON.parse(answer.body)["token"]["catalog"]
)
address = catalog.get_endpoint_url(
  "object-store",
  ENV.fetch("OS_INTERFACE", "public"),
  ENV.fetch("OS_REGION_NAME")
)

swift = Fog::OpenStack::Storage.new(
  openstack_auth_url: identity,
  openstack_auth_token: answer.headers["X-Subject-Token"],
  openstack_management_url: address
)

puts "Connected: #{swift.directories.size} containers"

# step-2
