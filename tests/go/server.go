// A registry over TLS that needs nothing but its certificate: for a machine on which no other server is.
//
// It has one image, which it makes up, and prints a line for each connection when it has been accepted.
package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"flag"
	"fmt"
	"net"
	"net/http"
	"os"
	"strconv"
)

var (
	listen      = flag.String("listen", "", "address to listen at")
	certificate = flag.String("certificate", "", "file with the certificate")
	key         = flag.String("key", "", "file with the private key")
	repository  = flag.String("repository", "", "repository of the image")
	tag         = flag.String("tag", "", "tag of the image")
)

// sizes of the image's layers: none, one that shares its record with the head, some records, and more than the first window
// of an HTTP/2 stream (RFC 9113, 6.9.2).
var sizes = []int{0, 1, 40_000, 300_000}

type descriptor struct {
	MediaType string `json:"mediaType"`
	Digest    string `json:"digest"`
	Size      int    `json:"size"`
}

func digest(content []byte) string {
	return fmt.Sprintf("sha256:%x", sha256.Sum256(content))
}

// contents gives what there is by its path.
func contents() map[string][]byte {
	base := "/v2/" + *repository
	contents := map[string][]byte{"/v2/": []byte("{}")}
	blob := func(mediaType string, content []byte) descriptor {
		contents[base+"/blobs/"+digest(content)] = content
		return descriptor{mediaType, digest(content), len(content)}
	}
	config := blob("application/vnd.oci.image.config.v1+json", []byte(`{"architecture":"amd64","os":"linux"}`))
	var layers []descriptor
	for number, size := range sizes {
		content := bytes.Repeat([]byte{byte(number)}, size)
		layers = append(layers, blob("application/vnd.oci.image.layer.v1.tar", content))
	}
	manifest, err := json.Marshal(map[string]any{"schemaVersion": 2, "config": config, "layers": layers})
	check(err)
	contents[base+"/manifests/"+*tag] = manifest
	return contents
}

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func main() {
	flag.Parse()
	contents := contents()
	server := &http.Server{
		Addr: *listen,
		Handler: http.HandlerFunc(func(answer http.ResponseWriter, request *http.Request) {
			content, found := contents[request.URL.Path]
			if !found {
				http.NotFound(answer, request)
				return
			}
			answer.Header().Set("Docker-Content-Digest", digest(content))
			answer.Header().Set("Content-Length", strconv.Itoa(len(content)))
			// To HEAD, net/http sends none of it.
			answer.Write(content)
		}),
		ConnState: func(_ net.Conn, state http.ConnState) {
			if state == http.StateNew {
				fmt.Println("connection")
			}
		},
	}
	check(server.ListenAndServeTLS(*certificate, *key))
}
