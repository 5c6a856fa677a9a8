# One look at the host, answered as one JSON object. Works where tools are
# missing; starts few processes, because this runs on every plan.

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
    h_machine=$(uname -m) h_name=$(uname -n)
    h_memory=0
    if [ -r /proc/meminfo ]; then
        while read -r h_key h_value h_x; do
            case $h_key in MemTotal:) h_memory=$((h_value * 1024)); break ;; esac
        done </proc/meminfo
    fi
    h_free=$(df -Pk / 2>/dev/null | { read -r h_x; read -r h_x h_x h_x h_free h_x; echo "$h_free"; }) || h_free=
    printf '"os_id":'; h_string "$h_os"
    printf ',"os_version":'; h_string "$h_os_version"
    printf ',"architecture":'; h_string "$h_machine"
    printf ',"hostname":'; h_string "$h_name"
    printf ',"epoch_seconds":%s' "$(date +%s)"
    # The kernel's own name of this run; a container that is restarted alone has a new first process.
    h_boot= h_first=
    if [ -r /proc/sys/kernel/random/boot_id ]; then read -r h_boot </proc/sys/kernel/random/boot_id || :; fi
    if [ -r /proc/1/stat ]; then read -r h_first </proc/1/stat || :; fi
    # shellcheck disable=SC2086
    set -- ${h_first##*) }
    printf ',"boot":"%s-%s"' "$h_boot" "${20:-0}"
    printf ',"memory_bytes":%s,"disk_free_bytes":%s' "$h_memory" "$((${h_free:-0} * 1024))"
    if [ "$h_uid" = 0 ]; then printf ',"sudo":true'; else printf ',"sudo":false'; fi
    if [ -e /run/systemd/timesync/synchronized ]; then
        printf ',"time_synchronised":true'
    elif h_systemd && [ "$(timedatectl show -p NTPSynchronized --value 2>/dev/null)" = yes ]; then
        printf ',"time_synchronised":true'
    else
        printf ',"time_synchronised":false'
    fi
    if h_time_daemon; then printf ',"time_sync":true'; else printf ',"time_sync":false'; fi
    h_swap_bytes=0
    while read -r h_key h_x; do
        [ "$h_key" != "$h_state/swapfile" ] || h_swap_bytes=$(stat -c %s "$h_key" 2>/dev/null || echo 0)
    done </proc/swaps
    printf ',"swap_bytes":%s' "$h_swap_bytes"
}

h_facts_packages() {
    printf ',"packages":{'
    if h_has dpkg-query; then
        if [ -r "$h_state/packages" ]; then
            while read -r h_key; do
                case " $h_packages_of_interest " in *" $h_key "*) ;; *) h_packages_of_interest="$h_packages_of_interest $h_key" ;; esac
            done <"$h_state/packages"
        fi
        # shellcheck disable=SC2086
        dpkg-query -W -f='${db:Status-Status} ${Package} ${Version}\n' $h_packages_of_interest 2>/dev/null | {
            h_comma=
            while read -r h_status_word h_key h_value; do
                [ "$h_status_word" = installed ] || continue
                printf '%s' "$h_comma"; h_string "$h_key"; printf :; h_string "$h_value"
                h_comma=,
            done
        }
    fi
    if h_packages_locked; then printf '},"package_lock_held":true'; else printf '},"package_lock_held":false'; fi
}

h_facts_services() {
    printf ',"services":{'
    h_comma=
    if h_systemd; then
        # shellcheck disable=SC2086
        set -- $h_services_of_interest
        h_units=
        for h_key; do h_units="$h_units $h_key.service"; done
        # shellcheck disable=SC2086
        h_listing=$(systemctl show -p LoadState -p ActiveState $h_units 2>/dev/null || :)
        printf '%s\n\n' "$h_listing" | {
            h_load= h_active=
            while read -r h_line; do
                case $h_line in
                LoadState=*) h_load=${h_line#*=} ;;
                ActiveState=*) h_active=${h_line#*=} ;;
                '')
                    [ $# -gt 0 ] && [ -n "$h_load$h_active" ] || continue
                    case $h_load in
                    not-found | '') h_active=absent ;;
                    *) case $h_active in active | inactive | failed | activating) ;; *) h_active=inactive ;; esac ;;
                    esac
                    printf '%s"%s":"%s"' "$h_comma" "$1" "$h_active"
                    h_comma=, h_load= h_active=
                    shift
                    ;;
                esac
            done
        }
    else
        for h_key in $h_services_of_interest; do
            printf '%s"%s":"absent"' "$h_comma" "$h_key"
            h_comma=,
        done
    fi
    printf '}'
}

h_facts_firewall() {
    printf ',"firewall":{'
    if h_has ufw; then
        h_listing=$(ufw status verbose 2>/dev/null || :)
        h_in=deny h_out=allow h_active=false
        case $h_listing in *'Status: active'*) h_active=true ;; esac
        case $h_listing in
        *'Default: allow (incoming)'*) h_in=allow ;;
        *'Default: reject (incoming)'*) h_in=reject ;;
        esac
        case $h_listing in
        *' deny (outgoing)'*) h_out=deny ;;
        *' reject (outgoing)'*) h_out=reject ;;
        esac
        [ "$h_active" = true ] || h_in= h_out=
        printf '"installed":true,"active":%s,"default_incoming":"%s","default_outgoing":"%s","rules":[' "$h_active" "$h_in" "$h_out"
        printf '%s\n' "$h_listing" | h_ufw_rules | sort -u | {
            h_comma=
            while read -r h_line; do
                h_key=${h_line%%/*}; h_value=${h_line#*/}
                printf '%s{"port":' "$h_comma"; h_string "$h_key"
                printf ',"protocol":'; h_string "${h_value%%/*}"
                printf ',"from":'; h_string "${h_value#*/}"
                printf '}'
                h_comma=,
            done
        }
        printf ']'
    else
        printf '"installed":false'
    fi
    if [ -e "$h_state/firewall/armed" ]; then printf ',"armed":true}'; else printf ',"armed":false}'; fi
}

