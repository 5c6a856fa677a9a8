package server

import (
	"encoding/json"
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"honey.test/k3s/internal/authority"
	"honey.test/k3s/internal/options"
)

// other stands for the server that is joined: it knows one password and says
// what is critical about itself.
func other(t *testing.T, password string, settings map[string]any) (url string, hash string) {
	t.Helper()
	routes := http.NewServeMux()
	web := httptest.NewTLSServer(routes)
	t.Cleanup(web.Close)
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: web.Certificate().Raw})
	routes.HandleFunc("GET /cacerts", func(answer http.ResponseWriter, _ *http.Request) { _, _ = answer.Write(text) })
	guarded := (&Server{password: password}).allowed
	routes.HandleFunc("GET /v1-k3s/config", guarded(func(http.ResponseWriter, *http.Request) (any, error) { return settings, nil }))
	routes.HandleFunc("GET /v1-k3s/server-bootstrap", guarded(func(http.ResponseWriter, *http.Request) (any, error) {
		return map[string]string{"tls/server-ca.crt": "theirs"}, nil
	}))
	return web.URL, authority.Hash(text)
}

func parsed(t *testing.T, words ...string) *options.Options {
	t.Helper()
	config := filepath.Join(t.TempDir(), "config.yaml")
	if err := os.WriteFile(config, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	found, err := options.Parse(options.Server(), append([]string{"--config", config, "--data-dir", t.TempDir()}, words...))
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// read gives settings the way they come over the wire.
func read(t *testing.T, options *options.Options) map[string]any {
	t.Helper()
	text, err := json.Marshal(critical(options))
	if err != nil {
		t.Fatal(err)
	}
	var found map[string]any
	if err := json.Unmarshal(text, &found); err != nil {
		t.Fatal(err)
	}
	return found
}

func join(t *testing.T, url string, token Token, words ...string) error {
	t.Helper()
	access, err := NewAccess(url, token)
	if err != nil {
		return err
	}
	return (&Server{options: parsed(t, words...)}).fetch(access)
}

func TestATokenIsChecked(t *testing.T) {
	url, hash := other(t, "right", read(t, parsed(t)))
	for _, token := range []Token{{User: "server", Password: "right"}, {hash, "server", "right"}} {
		if err := join(t, url, token); err != nil {
			t.Errorf("%+v: %v", token, err)
		}
	}
	for words, token := range map[string]Token{
		"401 Unauthorized":                     {hash, "server", "wrong"},
		"401":                                  {hash, "node", "right"},
		"does not match the Cluster CA certif": {strings.Repeat("0", 64), "server", "right"},
	} {
		if err := join(t, url, token); err == nil || !strings.Contains(err.Error(), words) {
			t.Errorf("%+v: %v", token, err)
		}
	}
	for _, text := range []string{"K10abc::server:x", "K10" + hash + ":server:x", "K10" + hash + "::server"} {
		if _, err := ParseToken(text); err == nil {
			t.Errorf("%q is no token", text)
		}
	}
}

// What has to be the same on all servers, each as it could differ.
func TestACriticalDifferenceIsRefused(t *testing.T) {
	url, _ := other(t, "p", read(t, parsed(t)))
	token := Token{User: "server", Password: "p"}
	differences := map[string]string{
		"cluster-dns": "10.43.0.11", "cluster-cidr": "10.52.0.0/16", "cluster-domain": "other.local",
		"disable-cloud-controller": "true", "disable-helm-controller": "true", "disable-network-policy": "true",
		"disable": "servicelb", "secrets-encryption": "true", "secrets-encryption-provider": "secretbox",
		"embedded-registry": "true", "flannel-backend": "wireguard-native", "flannel-ipv6-masq": "true",
		"flannel-external-ip": "true", "egress-selector-mode": "disabled", "service-cidr": "10.53.0.0/16",
		"supervisor-metrics": "true",
	}
	for name, value := range differences {
		err := join(t, url, token, "--"+name+"="+value)
		if err == nil || !strings.Contains(err.Error(), "critical configuration value mismatch between servers") {
			t.Errorf("--%s=%s: %v", name, value, err)
		}
	}
	// What each server may say for itself.
	for _, words := range []string{"--disable=traefik", "--node-ip=10.0.0.1", "--tls-san=x", "--etcd-disable-snapshots"} {
		if err := join(t, url, token, words); err != nil {
			t.Errorf("%s: %v", words, err)
		}
	}
	folder := os.Getenv("HONEY_SPECS")
	if folder == "" {
		t.Log("the list was not compared with k3s's own: HONEY_SPECS names no folder")
		return
	}
	text, err := os.ReadFile(filepath.Join(folder, "k3s/flags.v1.34.json"))
	if err != nil {
		t.Fatal(err)
	}
	var known struct {
		Critical []string `json:"critical_must_match_on_all_servers"`
	}
	if err := json.Unmarshal(text, &known); err != nil {
		t.Fatal(err)
	}
	var theirs, ours []string
	for _, name := range known.Critical {
		name, _, _ = strings.Cut(name, " ")
		theirs = append(theirs, name)
	}
	for name := range critical(parsed(t)) {
		ours = append(ours, name)
	}
	slices.Sort(theirs)
	slices.Sort(ours)
	if !slices.Equal(theirs, ours) {
		t.Errorf("theirs %v, ours %v", theirs, ours)
	}
}
