# One look at the host, answered as one JSON object. Works where tools are
# missing; starts few processes, because this runs on every plan. What a tool
# lists is split into words, without names that match: `read` would fetch it
# byte by byte.

h_packages_of_interest='apparmor ca-certificates chrony curl fail2ban iptables nfs-common open-iscsi openssh-server sudo systemd-timesyncd ufw unattended-upgrades wireguard-tools'
h_services_of_interest='ssh sshd fail2ban unattended-upgrades iscsid k3s k3s-agent systemd-timesyncd chrony ufw'
h_sysctl_of_interest='fs.inotify.max_user_instances fs.inotify.max_user_watches kernel.panic kernel.panic_on_oops net.core.rmem_max net.core.wmem_max net.ipv4.ip_forward net.ipv6.conf.all.forwarding vm.max_map_count vm.overcommit_memory vm.swappiness'

h_facts_system() {
    h_os= h_os_version=
    if [ -r /etc/os-release ]; then
        while IFS='=' read -r h_key h_value; do
            h_value=${h_value#\"}; h_value=${h_value%\"}
            case $h_key in ID) h_os=$h_value ;; VERSION_ID) h_os_version=$h_value ;; esac
        done </etc/os-release
    fi
    h_host_name=$(uname -n -m)
    h_machine=${h_host_name##* } h_host_name=${h_host_name% *}
    h_memory=0
    if [ -r /proc/meminfo ]; then
        while read -r h_key h_value h_x; do
            case $h_key in MemTotal:) h_memory=$((h_value * 1024)); break ;; esac
        done </proc/meminfo
    fi
    h_free=$(stat -f -c '%a * %S' / 2>/dev/null) || h_free=0
    printf '"os_id":'; h_string "$h_os"
    printf ',"os_version":'; h_string "$h_os_version"
    printf ',"architecture":'; h_string "$h_machine"
    printf ',"hostname":'; h_string "$h_host_name"
    h_now=$(date +%s)
    printf ',"epoch_seconds":%s,"ssh_port":%s' "$h_now" "$h_ssh_port"
    # The kernel's own name of this run; a container that is restarted alone has a new first process.
    h_boot= h_first=
    if [ -r /proc/sys/kernel/random/boot_id ]; then read -r h_boot </proc/sys/kernel/random/boot_id || :; fi
    if [ -r /proc/1/stat ]; then read -r h_first </proc/1/stat || :; fi
    # shellcheck disable=SC2086
    set -- ${h_first##*) }
    printf ',"boot":"%s-%s"' "$h_boot" "${20:-0}"
    printf ',"memory_bytes":%s,"disk_free_bytes":%s' "$h_memory" "$(($h_free))"
    if [ "$h_uid" = 0 ]; then printf ',"sudo":true'; else printf ',"sudo":false'; fi
    if h_time_daemon; then printf ',"time_sync":true'; else printf ',"time_sync":false'; fi
    h_swap_bytes=0
    while read -r h_key h_x; do
        [ "$h_key" != "$h_state/swapfile" ] || h_swap_bytes=$(stat -c %s "$h_key" 2>/dev/null || echo 0)
    done </proc/swaps
    printf ',"swap_bytes":%s' "$h_swap_bytes"
}

# Sets h_packages to what dpkg says of the packages of interest, `status=name=version` a line.
h_packages_ask() {
    h_names=$h_packages_of_interest
    if [ -r "$h_state/packages" ]; then
        while read -r h_key; do
            case " $h_names " in *" $h_key "*) ;; *) h_names="$h_names $h_key" ;; esac
        done <"$h_state/packages"
    fi
    # shellcheck disable=SC2086
    h_packages=$(dpkg-query -W -f='${db:Status-Status}=${Package}=${Version}\n' $h_names 2>/dev/null || :)
}

# What a shell that stays remembers from one look to the next: dpkg replaces
# its record with every change, so what it said of the same record stands.
h_remembered=
h_remember() {
    h_x=$(stat -c %i:%s:%.9Y:%.9Z /var/lib/dpkg/status "$h_state/packages" 2>/dev/null || :)
    if [ -n "$h_x" ] && [ "$h_x" != "$h_remembered" ] && h_has dpkg-query; then
        h_packages_ask
        h_remembered=$h_x
    fi
}

