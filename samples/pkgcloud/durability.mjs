// step-1
import { createHash, createHmac, randomBytes } from "node:crypto";
import { once } from "node:events";
import fs from "node:fs";
import path from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { promisify } from "node:util";

import pkgcloud from "pkgcloud";

const swift = pkgcloud.storage.createClient({
  provider: "openstack",
  // pkgcloud adds the version of the Identity API to the address.
  authUrl: process.env.OS_AUTH_URL.replace(/(\/v3)?\/?$/, ""),
  keystoneAuthVersion: "v3",
  username: process.env.OS_USERNAME,
  password: process.env.OS_PASSWORD,
  domainName: process.env.OS_USER_DOMAIN_NAME,
  tenantName: process.env.OS_PROJECT_NAME,
  projectDomainName: process.env.OS_PROJECT_DOMAIN_NAME,
  region: process.env.OS_REGION_NAME,
  useInternal: process.env.OS_INTERFACE === "internal",
  useAdmin: process.env.OS_INTERFACE === "admin",
});

// pkgcloud calls back; these give promises.
const getContainers = promisify(swift.getContainers).bind(swift);
const createContainer = promisify(swift.createContainer).bind(swift);
const getContainer = promisify(swift.getContainer).bind(swift);
const getFiles = promisify(swift.getFiles).bind(swift);
const getFile = promisify(swift.getFile).bind(swift);
const removeFile = promisify(swift.removeFile).bind(swift);
const request = promisify(swift._request).bind(swift);

console.log(`Connected: ${(await getContainers()).length} containers`);

// step-2
// createContainer() does not tell whether it was there already. So ask first.
async function isThere(name) {
  try {
    await getContainer(name);
    return true;
  } catch (error) {
    if (error.statusCode === 404) {
      return false;
    }
    throw error;
  }
}

if (await isThere("fractals")) {
  throw new Error("fractals is there already: use another name");
}

let container = await createContainer({ name: "fractals" });
console.log(`Created ${container.name}`);

// step-3
for (const { name } of await getContainers()) {
  console.log(name);
}

// step-4
let upload = swift.upload({
  container: "fractals",
  remote: "an amazing goat",
  contentType: "application/octet-stream",
});

// All is well once Swift has answered, not when the last byte is sent.
let [[goat]] = await Promise.all([
  once(upload, "success"),
  pipeline(fs.createReadStream("goat.jpg"), upload),
]);
console.log(`Uploaded ${goat.name}: ${goat.size} bytes`);

// step-5
for (const file of await getFiles("fractals")) {
  console.log(`${file.name}: ${file.size} bytes`);
}

// step-6
goat = await getFile("fractals", "an amazing goat");
console.log(`${goat.name}: ${goat.size} bytes, ${goat.contentType}`);

let download = swift.download({
  container: "fractals",
  remote: "an amazing goat",
});

// pkgcloud would save the text of an error as if it were the object.
download.on("response", ({ statusCode }) => {
  if (statusCode !== 200) {
    download.emit("error", new Error(`Swift answered ${statusCode}`));
  }
});
await pipeline(download, fs.createWriteStream("downloaded.jpg"));
console.log("Downloaded to downloaded.jpg");

// step-7
const hash = createHash("md5");
await pipeline(fs.createReadStream("downloaded.jpg"), hash);
const checksum = hash.digest("hex");
console.log(`Swift:      ${goat.etag}`);
console.log(`Downloaded: ${checksum}`);

if (checksum !== goat.etag) {
  throw new Error("The download is damaged.");
}

// step-8
await removeFile("fractals", "an amazing goat");
console.log("Deleted an amazing goat");

// step-9
console.log("Objects:", await getFiles("fractals"));

// step-10
container = await getContainer("fractals");
console.log(`Opened ${container.name}: ${container.count} objects`);

// step-11
const endpoint = process.env.FRACTALS_ENDPOINT;
const answer = await fetch(`${endpoint}/v1/fractal?results_per_page=-1`);
if (!answer.ok) {
  throw new Error(`The app answered ${answer.status}`);
}

for (const { uuid } of (await answer.json()).objects) {
  const picture = await fetch(`${endpoint}/fractal/${uuid}`);
  if (!picture.ok) {
    throw new Error(`The app answered ${picture.status}`);
  }

  const upload = swift.upload({
    container: "fractals",
    remote: uuid,
    contentType: "image/png",
  });
  const [[stored]] = await Promise.all([
    once(upload, "success"),
    pipeline(Readable.fromWeb(picture.body), upload),
  ]);
  console.log(`Backed up ${stored.name}: ${stored.etag}`);
}

