package server

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"

	"honey.test/k3s/internal/authority"
	"honey.test/k3s/internal/options"
)

// Token is what a server or an agent shows to come in.
type Token struct {
	// Hash of the authority of servers; empty in the short form.
	Hash     string
	User     string
	Password string
}

// ParseToken reads `K10<hash>::<user>:<password>` or a password alone.
func ParseToken(text string) (Token, error) {
	text = strings.TrimSpace(text)
	rest, full := strings.CutPrefix(text, "K10")
	if !full {
		return Token{User: "server", Password: text}, nil
	}
	hash, credentials, found := strings.Cut(rest, "::")
	user, password, pair := strings.Cut(credentials, ":")
	if !found || !pair || len(hash) != 64 {
		return Token{}, fmt.Errorf("invalid token format")
	}
	return Token{hash, user, password}, nil
}

// GivenToken is the token that options name; false when they name none.
func GivenToken(options *options.Options) (Token, bool, error) {
	text := options.Get("token")
	if path := options.Get("token-file"); text == "" && path != "" {
		content, err := os.ReadFile(path)
		if err != nil {
			return Token{}, false, err
		}
		text = string(content)
	}
	if strings.TrimSpace(text) == "" {
		return Token{}, false, nil
	}
	token, err := ParseToken(text)
	return token, true, err
}

// The files that all servers of a cluster share, below `server`.
func shared() []string {
	files := []string{"tls/service.key", "cred/encryption-config.json"}
	for _, name := range authority.Names {
		files = append(files, "tls/"+name+".crt", "tls/"+name+".key")
	}
	return files
}

// createShared makes what a new cluster needs.
func (server *Server) createShared() error {
	for _, name := range authority.Names {
		if err := authority.Create(server.path("tls", name), strings.ReplaceAll(name, "/", "-")); err != nil {
			return err
		}
	}
	if err := authority.NewKey(server.path("tls/service.key")); err != nil {
		return err
	}
	if !server.options.Is("secrets-encryption") {
		return nil
	}
	provider := server.options.Get("secrets-encryption-provider")
	if provider != "aescbc" && provider != "secretbox" {
		return fmt.Errorf("unsupported secrets-encryption-provider %s", provider)
	}
	key := make([]byte, 32)
	if _, err := rand.Read(key); err != nil {
		return err
	}
	keys := []any{map[string]any{"name": provider + "key", "secret": base64.StdEncoding.EncodeToString(key)}}
	text, err := json.Marshal(map[string]any{
		"kind": "EncryptionConfiguration", "apiVersion": "apiserver.config.k8s.io/v1",
		"resources": []any{map[string]any{
			"resources": []string{"secrets"},
			"providers": []any{
				map[string]any{provider: map[string]any{"keys": keys}},
				map[string]any{"identity": map[string]any{}},
			},
		}},
	})
	if err != nil {
		return err
	}
	return authority.Write(server.path("cred/encryption-config.json"), text, 0o600)
}

// collectShared reads the shared files, by name.
func (server *Server) collectShared() (map[string]string, error) {
	found := map[string]string{}
	for _, name := range shared() {
		text, err := os.ReadFile(server.path(name))
		if os.IsNotExist(err) && name == "cred/encryption-config.json" {
			continue
		}
		if err != nil {
			return nil, err
		}
		found[name] = string(text)
	}
	return found, nil
}

func (server *Server) writeShared(files map[string]string) error {
	for _, name := range shared() {
		text, there := files[name]
		if !there {
			continue
		}
		mode := os.FileMode(0o600)
		if strings.HasSuffix(name, ".crt") {
			mode = 0o644
		}
		if err := authority.Write(server.path(name), []byte(text), mode); err != nil {
			return err
		}
	}
	return nil
}

// leaves makes this server's own certificates, anew at every start: they are
// cheap, and addresses may have changed.
func (server *Server) leaves() error {
	hosts := append([]string{"127.0.0.1", "::1", "localhost", server.name, server.ip}, server.options.List("tls-san")...)
	hosts = append(hosts, server.advertise,
		"kubernetes", "kubernetes.default", "kubernetes.default.svc", "kubernetes.default.svc."+server.options.Get("cluster-domain"))
	_, services, err := net.ParseCIDR(server.options.List("service-cidr")[0])
	if err != nil {
		return fmt.Errorf("invalid cidr %s", server.options.List("service-cidr")[0])
	}
	first := services.IP.To4()
	first[3]++
	hosts = append(hosts, first.String())
	type issue struct {
		by   string
		file string
		leaf authority.Leaf
	}
	client := func(name string, groups ...string) authority.Leaf {
		return authority.Leaf{Name: name, Groups: groups, Client: true}
	}
	for _, one := range []issue{
		{"server-ca", "serving-kube-apiserver", authority.Leaf{Name: "kube-apiserver", Hosts: append(hosts, "127.0.0.2"), Server: true}},
		{"server-ca", "dynamic", authority.Leaf{Name: "k3s", Groups: []string{"k3s"}, Hosts: hosts, Server: true}},
		{"client-ca", "client-admin", client("system:admin", "system:masters")},
		{"client-ca", "client-supervisor", client("system:k3s-supervisor", "system:masters")},
		{"client-ca", "client-controller", client("system:kube-controller-manager")},
		{"client-ca", "client-scheduler", client("system:kube-scheduler")},
		{"client-ca", "client-kube-proxy", client("system:kube-proxy")},
		{"client-ca", "client-kube-apiserver", client("system:apiserver", "system:masters")},
		{"request-header-ca", "client-auth-proxy", client("system:auth-proxy")},
		{"etcd/server-ca", "etcd/server-client", authority.Leaf{Name: "etcd-server", Hosts: hosts, Server: true, Client: true}},
		{"etcd/server-ca", "etcd/client", client("etcd-client")},
		{"etcd/peer-ca", "etcd/peer-server-client", authority.Leaf{Name: "etcd-peer", Hosts: hosts, Server: true, Client: true}},
	} {
		signer, err := authority.Load(server.path("tls", one.by))
		if err != nil {
			return err
		}
		if err := signer.Issue(server.path("tls", one.file), one.leaf); err != nil {
			return err
		}
	}
	return nil
}

// writeTokens writes `token` and `node-token`.
func (server *Server) writeTokens() error {
	text, err := os.ReadFile(server.path("tls/server-ca.crt"))
	if err != nil {
		return err
	}
	full := "K10" + authority.Hash(text) + "::server:" + server.password + "\n"
	if err := authority.Write(server.path("token"), []byte(full), 0o600); err != nil {
		return err
	}
	for _, name := range []string{"node-token", "agent-token"} {
		link := server.path(name)
		if _, err := os.Lstat(link); os.IsNotExist(err) {
			if err := os.Symlink(server.path("token"), link); err != nil {
				return err
			}
		}
	}
	return nil
}

// storedPassword is the password in `server/token`, if there is one.
func (server *Server) storedPassword() string {
	text, err := os.ReadFile(filepath.Clean(server.path("token")))
	if err != nil {
		return ""
	}
	token, err := ParseToken(string(text))
	if err != nil {
		return ""
	}
	return token.Password
}

func random(bytes int) (string, error) {
	content := make([]byte, bytes)
	_, err := rand.Read(content)
	return hex.EncodeToString(content), err
}
