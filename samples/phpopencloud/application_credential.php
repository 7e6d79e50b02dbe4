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
    // It belongs to one project: no scope is given.
    'application_credential' => [
        'id' => getenv('OS_APPLICATION_CREDENTIAL_ID'),
        'secret' => getenv('OS_APPLICATION_CREDENTIAL_SECRET'),
    ],
    // A file with the certificate of a private CA, if your cloud has one.
    'requestOptions' => ['verify' => getenv('OS_CACERT') ?: true],
]);
$swift = $cloud->objectStoreV1();

$account = $swift->getAccount();
$account->retrieve();
echo "Connected: $account->containerCount containers\n";

// step-2
