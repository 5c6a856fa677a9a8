package server

import (
	"context"
	"crypto/subtle"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	stdlog "log"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
	"honey.test/k3s/internal/authority"
)

// The API server listens on an address of loopback that nothing else uses, on
// the port that it advertises; the supervisor has the port everywhere else.
const hidden = "127.0.0.2"

// listen takes the port that everybody comes to.
func (server *Server) listen() (net.Listener, error) {
	config := net.ListenConfig{Control: func(_, _ string, connection syscall.RawConn) error {
		var refused error
		err := connection.Control(func(descriptor uintptr) {
			refused = unix.SetsockoptInt(int(descriptor), unix.SOL_SOCKET, unix.SO_REUSEPORT, 1)
		})
		if err != nil {
			return err
		}
		return refused
	}}
	address := server.options.Get("bind-address")
	return config.Listen(context.Background(), "tcp", net.JoinHostPort(address, server.options.Get("https-listen-port")))
}

// serve answers on that port: the supervisor's own paths, and the API.
func (server *Server) serve(listener net.Listener) error {
	proxy, err := server.apiProxy()
	if err != nil {
		return err
	}
	routes := http.NewServeMux()
	routes.HandleFunc("GET /ping", func(answer http.ResponseWriter, _ *http.Request) { fmt.Fprint(answer, "pong") })
	routes.HandleFunc("GET /cacerts", func(answer http.ResponseWriter, request *http.Request) {
		http.ServeFile(answer, request, server.path("tls/server-ca.crt"))
	})
	routes.HandleFunc("GET /v1-k3s/config", server.allowed(func(http.ResponseWriter, *http.Request) (any, error) {
		return critical(server.options), nil
	}))
	routes.HandleFunc("GET /v1-k3s/server-bootstrap", server.allowed(func(http.ResponseWriter, *http.Request) (any, error) {
		return server.collectShared()
	}))
	routes.HandleFunc("GET /db/info", server.allowed(func(http.ResponseWriter, *http.Request) (any, error) {
		return server.endpoints()
	}))
	routes.HandleFunc("GET /v1-k3s/node", server.allowed(server.nodeCredentials))
	routes.Handle("/", proxy)
	pair, err := tls.LoadX509KeyPair(server.path("tls/dynamic.crt"), server.path("tls/dynamic.key"))
	if err != nil {
		return err
	}
	clients, err := os.ReadFile(server.path("tls/client-ca.crt"))
	if err != nil {
		return err
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(clients)
	web := &http.Server{
		Handler: routes, ErrorLog: stdlog.New(io.Discard, "", 0),
		TLSConfig: &tls.Config{
			Certificates: []tls.Certificate{pair}, ClientCAs: pool, ClientAuth: tls.VerifyClientCertIfGiven,
		},
	}
	go func() { _ = web.ServeTLS(listener, "", "") }()
	return nil
}

// allowed lets those in who know the token.
func (server *Server) allowed(answer func(http.ResponseWriter, *http.Request) (any, error)) http.HandlerFunc {
	return func(writer http.ResponseWriter, request *http.Request) {
		user, password, _ := request.BasicAuth()
		same := subtle.ConstantTimeCompare([]byte(password), []byte(server.password)) == 1
		if user != "server" || !same {
			http.Error(writer, "Unauthorized", http.StatusUnauthorized)
			return
		}
		value, err := answer(writer, request)
		if err != nil {
			http.Error(writer, err.Error(), http.StatusServiceUnavailable)
			return
		}
		writer.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(writer).Encode(value)
	}
}

// endpoints are the addresses of etcd for clients, while a leader is there.
func (server *Server) endpoints() ([]string, error) {
	if server.etcd == nil {
		return nil, fmt.Errorf("etcd is starting")
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	list, err := server.etcd.MemberList(ctx)
	if err != nil {
		return nil, err
	}
	found := []string{}
	for _, member := range list.Members {
		if !member.IsLearner {
			found = append(found, member.ClientURLs...)
		}
	}
	return found, nil
}

// apiProxy hands requests to the API server and says who sent them, as the
// aggregation layer does: a client's certificate ends here.
func (server *Server) apiProxy() (http.Handler, error) {
	text, err := os.ReadFile(server.path("tls/server-ca.crt"))
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(text)
	base := server.path("tls/client-auth-proxy")
	pair, err := tls.LoadX509KeyPair(base+".crt", base+".key")
	if err != nil {
		return nil, err
	}
	transport := func(known bool) *http.Transport {
		config := &tls.Config{RootCAs: pool}
		if known {
			config.Certificates = []tls.Certificate{pair}
		}
		return &http.Transport{TLSClientConfig: config, MaxIdleConnsPerHost: 32}
	}
	target := &url.URL{Scheme: "https", Host: net.JoinHostPort(hidden, server.options.Get("https-listen-port"))}
	forward := func(known bool) *httputil.ReverseProxy {
		return &httputil.ReverseProxy{
			Transport: transport(known), FlushInterval: -1, ErrorLog: stdlog.New(io.Discard, "", 0),
			Rewrite: func(request *httputil.ProxyRequest) {
				request.SetURL(target)
				for _, name := range []string{"X-Remote-User", "X-Remote-Group"} {
					request.Out.Header.Del(name)
				}
				if known {
					subject := request.In.TLS.PeerCertificates[0].Subject
					request.Out.Header.Set("X-Remote-User", subject.CommonName)
					for _, group := range subject.Organization {
						request.Out.Header.Add("X-Remote-Group", group)
					}
				}
			},
			ErrorHandler: func(answer http.ResponseWriter, _ *http.Request, _ error) {
				http.Error(answer, "apiserver not ready", http.StatusServiceUnavailable)
			},
		}
	}
	anonymous, known := forward(false), forward(true)
	return http.HandlerFunc(func(answer http.ResponseWriter, request *http.Request) {
		if len(request.TLS.PeerCertificates) > 0 {
			known.ServeHTTP(answer, request)
		} else {
			anonymous.ServeHTTP(answer, request)
		}
	}), nil
}

// nodeCredentials gives a node its certificates, when its password is the one
// that a node of this name showed first.
func (server *Server) nodeCredentials(_ http.ResponseWriter, request *http.Request) (any, error) {
	name, address := request.Header.Get("K3s-Node-Name"), request.Header.Get("K3s-Node-Ip")
	if name == "" || net.ParseIP(address) == nil {
		return nil, fmt.Errorf("unable to get node name and address")
	}
	if err := server.checkNodePassword(name, request.Header.Get("K3s-Node-Password")); err != nil {
		return nil, err
	}
	folder, err := os.MkdirTemp("", "node")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(folder)
	files := map[string]string{}
	for _, one := range []struct {
		by   string
		file string
		leaf authority.Leaf
	}{
		{"client-ca", "client-kubelet", authority.Leaf{Name: "system:node:" + name, Groups: []string{"system:nodes"}, Client: true}},
		{"client-ca", "client-kube-proxy", authority.Leaf{Name: "system:kube-proxy", Client: true}},
		{"server-ca", "serving-kubelet", authority.Leaf{Name: name, Hosts: []string{name, address, "127.0.0.1"}, Server: true}},
	} {
		signer, err := authority.Load(server.path("tls", one.by))
		if err != nil {
			return nil, err
		}
		if err := signer.Issue(folder+"/"+one.file, one.leaf); err != nil {
			return nil, err
		}
		for _, kind := range []string{".crt", ".key"} {
			text, err := os.ReadFile(folder + "/" + one.file + kind)
			if err != nil {
				return nil, err
			}
			files[one.file+kind] = string(text)
		}
	}
	text, err := os.ReadFile(server.path("tls/client-ca.crt"))
	files["client-ca.crt"] = string(text)
	return files, err
}
