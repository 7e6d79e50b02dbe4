// step-1
package main

import (
	"bytes"
	"context"
	"crypto/md5"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/gophercloud/gophercloud/v2"
	"github.com/gophercloud/gophercloud/v2/openstack"
	"github.com/gophercloud/gophercloud/v2/openstack/objectstorage/v1/containers"
	"github.com/gophercloud/gophercloud/v2/openstack/objectstorage/v1/objects"
)

func main() {
	ctx := context.Background()

	// The credential knows its user and its project.
	provider, err := openstack.AuthenticatedClient(
		ctx,
		gophercloud.AuthOptions{
			IdentityEndpoint: os.Getenv("OS_AUTH_URL"),
			ApplicationCredentialID: os.Getenv(
				"OS_APPLICATION_CREDENTIAL_ID",
			),
			ApplicationCredentialSecret: os.Getenv(
				"OS_APPLICATION_CREDENTIAL_SECRET",
			),
		},
	)
	if err != nil {
		log.Fatal(err)
	}

	swift, err := openstack.NewObjectStorageV1(
		provider,
		gophercloud.EndpointOpts{
			Region:       os.Getenv("OS_REGION_NAME"),
			Availability: gophercloud.Availability(os.Getenv("OS_INTERFACE")),
		},
	)
	if err != nil {
		log.Fatal(err)
	}

	pages, err := containers.List(swift, nil).AllPages(ctx)
	if err != nil {
		log.Fatal(err)
	}
	names, err := containers.ExtractNames(pages)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("Connected: %d containers\n", len(names))

	// step-2
}
