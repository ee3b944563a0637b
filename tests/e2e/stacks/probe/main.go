// Command probe says what a pod sees: its processor, names, other servers, and what it may write.
package main

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"
)

func main() {
	if len(os.Args) < 2 {
		fail(fmt.Errorf("usage: probe machine|lookup NAME|get URL|serve TEXT|write FILE TEXT"))
	}
	actions := map[string]func([]string) (string, error){
		"machine": machine, "lookup": lookup, "get": get, "serve": serve, "write": write,
	}
	action, known := actions[os.Args[1]]
	if !known {
		fail(fmt.Errorf("no such action: %s", os.Args[1]))
	}
	said, err := action(os.Args[2:])
	if err != nil {
		fail(err)
	}
	fmt.Println(said)
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}

func machine([]string) (string, error) {
	var name syscall.Utsname
	if err := syscall.Uname(&name); err != nil {
		return "", err
	}
	var text strings.Builder
	for _, character := range name.Machine {
		if character == 0 {
			break
		}
		text.WriteByte(byte(character))
	}
	return text.String(), nil
}

func lookup(arguments []string) (string, error) {
	addresses, err := net.LookupHost(arguments[0])
	return strings.Join(addresses, " "), err
}

func get(arguments []string) (string, error) {
	client := http.Client{Timeout: 10 * time.Second}
	answer, err := client.Get(arguments[0])
	if err != nil {
		return "", err
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(io.LimitReader(answer.Body, 4096))
	return string(body), err
}

func serve(arguments []string) (string, error) {
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, syscall.SIGTERM)
	server := &http.Server{
		Addr:              ":8080",
		ReadHeaderTimeout: 5 * time.Second,
		Handler: http.HandlerFunc(func(answer http.ResponseWriter, _ *http.Request) {
			fmt.Fprint(answer, arguments[0])
		}),
	}
	failed := make(chan error, 1)
	go func() { failed <- server.ListenAndServe() }()
	select {
	case err := <-failed:
		return "", err
	case <-stop:
		return "stopped", nil
	}
}

func write(arguments []string) (string, error) {
	return arguments[0], os.WriteFile(arguments[0], []byte(arguments[1]), 0o640)
}
