package node

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"honey.test/k3s/internal/authority"
	"honey.test/k3s/internal/logline"
)

const socket = "/run/k3s/containerd/containerd.sock"

// startContainers runs containerd and gives it the images that lie ready: k3s
// takes all below `agent/images`, the stand-in those beside its parts too.
func (node *Node) startContainers(ctx context.Context) error {
	if err := os.MkdirAll(filepath.Dir(socket), 0o711); err != nil {
		return err
	}
	configuration := fmt.Sprintf(`version = 2
root = %q
state = "/run/k3s/containerd"
[grpc]
  address = %q
[plugins."io.containerd.internal.v1.opt"]
  path = %q
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = %q
  disable_apparmor = true
  # A box may lack the right to a negative score.
  restrict_oom_score_adj = true
  stream_server_address = "127.0.0.1"
  stream_server_port = "10010"
[plugins."io.containerd.grpc.v1.cri".containerd]
  snapshotter = "native"
[plugins."io.containerd.grpc.v1.cri".cni]
  bin_dir = "/usr/lib/cni"
  conf_dir = %q
`, node.path("containerd"), socket, node.path("containerd/opt"), image(node.options.Get("pause-image")), node.path("etc/cni/net.d"))
	path := node.path("etc/containerd/config.toml")
	if err := authority.Write(path, []byte(configuration), 0o600); err != nil {
		return err
	}
	if err := os.MkdirAll(node.path("etc/cni/net.d"), 0o755); err != nil {
		return err
	}
	program, err := exec.LookPath("containerd")
	if err != nil {
		return fmt.Errorf("containerd is not installed: a node of the stand-in needs the packages containerd, runc and containernetworking-plugins")
	}
	if err := node.group.Start("containerd", exec.Command(program, "--config", path, "--address", socket)); err != nil {
		return err
	}
	for {
		connection, err := net.Dial("unix", socket)
		if err == nil {
			connection.Close()
			break
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(50 * time.Millisecond):
		}
	}
	for _, folder := range []string{filepath.Join(node.claim.Parts, "images"), node.path("images")} {
		archives, _ := filepath.Glob(filepath.Join(folder, "*.tar"))
		for _, archive := range archives {
			output, err := exec.CommandContext(ctx, "ctr", "--address", socket, "--namespace", "k8s.io",
				"images", "import", "--snapshotter", "native", archive).CombinedOutput()
			if err != nil {
				logline.Error("Failed to import %s: %v: %s", archive, err, output)
			}
		}
	}
	return nil
}

// image is a name in full.
func image(name string) string { return "docker.io/" + name }
