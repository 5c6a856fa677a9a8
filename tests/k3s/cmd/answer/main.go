// Command answer is all that pods of tests run: it waits (`pause`), or answers
// HTTP with the name of its pod (`serve PORT`).
package main

import (
	"fmt"
	"net/http"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	if len(os.Args) == 3 && os.Args[1] == "serve" {
		name, _ := os.Hostname()
		go func() {
			handler := http.HandlerFunc(func(answer http.ResponseWriter, _ *http.Request) { fmt.Fprintln(answer, name) })
			if err := http.ListenAndServe(":"+os.Args[2], handler); err != nil {
				fmt.Fprintln(os.Stderr, err)
				os.Exit(1)
			}
		}()
	}
	end := make(chan os.Signal, 1)
	signal.Notify(end, syscall.SIGTERM, syscall.SIGINT)
	<-end
}
