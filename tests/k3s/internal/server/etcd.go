package server

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.uber.org/zap"
	"honey.test/k3s/internal/authority"
	"honey.test/k3s/internal/logline"
)

const localEtcd = "https://127.0.0.1:2379"

// initialised tells whether a database lies on this disk.
func (server *Server) initialised() bool {
	_, err := os.Stat(server.path("db/etcd/member/wal"))
	return err == nil
}

// EtcdClient opens a connection with the certificates below `server/tls`.
func EtcdClient(tlsFolder string, endpoints ...string) (*clientv3.Client, error) {
	text, err := os.ReadFile(filepath.Join(tlsFolder, "etcd/server-ca.crt"))
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(text)
	base := filepath.Join(tlsFolder, "etcd/client")
	pair, err := tls.LoadX509KeyPair(base+".crt", base+".key")
	if err != nil {
		return nil, err
	}
	return clientv3.New(clientv3.Config{
		Endpoints: endpoints, DialTimeout: 5 * time.Second, Logger: zap.NewNop(),
		TLS: &tls.Config{RootCAs: pool, Certificates: []tls.Certificate{pair}},
	})
}

// memberName is the node's name and something random, kept: a machine that
// comes again with an empty disk is another member.
func (server *Server) memberName() (string, error) {
	path := server.path("db/etcd/name")
	if text, err := os.ReadFile(path); err == nil {
		return strings.TrimSpace(string(text)), nil
	}
	tail, err := random(4)
	if err != nil {
		return "", err
	}
	name := server.name + "-" + tail
	return name, authority.Write(path, []byte(name), 0o600)
}

// startEtcd runs etcd: as it was, as the first, or as a learner.
func (server *Server) startEtcd(access *Access, extra ...string) error {
	name, err := server.memberName()
	if err != nil {
		return err
	}
	server.member = name
	self := name + "=https://" + server.ip + ":2380"
	state, cluster := "existing", self
	switch {
	case server.initialised():
	case access == nil:
		state = "new"
	default:
		if cluster, err = server.becomeLearner(access, name); err != nil {
			return fmt.Errorf("etcd cluster join failed: %w", err)
		}
	}
	file := func(name string) string { return server.path("tls/etcd", name) }
	arguments := append([]string{
		"--name=" + name, "--data-dir=" + server.path("db/etcd"),
		"--listen-client-urls=" + localEtcd + ",https://" + server.ip + ":2379",
		"--advertise-client-urls=https://" + server.ip + ":2379",
		"--listen-peer-urls=https://127.0.0.1:2380,https://" + server.ip + ":2380",
		"--initial-advertise-peer-urls=https://" + server.ip + ":2380",
		"--listen-metrics-urls=http://127.0.0.1:2381",
		"--initial-cluster=" + cluster, "--initial-cluster-state=" + state,
		"--cert-file=" + file("server-client.crt"), "--key-file=" + file("server-client.key"),
		"--trusted-ca-file=" + file("server-ca.crt"), "--client-cert-auth",
		"--peer-cert-file=" + file("peer-server-client.crt"), "--peer-key-file=" + file("peer-server-client.key"),
		"--peer-trusted-ca-file=" + file("peer-ca.crt"), "--peer-client-cert-auth",
		"--heartbeat-interval=500", "--election-timeout=5000",
		// A test kills processes, never the kernel: what was written stays.
		"--unsafe-no-fsync",
	}, extra...)
	for _, argument := range server.options.List("etcd-arg") {
		arguments = append(arguments, "--"+argument)
	}
	if err := os.MkdirAll(server.path("db/etcd"), 0o700); err != nil {
		return err
	}
	return server.group.Start("etcd", server.claim.Command("etcd", arguments...))
}

// becomeLearner adds this server to the members, as one that does not vote yet.
func (server *Server) becomeLearner(access *Access, name string) (string, error) {
	text, err := access.Get("/db/info", nil)
	if err != nil {
		return "", err
	}
	var endpoints []string
	if err := json.Unmarshal(text, &endpoints); err != nil {
		return "", err
	}
	client, err := EtcdClient(server.path("tls"), endpoints...)
	if err != nil {
		return "", err
	}
	defer client.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	list, err := client.MemberList(ctx)
	if err != nil {
		return "", err
	}
	peer := "https://" + server.ip + ":2380"
	var cluster []string
	there := false
	for _, member := range list.Members {
		for _, url := range member.PeerURLs {
			// One that was added and never started has no name yet: it is this one.
			if (member.Name == "" && url == peer) || member.Name == name {
				there = true
				continue
			}
			cluster = append(cluster, member.Name+"="+url)
		}
		if at := strings.LastIndex(member.Name, "-"); at > 0 && member.Name[:at] == server.name && member.Name != name {
			_ = os.Remove(server.path("db/etcd/name"))
			return "", errors.New("duplicate node name found, please use a unique name for this node")
		}
	}
	if !there {
		logline.Info("Adding member %s=%s to etcd cluster %v", name, peer, cluster)
		if _, err := client.MemberAddAsLearner(ctx, []string{peer}); err != nil {
			return "", err
		}
	}
	return strings.Join(append(cluster, name+"="+peer), ","), nil
}

// waitVoter waits until the own member answers and votes.
func (server *Server) waitVoter(ctx context.Context) error {
	told := ""
	for {
		why := func() string {
			short, cancel := context.WithTimeout(ctx, 3*time.Second)
			defer cancel()
			status, err := server.etcd.Status(short, localEtcd)
			switch {
			case err != nil:
				return "etcd does not answer yet"
			case status.IsLearner:
				return "this server has not yet been promoted from learner to voting member"
			}
			if _, err := server.etcd.Get(short, "/registry/health"); err != nil {
				return "etcd has no leader yet"
			}
			return ""
		}()
		if why == "" {
			return nil
		}
		if why != told {
			logline.Info("Waiting for etcd server to become available: %s", why)
			told = why
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(200 * time.Millisecond):
		}
	}
}
