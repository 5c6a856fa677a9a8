package options

// Kind is how a flag's value is read.
type Kind int

// Kinds of flags.
const (
	String Kind = iota
	Bool
	Int
	Duration
	List
)

// Flag is one flag of k3s.
type Flag struct {
	Name        string
	Kind        Kind
	Short       string
	Environment string
	Default     string
}

// Flags that `server` and `agent` share.
func common() []Flag {
	return []Flag{
		{Name: "config", Short: "c", Environment: "K3S_CONFIG_FILE", Default: "/etc/rancher/k3s/config.yaml"},
		{Name: "debug", Kind: Bool, Environment: "K3S_DEBUG"},
		{Name: "v", Kind: Int}, {Name: "vmodule"}, {Name: "log", Short: "l"}, {Name: "alsologtostderr", Kind: Bool},
		{Name: "token", Short: "t", Environment: "K3S_TOKEN"},
		{Name: "token-file", Environment: "K3S_TOKEN_FILE"},
		{Name: "server", Short: "s", Environment: "K3S_URL"},
		{Name: "data-dir", Short: "d", Environment: "K3S_DATA_DIR", Default: "/var/lib/rancher/k3s"},
		{Name: "bind-address"},
		{Name: "node-name", Environment: "K3S_NODE_NAME"},
		{Name: "with-node-id", Kind: Bool},
		{Name: "node-label", Kind: List}, {Name: "node-taint", Kind: List},
		{Name: "node-ip", Kind: List, Short: "i"}, {Name: "node-external-ip", Kind: List},
		{Name: "node-internal-dns", Kind: List}, {Name: "node-external-dns", Kind: List},
		{Name: "image-credential-provider-bin-dir"}, {Name: "image-credential-provider-config"},
		{Name: "selinux", Kind: Bool, Environment: "K3S_SELINUX"},
		{Name: "lb-server-port", Kind: Int, Environment: "K3S_LB_SERVER_PORT", Default: "6444"},
		{Name: "protect-kernel-defaults", Kind: Bool},
		{Name: "container-runtime-endpoint"}, {Name: "image-service-endpoint"}, {Name: "default-runtime"},
		{Name: "pause-image", Default: "rancher/mirrored-pause:3.6"}, {Name: "snapshotter"},
		{Name: "private-registry"}, {Name: "disable-default-registry-endpoint", Kind: Bool},
		{Name: "nonroot-devices", Kind: Bool}, {Name: "airgap-extra-registry", Kind: List},
		{Name: "resolv-conf", Environment: "K3S_RESOLV_CONF"},
		{Name: "flannel-iface"}, {Name: "flannel-conf"}, {Name: "flannel-cni-conf"},
		{Name: "kubelet-arg", Kind: List}, {Name: "kube-proxy-arg", Kind: List},
		{Name: "enable-pprof", Kind: Bool}, {Name: "rootless", Kind: Bool}, {Name: "prefer-bundled-bin", Kind: Bool},
		{Name: "docker", Kind: Bool},
		{Name: "vpn-auth", Environment: "K3S_VPN_AUTH"}, {Name: "vpn-auth-file", Environment: "K3S_VPN_AUTH_FILE"},
	}
}

// Agent is what `k3s agent` takes.
func Agent() []Flag {
	return append(common(), Flag{Name: "disable-apiserver-lb", Kind: Bool})
}