h_facts_k3s() {
    h_version= h_role= h_active=false h_node= h_ready=false h_voter=false h_data=false h_config= h_ca=
    h_program=$(command -v k3s 2>/dev/null || :)
    if [ -n "$h_program" ]; then
        h_version=$("$h_program" --version 2>/dev/null </dev/null || :)
        case $h_version in
        'k3s version '*) h_version=${h_version#k3s version }; h_version=${h_version%%[ (]*} ;;
        *) h_version= ;;
        esac
    fi
    if [ -e /etc/systemd/system/k3s.service ]; then h_role=server h_unit=k3s
    elif [ -e /etc/systemd/system/k3s-agent.service ]; then h_role=agent h_unit=k3s-agent
    fi
    if [ -n "$h_role" ] && h_systemd && systemctl is-active --quiet "$h_unit"; then h_active=true; fi
    if [ -d /var/lib/rancher/k3s/server/db/etcd ]; then h_data=true; fi
    if [ -f /etc/rancher/k3s/config.yaml ]; then
        h_digest_of /etc/rancher/k3s/config.yaml
        h_config=sha256:$h_sum
        while read -r h_key h_value; do
            case $h_key in node-name:) h_node=${h_value#[\"\']}; h_node=${h_node%[\"\']} ;; esac
        done </etc/rancher/k3s/config.yaml
    fi
    if [ -z "$h_node" ] && [ -n "$h_role" ]; then h_node=$(uname -n | tr '[:upper:]' '[:lower:]'); fi
    for h_file_name in /var/lib/rancher/k3s/server/tls/server-ca.crt /var/lib/rancher/k3s/agent/server-ca.crt; do
        if [ -f "$h_file_name" ]; then
            h_digest_of "$h_file_name"
            h_ca=sha256:$h_sum
            break
        fi
    done
    if [ "$h_active" = true ] && [ "$h_role" = server ]; then
        h_listing=$("$h_program" kubectl get node "$h_node" --request-timeout=5s \
            -o 'jsonpath={range .status.conditions[*]}{.type}={.status} {end}' 2>/dev/null </dev/null || :)
        case " $h_listing" in *' Ready=True '*) h_ready=true ;; esac
        case " $h_listing" in *' EtcdIsVoter=True '*) h_voter=true ;; esac
    fi
    printf ',"k3s":{"version":'; h_string "$h_version"
    printf ',"role":"%s","running":%s,"has_etcd_data":%s' "$h_role" "$h_active" "$h_data"
    printf ',"node_name":'; h_string "$h_node"
    printf ',"ready":%s,"etcd_voter":%s,"config_digest":"%s","cluster_ca":"%s"}' "$h_ready" "$h_voter" "$h_config" "$h_ca"
}

h_facts_network() {
    printf ',"addresses":['
    if h_has ip; then
        ip -o addr show scope global 2>/dev/null
    fi | {
        h_comma=
        while read -r h_x h_key h_x h_value h_x; do
            case $h_key in docker* | cni* | flannel* | veth* | kube-* | br-*) continue ;; esac
            printf '%s' "$h_comma"; h_string "${h_value%%/*}"
            h_comma=,
        done
    }
    # These files give a byte-wise reader their first byte only: one tool reads all.
    set --
    for h_key in $h_sysctl_of_interest; do
        h_file_name=/proc/sys h_rest=$h_key.
        while [ -n "$h_rest" ]; do h_file_name=$h_file_name/${h_rest%%.*} h_rest=${h_rest#*.}; done
        set -- "$@" "$h_file_name"
    done
    printf '],"sysctl":{'
    { grep -H '' "$@" 2>/dev/null || :; } | {
        h_comma=
        while IFS=: read -r h_key h_value; do
            h_key=${h_key#/proc/sys/} h_rest=
            while [ "$h_key" != "${h_key#*/}" ]; do h_rest=$h_rest${h_key%%/*}. h_key=${h_key#*/}; done
            printf '%s' "$h_comma"; h_string "$h_rest$h_key"; printf :; h_string "$h_value"
            h_comma=,
        done
    }
    printf '}'
}

# h_facts PATH…
h_facts() {
    {
        printf 'honey facts {'
        h_facts_system
        h_facts_packages
        h_facts_services
        h_facts_firewall
        h_facts_k3s
        h_facts_network
        printf ',"files":{'
        h_comma=
        for h_key; do
            [ -f "$h_key" ] || continue
            h_digest_of "$h_key"
            printf '%s' "$h_comma"; h_string "$h_key"; printf ':"sha256:%s"' "$h_sum"
            h_comma=,
        done
        printf '}}\n'
    } >&3
}
