// Package node is the part of k3s that runs pods: containerd, kubelet, and the
// network between pods of one link. k3s has flannel for the last; here routes
// do, which proves nothing about its backends.
package node

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"time"

	"honey.test/k3s/internal/api"
	"honey.test/k3s/internal/authority"
	"honey.test/k3s/internal/claim"
	"honey.test/k3s/internal/kubeconfig"
	"honey.test/k3s/internal/logline"
	"honey.test/k3s/internal/options"
	"honey.test/k3s/internal/process"
)

// Supervisor is the way to a server.
type Supervisor interface {
	Get(path string, headers map[string]string) ([]byte, error)
}

// Node is this machine as a node.
type Node struct {
	claim   claim.Claim
	options *options.Options
	group   *process.Group
	name    string
	ip      string
	// api is where kubelet finds the API.
	api string
}

func (node *Node) path(elements ...string) string {
	return node.options.Data(append([]string{"agent"}, elements...)...)
}

// Start registers the machine and runs its programs.
func Start(ctx context.Context, claim claim.Claim, options *options.Options, group *process.Group, url string, supervisor Supervisor) error {
	node := &Node{claim: claim, options: options, group: group, api: url}
	var err error
	if node.name, err = options.NodeName(); err != nil {
		return err
	}
	if node.ip, err = options.NodeIP(); err != nil {
		return err
	}
	if err := node.register(ctx, supervisor); err != nil {
		return err
	}
	if err := node.startContainers(ctx); err != nil {
		return err
	}
	if err := node.startKubelet(); err != nil {
		return err
	}
	// A kubelet sees its own node only; the proxy for services sees all.
	client, err := api.New(url, node.path("server-ca.crt"), node.path("client-kube-proxy"))
	if err != nil {
		return err
	}
	go node.keepNetwork(ctx, client)
	return nil
}

// register fetches the node's certificates; its password is made once and kept.
func (node *Node) register(ctx context.Context, supervisor Supervisor) error {
	const passwordFile = "/etc/rancher/node/password"
	password, err := os.ReadFile(passwordFile)
	if os.IsNotExist(err) {
		content, failed := os.ReadFile("/proc/sys/kernel/random/uuid")
		if failed != nil {
			return failed
		}
		password = []byte(strings.ReplaceAll(strings.TrimSpace(string(content)), "-", ""))
		err = authority.Write(passwordFile, password, 0o600)
	}
	if err != nil {
		return err
	}
	headers := map[string]string{
		"K3s-Node-Name": node.name, "K3s-Node-Ip": node.ip, "K3s-Node-Password": strings.TrimSpace(string(password)),
	}
	told := ""
	for {
		text, err := supervisor.Get("/v1-k3s/node", headers)
		if err == nil {
			var files map[string]string
			if err := json.Unmarshal(text, &files); err != nil {
				return err
			}
			for name, content := range files {
				if err := authority.Write(node.path(filepath.Base(name)), []byte(content), 0o600); err != nil {
					return err
				}
			}
			break
		}
		if err.Error() != told {
			told = err.Error()
			logline.Info("Waiting to retrieve agent configuration; server is not ready: %s", told)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(500 * time.Millisecond):
		}
	}
	servers, err := supervisor.Get("/cacerts", nil)
	if err != nil {
		return err
	}
	return authority.Write(node.path("server-ca.crt"), servers, 0o644)
}

// startKubelet runs the kubelet and, unless told otherwise, the proxy for services.
func (node *Node) startKubelet() error {
	for _, name := range []string{"kubelet", "kube-proxy"} {
		text, err := kubeconfig.Text(node.api, node.path("server-ca.crt"), node.path("client-"+name))
		if err != nil {
			return err
		}
		if err := authority.Write(node.path(name+".kubeconfig"), text, 0o600); err != nil {
			return err
		}
	}
	resolver := node.options.Get("resolv-conf")
	if resolver == "" {
		resolver = node.path("etc/resolv.conf")
		if err := authority.Write(resolver, []byte("nameserver 127.0.0.1\n"), 0o644); err != nil {
			return err
		}
	}
	settings, err := json.Marshal(map[string]any{
		"kind": "KubeletConfiguration", "apiVersion": "kubelet.config.k8s.io/v1beta1",
		"authentication": map[string]any{
			"anonymous": map[string]any{"enabled": false}, "webhook": map[string]any{"enabled": true},
			"x509": map[string]any{"clientCAFile": node.path("client-ca.crt")},
		},
		"authorization": map[string]any{"mode": "Webhook"},
		"tlsCertFile":   node.path("serving-kubelet.crt"), "tlsPrivateKeyFile": node.path("serving-kubelet.key"),
		"containerRuntimeEndpoint": "unix://" + socket, "resolvConf": resolver,
		"clusterDomain": "cluster.local", "clusterDNS": []string{"10.43.0.10"},
		// A box shares its kernel and its accounting of resources with its neighbours.
		"cgroupDriver": "cgroupfs", "failCgroupV1": false, "failSwapOn": false,
		"cgroupsPerQOS": false, "enforceNodeAllocatable": []string{}, "localStorageCapacityIsolation": false,
		"nodeStatusUpdateFrequency": "2s", "syncFrequency": "5s",
		"evictionHard": map[string]string{"memory.available": "0%", "nodefs.available": "0%", "nodefs.inodesFree": "0%", "imagefs.available": "0%"},
	})
	if err != nil {
		return err
	}
	if err := authority.Write(node.path("etc/kubelet.json"), settings, 0o600); err != nil {
		return err
	}
	labels := append([]string{"node.kubernetes.io/instance-type=k3s"}, node.options.List("node-label")...)
	arguments := []string{
		"--config=" + node.path("etc/kubelet.json"), "--kubeconfig=" + node.path("kubelet.kubeconfig"),
		"--hostname-override=" + node.name, "--node-ip=" + node.ip, "--node-labels=" + strings.Join(labels, ","),
	}
	if taints := node.options.List("node-taint"); len(taints) > 0 {
		arguments = append(arguments, "--register-with-taints="+strings.Join(taints, ","))
	}
	for _, argument := range node.options.List("kubelet-arg") {
		arguments = append(arguments, "--"+strings.TrimLeft(argument, "-"))
	}
	if err := node.group.Start("kubelet", node.claim.Command("kubelet", arguments...)); err != nil {
		return err
	}
	if node.options.Is("disable-kube-proxy") {
		return nil
	}
	return node.group.Start("kube-proxy", node.claim.Command("kube-proxy",
		"--kubeconfig="+node.path("kube-proxy.kubeconfig"), "--hostname-override="+node.name,
		"--proxy-mode=iptables", "--cluster-cidr=10.42.0.0/16", "--healthz-bind-address=127.0.0.1",
		// The table of connections belongs to the kernel that boxes share.
		"--conntrack-max-per-core=0", "--conntrack-tcp-timeout-established=0s", "--conntrack-tcp-timeout-close-wait=0s"))
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}
