# step-1
require "digest"
require "fileutils"
require "fog/openstack"
require "json"
require "open-uri"
require "openssl"
require "securerandom"

swift = Fog::OpenStack::Storage.new(
  openstack_auth_url: ENV.fetch("OS_AUTH_URL").chomp("/"),
  openstack_username: ENV.fetch("OS_USERNAME"),
  openstack_api_key: ENV.fetch("OS_PASSWORD"),
  openstack_project_name: ENV.fetch("OS_PROJECT_NAME"),
  openstack_domain_name: ENV.fetch("OS_USER_DOMAIN_NAME"),
  openstack_project_domain_id: ENV["OS_PROJECT_DOMAIN_ID"],
  openstack_region: ENV.fetch("OS_REGION_NAME"),
  openstack_endpoint_type: "#{ENV.fetch("OS_INTERFACE", "public")}URL"
)

puts "Connected: #{swift.directories.size} containers"

# step-2
answer = swift.put_container("fractals")
raise "fractals is there already: use another name" if answer.status == 202

container = swift.directories.new(key: "fractals")
puts "Created #{container.key}"

# step-3
swift.directories.each do |item|
  puts item.key
end

# step-4
goat = File.open("goat.jpg", "rb") do |file|
  container.files.create(key: "an amazing goat", body: file)
end
puts "Uploaded #{goat.key}: #{goat.etag}"

# step-5
container.files.each do |file|
  puts "#{file.key}: #{file.content_length} bytes"
end

# step-6
goat = container.files.head("an amazing goat")
puts "#{goat.key}: #{goat.content_length} bytes, #{goat.content_type}"

# For an object that is not there files.get gives nil; this raises an error.
File.open("downloaded.jpg", "wb") do |file|
  swift.get_object("fractals", goat.key) { |chunk| file.write(chunk) }
end
puts "Downloaded to downloaded.jpg"

# step-7
checksum = Digest::MD5.file("downloaded.jpg").hexdigest
puts "Swift:      #{goat.etag}"
puts "Downloaded: #{checksum}"

raise "The download is damaged" if checksum != goat.etag

# step-8
goat.destroy
puts "Deleted #{goat.key}"

# step-9
puts "Objects: #{container.files.all.map(&:key)}"

# step-10
container = swift.directories.get("fractals")
raise "There is no container fractals" unless container

puts "Opened #{container.key}: #{container.count} objects"

# step-11
endpoint = ENV.fetch("FRACTALS_ENDPOINT")
answer = URI("#{endpoint}/v1/fractal?results_per_page=-1").read

JSON.parse(answer)["objects"].each do |fractal|
  uuid = fractal["uuid"]

  # open-uri keeps what is larger than 10 KiB in a temporary file. If the
  # connection breaks off, it gives what came so far, and no error.
  URI("#{endpoint}/fractal/#{uuid}").open do |picture|
    length = picture.meta["content-length"]
    raise "#{uuid} is not whole" if length && picture.size != length.to_i

    stored = container.files.create(
      key: uuid, body: picture, content_type: "image/png"
    )
    puts "Backed up #{stored.key}: #{stored.etag}"
  end
end

# step-12
container.files.each(&:destroy)
container.destroy
puts "Deleted #{container.key}"

# step-13
container = swift.directories.create(key: "fractals")

File.open("goat.jpg", "rb") do |file|
  container.files.create(
    key: "goat",
    body: file,
    content_type: "image/jpeg",
    metadata: { description: "a funny goat", created: "2015-06-02" }
  )
end

goat = container.files.head("goat")
puts "description: #{goat.metadata[:description]}"
puts "created: #{goat.metadata[:created]}"

# step-14
segment_size = 2 * 1024 * 1024
segments = []

# This container may be there already, with segments of somebody else: the
# time in the names keeps these apart.
made = swift.put_container("fractals_segments").status == 201
prefix = Time.now.strftime("big-%s.%6N")

File.open("big.bin", "rb") do |file|
  while (data = file.read(segment_size))
    name = format("#{prefix}/%08d", segments.size)
    swift.put_object("fractals_segments", name, data)
    segments << {
      path: "fractals_segments/#{name}",
      etag: Digest::MD5.hexdigest(data),
      size_bytes: data.bytesize
    }
  end
end

# Unless told otherwise, the large object would be application/json.
swift.put_static_obj_manifest(
  "fractals", "big", segments, "Content-Type" => "application/octet-stream"
)

big = container.files.head("big")
puts "#{big.key}: #{big.content_length} bytes in #{segments.size} segments"

# step-15
Dir.mkdir("restored")

# fog asks for more names only after a full page. It takes 10,000 for one,
# unless it is told another limit, but some clouds send fewer.
container.files.limit = 1_000

container.files.each do |item|
  # An object may be called ../goat, or /goat. A file in a folder may not.
  parts = item.key.split("/", -1)
  if parts.intersect?(["", ".", ".."]) || parts.any? { _1.bytesize > 255 }
    puts "Refused #{item.key}"
    next
  end

  path = File.join("restored", *parts)
  FileUtils.mkdir_p(File.dirname(path))
  File.open(path, "wbx") do |file|
    swift.get_object("fractals", item.key) { |chunk| file.write(chunk) }
  end
  puts "Restored #{item.key}: #{File.size(path)} bytes"
end

# step-16
# fog has a call for the URL, but it signs with SHA-1, which is deprecated.
key = SecureRandom.hex(32)
swift.put_container(
  "fractals", headers: { "X-Container-Meta-Temp-URL-Key" => key }
)

url = URI(goat.public_url)
expires = Time.now.to_i + 3600
text = "GET\n#{expires}\n#{url.path}"
signature = OpenSSL::HMAC.hexdigest("SHA256", key, text)
url.query = URI.encode_www_form(
  temp_url_sig: signature, temp_url_expires: expires
)
puts url

# step-17
# The segments go with their manifest.
deleted = swift.delete_static_large_object("fractals", "big").body
puts "Deleted big: #{deleted["Number Deleted"]} objects"

goat.destroy
puts "Deleted #{goat.key}"

containers = made ? %w[fractals fractals_segments] : %w[fractals]
containers.each do |name|
  swift.delete_container(name)
  puts "Deleted #{name}"
rescue Excon::Error::Conflict
  puts "Kept #{name}: there is something else in it"
end
puts "Kept fractals_segments: it was there before" unless made

puts "Containers: #{swift.directories.map(&:key)}"

# step-18
