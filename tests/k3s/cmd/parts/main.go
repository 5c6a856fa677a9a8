// Command parts is etcd and the programs of Kubernetes in one file: linked
// once, mapped once, told apart by the name it is started under.
package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	_ "unsafe" // for go:linkname

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"go.etcd.io/etcd/etcdctl/v3/ctlv3"
	"go.etcd.io/etcd/etcdutl/v3/etcdutl"
	"go.etcd.io/etcd/server/v3/etcdmain"
	"k8s.io/component-base/cli"
	_ "k8s.io/component-base/logs/json/register"
	_ "k8s.io/component-base/metrics/prometheus/clientgo"
	_ "k8s.io/component-base/metrics/prometheus/version"
	"k8s.io/component-base/version"
	kubectl "k8s.io/kubectl/pkg/cmd"
	apiserver "k8s.io/kubernetes/cmd/kube-apiserver/app"
	controllers "k8s.io/kubernetes/cmd/kube-controller-manager/app"
	proxy "k8s.io/kubernetes/cmd/kube-proxy/app"
	scheduler "k8s.io/kubernetes/cmd/kube-scheduler/app"
	kubelet "k8s.io/kubernetes/cmd/kubelet/app"
	kwok "sigs.k8s.io/kwok/pkg/kwok/cmd"
)

// A release of k3s says its own version wherever Kubernetes says one. Both
// linkers' stamps allow one only at build time, and tests need two releases.
//
//go:linkname gitVersion k8s.io/component-base/version.gitVersion
var gitVersion string

func main() {
	if claimed := os.Getenv("K3S_PARTS_VERSION"); claimed != "" {
		gitVersion = claimed
		if err := version.SetDynamicVersion(claimed); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(2)
		}
	}
	var command *cobra.Command
	switch name := filepath.Base(os.Args[0]); name {
	case "etcd":
		etcdmain.Main(os.Args)
		return
	case "etcdctl":
		ctlv3.MustStart()
		return
	case "etcdutl":
		command = &cobra.Command{Use: "etcdutl", SilenceUsage: true}
		etcdutl.OutputFormat = "simple"
		command.AddCommand(etcdutl.NewSnapshotCommand())
	case "kube-apiserver":
		command = apiserver.NewAPIServerCommand()
	case "kube-controller-manager":
		command = controllers.NewControllerManagerCommand()
	case "kube-scheduler":
		command = scheduler.NewSchedulerCommand()
	case "kubelet":
		command = kubelet.NewKubeletCommand(context.Background())
	case "kubectl":
		command = kubectl.NewDefaultKubectlCommand()
	case "kube-proxy":
		command = proxy.NewProxyCommand()
	case "kwok":
		// It has a flag of its own that cli.Run would declare again, and a
		// --version that is not the one which Kubernetes declares for everybody.
		pflag.CommandLine = pflag.NewFlagSet("kwok", pflag.ExitOnError)
		if kwok.NewCommand(context.Background()).Execute() != nil {
			os.Exit(1)
		}
		return
	default:
		fmt.Fprintf(os.Stderr, "%s: started under a name that is no part\n", name)
		os.Exit(2)
	}
	os.Exit(cli.Run(command))
}
