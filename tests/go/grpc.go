// A client of gRPC services on a unix socket, as the kubelet and crictl are: the same library, the same header compression, one
// connection for everything.
//
//	grpc SOCKET
//
// Each line of standard input begins a call: `{"call":1,"method":"/runtime.v1.ImageService/ListImages","body":"...","deadline_ms":0}`,
// with the request's message in base64, or gives one up: `{"cancel":1}`. Each call that has ended is a line of standard output:
// `{"call":1,"code":0,"message":"","body":"...","nanoseconds":1}`. Ends when standard input does, after the last call.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"log"
	"os"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/status"
)

// Messages as they are: the other end of the pipe knows what they mean.
type asItIs struct{}

func (asItIs) Marshal(message interface{}) ([]byte, error) { return *message.(*[]byte), nil }

func (asItIs) Unmarshal(bytes []byte, message interface{}) error {
	*message.(*[]byte) = append([]byte(nil), bytes...)
	return nil
}

func (asItIs) Name() string { return "proto" }

type order struct {
	Call     uint64 `json:"call"`
	Method   string `json:"method"`
	Body     []byte `json:"body"`
	Deadline int64  `json:"deadline_ms"`
	Cancel   uint64 `json:"cancel"`
}

type end struct {
	Call        uint64 `json:"call"`
	Code        uint32 `json:"code"`
	Message     string `json:"message"`
	Body        []byte `json:"body"`
	Nanoseconds int64  `json:"nanoseconds"`
}

func call(connection *grpc.ClientConn, parent context.Context, order order) end {
	if order.Deadline > 0 {
		var cancel context.CancelFunc
		parent, cancel = context.WithTimeout(parent, time.Duration(order.Deadline)*time.Millisecond)
		defer cancel()
	}
	var answer []byte
	began := time.Now()
	err := connection.Invoke(parent, order.Method, &order.Body, &answer, grpc.ForceCodec(asItIs{}))
	took := time.Since(began)
	told := status.Convert(err)
	return end{order.Call, uint32(told.Code()), told.Message(), answer, took.Nanoseconds()}
}

func main() {
	// As the kubelet allows for (pkg/kubelet/cri/remote, maxMsgSize): a list of many images is long.
	large := grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(16 << 20))
	connection, err := grpc.Dial("unix://"+os.Args[1], grpc.WithInsecure(), grpc.WithBlock(), large)
	if err != nil {
		log.Fatal(err)
	}
	var running sync.WaitGroup
	var told sync.Mutex
	ends := json.NewEncoder(os.Stdout)
	cancels := map[uint64]context.CancelFunc{}
	orders := json.NewDecoder(bufio.NewReader(os.Stdin))
	for orders.More() {
		var order order
		if err := orders.Decode(&order); err != nil {
			log.Fatal(err)
		}
		if order.Cancel != 0 {
			cancels[order.Cancel]()
			continue
		}
		parent, cancel := context.WithCancel(context.Background())
		cancels[order.Call] = cancel
		running.Add(1)
		go func() {
			defer running.Done()
			defer cancel()
			end := call(connection, parent, order)
			told.Lock()
			defer told.Unlock()
			if err := ends.Encode(end); err != nil {
				log.Fatal(err)
			}
		}()
	}
	running.Wait()
}
