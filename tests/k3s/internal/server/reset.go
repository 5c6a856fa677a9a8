package server

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"honey.test/k3s/internal/authority"
	"honey.test/k3s/internal/logline"
)

const resetDone = "Managed etcd cluster membership has been reset, restart without --cluster-reset flag now. " +
	"Backup and delete ${datadir}/server/db on each peer etcd server and rejoin the nodes"

// reset makes this server the only member, from its own data or a snapshot.
func (server *Server) reset(ctx context.Context) error {
	flag := server.path("db/reset-flag")
	snapshot := server.options.Get("cluster-reset-restore-path")
	if snapshot == "" && exists(flag) {
		return fmt.Errorf("Managed etcd cluster membership was previously reset, please remove the cluster-reset flag and start k3s normally. "+
			"If you need to perform another cluster reset, you must first manually delete the file at %s", flag)
	}
	token, given, err := GivenToken(server.options)
	if err != nil {
		return err
	}
	server.password = server.storedPassword()
	if given {
		server.password = token.Password
	}
	if server.password == "" {
		return fmt.Errorf("starting kubernetes: preparing server: %s does not exist, please pass --token to complete the restoration", server.path("token"))
	}
	var extra []string
	if snapshot == "" {
		if !server.initialised() {
			return errors.New("starting kubernetes: preparing server: cluster-reset was requested, but no etcd data lies on this server")
		}
		extra = []string{"--force-new-cluster"}
	} else if err := server.restore(snapshot); err != nil {
		return fmt.Errorf("starting kubernetes: preparing server: start managed database: %w", err)
	}
	fresh := !exists(server.path("tls/server-ca.key"))
	if fresh {
		// Something to talk to etcd with, until the snapshot gives the real one.
		if err := server.createShared(); err != nil {
			return err
		}
	}
	if err := server.leaves(); err != nil {
		return err
	}
	if err := server.startEtcd(nil, extra...); err != nil {
		return err
	}
	if server.etcd, err = EtcdClient(server.path("tls"), localEtcd); err != nil {
		return err
	}
	limited, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()
	if err := server.waitVoter(limited); err != nil {
		return err
	}
	if snapshot != "" {
		if err := server.readShared(limited); err != nil {
			return fmt.Errorf("starting kubernetes: preparing server: %w", err)
		}
		if err := server.writeTokens(); err != nil {
			return err
		}
	}
	server.group.Stop()
	if err := authority.Write(flag, nil, 0o600); err != nil {
		return err
	}
	logline.Error("Shutdown request received: %q", resetDone)
	return nil
}

// restore puts a snapshot where the database belongs; the old one stays beside it.
func (server *Server) restore(snapshot string) error {
	folder := server.path("db/etcd")
	if exists(folder) {
		aside := fmt.Sprintf("%s-old-%d", folder, time.Now().Unix())
		if err := os.Rename(folder, aside); err != nil {
			return err
		}
	}
	name, err := server.memberName()
	if err != nil {
		return err
	}
	made := folder + "-tmp"
	_ = os.RemoveAll(made)
	peer := "https://" + server.ip + ":2380"
	command := server.claim.Command("etcdutl", "snapshot", "restore", snapshot,
		"--name="+name, "--initial-cluster="+name+"="+peer, "--initial-advertise-peer-urls="+peer, "--data-dir="+made,
		// What clients remember of revisions must not look new again.
		"--bump-revision=1000000", "--mark-compacted")
	if output, err := command.CombinedOutput(); err != nil {
		return fmt.Errorf("snapshot restore failed: %w: %s", err, output)
	}
	return os.Rename(filepath.Join(made, "member"), filepath.Join(folder, "member"))
}

// bootstrapKey is where the shared files lie in etcd, so that a snapshot alone
// and the token bring a cluster back.
func (server *Server) bootstrapKey() string {
	sum := sha256.Sum256([]byte(server.password))
	return "/bootstrap/" + hex.EncodeToString(sum[:])[:12]
}

func (server *Server) sealer() (cipher.AEAD, error) {
	sum := sha256.Sum256([]byte("bootstrap:" + server.password))
	block, err := aes.NewCipher(sum[:])
	if err != nil {
		return nil, err
	}
	return cipher.NewGCM(block)
}

// keepShared writes the shared files to etcd, encrypted with the token.
func (server *Server) keepShared(ctx context.Context) error {
	found, err := server.etcd.Get(ctx, server.bootstrapKey())
	if err != nil || len(found.Kvs) > 0 {
		return err
	}
	files, err := server.collectShared()
	if err != nil {
		return err
	}
	text, err := json.Marshal(files)
	if err != nil {
		return err
	}
	seal, err := server.sealer()
	if err != nil {
		return err
	}
	nonce := make([]byte, seal.NonceSize())
	if _, err := rand.Read(nonce); err != nil {
		return err
	}
	_, err = server.etcd.Put(ctx, server.bootstrapKey(), string(seal.Seal(nonce, nonce, text, nil)))
	return err
}

// readShared brings the shared files back from etcd.
func (server *Server) readShared(ctx context.Context) error {
	found, err := server.etcd.Get(ctx, server.bootstrapKey())
	if err != nil {
		return err
	}
	if len(found.Kvs) == 0 {
		return errors.New("bootstrap data already found and encrypted with different token")
	}
	seal, err := server.sealer()
	if err != nil {
		return err
	}
	sealed := found.Kvs[0].Value
	if len(sealed) < seal.NonceSize() {
		return errors.New("bootstrap data is cut")
	}
	text, err := seal.Open(nil, sealed[:seal.NonceSize()], sealed[seal.NonceSize():], nil)
	if err != nil {
		return errors.New("bootstrap data already found and encrypted with different token")
	}
	var files map[string]string
	if err := json.Unmarshal(text, &files); err != nil {
		return err
	}
	return server.writeShared(files)
}
