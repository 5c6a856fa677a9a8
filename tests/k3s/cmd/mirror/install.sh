#!/bin/sh
# Installs the stand-in for k3s the way in which k3s's installer installs k3s:
# the same variables, the same files. It is no part of k3s.
#
# Honoured: INSTALL_K3S_VERSION, INSTALL_K3S_EXEC (or arguments),
# INSTALL_K3S_SKIP_DOWNLOAD, INSTALL_K3S_SKIP_ENABLE, INSTALL_K3S_SKIP_START,
# INSTALL_K3S_FORCE_RESTART, INSTALL_K3S_BIN_DIR, INSTALL_K3S_SYSTEMD_DIR,
# INSTALL_K3S_NAME, INSTALL_K3S_ARTIFACT_URL, GITHUB_URL, and K3S_*, which go
# to the service.
set -eu
umask 022

say() { echo "[INFO]  $*"; }
die() {
    echo "[ERROR]  $*" >&2
    exit 1
}

fetch() {
    if command -v curl >/dev/null; then curl -fsSL -o "$1" "$2"; else wget -qO "$1" "$2"; fi ||
        die "Download failed"
}

[ "$(id -u)" = 0 ] || die "the stand-in is installed by root"
[ -d /run/systemd/system ] || die "Can not find systemd to use as a process supervisor for k3s"

command=${INSTALL_K3S_EXEC:-}
[ $# -eq 0 ] || command="$command $*"
case ${command# } in
'' | -*)
    if [ -n "${K3S_URL:-}" ]; then
        [ -n "${K3S_TOKEN:-}${K3S_TOKEN_FILE:-}" ] || die "Defaulted k3s exec command to 'agent' because K3S_URL is defined, but K3S_TOKEN or K3S_TOKEN_FILE is not defined."
        role=agent
    else
        role=server
    fi
    command="$role $command"
    ;;
esac
command=$(echo $command)
role=${command%% *}

name=k3s
[ "$role" = server ] || name=k3s-$role
[ -z "${INSTALL_K3S_NAME:-}" ] || name=k3s-$INSTALL_K3S_NAME
programs=${INSTALL_K3S_BIN_DIR:-/usr/local/bin}
units=${INSTALL_K3S_SYSTEMD_DIR:-/etc/systemd/system}
unit=$units/$name.service
settings=$unit.env
uninstall=$programs/k3s-uninstall.sh
[ "$role" = server ] || uninstall=$programs/k3s-$role-uninstall.sh

state_of() { sha256sum "$programs/k3s" "$unit" "$settings" 2>/dev/null || :; }
before=$(state_of)

case ${INSTALL_K3S_SKIP_DOWNLOAD:-} in
true | binary)
    [ -x "$programs/k3s" ] || die "Executable k3s binary not found at $programs/k3s"
    ;;
*)
    version=${INSTALL_K3S_VERSION:-}
    [ -n "$version" ] || die "the stand-in has no channels: set INSTALL_K3S_VERSION"
    say "Using $version as release"
    from=${INSTALL_K3S_ARTIFACT_URL:-${GITHUB_URL:+$GITHUB_URL/download}}
    from=${from:-@ARTIFACTS@}
    from=$from/$(printf %s "$version" | sed 's/+/%2B/g')
    case $(uname -m) in
    x86_64) hashes=sha256sum-amd64.txt suffix= ;;
    aarch64) hashes=sha256sum-arm64.txt suffix=-arm64 ;;
    *) die "Unsupported architecture $(uname -m)" ;;
    esac
    folder=$(mktemp -d -t k3s-install.XXXXXX)
    trap 'rm -rf "$folder"' EXIT
    say "Downloading hash $from/$hashes"
    fetch "$folder/hash" "$from/$hashes"
    expected=$(grep " k3s$suffix\$" "$folder/hash")
    expected=${expected%% *}
    found=
    [ ! -x "$programs/k3s" ] || found=$(sha256sum <"$programs/k3s")
    if [ "${found%% *}" = "$expected" ]; then
        say "Skipping binary downloaded, installed k3s matches hash"
    else
        say "Downloading binary $from/k3s$suffix"
        fetch "$folder/k3s" "$from/k3s$suffix"
        found=$(sha256sum <"$folder/k3s")
        [ "${found%% *}" = "$expected" ] || die "Download sha256 does not match $expected, got ${found%% *}"
        chmod 755 "$folder/k3s"
        say "Installing k3s to $programs/k3s"
        mkdir -p "$programs"
        mv -f "$folder/k3s" "$programs/k3s"
    fi
    ;;
