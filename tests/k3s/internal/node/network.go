package node

import (
	"context"
	"fmt"
	"os/exec"
	"time"

	"honey.test/k3s/internal/api"
	"honey.test/k3s/internal/authority"
	"honey.test/k3s/internal/logline"
)

// keepNetwork gives pods addresses from the node's own range, and other nodes'
// ranges a route, as flannel's host-gw backend would.
func (node *Node) keepNetwork(ctx context.Context, client *api.Client) {
	ready, routes := false, map[string]string{}
	for {
		if nodes, err := client.Nodes(); err == nil {
			for at := range nodes {
				other := &nodes[at]
				if other.Spec.PodCIDR == "" {
					continue
				}
				if other.Metadata.Name == node.name {
					if !ready {
						ready = node.writeNetwork(other.Spec.PodCIDR) == nil
					}
					continue
				}
				if via := other.Address(); via != "" && routes[other.Spec.PodCIDR] != via {
					output, err := exec.Command("ip", "route", "replace", other.Spec.PodCIDR, "via", via).CombinedOutput()
					if err != nil {
						logline.Warn("no route to the pods of %s: %v: %s", other.Metadata.Name, err, output)
						continue
					}
					routes[other.Spec.PodCIDR] = via
				}
			}
		}
		if ready {
			node.forward()
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(time.Second):
		}
	}
}

// forward lets pods' packets through a machine whose firewall forwards none,
// as flannel does.
func (node *Node) forward() {
	for _, way := range []string{"-s", "-d"} {
		rule := []string{"FORWARD", way, "10.42.0.0/16", "-m", "comment", "--comment", "flanneld forward", "-j", "ACCEPT"}
		if exec.Command("iptables", append([]string{"-w", "-C"}, rule...)...).Run() != nil {
			_ = exec.Command("iptables", append([]string{"-w", "-I"}, rule...)...).Run()
		}
	}
}

func (node *Node) writeNetwork(pods string) error {
	text := fmt.Sprintf(`{
  "name": "cbr0", "cniVersion": "1.0.0",
  "plugins": [
    {"type": "bridge", "bridge": "cni0", "isGateway": true, "hairpinMode": true, "ipMasq": false,
     "ipam": {"type": "host-local", "ranges": [[{"subnet": %q}]], "routes": [{"dst": "0.0.0.0/0"}], "dataDir": "/run/k3s/cni"}},
    {"type": "portmap", "capabilities": {"portMappings": true}}
  ]
}
`, pods)
	return authority.Write(node.path("etc/cni/net.d/10-flannel.conflist"), []byte(text), 0o644)
}
