# etcd as k3s keeps it (runbook 8): snapshots, a reset to one of them, data set
# aside so that a server joins anew. k3s's own commands do the work.

h_etcd_folder=/var/lib/rancher/k3s/server/db
h_etcd_snapshots=/var/lib/rancher/k3s/server/db/snapshots
h_etcd_mark=$h_state/etcd.aside
# Read by k3s beside its configuration; while it is there, the API answers and nothing acts on it.
h_etcd_quarantine=/etc/rancher/k3s/config.yaml.d/99-honey-quarantine.yaml

h_etcd_failed() {
    sed -i 's/K10[0-9a-f]*::[^ "]*/K10****/g' "$h_trash/log" 2>/dev/null || :
    tail -c 2000 "$h_trash/log" >&2
    if h_disk_full; then h_fail disk "no space is left on the host's root file system"; fi
    h_fail etcd "$1"
}

# Like h_do, with what failed shown by h_etcd_failed only.
h_etcd_do() {
    h_temporary
    "$@" >"$h_trash/log" 2>&1 </dev/null 3>&-
}

# h_etcd_save NAME
h_etcd_save() {
    h_systemd && systemctl is-active --quiet k3s || h_fail etcd "k3s does not run here, so there is no etcd to take a snapshot of"
    h_etcd_do timeout 300 k3s etcd-snapshot save --name "$1" || h_etcd_failed "no snapshot was taken"
    h_changed
}

# Processes that look after containers of k3s; they outlive its service.
h_etcd_shims() {
    for h_file_name in /proc/[0-9]*/cmdline; do
        h_line=$(tr '\0' ' ' <"$h_file_name" 2>/dev/null || :)
        case $h_line in *containerd-shim*' -address /run/k3s/containerd/'*)
            h_file_name=${h_file_name#/proc/}
            printf '%s\n' "${h_file_name%/cmdline}"
            ;;
        esac
    done
}

h_etcd_kill() {
    for h_child in $(awk -v parent="$1" '{ name = FILENAME; sub(/^.*\) /, ""); if ($2 == parent) { split(name, part, "/"); print part[3] } }' /proc/[0-9]*/stat 2>/dev/null || :); do
        h_etcd_kill "$h_child"
    done
    kill -9 "$1" 2>/dev/null || :
}

# h_etcd_stop: k3s, and every container it started.
h_etcd_stop() {
    h_systemd || h_fail unsupported "systemd does not run on this host"
    h_was=$(systemctl is-active k3s 2>/dev/null || :)
    h_left=$(h_etcd_shims)
    case $h_was in
    active | activating | reloading | deactivating) ;;
    *)
        if [ -z "$h_left" ]; then
            h_same
            return 0
        fi
        ;;
    esac
    h_do systemctl stop k3s || h_fail k3s "k3s could not be stopped"
    if h_has k3s-killall.sh; then h_do k3s-killall.sh || :; fi
    for h_pid in $(h_etcd_shims); do h_etcd_kill "$h_pid"; done
    h_i=0
    while [ -n "$(h_etcd_shims)" ]; do
        [ "$h_i" -lt 20 ] || h_fail etcd "containers of k3s still run after it was stopped"
        h_i=$((h_i + 1))
        sleep 0.5
    done
    h_changed
}

h_etcd_stopped() {
    case $(systemctl is-active k3s 2>/dev/null || :) in
    active | activating | reloading | deactivating) h_fail etcd "k3s runs; it has to be stopped first" ;;
    esac
}

# h_etcd_restore FILE: k3s keeps the data that was there as etcd-old-*.
h_etcd_restore() {
    [ -f "$h_etcd_snapshots/$1" ] || h_fail etcd "there is no snapshot $1 on this server"
    h_etcd_stopped
    h_temporary
    # A reset is refused while the configuration names a server to join.
    mkdir -p "$h_trash/config.yaml.d"
    grep -v '^server:' /etc/rancher/k3s/config.yaml >"$h_trash/config.yaml" || :
    for h_file_name in /etc/rancher/k3s/config.yaml.d/*.yaml; do
        if [ -f "$h_file_name" ] && [ "$h_file_name" != "$h_etcd_quarantine" ]; then
            grep -v '^server:' "$h_file_name" >"$h_trash/config.yaml.d/${h_file_name##*/}" || :
        fi
    done
    h_etcd_do timeout 900 k3s server --config "$h_trash/config.yaml" --cluster-reset \
        --cluster-reset-restore-path="$h_etcd_snapshots/$1" || h_etcd_failed "k3s did not restore the snapshot"
    h_changed
}

# h_etcd_start quarantined|open WAIT
h_etcd_start() {
    h_systemd || h_fail unsupported "systemd does not run on this host"
    if [ "$1" = quarantined ]; then
        h_wanted='disable-agent: true
disable-scheduler: true
disable-controller-manager: true'
        if [ "$(cat "$h_etcd_quarantine" 2>/dev/null || :)" = "$h_wanted" ] && systemctl is-active --quiet k3s; then
            h_same
            return 0
        fi
        mkdir -p "${h_etcd_quarantine%/*}"
        printf '%s\n' "$h_wanted" >"$h_etcd_quarantine"
    else
        if [ ! -e "$h_etcd_quarantine" ] && systemctl is-active --quiet k3s; then
            h_same
            return 0
        fi
        rm -f "$h_etcd_quarantine"
    fi
    h_k3s_start k3s "$2"
    h_changed
}

# h_etcd_aside RUN: once for a run; what a server joined with afterwards is its new data.
h_etcd_aside() {
    if [ "$(cat "$h_etcd_mark" 2>/dev/null || :)" = "$1" ]; then
        h_same
        return 0
    fi
    h_etcd_stopped
    if [ -d "$h_etcd_folder/etcd" ]; then
        rm -rf "$h_etcd_folder/etcd-before-restore"
        mv "$h_etcd_folder/etcd" "$h_etcd_folder/etcd-before-restore"
    fi
    rm -f "$h_etcd_folder/reset-flag" "$h_etcd_quarantine"
    mkdir -p "$h_state"
    : >"$h_state/k3s.pending"
    printf '%s\n' "$1" >"$h_etcd_mark"
    h_changed
}

# h_reboot: the answer leaves before the machine does.
h_reboot() {
    h_systemd || h_fail unsupported "systemd does not run on this host"
    (sleep 1; exec systemctl reboot) >/dev/null 2>&1 </dev/null 3>&- &
    h_changed
}
