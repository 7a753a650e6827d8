// A registry client of Go's standard library alone, built with each Go release that pullscope reads.
//
// It pulls an image as registry clients do, checks every digest, and prints a line for each exchange that has ended:
// method, path, status code, body bytes, protocol. That is what pullscope is held against.
package main

import (
	"bytes"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"sync"
	"time"
)

var (
	registry   = flag.String("registry", "", "base URL of the registry")
	authority  = flag.String("ca", "", "file with the certificates that are trusted")
	repository = flag.String("repository", "", "repository of the image")
	tag        = flag.String("tag", "", "tag of the image")
	parallel   = flag.Int("parallel", 1, "blobs at a time: all their heads have come before a body is read")
	h1         = flag.Bool("h1", false, "HTTP/1.1 only")
	h2c        = flag.Bool("h2c", false, "HTTP/2 in the clear, from the first byte")
	repeat     = flag.Int("repeat", 1, "pulls in all, on the same connections")
	gate       = flag.String("gate", "", "file to wait for before every pull but the first and before the end, and to remove then")
	early      = flag.Bool("early", false, "wait for the gate before the first pull too")
	hold       = flag.Bool("hold", false, "wait for the gate also in the middle of the first pull's last blob")
	begin      = flag.Int("begin", 0, "bytes of each of those blobs that are read before that wait")
)

// inTheClear is set by h2c.go where Go has HTTP/2 in the clear.
var inTheClear func(*http.Transport)

// printed keeps lines whole.
var printed sync.Mutex

func say(format string, values ...any) {
	printed.Lock()
	defer printed.Unlock()
	fmt.Printf(format+"\n", values...)
}

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// reporter prints what has passed through it, redirects too.
type reporter struct{ next http.RoundTripper }

func (r reporter) RoundTrip(request *http.Request) (*http.Response, error) {
	response, err := r.next.RoundTrip(request)
	if err == nil {
		response.Body = &counted{ReadCloser: response.Body, response: response}
	}
	return response, err
}

// counted is a body that tells its length when it is closed.
type counted struct {
	io.ReadCloser
	response *http.Response
	bytes    int64
	once     sync.Once
}

func (c *counted) Read(into []byte) (int, error) {
	count, err := c.ReadCloser.Read(into)
	c.bytes += int64(count)
	return count, err
}

func (c *counted) Close() error {
	c.once.Do(func() {
		request := c.response.Request
		say("%s %s %d %d %s", request.Method, request.URL.RequestURI(), c.response.StatusCode, c.bytes, c.response.Proto)
	})
	return c.ReadCloser.Close()
}

func waitForGate() {
	say("waiting")
	for os.Remove(*gate) != nil {
		time.Sleep(5 * time.Millisecond)
	}
}

func ask(client *http.Client, method, path string) *http.Response {
	request, err := http.NewRequest(method, *registry+path, nil)
	check(err)
	request.Header.Set("Accept", "application/vnd.oci.image.manifest.v1+json")
	request.Header.Set("User-Agent", "puller")
	response, err := client.Do(request)
	check(err)
	if response.StatusCode != http.StatusOK {
		finish(response, "")
		check(fmt.Errorf("%s %s: %s", method, path, response.Status))
	}
	return response
}

// finish reads a body to its end and checks its digest, when there is one to check.
func finish(response *http.Response, digest string) []byte {
	body, err := io.ReadAll(response.Body)
	response.Body.Close()
	check(err)
	if got := fmt.Sprintf("sha256:%x", sha256.Sum256(body)); digest != "" && got != digest {
		check(fmt.Errorf("%s has the digest %s", digest, got))
	}
	return body
}

type descriptor struct{ Digest string }

func pull(client *http.Client, holding bool) {
	finish(ask(client, "GET", "/v2/"), "")
	manifestPath := "/v2/" + *repository + "/manifests/" + *tag
	head := ask(client, "HEAD", manifestPath)
	finish(head, "")
	response := ask(client, "GET", manifestPath)
	var manifest struct {
		Config descriptor
		Layers []descriptor
	}
	check(json.Unmarshal(finish(response, head.Header.Get("Docker-Content-Digest")), &manifest))
	blobs := append([]descriptor{manifest.Config}, manifest.Layers...)
	for len(blobs) > 0 {
		count := *parallel
		if count > len(blobs) {
			count = len(blobs)
		}
		fetch(client, blobs[:count], holding && count == len(blobs))
		blobs = blobs[count:]
	}
}

// readFirst reads so many bytes of a body, and leaves it as if they were still to be read.
func readFirst(response *http.Response, count int) {
	first, body := make([]byte, count), response.Body
	_, err := io.ReadFull(body, first)
	check(err)
	response.Body = struct {
		io.Reader
		io.Closer
	}{io.MultiReader(bytes.NewReader(first), body), body}
}

// fetch has all of the blobs in flight at once: no body is read before every head has come.
func fetch(client *http.Client, blobs []descriptor, holding bool) {
	var heads, bodies sync.WaitGroup
	open := make(chan struct{})
	heads.Add(len(blobs))
	bodies.Add(len(blobs))
	for _, blob := range blobs {
		go func(digest string) {
			response := ask(client, "GET", "/v2/"+*repository+"/blobs/"+digest)
			if holding {
				readFirst(response, *begin)
			}
			heads.Done()
			<-open
			finish(response, digest)
			bodies.Done()
		}(blob.Digest)
	}
	heads.Wait()
	if holding {
		waitForGate()
	}
	close(open)
	bodies.Wait()
}

func main() {
	flag.Parse()
	transport := &http.Transport{ForceAttemptHTTP2: !*h1, MaxIdleConnsPerHost: *parallel}
	if *h1 {
		transport.TLSNextProto = map[string]func(string, *tls.Conn) http.RoundTripper{}
	}
	if *authority != "" {
		certificates, err := os.ReadFile(*authority)
		check(err)
		pool := x509.NewCertPool()
		if !pool.AppendCertsFromPEM(certificates) {
			check(fmt.Errorf("no certificate in %s", *authority))
		}
		transport.TLSClientConfig = &tls.Config{RootCAs: pool}
	}
	if *h2c {
		inTheClear(transport)
	}
	client := &http.Client{Transport: reporter{transport}}
	for number := 0; number < *repeat; number++ {
		if (number > 0 || *early) && *gate != "" {
			waitForGate()
		}
		say("pull %d", number)
		pull(client, *hold && number == 0)
	}
	if *gate != "" {
		// Lives until it is let go, so that a test can look at it after its last request.
		waitForGate()
	}
}
