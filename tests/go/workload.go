// What runs in the containers of the tests: a program that needs nothing of an image but itself.
//
//	workload          runs until it is told to end (SIGTERM, SIGINT)
//	workload exit N   ends at once with this exit code
package main

import (
	"os"
	"os/signal"
	"strconv"
	"syscall"
)

func main() {
	if len(os.Args) == 3 && os.Args[1] == "exit" {
		code, err := strconv.Atoi(os.Args[2])
		if err != nil {
			panic(err)
		}
		os.Exit(code)
	}
	told := make(chan os.Signal, 1)
	signal.Notify(told, syscall.SIGTERM, syscall.SIGINT)
	<-told
}