h_facts_packages() {
    printf ',"packages":{'
    if h_has dpkg-query; then
        [ -n "$h_remembered" ] || h_packages_ask
        h_comma=
        for h_text in $h_packages; do
            case $h_text in installed=*) h_text=${h_text#*=} ;; *) continue ;; esac
            printf '%s' "$h_comma"; h_string "${h_text%%=*}"; printf :; h_string "${h_text#*=}"
            h_comma=,
        done
    fi
    if h_packages_locked; then printf '},"package_lock_held":true'; else printf '},"package_lock_held":false'; fi
}

# Whether systemd knows a unit that does not run. The question of what runs is
# one for all units; its answer calls an absent one inactive too.
h_unit_is_there() {
    for h_folder in /etc/systemd/system /run/systemd/system /lib/systemd/system /usr/lib/systemd/system /run/systemd/generator.late; do
        [ ! -e "$h_folder/$1.service" ] || return 0
    done
    return 1
}

# Sets h_running to the names of the services that run, too.
h_facts_services() {
    printf ',"services":{'
    h_comma= h_running=' ' h_listing=
    # shellcheck disable=SC2086
    set -- $h_services_of_interest
    if h_systemd; then
        h_units=
        for h_key; do h_units="$h_units $h_key.service"; done
        # shellcheck disable=SC2086
        h_listing=$(systemctl is-active $h_units 2>/dev/null || :)
    fi
    for h_active in $h_listing; do
        [ $# -gt 0 ] || break
        case $h_active in
        active | failed | activating) ;;
        *) h_unit_is_there "$1" && h_active=inactive || h_active=absent ;;
        esac
        [ "$h_active" != active ] || h_running="$h_running$1 "
        printf '%s"%s":"%s"' "$h_comma" "$1" "$h_active"
        h_comma=,
        shift
    done
    for h_key; do
        printf '%s"%s":"absent"' "$h_comma" "$h_key"
        h_comma=,
    done
    printf '}'
}

# Who keeps the clock knows best; the system's own service is started by the
# question, so it is asked only where another than the usual two may be at work.
h_facts_time() {
    h_value=false
    if [ -e /run/systemd/timesync/synchronized ]; then
        h_value=true
    else
        case $h_running in
        *' chrony '*)
            case $(chronyc -n tracking 2>/dev/null </dev/null || :) in *'Leap status     : Normal'*) h_value=true ;; esac
            ;;
        *' systemd-timesyncd '*) ;;
        *)
            if h_systemd && [ "$(timedatectl show -p NTPSynchronized --value 2>/dev/null)" = yes ]; then h_value=true; fi
            ;;
        esac
    fi
    printf ',"time_synchronised":%s' "$h_value"
}

h_facts_firewall() {
    printf ',"firewall":{'
    if h_has ufw; then
        h_ufw_look
        [ "$h_active" = yes ] && h_active=true || h_active=false
        printf '"installed":true,"active":%s,"default_incoming":"%s","default_outgoing":"%s","rules":[' "$h_active" "$h_in" "$h_out"
        h_comma=
        IFS=$h_line_end
        for h_text in $h_rules; do
            unset IFS
            h_key=${h_text%%/*}; h_value=${h_text#*/}
            printf '%s{"port":' "$h_comma"; h_string "$h_key"
            printf ',"protocol":'; h_string "${h_value%%/*}"
            printf ',"from":'; h_string "${h_value#*/}"
            printf '}'
            h_comma=,
        done
        unset IFS
        printf ']'
    else
        printf '"installed":false'
    fi
    if [ -e "$h_state/firewall/armed" ]; then printf ',"armed":true}'; else printf ',"armed":false}'; fi
}

# h_second TIME: sets h_second to a time's digits, `20260430091500`, empty where it is no time.
h_second() {
    IFS='-:T. Z'
    # shellcheck disable=SC2086
    set -- $1
    unset IFS
    h_second=${1-}${2-}${3-}${4-}${5-}${6-}
    case $h_second in *[!0-9]*) h_second= ;; esac
}

