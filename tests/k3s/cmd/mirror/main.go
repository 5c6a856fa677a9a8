// Command mirror stands for the two places that k3s is installed from: the
// installer at get.k3s.io and releases at github.com, over HTTPS, with stand-ins
// in them. `mirror FOLDER K3S PARTS ADDRESS VERSION…` writes its authority to
// FOLDER/ca.crt, prints `ready`, and serves until its standard input ends.
package main

import (
	"crypto/sha256"
	_ "embed"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"honey.test/k3s/internal/authority"
)

//go:embed install.sh
var installer string

func main() {
	if len(os.Args) < 6 {
		fmt.Fprintln(os.Stderr, "usage: mirror FOLDER K3S PARTS ADDRESS VERSION…")
		os.Exit(2)
	}
	if err := serve(os.Args[1], os.Args[2], os.Args[3], os.Args[4], os.Args[5:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func serve(folder, program, parts, address string, versions []string) error {
	if err := authority.Create(filepath.Join(folder, "ca"), "mirror"); err != nil {
		return err
	}
	signer, err := authority.Load(filepath.Join(folder, "ca"))
	if err != nil {
		return err
	}
	leaf := filepath.Join(folder, "leaf")
	if err := signer.Issue(leaf, authority.Leaf{Name: "mirror", Hosts: []string{"get.k3s.io", "github.com"}, Server: true}); err != nil {
		return err
	}
	routes := http.NewServeMux()
	text := strings.ReplaceAll(installer, "@ARTIFACTS@", "https://github.com/k3s-io/k3s/releases/download")
	routes.HandleFunc("GET get.k3s.io/{$}", func(answer http.ResponseWriter, _ *http.Request) { fmt.Fprint(answer, text) })
	for _, version := range versions {
		path := filepath.Join(folder, "k3s-"+version)
		if output, err := exec.Command(program, "stand-in", version, parts, path).CombinedOutput(); err != nil {
			return fmt.Errorf("%w: %s", err, output)
		}
		content, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		hashes := ""
		for _, suffix := range []string{"", "-arm64"} {
			hashes += fmt.Sprintf("%x  k3s%s\n", sha256.Sum256(content), suffix)
			routes.HandleFunc("GET github.com/k3s-io/k3s/releases/download/"+version+"/k3s"+suffix,
				func(answer http.ResponseWriter, request *http.Request) { http.ServeFile(answer, request, path) })
		}
		for _, machine := range []string{"amd64", "arm64"} {
			routes.HandleFunc("GET github.com/k3s-io/k3s/releases/download/"+version+"/sha256sum-"+machine+".txt",
				func(answer http.ResponseWriter, _ *http.Request) { fmt.Fprint(answer, hashes) })
		}
	}
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return err
	}
	fmt.Println("ready")
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		os.Exit(0)
	}()
	return http.ServeTLS(listener, routes, leaf+".crt", leaf+".key")
}
