package server

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"strings"
	"time"

	"honey.test/k3s/internal/api"
	"honey.test/k3s/internal/authority"
	"honey.test/k3s/internal/kubeconfig"
	"honey.test/k3s/internal/logline"
)

// startAPI runs the API server and waits until it answers.
func (server *Server) startAPI(ctx context.Context) error {
	tls := func(name string) string { return server.path("tls", name) }
	port := server.options.Get("https-listen-port")
	arguments := []string{
		"--bind-address=" + hidden, "--secure-port=" + port, "--permit-port-sharing=true",
		"--advertise-address=" + server.advertise,
		"--etcd-servers=" + localEtcd, "--etcd-cafile=" + tls("etcd/server-ca.crt"),
		"--etcd-certfile=" + tls("etcd/client.crt"), "--etcd-keyfile=" + tls("etcd/client.key"),
		"--client-ca-file=" + tls("client-ca.crt"),
		"--tls-cert-file=" + tls("serving-kube-apiserver.crt"), "--tls-private-key-file=" + tls("serving-kube-apiserver.key"),
		"--kubelet-certificate-authority=" + tls("server-ca.crt"),
		"--kubelet-client-certificate=" + tls("client-kube-apiserver.crt"), "--kubelet-client-key=" + tls("client-kube-apiserver.key"),
		"--kubelet-preferred-address-types=InternalIP,ExternalIP,Hostname",
		"--requestheader-client-ca-file=" + tls("request-header-ca.crt"), "--requestheader-allowed-names=system:auth-proxy",
		"--requestheader-extra-headers-prefix=X-Remote-Extra-", "--requestheader-group-headers=X-Remote-Group",
		"--requestheader-username-headers=X-Remote-User",
		"--proxy-client-cert-file=" + tls("client-auth-proxy.crt"), "--proxy-client-key-file=" + tls("client-auth-proxy.key"),
		"--service-account-issuer=https://kubernetes.default.svc." + server.options.Get("cluster-domain"),
		"--api-audiences=https://kubernetes.default.svc." + server.options.Get("cluster-domain") + ",k3s",
		"--service-account-key-file=" + tls("service.key"), "--service-account-signing-key-file=" + tls("service.key"),
		"--service-cluster-ip-range=" + strings.Join(server.options.List("service-cidr"), ","),
		"--service-node-port-range=" + server.options.Get("service-node-port-range"),
		"--authorization-mode=Node,RBAC", "--enable-admission-plugins=NodeRestriction",
		"--allow-privileged=true", "--anonymous-auth=false", "--profiling=false",
	}
	if encryption := server.path("cred/encryption-config.json"); exists(encryption) {
		arguments = append(arguments, "--encryption-provider-config="+encryption)
	}
	arguments = append(arguments, dashed(server.options.List("kube-apiserver-arg"))...)
	if err := server.group.Start("kube-apiserver", server.claim.Command("kube-apiserver", arguments...)); err != nil {
		return err
	}
	client, err := api.New("https://"+net.JoinHostPort(hidden, port), tls("server-ca.crt"), tls("client-admin"))
	if err != nil {
		return err
	}
	server.api = client
	for {
		// Bodies of health checks are no JSON: only the status counts.
		err := client.Do(http.MethodGet, "/readyz?verbose=false", nil, nil)
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// startControllers runs the controller manager and the scheduler.
func (server *Server) startControllers() error {
	tls := func(name string) string { return server.path("tls", name) }
	url := "https://" + net.JoinHostPort(hidden, server.options.Get("https-listen-port"))
	for _, name := range []string{"controller", "scheduler"} {
		text, err := kubeconfig.Text(url, tls("server-ca.crt"), tls("client-"+name))
		if err != nil {
			return err
		}
		if err := authority.Write(server.path("cred", name+".kubeconfig"), text, 0o600); err != nil {
			return err
		}
	}
	shared := func(name string) []string {
		path := server.path("cred", name+".kubeconfig")
		return []string{
			"--kubeconfig=" + path, "--authentication-kubeconfig=" + path, "--authorization-kubeconfig=" + path,
			"--bind-address=127.0.0.1", "--profiling=false",
			// Short enough that a test sees another server take over.
			"--leader-elect-lease-duration=6s", "--leader-elect-renew-deadline=4s", "--leader-elect-retry-period=1s",
		}
	}
	if !server.options.Is("disable-controller-manager") {
		arguments := append(shared("controller"),
			"--allocate-node-cidrs=true", "--cluster-cidr="+strings.Join(server.options.List("cluster-cidr"), ","),
			"--service-account-private-key-file="+tls("service.key"), "--root-ca-file="+tls("server-ca.crt"),
			"--cluster-signing-cert-file="+tls("client-ca.crt"), "--cluster-signing-key-file="+tls("client-ca.key"),
			"--use-service-account-credentials=true", "--configure-cloud-routes=false",
			"--tls-cert-file="+tls("serving-kube-apiserver.crt"), "--tls-private-key-file="+tls("serving-kube-apiserver.key"),
		)
		arguments = append(arguments, dashed(server.options.List("kube-controller-manager-arg"))...)
		if err := server.group.Start("kube-controller-manager", server.claim.Command("kube-controller-manager", arguments...)); err != nil {
			return err
		}
	}
	if server.options.Is("disable-scheduler") {
		return nil
	}
	arguments := append(shared("scheduler"),
		"--tls-cert-file="+tls("serving-kube-apiserver.crt"), "--tls-private-key-file="+tls("serving-kube-apiserver.key"))
	arguments = append(arguments, dashed(server.options.List("kube-scheduler-arg"))...)
	return server.group.Start("kube-scheduler", server.claim.Command("kube-scheduler", arguments...))
}

// writeKubeconfig writes the administrator's access, as k3s does.
func (server *Server) writeKubeconfig() error {
	url := "https://127.0.0.1:" + server.options.Get("https-listen-port")
	text, err := kubeconfig.Text(url, server.path("tls/server-ca.crt"), server.path("tls/client-admin"))
	if err != nil {
		return err
	}
	path := server.options.Get("write-kubeconfig")
	if path == "" {
		path = kubeconfig.Path
	}
	mode := os.FileMode(0o600)
	if told := server.options.Get("write-kubeconfig-mode"); told != "" {
		var number uint32
		if _, err := fmt.Sscanf(told, "%o", &number); err != nil {
			logline.Error("Failed to set %s to mode %s: %v", path, told, err)
		} else {
			mode = os.FileMode(number)
		}
	}
	return authority.Write(path, text, mode)
}

func dashed(arguments []string) []string {
	found := make([]string, len(arguments))
	for at, argument := range arguments {
		found[at] = "--" + strings.TrimLeft(argument, "-")
	}
	return found
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}