# h_k3s_told TIME: whether a Ready node was heard of at TIME by this run of k3s.
# The word of the run before stays in the API until its heartbeats are missed,
# which takes up to a minute. systemd makes the link anew at every start.
h_k3s_told() {
    h_second "$1"
    h_told=$h_second
    h_begun=$(TZ=UTC0 stat -c '%Y %y' /run/systemd/units/invocation:k3s.service 2>/dev/null) || return 0
    h_age=$((h_now - ${h_begun%% *}))
    h_second "${h_begun#* }"
    [ -n "$h_told" ] && [ "$h_age" -ge 0 ] && [ "$h_age" -lt 120 ] || return 0
    [ "$h_told" -gt "$h_second" ]
}

# Whether the node is Ready and its member votes, asked as k3s's own kubectl
# would ask, which takes ten times as long; it is asked where that does not work.
h_facts_k3s_node() {
    h_tls=/var/lib/rancher/k3s/server/tls
    if [ "$1" = 6443 ] && h_has curl && [ -r "$h_tls/client-admin.key" ] && [ -r "$h_tls/server-ca.crt" ]; then
        h_code=0
        h_listing=$(curl -s -m 5 --noproxy '*' --cacert "$h_tls/server-ca.crt" --cert "$h_tls/client-admin.crt" \
            --key "$h_tls/client-admin.key" "https://127.0.0.1:6443/api/v1/nodes/$h_node?pretty=0" 2>/dev/null </dev/null) || h_code=$?
        case $h_listing in
        *'"kind":"Node"'*)
            h_x=${h_listing#*'"type":"Ready","status":"True","lastHeartbeatTime":"'}
            if [ "$h_x" != "$h_listing" ] && h_k3s_told "${h_x%%\"*}"; then h_ready=true; fi
            case $h_listing in *'"type":"EtcdIsVoter","status":"True"'*) h_voter=true ;; esac
            return 0
            ;;
        *'"code":404'*) return 0 ;;
        esac
        # Nobody listens yet.
        [ "$h_code" != 7 ] || return 0
    fi
    h_listing=$("$h_program" kubectl get node "$h_node" --request-timeout=5s \
        -o 'jsonpath={range .status.conditions[*]}{.type}={.status}={.lastHeartbeatTime} {end}' 2>/dev/null </dev/null || :)
    h_x=" $h_listing"
    h_listing=${h_x#*' Ready=True='}
    if [ "$h_listing" != "$h_x" ] && h_k3s_told "${h_listing%% *}"; then h_ready=true; fi
    case $h_x in *' EtcdIsVoter=True='*) h_voter=true ;; esac
}

h_facts_k3s() {
    h_version= h_role= h_active=false h_node= h_ready=false h_voter=false h_data=false h_config= h_ca= h_port=6443
    h_k3s_program
    if [ -n "$h_program" ]; then h_k3s_ask; fi
    if [ -e /etc/systemd/system/k3s.service ]; then h_role=server h_unit=k3s
    elif [ -e /etc/systemd/system/k3s-agent.service ]; then h_role=agent h_unit=k3s-agent
    fi
    if [ -n "$h_role" ]; then
        case $h_running in *" $h_unit "*) h_active=true ;; esac
    fi
    if [ -d /var/lib/rancher/k3s/server/db/etcd ]; then h_data=true; fi
    if [ -f /etc/rancher/k3s/config.yaml ]; then
        h_digest_in /etc/rancher/k3s/config.yaml
        h_config=sha256:$h_sum
        while read -r h_key h_value; do
            case $h_key in
            node-name:) h_node=${h_value#[\"\']}; h_node=${h_node%[\"\']} ;;
            https-listen-port:) h_port=$h_value ;;
            esac
        done </etc/rancher/k3s/config.yaml
    fi
    if [ -z "$h_node" ] && [ -n "$h_role" ]; then
        h_node=$h_host_name
        case $h_node in *[A-Z]*) h_node=$(printf %s "$h_node" | tr '[:upper:]' '[:lower:]') ;; esac
    fi
    for h_file_name in $h_authorities; do
        if [ -f "$h_file_name" ]; then
            h_digest_in "$h_file_name"
            h_ca=sha256:$h_sum
            break
        fi
    done
    if [ "$h_active" = true ] && [ "$h_role" = server ]; then h_facts_k3s_node "$h_port"; fi
    printf ',"k3s":{"version":'; h_string "$h_version"
    printf ',"role":"%s","running":%s,"has_etcd_data":%s' "$h_role" "$h_active" "$h_data"
    printf ',"node_name":'; h_string "$h_node"
    printf ',"ready":%s,"etcd_voter":%s,"config_digest":"%s","cluster_ca":"%s"}' "$h_ready" "$h_voter" "$h_config" "$h_ca"
}

