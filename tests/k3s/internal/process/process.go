// Package process runs the real programs behind the stand-in. They die with it,
// however it dies: they would be goroutines of it in k3s.
package process

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"sync"
	"syscall"
	"time"
)

// Exit is the end of a program.
type Exit struct {
	Name string
	Err  error
	// Tail is the end of its log.
	Tail string
}

// Group starts programs and tells when one ends.
type Group struct {
	logs   string
	exits  chan Exit
	starts chan func()
	mutex  sync.Mutex
	open   []*running
	ending bool
}

type running struct {
	name    string
	command *exec.Cmd
	done    chan struct{}
}

// New keeps logs below this folder.
func New(logs string) (*Group, error) {
	if err := os.MkdirAll(logs, 0o755); err != nil {
		return nil, err
	}
	group := &Group{logs: logs, exits: make(chan Exit, 16), starts: make(chan func())}
	// The kernel kills a child when the thread that made it ends, not when the
	// process does: one thread makes them all and stays.
	go func() {
		runtime.LockOSThread()
		for start := range group.starts {
			start()
		}
	}()
	return group, nil
}

// Exits tells about programs that ended by themselves.
func (group *Group) Exits() <-chan Exit { return group.exits }

// Start runs a program until it ends or the group does.
func (group *Group) Start(name string, command *exec.Cmd) error {
	path := filepath.Join(group.logs, name+".log")
	log, err := os.Create(path)
	if err != nil {
		return err
	}
	command.Stdout, command.Stderr = log, log
	command.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}
	result := make(chan error)
	group.starts <- func() { result <- command.Start() }
	if err := <-result; err != nil {
		log.Close()
		return err
	}
	child := &running{name, command, make(chan struct{})}
	group.mutex.Lock()
	group.open = append(group.open, child)
	group.mutex.Unlock()
	go func() {
		err := command.Wait()
		log.Close()
		close(child.done)
		group.mutex.Lock()
		ending := group.ending
		group.mutex.Unlock()
		if !ending {
			group.exits <- Exit{name, err, Tail(path)}
		}
	}()
	return nil
}

// Stop ends all programs, the last one started first.
func (group *Group) Stop() {
	group.mutex.Lock()
	group.ending = true
	open := group.open
	group.mutex.Unlock()
	for at := len(open) - 1; at >= 0; at-- {
		child := open[at]
		_ = child.command.Process.Signal(syscall.SIGTERM)
		limit := 2 * time.Second
		if child.name == "etcd" {
			limit = 10 * time.Second
		}
		select {
		case <-child.done:
		case <-time.After(limit):
			_ = child.command.Process.Kill()
			<-child.done
		}
	}
}

// Tail is the end of a log.
func Tail(path string) string {
	text, err := os.ReadFile(path)
	if err != nil {
		return ""
	}
	return string(text[max(0, len(text)-2000):])
}