// step-12
let files = await getFiles("fractals");
while (files.length > 0) {
  for (const { name } of files) {
    await removeFile("fractals", name);
  }
  files = await getFiles("fractals", { marker: files.at(-1).name });
}

// destroyContainer() would delete whatever is in it now. This does not.
await request({ method: "DELETE", container: "fractals" });
console.log("Deleted fractals");

// step-13
container = await createContainer({ name: "fractals" });

upload = swift.upload({
  container: "fractals",
  remote: "goat",
  contentType: "image/jpeg",
  metadata: { description: "a funny goat", created: "2015-06-02" },
});
[[goat]] = await Promise.all([
  once(upload, "success"),
  pipeline(fs.createReadStream("goat.jpg"), upload),
]);
console.log(`description: ${goat.metadata.description}`);
console.log(`created: ${goat.metadata.created}`);

// step-14
const segmentSize = 2 * 1024 * 1024;
const { size } = fs.statSync("big.bin");

// This container may be there already, with segments of somebody else: the
// time in the names keeps these apart.
const made = !(await isThere("fractals_segments"));
await createContainer({ name: "fractals_segments" });
const prefix = `big/${(Date.now() / 1000).toFixed(6)}/`;
const segments = [];

for (let start = 0; start < size; start += segmentSize) {
  const upload = swift.upload({
    container: "fractals_segments",
    remote: prefix + String(segments.length).padStart(8, "0"),
    contentType: "application/octet-stream",
  });
  const segment = fs.createReadStream("big.bin", {
    start,
    end: start + segmentSize - 1,
  });
  const [[stored]] = await Promise.all([
    once(upload, "success"),
    pipeline(segment, upload),
  ]);
  segments.push(stored.name);
  console.log(`  segment ${segments.length}: ${stored.size} bytes`);
}

// pkgcloud has no call for the rest. An empty object with this header
// reads as all objects, in the order of their names, that begin so.
upload = swift.upload({
  container: "fractals",
  remote: "big",
  contentType: "application/octet-stream",
  headers: { "x-object-manifest": `fractals_segments/${prefix}` },
});
upload.end();
const [big] = await once(upload, "success");
console.log(`${big.name}: ${big.size} bytes`);

// step-15
fs.mkdirSync("restored");

files = await getFiles("fractals");
while (files.length > 0) {
  for (const { name } of files) {
    // An object may be called ../goat, or /goat. A file in a folder may not.
    const bad = (part) =>
      ["", ".", ".."].includes(part) || Buffer.byteLength(part) > 255;
    if (name.split("/").some(bad)) {
      console.log(`Refused ${name}`);
      continue;
    }

    const download = swift.download({ container: "fractals", remote: name });
    download.on("response", ({ statusCode }) => {
      if (statusCode !== 200) {
        download.emit("error", new Error(`Swift answered ${statusCode}`));
      }
    });

    const target = path.join("restored", name);
    fs.mkdirSync(path.dirname(target), { recursive: true });
    const file = fs.createWriteStream(target, { flags: "wx" });
    await pipeline(download, file);
    console.log(`Restored ${name}: ${file.bytesWritten} bytes`);
  }
  files = await getFiles("fractals", { marker: files.at(-1).name });
}

// step-16
const key = randomBytes(32).toString("hex");
container.metadata = { "temp-url-key": key };
await promisify(swift.updateContainerMetadata).call(swift, container);

const url = new URL(goat.fullPath);
const expires = Math.floor(Date.now() / 1000) + 3600;
const signature = createHmac("sha256", key)
  .update(`GET\n${expires}\n${url.pathname}`)
  .digest("hex");
url.searchParams.set("temp_url_sig", signature);
url.searchParams.set("temp_url_expires", expires);
console.log(url.href);

// step-17
await removeFile("fractals", "big");
for (const name of segments) {
  await removeFile("fractals_segments", name);
}
console.log(`Deleted big and its ${segments.length} segments`);

await removeFile("fractals", "goat");
console.log("Deleted goat");

for (const name of made ? ["fractals", "fractals_segments"] : ["fractals"]) {
  try {
    await request({ method: "DELETE", container: name });
    console.log(`Deleted ${name}`);
  } catch (error) {
    if (error.statusCode !== 409) {
      throw error;
    }
    console.log(`Kept ${name}: there is something else in it`);
  }
}
if (!made) {
  console.log("Kept fractals_segments: it was there before");
}
console.log("Containers:", await getContainers());

// step-18