# Whether an interface is no way to another machine: a bridge of virtual machines or containers has the
# same address on every host, a tunnel's peers are whoever is connected.
h_internal() {
    case $1 in
        docker* | cni* | flannel* | veth* | kube-* | br-* | virbr* | vnet* | podman* | nerdctl* | lxcbr* | \
            lxdbr* | incusbr* | cali* | cilium* | tailscale* | wg* | tun* | tap* | zt* | dummy*) return 0 ;;
    esac
    h_interface=/sys/class/net/$1
    if [ -e "$h_interface/tun_flags" ]; then return 0; fi
    if ! [ -d "$h_interface/bridge" ]; then return 1; fi
    # A bridge leads somewhere through a card.
    for h_port in "$h_interface"/brif/*; do
        if [ -e "/sys/class/net/${h_port##*/}/device" ]; then return 1; fi
    done
    return 0
}

h_facts_network() {
    printf ',"addresses":['
    h_listing= h_comma=
    if h_has ip; then h_listing=$(ip -o addr show scope global 2>/dev/null || :); fi
    IFS=$h_line_end
    for h_text in $h_listing; do
        unset IFS
        # shellcheck disable=SC2086
        set -- $h_text
        if h_internal "${2:-docker}"; then continue; fi
        printf '%s' "$h_comma"; h_string "${4%%/*}"
        h_comma=,
    done
    unset IFS
    # These files give a byte-wise reader their first byte only: one tool reads all.
    set --
    for h_key in $h_sysctl_of_interest; do
        h_file_name=/proc/sys h_rest=$h_key.
        while [ -n "$h_rest" ]; do h_file_name=$h_file_name/${h_rest%%.*} h_rest=${h_rest#*.}; done
        set -- "$@" "$h_file_name"
    done
    printf '],"sysctl":{'
    h_listing=$(grep -H '' "$@" 2>/dev/null || :)
    h_comma=
    IFS=$h_line_end
    for h_text in $h_listing; do
        unset IFS
        h_key=${h_text%%:*} h_value=${h_text#*:} h_rest=
        h_key=${h_key#/proc/sys/}
        while [ "$h_key" != "${h_key#*/}" ]; do h_rest=$h_rest${h_key%%/*}. h_key=${h_key#*/}; done
        printf '%s' "$h_comma"; h_string "$h_rest$h_key"; printf :; h_string "$h_value"
        h_comma=,
    done
    unset IFS
    printf '}'
}

# h_facts PATH…: one line, written at once; every write wakes a chain of processes.
h_facts() {
    h_authorities='/var/lib/rancher/k3s/server/tls/server-ca.crt /var/lib/rancher/k3s/agent/server-ca.crt'
    h_facts_digests "$@"
    h_listing=$(h_facts_all "$@")
    h_tell "facts $h_listing"
}

h_facts_all() {
    set -f
    printf '{'
    h_facts_system
    h_facts_packages
    h_facts_services
    h_facts_time
    h_facts_firewall
    h_facts_k3s
    h_facts_network
    printf ',"files":{'
    h_comma=
    for h_key; do
        [ -f "$h_key" ] || continue
        h_digest_in "$h_key"
        printf '%s' "$h_comma"; h_string "$h_key"; printf ':"sha256:%s"' "$h_sum"
        h_comma=,
    done
    printf '}}'
}

# All digests that a look tells, by one process.
h_facts_digests() {
    # shellcheck disable=SC2086
    set -- "$@" /etc/rancher/k3s/config.yaml $h_authorities
    for h_key; do
        shift
        [ ! -f "$h_key" ] || set -- "$@" "$h_key"
    done
    h_digests_of "$@"
}
