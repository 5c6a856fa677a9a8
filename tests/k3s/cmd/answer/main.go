// Command answer is all that pods of tests run: it waits (`pause`), answers HTTP
// with the name of its pod (`serve PORT`), writes down at every moment that it
// runs (`tick FILE CLUSTER`), also while it is told to end, or does a job that
// fails for as long as a file is missing (`need FILE`).
package main

import (
	"fmt"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"
)

// A worker that is told to end finishes what it has in hand first.
const lastWork = 2 * time.Second

func main() {
	end := make(chan os.Signal, 1)
	signal.Notify(end, syscall.SIGTERM, syscall.SIGINT)
	name, _ := os.Hostname()
	switch {
	case len(os.Args) == 3 && os.Args[1] == "serve":
		go func() {
			handler := http.HandlerFunc(func(answer http.ResponseWriter, _ *http.Request) { fmt.Fprintln(answer, name) })
			fail(http.ListenAndServe(":"+os.Args[2], handler))
		}()
	case len(os.Args) == 4 && os.Args[1] == "tick":
		// One write of a line is never torn or mixed with another's.
		log, err := os.OpenFile(os.Args[2], os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
		fail(err)
		go tick(log, os.Args[3], name)
		<-end
		time.Sleep(lastWork)
		return
	case len(os.Args) == 3 && os.Args[1] == "need":
		_, err := os.Stat(os.Args[2])
		fail(err)
		return
	}
	<-end
}

// tick writes time, cluster and pod, for ever.
func tick(log *os.File, cluster, name string) {
	for {
		_, err := fmt.Fprintf(log, "%d %s %s\n", time.Now().UnixNano(), cluster, name)
		fail(err)
		time.Sleep(20 * time.Millisecond)
	}
}

func fail(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