esac

for link in kubectl crictl ctr; do
    [ -e "$programs/$link" ] || command -v "$link" >/dev/null || ln -s k3s "$programs/$link"
done

cat >"$programs/k3s-killall.sh" <<'KILL'
#!/bin/sh
[ "$(id -u)" = 0 ] || exec sudo "$0" "$@"
for unit in /etc/systemd/system/k3s*.service; do
    [ ! -e "$unit" ] || systemctl stop "$(basename "$unit")"
done
for shim in $(pgrep -f 'containerd-shim.* -address /run/k3s/' || :); do
    for child in $(pgrep -P "$shim" || :); do kill -9 "$child" 2>/dev/null || :; done
    kill -9 "$shim" 2>/dev/null || :
done
for at in $(awk '$2 ~ "^/(run/k3s|var/lib/rancher/k3s|var/lib/kubelet)" { print $2 }' /proc/self/mounts | sort -r); do
    umount -f "$at" 2>/dev/null || umount -l "$at" 2>/dev/null || :
done
ip link delete cni0 2>/dev/null || :
exit 0
KILL
cat >"$uninstall" <<UNINSTALL
#!/bin/sh
[ "\$(id -u)" = 0 ] || exec sudo "\$0" "\$@"
$programs/k3s-killall.sh
systemctl disable $name >/dev/null 2>&1 || :
systemctl reset-failed $name >/dev/null 2>&1 || :
rm -f $unit $settings
systemctl daemon-reload
for link in kubectl crictl ctr; do
    [ ! -L $programs/\$link ] || rm -f $programs/\$link
done
rm -rf /etc/rancher/k3s /run/k3s /run/flannel /var/lib/rancher/k3s /var/lib/kubelet
rm -f $programs/k3s $programs/k3s-killall.sh $uninstall
UNINSTALL
chmod 755 "$programs/k3s-killall.sh" "$uninstall"

say "env: Creating environment file $settings"
(umask 077 && env | grep -E '^(K3S|CONTAINERD)_|^(HTTP|HTTPS|NO|http|https|no)_(PROXY|proxy)=' >"$settings" || :)

say "systemd: Creating service file $unit"
cat >"$unit" <<UNIT
[Unit]
Description=Lightweight Kubernetes (stand-in)
Wants=network-online.target
After=network-online.target
[Install]
WantedBy=multi-user.target
[Service]
Type=$([ "$role" = server ] && echo notify || echo exec)
EnvironmentFile=-/etc/default/%N
EnvironmentFile=-/etc/sysconfig/%N
EnvironmentFile=-$settings
KillMode=process
Delegate=yes
LimitNOFILE=1048576
LimitNPROC=infinity
LimitCORE=infinity
TasksMax=infinity
TimeoutStartSec=0
Restart=always
RestartSec=5s
ExecStart=$programs/k3s $command
UNIT
chmod 644 "$unit"

[ "${INSTALL_K3S_SKIP_ENABLE:-}" != true ] || exit 0
say "systemd: Enabling $name unit"
systemctl enable "$name" >/dev/null 2>&1
systemctl daemon-reload
[ "${INSTALL_K3S_SKIP_START:-}" != true ] || exit 0
if [ "$before" = "$(state_of)" ] && [ "${INSTALL_K3S_FORCE_RESTART:-}" != true ]; then
    say "No change detected so skipping service start"
    exit 0
fi
say "systemd: Starting $name"
systemctl restart "$name"
