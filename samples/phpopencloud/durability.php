<?php

// step-1
declare(strict_types=1);

use GuzzleHttp\Client;
use GuzzleHttp\Psr7\Utils;
use OpenStack\OpenStack;

require __DIR__ . '/vendor/autoload.php';

$cloud = new OpenStack([
    'authUrl' => getenv('OS_AUTH_URL'),
    'region' => getenv('OS_REGION_NAME'),
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
]);
$swift = $cloud->objectStoreV1();

$account = $swift->getAccount();
$account->retrieve();
echo "Connected: $account->containerCount containers\n";

// step-2
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
    $item->delete();
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
// The manifest takes in every name that begins with the prefix: without its
// slash, also the segments of an object called "bigger".
$big = $container->createLargeObject([
    'name' => 'big',
    'stream' => Utils::streamFor(Utils::tryFopen('big.bin', 'r')),
    'segmentSize' => 2 * 1024 * 1024,
    'segmentContainer' => 'fractals_segments',
    'segmentPrefix' => 'big/',
]);

$big->retrieve();
echo "$big->name: $big->contentLength bytes\n";
foreach ($swift->getContainer('fractals_segments')->listObjects() as $item) {
    echo "  segment $item->name: $item->contentLength bytes\n";
}

// step-15
mkdir('restored');

foreach ($container->listObjects() as $item) {
    $path = "restored/$item->name";
    $item->download(['requestOptions' => ['sink' => $path]]);
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
foreach (['fractals', 'fractals_segments'] as $name) {
    $container = $swift->getContainer($name);
    foreach ($container->listObjects() as $item) {
        $item->delete();
        echo "Deleted $name/$item->name\n";
    }
    $container->delete();
}

$items = iterator_to_array($swift->listContainers());
echo 'Containers: ' . json_encode(array_column($items, 'name')) . "\n";

// step-18
