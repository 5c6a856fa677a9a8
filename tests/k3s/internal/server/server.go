// Package server is `k3s server`: what k3s refuses and keeps on disk, around a
// real etcd and a real Kubernetes.
package server

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/signal"
	"syscall"

	clientv3 "go.etcd.io/etcd/client/v3"
	"honey.test/k3s/internal/api"
	"honey.test/k3s/internal/claim"
	"honey.test/k3s/internal/logline"
	"honey.test/k3s/internal/node"
	"honey.test/k3s/internal/options"
	"honey.test/k3s/internal/process"
)

// Server is one server.
type Server struct {
	options   *options.Options
	claim     claim.Claim
	name      string
	ip        string
	advertise string
	password  string
	// member is the name of its etcd member.
	member string
	group  *process.Group
	etcd   *clientv3.Client
	api    *api.Client
}

func (server *Server) path(elements ...string) string {
	return server.options.Data(append([]string{"server"}, elements...)...)
}

// Run is the whole life of a server.
func Run(claim claim.Claim, options *options.Options) error {
	if err := check(options); err != nil {
		return err
	}
	server := &Server{options: options, claim: claim}
	var err error
	if server.name, err = options.NodeName(); err != nil {
		return err
	}
	if server.ip, err = options.NodeIP(); err != nil {
		return err
	}
	server.advertise = server.ip
	if external := options.List("node-external-ip"); len(external) > 0 {
		server.advertise = external[0]
	}
	if told := options.Get("advertise-address"); told != "" {
		server.advertise = told
	}
	if net.ParseIP(server.advertise) == nil {
		return fmt.Errorf("invalid advertise-address: %s", server.advertise)
	}
	logline.Info("Starting k3s %s", claim.Version)
	mark("started")
	if server.group, err = process.New(options.Data("server/logs")); err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	defer server.group.Stop()
	if options.Is("cluster-reset") {
		return server.reset(ctx)
	}
	return server.run(ctx)
}

// check refuses what no start can go on with.
func check(options *options.Options) error {
	if len(options.Rest) > 0 {
		return fmt.Errorf("extra arguments: %v", options.Rest)
	}
	if os.Getuid() != 0 && !options.Is("rootless") {
		return errors.New("must run as root unless --rootless and/or --disable-agent is specified")
	}
	switch backend := options.Get("flannel-backend"); backend {
	case "none", "vxlan", "host-gw", "wireguard-native", "tailscale":
	default:
		return fmt.Errorf("flannel configuration not defined: unknown backend %s", backend)
	}
	if options.Is("cluster-reset") && options.Get("server") != "" {
		return errors.New("cannot perform cluster-reset while server URL is set - remove server from configuration before resetting")
	}
	if path := options.Get("cluster-reset-restore-path"); path != "" {
		if !options.Is("cluster-reset") {
			return errors.New("invalid flag use; --cluster-reset required with --cluster-reset-restore-path")
		}
		if _, err := os.Stat(path); err != nil {
			return fmt.Errorf("etcd: snapshot path does not exist: %s", path)
		}
	}
	for _, address := range append(options.List("node-ip"), options.List("node-external-ip")...) {
		if net.ParseIP(address) == nil {
			return fmt.Errorf("invalid node-ip: %s", address)
		}
	}
	return nil
}

func (server *Server) run(ctx context.Context) error {
	listener, err := server.listen()
	if err != nil {
		return err
	}
	access, err := server.prepare()
	if err != nil {
		return fmt.Errorf("starting kubernetes: preparing server: %w", err)
	}
	if err := server.leaves(); err != nil {
		return err
	}
	if err := server.writeTokens(); err != nil {
		return err
	}
	if err := server.serve(listener); err != nil {
		return err
	}
	if err := server.startEtcd(access); err != nil {
		return fmt.Errorf("starting kubernetes: preparing server: start managed database: %w", err)
	}
	// A start without the flag ends what a reset began.
	_ = os.Remove(server.path("db/reset-flag"))
	if server.etcd, err = EtcdClient(server.path("tls"), localEtcd); err != nil {
		return err
	}
	failed := make(chan error, 1)
	up, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() {
		if err := server.bringUp(up); err != nil {
			failed <- err
		}
	}()
	select {
	case <-ctx.Done():
		return nil
	case exit := <-server.group.Exits():
		logline.Error("%s", exit.Tail)
		return fmt.Errorf("%s exited: %v", exit.Name, exit.Err)
	case err := <-failed:
		if ctx.Err() != nil {
			return nil
		}
		return err
	}
}

// prepare settles which cluster this server belongs to, before anything starts.
func (server *Server) prepare() (*Access, error) {
	token, given, err := GivenToken(server.options)
	if err != nil {
		return nil, err
	}
	stored := server.storedPassword()
	url := server.options.Get("server")
	if server.initialised() {
		if given && stored != "" && token.Password != stored {
			return nil, errors.New("bootstrap data already found and encrypted with different token")
		}
		if stored == "" && !given {
			return nil, errors.New("--token is required")
		}
		server.password = stored
		if stored == "" {
			server.password = token.Password
		}
		return nil, nil
	}
	if url == "" {
		server.password = stored
		if given {
			server.password = token.Password
		}
		if server.password == "" {
			if server.password, err = random(16); err != nil {
				return nil, err
			}
		}
		if exists(server.path("tls/server-ca.key")) {
			return nil, nil
		}
		return nil, server.createShared()
	}
	if !given {
		if stored == "" {
			return nil, errors.New("--token is required")
		}
		token = Token{User: "server", Password: stored}
	}
	server.password = token.Password
	access, err := NewAccess(url, token)
	if err != nil {
		return nil, fmt.Errorf("failed to validate token: %w", err)
	}
	return access, server.fetch(access)
}

// bringUp starts what needs a database that answers, in order.
func (server *Server) bringUp(ctx context.Context) error {
	go server.keepMembers(ctx)
	if err := server.waitVoter(ctx); err != nil {
		return err
	}
	if err := server.keepShared(ctx); err != nil {
		return err
	}
	if err := server.startAPI(ctx); err != nil {
		return err
	}
	if err := server.startControllers(); err != nil {
		return err
	}
	if err := server.writeKubeconfig(); err != nil {
		return err
	}
	go server.keepNode(ctx)
	if !server.options.Is("disable-agent") {
		home, err := NewAccess("https://127.0.0.1:"+server.options.Get("https-listen-port"), Token{User: "server", Password: server.password})
		if err != nil {
			return err
		}
		if err := node.Start(ctx, server.claim, server.options, server.group, home.url, home); err != nil {
			return err
		}
	}
	logline.Info("k3s is up and running")
	Ready()
	return nil
}

// Ready tells the service manager.
func Ready() {
	socket := os.Getenv("NOTIFY_SOCKET")
	if socket == "" {
		return
	}
	if connection, err := net.DialUnix("unixgram", nil, &net.UnixAddr{Name: socket, Net: "unixgram"}); err == nil {
		defer connection.Close()
		_, _ = connection.Write([]byte("READY=1"))
	}
}
