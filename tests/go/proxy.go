// A reverse proxy as Go programs have one. The first word of a path says to whom a request goes.
//
// It prints a line for each request that failed because of an upstream, or because its client went away: the path, and why.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httputil"
	"os"
	"strings"
	"syscall"
	"time"
)

var (
	listen    = flag.String("listen", "", "address to listen at")
	upstreams = flag.String("upstreams", "", "NAME=ADDRESS,...; a path that begins with none of the names goes to the last")
	patience  = flag.Duration("patience", time.Second, "how long to wait for a connection, and for an answer")
)

func why(request *http.Request, err error) string {
	var late net.Error
	switch {
	case errors.Is(err, context.Canceled) || request.Context().Err() != nil:
		return "canceled"
	case errors.Is(err, syscall.ECONNREFUSED):
		return "connection_refused"
	case errors.As(err, &late) && late.Timeout():
		return "timeout"
	}
	return "other"
}

// body tells of an answer that breaks off: the proxy's own handler of errors is not called for one.
type body struct {
	io.ReadCloser
	request *http.Request
}

func (body body) Read(bytes []byte) (int, error) {
	count, err := body.ReadCloser.Read(bytes)
	if err != nil && err != io.EOF {
		fmt.Println(body.request.URL.Path, why(body.request, err))
	}
	return count, err
}

func main() {
	flag.Parse()
	var names, addresses []string
	for _, upstream := range strings.Split(*upstreams, ",") {
		name, address, _ := strings.Cut(upstream, "=")
		names, addresses = append(names, name), append(addresses, address)
	}
	proxy := &httputil.ReverseProxy{
		Director: func(request *http.Request) {
			request.URL.Scheme, request.URL.Host = "http", addresses[len(addresses)-1]
			for number, name := range names {
				if strings.HasPrefix(request.URL.Path, "/"+name+"/") {
					request.URL.Host = addresses[number]
				}
			}
		},
		Transport: &http.Transport{
			DialContext:           (&net.Dialer{Timeout: *patience}).DialContext,
			ResponseHeaderTimeout: *patience,
		},
		ModifyResponse: func(response *http.Response) error {
			response.Body = body{response.Body, response.Request}
			return nil
		},
		ErrorHandler: func(answer http.ResponseWriter, request *http.Request, err error) {
			fmt.Println(request.URL.Path, why(request, err))
			answer.WriteHeader(http.StatusBadGateway)
		},
		ErrorLog: log.New(io.Discard, "", 0),
	}
	server := &http.Server{Addr: *listen, Handler: proxy}
	if err := server.ListenAndServe(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