// Server is what `k3s server` takes.
func Server() []Flag {
	return append(common(), append(snapshots(), []Flag{
		{Name: "https-listen-port", Kind: Int, Default: "6443"},
		{Name: "supervisor-port", Kind: Int, Environment: "K3S_SUPERVISOR_PORT"},
		{Name: "apiserver-port", Kind: Int, Environment: "K3S_APISERVER_PORT"},
		{Name: "apiserver-bind-address", Environment: "K3S_APISERVER_BIND_ADDRESS"},
		{Name: "advertise-address"}, {Name: "advertise-port", Kind: Int},
		{Name: "tls-san", Kind: List}, {Name: "tls-san-security", Kind: Bool, Default: "true"},
		{Name: "cluster-cidr", Kind: List, Default: "10.42.0.0/16"},
		{Name: "service-cidr", Kind: List, Default: "10.43.0.0/16"},
		{Name: "service-node-port-range", Default: "30000-32767"},
		{Name: "cluster-dns", Kind: List}, {Name: "cluster-domain", Default: "cluster.local"},
		{Name: "flannel-backend", Default: "vxlan"},
		{Name: "flannel-ipv6-masq", Kind: Bool}, {Name: "flannel-external-ip", Kind: Bool},
		{Name: "egress-selector-mode", Default: "agent"}, {Name: "servicelb-namespace", Default: "kube-system"},
		{Name: "write-kubeconfig", Short: "o", Environment: "K3S_KUBECONFIG_OUTPUT"},
		{Name: "write-kubeconfig-mode", Environment: "K3S_KUBECONFIG_MODE"},
		{Name: "write-kubeconfig-group", Environment: "K3S_KUBECONFIG_GROUP"},
		{Name: "helm-job-image"},
		{Name: "agent-token", Environment: "K3S_AGENT_TOKEN"},
		{Name: "agent-token-file", Environment: "K3S_AGENT_TOKEN_FILE"},
		{Name: "cluster-init", Kind: Bool, Environment: "K3S_CLUSTER_INIT"},
		{Name: "cluster-reset", Kind: Bool, Environment: "K3S_CLUSTER_RESET"},
		{Name: "cluster-reset-restore-path"},
		{Name: "kube-apiserver-arg", Kind: List}, {Name: "etcd-arg", Kind: List},
		{Name: "kube-controller-manager-arg", Kind: List}, {Name: "kube-controller-arg", Kind: List},
		{Name: "kube-scheduler-arg", Kind: List},
		{Name: "kube-cloud-controller-manager-arg", Kind: List}, {Name: "kube-cloud-controller-arg", Kind: List},
		{Name: "kine-tls", Kind: Bool},
		{Name: "datastore-endpoint", Environment: "K3S_DATASTORE_ENDPOINT"},
		{Name: "datastore-cafile", Environment: "K3S_DATASTORE_CAFILE"},
		{Name: "datastore-certfile", Environment: "K3S_DATASTORE_CERTFILE"},
		{Name: "datastore-keyfile", Environment: "K3S_DATASTORE_KEYFILE"},
		{Name: "etcd-expose-metrics", Kind: Bool}, {Name: "etcd-disable-snapshots", Kind: Bool},
		{Name: "default-local-storage-path"},
		{Name: "disable", Kind: List},
		{Name: "disable-scheduler", Kind: Bool}, {Name: "disable-cloud-controller", Kind: Bool},
		{Name: "disable-kube-proxy", Kind: Bool}, {Name: "disable-network-policy", Kind: Bool},
		{Name: "disable-helm-controller", Kind: Bool}, {Name: "disable-apiserver", Kind: Bool},
		{Name: "disable-controller-manager", Kind: Bool}, {Name: "disable-etcd", Kind: Bool},
		{Name: "disable-agent", Kind: Bool},
		{Name: "embedded-registry", Kind: Bool}, {Name: "supervisor-metrics", Kind: Bool},
		{Name: "system-default-registry", Environment: "K3S_SYSTEM_DEFAULT_REGISTRY"},
		{Name: "secrets-encryption", Kind: Bool},
		{Name: "secrets-encryption-provider", Default: "aescbc"},
	}...)...)
}

// Snapshot is what `k3s etcd-snapshot` and the commands below it take.
func Snapshot() []Flag {
	return append(snapshots(), []Flag{
		{Name: "config", Short: "c", Environment: "K3S_CONFIG_FILE", Default: "/etc/rancher/k3s/config.yaml"},
		{Name: "debug", Kind: Bool, Environment: "K3S_DEBUG"}, {Name: "log", Short: "l"}, {Name: "alsologtostderr", Kind: Bool},
		{Name: "data-dir", Short: "d", Environment: "K3S_DATA_DIR", Default: "/var/lib/rancher/k3s"},
		{Name: "node-name", Environment: "K3S_NODE_NAME"},
		{Name: "name"}, {Name: "dir"}, {Name: "output", Short: "o", Default: "table"}, {Name: "snapshot-compress", Kind: Bool},
		{Name: "etcd-server", Short: "s", Default: "https://127.0.0.1:6443"},
		{Name: "etcd-token", Short: "t", Environment: "K3S_TOKEN"},
	}...)
}

func snapshots() []Flag {
	flags := []Flag{
		{Name: "etcd-snapshot-name", Default: "etcd-snapshot"},
		{Name: "etcd-snapshot-schedule-cron", Default: "0 */12 * * *"},
		{Name: "etcd-snapshot-reconcile-interval", Kind: Duration, Default: "10m"},
		{Name: "etcd-snapshot-retention", Kind: Int, Default: "5"},
		{Name: "etcd-snapshot-dir"}, {Name: "etcd-snapshot-compress", Kind: Bool},
		{Name: "etcd-s3", Kind: Bool}, {Name: "etcd-s3-skip-ssl-verify", Kind: Bool}, {Name: "etcd-s3-insecure", Kind: Bool},
		{Name: "etcd-s3-access-key", Environment: "AWS_ACCESS_KEY_ID"},
		{Name: "etcd-s3-secret-key", Environment: "AWS_SECRET_ACCESS_KEY"},
		{Name: "etcd-s3-session-token", Environment: "AWS_SESSION_TOKEN"},
		{Name: "etcd-s3-retention", Kind: Int, Default: "5"},
		{Name: "etcd-s3-timeout", Kind: Duration, Default: "5m"},
	}
	for _, name := range []string{"endpoint", "endpoint-ca", "bucket", "bucket-lookup-type", "region", "folder", "proxy", "config-secret"} {
		flags = append(flags, Flag{Name: "etcd-s3-" + name})
	}
	return flags
}
