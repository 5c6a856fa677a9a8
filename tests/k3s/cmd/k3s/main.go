// Command k3s is a stand-in for k3s where the real one cannot be had. It takes
// k3s's flags, environment and files and refuses what k3s refuses; behind it
// run the real etcd, the real programs of Kubernetes, containerd and runc.
//
// What it is not: no flannel (routes on one link instead, so no WireGuard), no
// NetworkPolicies, no bundled workloads (coredns, traefik, servicelb,
// local-path, metrics-server), no S3, no scheduled snapshots.
package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"syscall"

	"honey.test/k3s/internal/agent"
	"honey.test/k3s/internal/claim"
	"honey.test/k3s/internal/kubeconfig"
	"honey.test/k3s/internal/logline"
	"honey.test/k3s/internal/options"
	"honey.test/k3s/internal/server"
	"honey.test/k3s/internal/snapshot"
)

func main() {
	name, arguments := filepath.Base(os.Args[0]), os.Args[1:]
	// Known by other names too, as k3s is.
	if slices.Contains([]string{"kubectl", "ctr", "crictl"}, name) {
		arguments = append([]string{name}, arguments...)
	}
	if len(arguments) > 0 && arguments[0] == "stand-in" {
		standIn(arguments[1:])
		return
	}
	own, err := claim.Own()
	if err != nil {
		logline.Fatal("%v", err)
	}
	if len(arguments) == 0 {
		fmt.Println("NAME:\n   k3s - Kubernetes, but small and simple\n\nUSAGE:\n   k3s [global options] command [command options]")
		return
	}
	command, arguments := arguments[0], arguments[1:]
	switch command {
	case "--version", "-v", "-version":
		fmt.Printf("k3s version %s (standin)\ngo version %s\n", own.Version, runtime.Version())
	case "server":
		finish(server.Run(own, parsed(options.Server(), arguments)))
	case "agent":
		finish(agent.Run(own, parsed(options.Agent(), arguments)))
	case "etcd-snapshot":
		finish(snapshot.Run(arguments))
	case "kubectl":
		if os.Getenv("KUBECONFIG") == "" {
			os.Setenv("KUBECONFIG", kubeconfig.Path)
		}
		replace(own.Command("kubectl", arguments...))
	case "ctr":
		replace(exec.Command("ctr", append([]string{"--address", "/run/k3s/containerd/containerd.sock", "--namespace", "k8s.io"}, arguments...)...))
	default:
		fmt.Fprintf(os.Stderr, "No help topic for '%s'\n", command)
		os.Exit(3)
	}
}

func parsed(flags []options.Flag, arguments []string) *options.Options {
	found, err := options.Parse(flags, arguments)
	if err != nil {
		fmt.Fprintf(os.Stderr, "Incorrect Usage: %v\n\n", err)
		logline.Fatal("%v", err)
	}
	return found
}

func finish(err error) {
	if err != nil {
		logline.Fatal("%v", err)
	}
}

// replace becomes the other program.
func replace(command *exec.Cmd) {
	path, err := exec.LookPath(command.Path)
	if err == nil {
		environment := command.Env
		if environment == nil {
			environment = os.Environ()
		}
		err = syscall.Exec(path, command.Args, environment)
	}
	logline.Fatal("%v", err)
}

// standIn makes a copy that claims a version: `k3s stand-in VERSION PARTS OUTPUT`.
func standIn(arguments []string) {
	if len(arguments) != 3 {
		logline.Fatal("usage: k3s stand-in VERSION PARTS OUTPUT")
	}
	finish(claim.Write(claim.Claim{Version: arguments[0], Parts: arguments[1]}, arguments[2]))
}
