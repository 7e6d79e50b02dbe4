<?php

// step-1
declare(strict_types=1);

use GuzzleHttp\Client;
use GuzzleHttp\Psr7\Utils;
use OpenStack\OpenStack;

require __DIR__ . '/vendor/autoload.php';

$cloud = new OpenStack([
    // Identity's address, whether the variable ends with /v3 or not.
    'authUrl' => preg_replace('~(/v3)?/*$~', '/v3', getenv('OS_AUTH_URL'), 1),
    'region' => getenv('OS_REGION_NAME'),
    'interface' => getenv('OS_INTERFACE') ?: 'public',
    'user' => [
        'name' => getenv('OS_USERNAME'),
        'password' => getenv('OS_PASSWORD'),
        'domain' => ['name' => getenv('OS_USER_DOMAIN_NAME')],
    ],
    'scope' => [
        'project' => [
            'name' => getenv('OS_PROJECT_NAME'),
            'domain' => ['name' => getenv('OS_PROJECT_DOMAIN_NAME')],
        ],
    ],
    // A file with the certificate of a private CA, if your cloud has one.
    'requestOptions' => ['verify' => getenv('OS_CACERT') ?: true],
]);
$swift = $cloud->objectStoreV1();

$account = $swift->getAccount();
$account->retrieve();
echo "Connected: $account->containerCount containers\n";

// step-2
// Later steps delete all that is in the container: it must be a new one.
if ($swift->containerExists('fractals')) {
    throw new RuntimeException('fractals is there already: use another name');
}

$container = $swift->createContainer(['name' => 'fractals']);
echo "Created $container->name\n";

// step-3
foreach ($swift->listContainers() as $item) {
    echo "$item->name\n";
}

// step-4
$goat = $container->createObject([
    'name' => 'an amazing goat',
    'stream' => Utils::streamFor(Utils::tryFopen('goat.jpg', 'r')),
]);
echo "Uploaded $goat->name: $goat->hash\n";

// step-5
foreach ($container->listObjects() as $item) {
    echo "$item->name: $item->contentLength bytes\n";
}

// step-6
// getObject() sends nothing; retrieve() asks Swift.
$goat = $container->getObject('an amazing goat');
$goat->retrieve();
echo "$goat->name: $goat->contentLength bytes, $goat->contentType\n";

// Guzzle writes the bytes to the sink as they come.
$goat->download(['requestOptions' => ['sink' => 'downloaded.jpg']]);
echo "Downloaded to downloaded.jpg\n";

// step-7
$checksum = md5_file('downloaded.jpg');
echo "Swift:      $goat->hash\n";
echo "Downloaded: $checksum\n";

if ($checksum !== $goat->hash) {
    throw new RuntimeException('The download is damaged.');
}

// step-8
$goat->delete();
echo "Deleted $goat->name\n";

// step-9
$items = iterator_to_array($container->listObjects());
echo 'Objects: ' . json_encode(array_column($items, 'name')) . "\n";

// step-10
$container = $swift->getContainer('fractals');
$container->retrieve();
echo "Opened $container->name: $container->objectCount objects\n";

// step-11
$endpoint = getenv('FRACTALS_ENDPOINT');
$http = new Client();
$answer = $http->get("$endpoint/v1/fractal?results_per_page=-1");

$fractals = json_decode(
    (string) $answer->getBody(),
    flags: JSON_THROW_ON_ERROR,
);

foreach ($fractals->objects as $fractal) {
    // Guzzle keeps up to 2 MiB of a body in memory, and more in a file.
    $picture = $http->get("$endpoint/fractal/$fractal->uuid");
    $stored = $container->createObject([
        'name' => $fractal->uuid,
        'stream' => $picture->getBody(),
        'contentType' => 'image/png',
    ]);
    echo "Backed up $stored->name: $stored->hash\n";
}

// step-12
foreach ($container->listObjects() as $item) {
    $container->getObject(rawurlencode($item->name))->delete();
}

$container->delete();
echo "Deleted $container->name\n";

// step-13
$container = $swift->createContainer(['name' => 'fractals']);

$goat = $container->createObject([
    'name' => 'goat',
    'stream' => Utils::streamFor(Utils::tryFopen('goat.jpg', 'r')),
    'contentType' => 'image/jpeg',
    'metadata' => [
        'description' => 'a funny goat',
        'created' => '2015-06-02',
    ],
]);

$metadata = $goat->getMetadata();
echo "description: {$metadata['Description']}\n";
echo "created: {$metadata['Created']}\n";

// step-14
// The manifest takes in every name that begins with the prefix. The time in
// it is one that nobody else's segments have; the slash is its end.
$prefix = sprintf('big/%.6f/', microtime(true));
$made = !$swift->containerExists('fractals_segments');

$big = $container->createLargeObject([
    'name' => 'big',
    'stream' => Utils::streamFor(Utils::tryFopen('big.bin', 'r')),
    'segmentSize' => 2 * 1024 * 1024,
    'segmentContainer' => 'fractals_segments',
    'segmentPrefix' => $prefix,
]);

$big->retrieve();
echo "$big->name: $big->contentLength bytes\n";

$segments = $swift->getContainer('fractals_segments');
foreach ($segments->listObjects(['prefix' => $prefix]) as $item) {
    echo "  segment $item->name: $item->contentLength bytes\n";
}

// step-15
mkdir('restored');

foreach ($container->listObjects() as $item) {
    // No file has such a name, or one outside of the folder.
    foreach (explode('/', $item->name) as $part) {
        if (in_array($part, ['', '.', '..'], true) || strlen($part) > 255) {
            echo "Refused $item->name\n";
            continue 2;
        }
    }

    $path = "restored/$item->name";
    if (!is_dir(dirname($path))) {
        mkdir(dirname($path), recursive: true);
    }

    // With "x", a file that is there already is an error.
    $container->getObject(rawurlencode($item->name))->download([
        'requestOptions' => ['sink' => Utils::tryFopen($path, 'x')],
    ]);
    echo "Restored $item->name: " . filesize($path) . " bytes\n";
}

// step-16
$key = bin2hex(random_bytes(32));
$container->mergeMetadata(['Temp-URL-Key' => $key]);

$url = $goat->getPublicUri();
$expires = time() + 3600;
$text = "GET\n$expires\n{$url->getPath()}";
$signature = hash_hmac('sha256', $text, $key);
echo "$url?temp_url_sig=$signature&temp_url_expires=$expires\n";

// step-17
foreach (['big', 'goat'] as $name) {
    $container->getObject($name)->delete();
    echo "Deleted $name\n";
}
$container->delete();

foreach ($segments->listObjects(['prefix' => $prefix]) as $item) {
    $item->delete();
    echo "Deleted segment $item->name\n";
}

// Others may keep segments in the same container.
$segments->retrieve();
if (!$made) {
    echo "Kept $segments->name: it was there before\n";
} elseif ($segments->objectCount > 0) {
    echo "Kept $segments->name: there is something else in it\n";
} else {
    $segments->delete();
}

$items = iterator_to_array($swift->listContainers());
echo 'Containers: ' . json_encode(array_column($items, 'name')) . "\n";

// step-18
