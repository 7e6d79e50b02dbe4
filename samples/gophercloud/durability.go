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

	// openstack.AuthOptionsFromEnv takes one domain for the user and the
	// project; here each has its own.
	provider, err := openstack.AuthenticatedClient(
		ctx,
		gophercloud.AuthOptions{
			IdentityEndpoint: os.Getenv("OS_AUTH_URL"),
			Username:         os.Getenv("OS_USERNAME"),
			Password:         os.Getenv("OS_PASSWORD"),
			DomainName:       os.Getenv("OS_USER_DOMAIN_NAME"),
			Scope: &gophercloud.AuthScope{
				ProjectName: os.Getenv("OS_PROJECT_NAME"),
				DomainName:  os.Getenv("OS_PROJECT_DOMAIN_NAME"),
			},
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
	// Create() succeeds for a container that is there already, so ask first.
	_, err = containers.Get(ctx, swift, "fractals", nil).Extract()
	if err == nil {
		log.Fatal("fractals is there already: use another name")
	}
	if !gophercloud.ResponseCodeIs(err, http.StatusNotFound) {
		log.Fatal(err)
	}

	created, err := containers.Create(ctx, swift, "fractals", nil).Extract()
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("Created fractals, transaction", created.TransID)

	// step-3
	pages, err = containers.List(swift, nil).AllPages(ctx)
	if err != nil {
		log.Fatal(err)
	}

	names, err = containers.ExtractNames(pages)
	if err != nil {
		log.Fatal(err)
	}
	for _, name := range names {
		fmt.Println(name)
	}

	// step-4
	file, err := os.Open("goat.jpg")
	if err != nil {
		log.Fatal(err)
	}

	uploaded, err := objects.Create(
		ctx, swift, "fractals", "an amazing goat",
		objects.CreateOpts{Content: file},
	).Extract()
	if err != nil {
		log.Fatal(err)
	}
	file.Close()
	fmt.Println("Uploaded an amazing goat:", uploaded.ETag)

	// step-5
	pages, err = objects.List(swift, "fractals", nil).AllPages(ctx)
	if err != nil {
		log.Fatal(err)
	}

	items, err := objects.ExtractInfo(pages)
	if err != nil {
		log.Fatal(err)
	}
	for _, item := range items {
		fmt.Printf("%s: %d bytes\n", item.Name, item.Bytes)
	}

	// step-6
	goat, err := objects.Get(
		ctx, swift, "fractals", "an amazing goat", nil,
	).Extract()
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%d bytes, %s\n", goat.ContentLength, goat.ContentType)

	download := objects.Download(
		ctx, swift, "fractals", "an amazing goat", nil,
	)
	if download.Err != nil {
		log.Fatal(download.Err)
	}

	file, err = os.Create("downloaded.jpg")
	if err != nil {
		log.Fatal(err)
	}
	if _, err := io.Copy(file, download.Body); err != nil {
		log.Fatal(err)
	}
	download.Body.Close()
	if err := file.Close(); err != nil {
		log.Fatal(err)
	}
	fmt.Println("Downloaded to downloaded.jpg")

	// step-7
	file, err = os.Open("downloaded.jpg")
	if err != nil {
		log.Fatal(err)
	}

	hash := md5.New()
	if _, err := io.Copy(hash, file); err != nil {
		log.Fatal(err)
	}
	file.Close()

	checksum := fmt.Sprintf("%x", hash.Sum(nil))
	fmt.Println("Swift:     ", goat.ETag)
	fmt.Println("Downloaded:", checksum)
	if checksum != goat.ETag {
		log.Fatal("the download is damaged")
	}

	// step-8
	_, err = objects.Delete(
		ctx, swift, "fractals", "an amazing goat", nil,
	).Extract()
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("Deleted an amazing goat")

	// step-9
	pages, err = objects.List(swift, "fractals", nil).AllPages(ctx)
	if err != nil {
		log.Fatal(err)
	}

	items, err = objects.ExtractInfo(pages)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("Objects:", items)

	// step-10
	// Nothing is held open: every call names its container.
	container, err := containers.Get(ctx, swift, "fractals", nil).Extract()
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("fractals: %d objects\n", container.ObjectCount)

	// step-11
	endpoint := os.Getenv("FRACTALS_ENDPOINT")
	answer, err := http.Get(endpoint + "/v1/fractal?results_per_page=-1")
	if err != nil {
		log.Fatal(err)
	}
	if answer.StatusCode != http.StatusOK {
		log.Fatal("fractals: ", answer.Status)
	}

	var fractals struct {
		Objects []struct {
			UUID string `json:"uuid"`
		} `json:"objects"`
	}
	if err := json.NewDecoder(answer.Body).Decode(&fractals); err != nil {
		log.Fatal(err)
	}
	answer.Body.Close()

	for _, fractal := range fractals.Objects {
		picture, err := http.Get(endpoint + "/fractal/" + fractal.UUID)
		if err != nil {
			log.Fatal(err)
		}
		if picture.StatusCode != http.StatusOK {
			log.Fatal(fractal.UUID, ": ", picture.Status)
		}

		// To send a checksum first, gophercloud would read all of the picture
		// into memory. With NoETag it sends the bytes as they come.
		stored, err := objects.Create(
			ctx, swift, "fractals", fractal.UUID,
			objects.CreateOpts{
				Content:     picture.Body,
				ContentType: "image/png",
				NoETag:      true,
			},
		).Extract()
		if err != nil {
			log.Fatal(err)
		}
		picture.Body.Close()
		fmt.Printf("Backed up %s: %s\n", fractal.UUID, stored.ETag)
	}

	// step-12
	pages, err = objects.List(swift, "fractals", nil).AllPages(ctx)
	if err != nil {
		log.Fatal(err)
	}

	names, err = objects.ExtractNames(pages)
	if err != nil {
		log.Fatal(err)
	}
	for _, name := range names {
		_, err := objects.Delete(ctx, swift, "fractals", name, nil).Extract()
		if err != nil {
			log.Fatal(err)
		}
	}

	_, err = containers.Delete(ctx, swift, "fractals").Extract()
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("Deleted fractals")

	// step-13
	_, err = containers.Create(ctx, swift, "fractals", nil).Extract()
	if err != nil {
		log.Fatal(err)
	}

	file, err = os.Open("goat.jpg")
	if err != nil {
		log.Fatal(err)
	}

	// A file can be rewound: it is read once for its checksum, and then sent.
	_, err = objects.Create(
		ctx, swift, "fractals", "goat",
		objects.CreateOpts{
			Content:     file,
			ContentType: "image/jpeg",
			Metadata: map[string]string{
				"description": "a funny goat",
				"created":     "2015-06-02",
			},
		},
	).Extract()
	if err != nil {
		log.Fatal(err)
	}
	file.Close()

	metadata, err := objects.Get(
		ctx, swift, "fractals", "goat", nil,
	).ExtractMetadata()
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("description:", metadata["Description"])
	fmt.Println("created:", metadata["Created"])

	// step-14
	const segmentSize = 2 * 1024 * 1024

	// This container may be there already, with segments of somebody else: the
	// time in the names keeps these apart.
	_, err = containers.Get(ctx, swift, "fractals_segments", nil).Extract()
	shared := err == nil
	if gophercloud.ResponseCodeIs(err, http.StatusNotFound) {
		_, err = containers.Create(
			ctx, swift, "fractals_segments", nil,
		).Extract()
	}
	if err != nil {
		log.Fatal(err)
	}

	file, err = os.Open("big.bin")
	if err != nil {
		log.Fatal(err)
	}
	info, err := file.Stat()
	if err != nil {
		log.Fatal(err)
	}

	type segment struct {
		Path string `json:"path"`
		ETag string `json:"etag"`
	}
	var segments []segment
	prefix := "big-" + time.Now().UTC().Format(time.RFC3339Nano)

	for start := int64(0); start < info.Size(); start += segmentSize {
		name := fmt.Sprintf("%s/%08d", prefix, len(segments))
		stored, err := objects.Create(
			ctx, swift, "fractals_segments", name,
			objects.CreateOpts{
				Content: io.NewSectionReader(file, start, segmentSize),
			},
		).Extract()
		if err != nil {
			log.Fatal(err)
		}
		segments = append(
			segments, segment{"fractals_segments/" + name, stored.ETag},
		)
	}
	file.Close()

	manifest, err := json.Marshal(segments)
	if err != nil {
		log.Fatal(err)
	}

	// The manifest's ETag is not the checksum of its bytes: without NoETag,
	// Swift would refuse it.
	_, err = objects.Create(
		ctx, swift, "fractals", "big",
		objects.CreateOpts{
			Content:           bytes.NewReader(manifest),
			MultipartManifest: "put",
			NoETag:            true,
		},
	).Extract()
	if err != nil {
		log.Fatal(err)
	}

	big, err := objects.Get(ctx, swift, "fractals", "big", nil).Extract()
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("big: %d bytes in %d segments\n",
		big.ContentLength, len(segments))

	// step-15
	if err := os.Mkdir("restored", 0o755); err != nil {
		log.Fatal(err)
	}
	// What is opened below a root cannot leave it, not even by a link.
	restored, err := os.OpenRoot("restored")
	if err != nil {
		log.Fatal(err)
	}

	pages, err = objects.List(swift, "fractals", nil).AllPages(ctx)
	if err != nil {
		log.Fatal(err)
	}

	names, err = objects.ExtractNames(pages)
	if err != nil {
		log.Fatal(err)
	}
	for _, name := range names {
		// Localize() takes no name with a part that is empty, ".." or ".",
		// except for "." itself.
		local, err := filepath.Localize(name)
		tooLong := slices.ContainsFunc(
			strings.Split(name, "/"),
			func(part string) bool { return len(part) > 255 },
		)
		if err != nil || name == "." || tooLong {
			fmt.Println("Refused", name)
			continue
		}

		download := objects.Download(ctx, swift, "fractals", name, nil)
		if download.Err != nil {
			log.Fatal(download.Err)
		}

		err = restored.MkdirAll(filepath.Dir(local), 0o755)
		if err != nil {
			log.Fatal(err)
		}
		file, err := restored.OpenFile(
			local, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644,
		)
		if err != nil {
			log.Fatal(err)
		}
		size, err := io.Copy(file, download.Body)
		if err != nil {
			log.Fatal(err)
		}
		download.Body.Close()
		if err := file.Close(); err != nil {
			log.Fatal(err)
		}
		fmt.Printf("Restored %s: %d bytes\n", name, size)
	}
	restored.Close()

	// step-16
	_, err = containers.Update(
		ctx, swift, "fractals",
		containers.UpdateOpts{TempURLKey: rand.Text()},
	).Extract()
	if err != nil {
		log.Fatal(err)
	}

	// It asks for the container's key. Unless told otherwise it would sign
	// with SHA-1, which is deprecated.
	url, err := objects.CreateTempURL(
		ctx, swift, "fractals", "goat",
		objects.CreateTempURLOpts{
			Method: objects.GET,
			TTL:    3600,
			Digest: "sha256",
		},
	)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(url)

	// step-17
	for _, name := range []string{"big", "goat"} {
		_, err := objects.Delete(ctx, swift, "fractals", name, nil).Extract()
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println("Deleted", name)
	}

	for _, segment := range segments {
		container, name, _ := strings.Cut(segment.Path, "/")
		_, err := objects.Delete(ctx, swift, container, name, nil).Extract()
		if err != nil {
			log.Fatal(err)
		}
	}
	fmt.Printf("Deleted the %d segments of big\n", len(segments))

	for _, name := range []string{"fractals", "fractals_segments"} {
		if name == "fractals_segments" && shared {
			fmt.Println("Kept fractals_segments: it was there before")
			continue
		}

		// Swift deletes no container that holds an object: it answers 409.
		_, err := containers.Delete(ctx, swift, name).Extract()
		if gophercloud.ResponseCodeIs(err, http.StatusConflict) {
			fmt.Printf("Kept %s: there is something else in it\n", name)
		} else if err != nil {
			log.Fatal(err)
		} else {
			fmt.Println("Deleted", name)
		}
	}

	pages, err = containers.List(swift, nil).AllPages(ctx)
	if err != nil {
		log.Fatal(err)
	}

	names, err = containers.ExtractNames(pages)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("Containers:", names)

	// step-18
}
