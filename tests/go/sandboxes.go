// A router in front of sandboxes, or a manager of sandboxes, with the requests and the Redis commands that such programs exchange:
// names of commands in lower case, and several commands in one write.
//
// It prints a line for each thing that it has done: what, of which kind, and how it ended.
package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httputil"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

var (
	role    = flag.String("role", "", "router or manager")
	listen  = flag.String("listen", "", "address to listen at")
	store   = flag.String("redis", "", "address of the Redis server")
	manager = flag.String("manager", "", "of a router: address of the manager")
	sandbox = flag.String("sandbox", "", "of a router: address of every sandbox")
	gone    = flag.String("gone", "", "of a router: address of a sandbox that is gone")
)

var printing sync.Mutex

func did(what, kind string, good bool) {
	status := "error"
	if good {
		status = "ok"
	}
	printing.Lock()
	defer printing.Unlock()
	fmt.Println(what, kind, status)
}

// connection is one to the Redis server.
type connection struct {
	net.Conn
	reader *bufio.Reader
}

var idle = make(chan *connection, 64)

// pipeline sends commands in one write and reads their replies: nil, an int64, a string, a list of strings, or an error.
func pipeline(commands ...[]string) []any {
	var on *connection
	select {
	case on = <-idle:
	default:
		conn, err := net.Dial("tcp", *store)
		check(err)
		on = &connection{conn, bufio.NewReader(conn)}
	}
	var sent bytes.Buffer
	for _, words := range commands {
		fmt.Fprintf(&sent, "*%d\r\n", len(words))
		for _, word := range words {
			fmt.Fprintf(&sent, "$%d\r\n%s\r\n", len(word), word)
		}
	}
	_, err := on.Write(sent.Bytes())
	check(err)
	var replies []any
	for range commands {
		replies = append(replies, on.reply())
	}
	idle <- on
	return replies
}

func (on *connection) reply() any {
	line, err := on.reader.ReadString('\n')
	check(err)
	kind, rest := line[0], strings.TrimSpace(line[1:])
	number, _ := strconv.ParseInt(rest, 10, 64)
	switch {
	case kind == ':':
		return number
	case kind == '-':
		return errors.New(rest)
	case kind == '+':
		return rest
	case number < 0:
		return nil
	case kind == '$':
		text := make([]byte, number+2)
		_, err := io.ReadFull(on.reader, text)
		check(err)
		return string(text[:number])
	}
	list := []string{}
	for range number {
		list = append(list, on.reply().(string))
	}
	return list
}

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func now() string {
	return strconv.FormatInt(time.Now().Unix(), 10)
}

// forget takes a session out of the store.
func forget(id string) bool {
	replies := pipeline([]string{"del", "session:" + id}, []string{"zrem", "session:expiry", id},
		[]string{"zrem", "session:last_activity", id})
	return replies[0] == int64(1)
}

var sessions atomic.Int64

// create makes a sandbox. The request's body says what goes wrong: nothing, `kind` (there is none of that name), `taken` (its session
// is there already), `ready` (it does not get ready) or `lost` (its session goes away meanwhile).
func create(answer http.ResponseWriter, request *http.Request) {
	kind := request.PathValue("kind")
	wrong, _ := io.ReadAll(request.Body)
	end := func(code int, id string) {
		did("sandbox_create", kind, code < 300)
		answer.WriteHeader(code)
		json.NewEncoder(answer).Encode(map[string]string{"sessionID": id})
	}
	if string(wrong) == "kind" {
		end(http.StatusNotFound, "")
		return
	}
	number := sessions.Add(1)
	id := fmt.Sprintf("%s-%d", kind, number)
	expiry := now()
	if number%2 == 0 {
		expiry = "99999999999"
	}
	content := fmt.Sprintf(`{"id":%q,"kind":%q,"note":%q}`, id, kind, strings.Repeat("x", 300))
	if string(wrong) == "taken" {
		pipeline([]string{"hset", "session:" + id, "not", "this"})
	}
	replies := pipeline([]string{"setnx", "session:" + id, content}, []string{"zadd", "session:expiry", expiry, id},
		[]string{"zadd", "session:last_activity", now(), id})
	did("session_create", "all", replies[0] == int64(1))
	if replies[0] != int64(1) {
		end(http.StatusInternalServerError, "")
		return
	}
	time.Sleep(5 * time.Millisecond)
	if string(wrong) == "lost" {
		pipeline([]string{"unlink", "session:" + id})
	}
	if string(wrong) != "ready" {
		updated := pipeline([]string{"set", "session:" + id, content, "xx"})[0] == "OK"
		did("session_update", "all", updated)
		if updated {
			end(http.StatusOK, id)
			return
		}
	}
	forget(id)
	did("sandbox_rollback", "all", true)
	end(http.StatusInternalServerError, "")
}

