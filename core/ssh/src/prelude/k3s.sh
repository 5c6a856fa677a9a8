# k3s, by its own installer or from a file that honey sent before. Its
# configuration file was written by an earlier step; a change of it leaves
# `k3s.pending`, which asks for a restart even after a crash in between.

h_k3s_version() {
    h_version=
    rm -f "$h_state/k3s.version"
    h_k3s_program
    [ -n "$h_program" ] || return 0
    h_k3s_ask
    h_k3s_keep_version
}

h_k3s_explain() {
    journalctl -u "$1" -n 25 --no-pager -o cat 2>/dev/null | sed 's/K10[0-9a-f]*::[^ "]*/K10****/g' | tail -c 3000 >&2 || :
    h_fail k3s "$2"
}

h_k3s_start() {
    h_do systemctl daemon-reload || :
    h_enable "$1" || h_fail k3s "the service $1 could not be enabled"
    # Failures of an earlier try do not count against this one.
    systemctl reset-failed "$1" >/dev/null 2>&1 || :
    h_do systemctl restart --no-block "$1" || h_fail k3s "the service $1 could not be started"
    h_i=0
    sleep 0.2
    until systemctl is-active --quiet "$1"; do
        h_tries=$(systemctl show -p NRestarts --value "$1" 2>/dev/null || echo 0)
        [ "${h_tries:-0}" -lt 4 ] || h_k3s_explain "$1" "$1 stops again right after its start"
        [ "$h_i" -lt "$(($2 * 5))" ] || h_k3s_explain "$1" "$1 was not up after $2 seconds"
        h_i=$((h_i + 1))
        sleep 0.2
    done
    rm -f "$h_state/k3s.pending"
}

h_k3s_checked() {
    [ "$2" != - ] || return 0
    h_digest_of "$1"
    [ "$h_sum" = "$2" ] || h_fail checksum "expected sha256 $2, got $h_sum"
}

h_k3s_unit() {
    (umask 022 && cat >"/etc/systemd/system/$1.service") <<UNIT
[Unit]
Description=Lightweight Kubernetes ($2)
Documentation=https://k3s.io
Wants=network-online.target
After=network-online.target
[Install]
WantedBy=multi-user.target
[Service]
Type=notify
EnvironmentFile=-/etc/systemd/system/$1.service.env
KillMode=process
Delegate=yes
LimitNOFILE=1048576
LimitNPROC=infinity
LimitCORE=infinity
TasksMax=infinity
TimeoutStartSec=0
Restart=always
RestartSec=5s
ExecStartPre=-/sbin/modprobe br_netfilter
ExecStartPre=-/sbin/modprobe overlay
ExecStart=/usr/local/bin/k3s $2
UNIT
}

# h_k3s VERSION server|agent WAIT installer URL SHA256|-
# h_k3s VERSION server|agent WAIT binary PATH SHA256
h_k3s() {
    h_systemd || h_fail unsupported "k3s needs systemd, which does not run on this host"
    h_service_name=k3s
    [ "$2" = server ] || h_service_name=k3s-agent
    h_k3s_version
    h_present=no
    if [ "$h_version" = "$1" ] && [ -e "/etc/systemd/system/$h_service_name.service" ]; then h_present=yes; fi
    if [ "$4" = binary ] && [ "$h_present" = yes ]; then
        h_digest_of /usr/local/bin/k3s
        [ "$h_sum" = "$6" ] || h_present=no
    fi
    if [ "$h_present" = yes ] && [ ! -e "$h_state/k3s.pending" ] && systemctl is-active --quiet "$h_service_name"; then
        h_same
        return 0
    fi
    if [ "$h_present" = no ]; then
        mkdir -p "$h_state"
        : >"$h_state/k3s.pending"
        if [ "$4" = installer ]; then
            h_temporary
            if h_has curl; then
                h_do curl -fsSL --retry 3 --proto '=https,http' -o "$h_trash/install.sh" -- "$5" ||
                    h_fail download "the k3s installer could not be fetched"
            elif h_has wget; then
                h_do wget -q -O "$h_trash/install.sh" -- "$5" || h_fail download "the k3s installer could not be fetched"
            else
                h_fail unsupported "neither curl nor wget is installed"
            fi
            h_k3s_checked "$h_trash/install.sh" "$6"
            h_do env INSTALL_K3S_VERSION="$1" INSTALL_K3S_EXEC="$2" INSTALL_K3S_SKIP_START=true \
                sh "$h_trash/install.sh" || h_fail k3s "the k3s installer failed"
        else
            h_k3s_checked "$5" "$6"
            chmod 755 "$5"
            mv -f -- "$5" /usr/local/bin/k3s
            for h_name in kubectl crictl ctr; do
                [ -e "/usr/local/bin/$h_name" ] || ln -s k3s "/usr/local/bin/$h_name"
            done
            h_k3s_unit "$h_service_name" "$2"
        fi
        h_k3s_version
        [ "$h_version" = "$1" ] || h_fail k3s "k3s $1 was asked for, the host has ${h_version:-none}"
    fi
    h_k3s_start "$h_service_name" "$3"
    h_changed
}

# h_k3s_uninstall
h_k3s_uninstall() {
    rm -f "$h_state/server"
    if ! h_has k3s && [ ! -e /etc/rancher/k3s ] && [ ! -e /var/lib/rancher/k3s ]; then
        h_same
        return 0
    fi
    for h_name in k3s k3s-agent; do
        if h_systemd; then systemctl disable --now "$h_name" >/dev/null 2>&1 || :; fi
    done
    for h_name in k3s-killall.sh k3s-uninstall.sh k3s-agent-uninstall.sh; do
        if h_has "$h_name"; then h_do "$h_name" || :; fi
    done
    rm -f /etc/systemd/system/k3s.service /etc/systemd/system/k3s-agent.service \
        /etc/systemd/system/k3s.service.env /etc/systemd/system/k3s-agent.service.env
    for h_name in kubectl crictl ctr; do
        [ "$(readlink "/usr/local/bin/$h_name" 2>/dev/null)" != k3s ] || rm -f "/usr/local/bin/$h_name"
    done
    rm -f /usr/local/bin/k3s "$h_state/k3s.pending" "$h_state/k3s.version"
    for h_name in $(awk '$2 ~ "^/(run/k3s|var/lib/rancher/k3s|var/lib/kubelet)" { print $2 }' /proc/self/mounts | sort -r); do
        umount -f "$h_name" 2>/dev/null || umount -l "$h_name" 2>/dev/null || :
    done
    rm -rf /etc/rancher/k3s /var/lib/rancher/k3s /run/k3s /var/lib/kubelet
    if h_systemd; then h_do systemctl daemon-reload || :; fi
    h_changed
}
