// Package claim is what a copy of the stand-in says about itself: which release
// of k3s it claims to be, and where the real programs lie. Both stand behind
// the program in its own file, so that two releases are two files with two
// digests, from one build.
package claim

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

const mark = "\nstand-in for k3s: "

// Claim is the text behind the program.
type Claim struct {
	// Version is a release of k3s, like `v1.34.6+k3s1`.
	Version string `json:"version"`
	// Parts is the folder with etcd, kube-apiserver and the others.
	Parts string `json:"parts"`
}

// Own reads the claim of the running program.
func Own() (Claim, error) {
	var claim Claim
	file, err := os.Open("/proc/self/exe")
	if err != nil {
		return claim, err
	}
	defer file.Close()
	size, err := file.Seek(0, io.SeekEnd)
	if err != nil {
		return claim, err
	}
	tail := make([]byte, min(size, 4096))
	if _, err := file.ReadAt(tail, size-int64(len(tail))); err != nil {
		return claim, err
	}
	at := bytes.LastIndex(tail, []byte(mark))
	if at < 0 {
		return claim, fmt.Errorf("this copy claims no version: make one with `k3s stand-in VERSION PARTS OUTPUT`")
	}
	return claim, json.Unmarshal(tail[at+len(mark):], &claim)
}

// Write makes a copy of the running program with this claim.
func Write(claim Claim, output string) error {
	program, err := os.ReadFile("/proc/self/exe")
	if err != nil {
		return err
	}
	if at := bytes.LastIndex(program, []byte(mark)); at >= len(program)-4096 && at >= 0 {
		program = program[:at]
	}
	text, err := json.Marshal(claim)
	if err != nil {
		return err
	}
	return os.WriteFile(output, append(append(program, mark...), text...), 0o755)
}

// Command prepares one of the real programs: from the folder of parts where it
// has it, else from PATH.
func (claim Claim) Command(name string, arguments ...string) *exec.Cmd {
	path := filepath.Join(claim.Parts, name)
	if _, err := os.Stat(path); err != nil {
		path = name
	}
	command := exec.Command(path, arguments...)
	command.Args[0] = name
	// Only the stand-in itself speaks with the service manager.
	command.Env = slices.DeleteFunc(os.Environ(), func(one string) bool { return strings.HasPrefix(one, "NOTIFY_SOCKET=") })
	command.Env = append(command.Env, "K3S_PARTS_VERSION="+claim.Version)
	return command
}
