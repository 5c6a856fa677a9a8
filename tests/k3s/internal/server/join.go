package server

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"time"

	"honey.test/k3s/internal/authority"
	"honey.test/k3s/internal/logline"
	"honey.test/k3s/internal/options"
)

// Access is the way to the supervisor of another server.
type Access struct {
	url   string
	token Token
	http  *http.Client
	// Authority is the certificate of the authority of servers.
	Authority []byte
}

// NewAccess asks the server for its authority and compares it with the token.
func NewAccess(address string, token Token) (*Access, error) {
	parsed, err := url.Parse(address)
	if err != nil || parsed.Scheme != "https" || parsed.Host == "" {
		return nil, fmt.Errorf("only https:// URLs are supported, invalid scheme: %s", address)
	}
	blind := &http.Client{
		Timeout: 10 * time.Second,
		// The answer is compared with the token's hash below.
		Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}},
	}
	access := &Access{url: strings.TrimSuffix(address, "/"), token: token, http: blind}
	text, err := access.Get("/cacerts", nil)
	if err != nil {
		return nil, fmt.Errorf("failed to get CA certs: %w", err)
	}
	if hash := authority.Hash(text); token.Hash != "" && token.Hash != hash {
		return nil, fmt.Errorf("token CA hash does not match the Cluster CA certificate hash: %s != %s", token.Hash, hash)
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(text)
	access.Authority = text
	access.http = &http.Client{
		Timeout:   20 * time.Second,
		Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}},
	}
	return access, nil
}

// Get reads one path of the supervisor.
func (access *Access) Get(path string, headers map[string]string) ([]byte, error) {
	request, err := http.NewRequest(http.MethodGet, access.url+path, nil)
	if err != nil {
		return nil, err
	}
	request.SetBasicAuth(access.token.User, access.token.Password)
	for name, value := range headers {
		request.Header.Set(name, value)
	}
	answer, err := access.http.Do(request)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(io.LimitReader(answer.Body, 4<<20))
	if err != nil {
		return nil, err
	}
	if answer.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s%s: %s: %s", access.url, path, answer.Status, strings.TrimSpace(string(text)))
	}
	return text, nil
}

// critical is what must be the same on all servers.
func critical(options *options.Options) map[string]any {
	found := map[string]any{
		"disable-service-lb": slices.Contains(options.List("disable"), "servicelb"),
	}
	for _, name := range []string{
		"cluster-domain", "secrets-encryption-provider", "flannel-backend", "egress-selector-mode",
	} {
		found[name] = options.Get(name)
	}
	for _, name := range []string{
		"disable-cloud-controller", "disable-helm-controller", "disable-network-policy", "secrets-encryption",
		"embedded-registry", "flannel-ipv6-masq", "flannel-external-ip", "supervisor-metrics",
	} {
		found[name] = options.Is(name)
	}
	for _, name := range []string{"cluster-dns", "cluster-cidr", "service-cidr"} {
		found[name] = strings.Join(options.List(name), ",")
	}
	return found
}

// fetch brings what all servers share from the server that this one joins by.
func (server *Server) fetch(access *Access) error {
	text, err := access.Get("/v1-k3s/config", nil)
	if err != nil {
		return err
	}
	var theirs map[string]any
	if err := json.Unmarshal(text, &theirs); err != nil {
		return err
	}
	differs := false
	for name, value := range critical(server.options) {
		if !reflect.DeepEqual(value, theirs[name]) {
			differs = true
			logline.Warn("critical configuration mismatched: %s", name)
		}
	}
	if differs {
		return fmt.Errorf("failed to validate server configuration: critical configuration value mismatch between servers")
	}
	if text, err = access.Get("/v1-k3s/server-bootstrap", nil); err != nil {
		return err
	}
	var files map[string]string
	if err := json.Unmarshal(text, &files); err != nil {
		return err
	}
	return server.writeShared(files)
}