// remove deletes a sandbox. One whose name ends with 7 cannot be deleted.
func remove(answer http.ResponseWriter, request *http.Request) {
	kind, id := request.PathValue("kind"), request.PathValue("id")
	code := http.StatusOK
	if pipeline([]string{"get", "session:" + id})[0] == nil {
		code = http.StatusNotFound
	} else if strings.HasSuffix(id, "7") {
		code = http.StatusInternalServerError
	} else {
		forget(id)
	}
	did("sandbox_delete", kind, code != http.StatusInternalServerError)
	answer.WriteHeader(code)
}

// listed gives the sessions of a list, after it has looked at each.
func listed(by string) []string {
	ids := pipeline([]string{"zrangebyscore", "session:" + by, "-inf", "9999999999", "limit", "0", "100"})[0].([]string)
	did("gc_list", by, true)
	var gets [][]string
	for _, id := range ids {
		gets = append(gets, []string{"get", "session:" + id})
	}
	if len(gets) > 0 {
		pipeline(gets...)
	}
	return ids
}

// collect is a cycle of garbage collection: it takes away what is in either list, and what is in both a second time. Why: the list that
// had it, of both the one that was read last.
func collect(http.ResponseWriter, *http.Request) {
	idle, expired := listed("last_activity"), listed("expiry")
	why := map[string]string{}
	for _, id := range idle {
		why[id] = "last_activity"
	}
	for _, id := range expired {
		why[id] = "expiry"
	}
	for _, id := range append(idle, expired...) {
		if !strings.HasSuffix(id, "7") {
			did("gc_reclaim", why[id], forget(id))
		}
	}
	did("gc_cycle", "all", true)
}

// invoke passes a request on to its sandbox, of which the manager makes one where there is no session yet.
func invoke(answer http.ResponseWriter, request *http.Request) {
	kind, name := request.PathValue("kind"), request.PathValue("name")
	fail := func(code int) {
		did("invoke", kind, false)
		answer.WriteHeader(code)
	}
	if name == "busy" {
		fail(http.StatusTooManyRequests)
		return
	}
	id := request.Header.Get("X-Session")
	if id == "" {
		id = "none"
	}
	known := pipeline([]string{"get", "session:" + id})[0] != nil
	did("session_lookup", "all", true)
	if !known {
		kind := strings.TrimSuffix(kind, "s")
		made, err := http.Post("http://"+*manager+"/v1/"+kind, "application/json", strings.NewReader(request.Header.Get("X-Wrong")))
		check(err)
		var session struct{ SessionID string }
		check(json.NewDecoder(made.Body).Decode(&session))
		made.Body.Close()
		did("sandbox_request", kind, made.StatusCode == http.StatusOK)
		if made.StatusCode != http.StatusOK {
			fail(http.StatusBadRequest)
			return
		}
		id = session.SessionID
	}
	pipeline([]string{"zadd", "session:last_activity", now(), id})
	did("session_touch", "all", true)
	proxy := httputil.ReverseProxy{
		Director: func(request *http.Request) {
			request.URL.Scheme, request.URL.Host = "http", *sandbox
			if name == "gone" {
				request.URL.Host = *gone
			}
		},
		ModifyResponse: func(response *http.Response) error {
			response.Header.Set("X-Session", id)
			did("invoke", kind, response.StatusCode < 400)
			return nil
		},
		ErrorHandler: func(_ http.ResponseWriter, _ *http.Request, err error) {
			if !errors.Is(err, syscall.ECONNREFUSED) {
				check(err)
			}
			did("proxy_error", "connection_refused", false)
			fail(http.StatusBadGateway)
		},
	}
	proxy.ServeHTTP(answer, request)
}

func main() {
	flag.Parse()
	handler := http.NewServeMux()
	if *role == "router" {
		for _, method := range []string{"GET", "POST"} {
			handler.HandleFunc(method+" /v1/namespaces/{ns}/{kind}/{name}/invocations/{rest...}", invoke)
		}
	} else {
		handler.HandleFunc("POST /v1/{kind}", create)
		handler.HandleFunc("DELETE /v1/{kind}/sessions/{id}", remove)
		handler.HandleFunc("POST /collect", collect)
	}
	server := &http.Server{Addr: *listen, Handler: handler, Protocols: new(http.Protocols)}
	server.Protocols.SetHTTP1(true)
	server.Protocols.SetUnencryptedHTTP2(true)
	check(server.ListenAndServe())
}
