# Steps that change the host. Each looks first, changes only what differs and
# answers `changed` or `same`.

# h_file PATH MODE BASE64
h_file() {
    h_folder=${1%/*}
    [ -n "$h_folder" ] || h_folder=/
    [ -d "$h_folder" ] || (umask 022 && mkdir -p -- "$h_folder")
    [ ! -d "$1" ] || h_fail error "a directory stands where the file belongs"
    h_new=$(mktemp "$h_folder/.honey.XXXXXX")
    h_half=$h_new
    if ! printf %s "$3" | base64 -d >"$h_new"; then
        if h_disk_full; then h_fail disk "no space is left on the host's root file system"; fi
        h_fail error "the file could not be written"
    fi
    if [ -f "$1" ] && [ ! -L "$1" ] && [ "$(stat -c '%a %u' "$1")" = "$2 $h_uid" ] && cmp -s -- "$h_new" "$1"; then
        rm -f -- "$h_new"
        h_same
        return 0
    fi
    chmod "$2" "$h_new"
    case $1 in
    /etc/rancher/k3s/*) mkdir -p "$h_state" && : >"$h_state/k3s.pending" ;;
    /etc/ssh/*) mkdir -p "$h_state" && : >"$h_state/ssh.pending" ;;
    /etc/fail2ban/*) mkdir -p "$h_state" && : >"$h_state/fail2ban.pending" ;;
    esac
    sync "$h_new" 2>/dev/null || :
    mv -f -- "$h_new" "$1"
    h_changed
}

# h_part PATH OFFSET BASE64: appends to a file that honey sends in parts.
h_part() {
    h_folder=${1%/*}
    [ -d "$h_folder" ] || mkdir -p -- "$h_folder"
    if [ "$2" = 0 ]; then : >"$1"; fi
    [ "$(($(wc -c <"$1")))" = "$2" ] || h_fail error "the file does not end where the next part begins"
    printf %s "$3" | base64 -d >>"$1"
}

h_apt() {
    apt-get -y -q -o "DPkg::Lock::Timeout=$h_wait" -o Acquire::Retries=3 -o Dpkg::Use-Pty=0 \
        -o Dpkg::Options::=--force-confdef -o Dpkg::Options::=--force-confold "$@"
}

h_apt_failed() {
    if grep -q 'Could not get lock\|Unable to acquire the dpkg' "$h_trash/log"; then
        h_fail lock "another program holds the package database"
    elif grep -qi 'no space left\|not have enough free space' "$h_trash/log"; then
        h_fail disk "no space is left for packages"
    fi
    h_fail apt "$1"
}

# h_packages WAIT refresh|keep NAME…
h_packages() {
    h_wait=$1 h_refresh=$2
    shift 2
    h_has apt-get || h_fail unsupported "no apt-get: honey knows Debian and Ubuntu"
    # The next look at the host tells about these packages too.
    mkdir -p "$h_state"
    for h_name; do
        grep -qx -- "$h_name" "$h_state/packages" 2>/dev/null || printf '%s\n' "$h_name" >>"$h_state/packages"
    done
    h_installed=" $(dpkg-query -W -f='${Package}:${db:Status-Status} ' "$@" 2>/dev/null || :)"
    h_missing=
    for h_name; do
        case $h_installed in *" $h_name:installed "*) ;; *) h_missing="$h_missing $h_name" ;; esac
    done
    if [ -z "$h_missing" ]; then
        h_same
        return 0
    fi
    h_i=0
    while h_packages_locked; do
        [ "$h_i" -lt "$h_wait" ] || h_fail lock "another program holds the package database for over $h_wait seconds"
        h_i=$((h_i + 1))
        sleep 1
    done
    if [ -n "$(dpkg --audit 2>/dev/null)" ]; then
        h_do dpkg --force-confdef --force-confold --configure -a || h_apt_failed "packages left half-way could not be configured"
    fi
    if [ "$h_refresh" = keep ]; then
        for h_name in /var/lib/apt/lists/*Packages*; do [ -e "$h_name" ] || h_refresh=refresh; break; done
    fi
    if [ "$h_refresh" = refresh ]; then
        h_i=1
        until h_do h_apt update; do
            [ "$h_i" -lt 3 ] || h_apt_failed "the package lists could not be refreshed"
            sleep $((h_i * 2))
            h_i=$((h_i + 1))
        done
    fi
    h_i=1
    # shellcheck disable=SC2086
    until h_do h_apt install $h_missing; do
        [ "$h_i" -lt 3 ] || h_apt_failed "packages could not be installed:$h_missing"
        sleep $((h_i * 2))
        h_i=$((h_i + 1))
        h_do dpkg --force-confdef --force-confold --configure -a || :
        h_do h_apt update || :
    done
    h_changed
}

# h_sysctl: loads the settings in honey's files below /etc/sysctl.d.
h_sysctl() {
    h_differs=no
    for h_file_name in /etc/sysctl.d/*honey*.conf; do
        [ -f "$h_file_name" ] || continue
        while IFS='=' read -r h_key h_value; do
            h_key=$(echo $h_key) h_value=$(echo $h_value)
            case $h_key in '' | '#'* | ';'*) continue ;; esac
            h_found=$(sysctl -n "${h_key#-}" 2>/dev/null || :)
            # shellcheck disable=SC2116,SC2086
            [ "$(echo $h_found)" = "$h_value" ] || h_differs=yes
        done <"$h_file_name"
        if [ "$h_differs" = yes ]; then
            h_do sysctl -q -p "$h_file_name" || h_fail error "the kernel refused a setting in $h_file_name"
        fi
    done
    if [ "$h_differs" = yes ]; then h_changed; else h_same; fi
}

# h_enable SERVICE: asking is quick, while enabling one with an init script
# beside its unit takes most of a second.
h_enable() {
    systemctl is-enabled --quiet "$1" 2>/dev/null || h_do systemctl enable "$1"
}

# h_service NAME
h_service() {
    h_systemd || h_fail unsupported "systemd does not run on this host"
    case $1 in
    ssh | sshd)
        # Settings that an earlier step wrote are checked before the daemon reads them.
        if [ -e "$h_state/ssh.pending" ]; then
            h_do sshd -t || h_fail error "sshd refuses its new settings; the running one keeps the old"
            h_do systemctl reload-or-restart "$1" || h_fail error "the service $1 could not be reloaded"
            rm -f "$h_state/ssh.pending"
            h_changed
            return 0
        fi
        ;;
    *)
        if [ -e "$h_state/$1.pending" ]; then
            h_enable "$1" || h_fail error "the service $1 could not be enabled"
            h_do systemctl restart "$1" || h_fail error "the service $1 could not be restarted"
            rm -f "$h_state/$1.pending"
            h_changed
            return 0
        fi
        ;;
    esac
    if systemctl is-active --quiet "$1" && systemctl is-enabled --quiet "$1" 2>/dev/null; then
        h_same
        return 0
    fi
    h_enable "$1" && h_do systemctl start "$1" || h_fail error "the service $1 could not be started"
    h_changed
}

# h_hostname NAME
h_hostname() {
    h_name=
    if [ -r /etc/hostname ]; then read -r h_name </etc/hostname || :; fi
    if [ "$(uname -n)" = "$1" ] && [ "$h_name" = "$1" ]; then
        h_same
        return 0
    fi
    if [ -d /etc/cloud/cloud.cfg.d ]; then
        (umask 022 && echo 'preserve_hostname: true' >/etc/cloud/cloud.cfg.d/99-honey.cfg)
    fi
    (umask 022 && printf '%s\n' "$1" >/etc/hostname)
    if grep -q '^127\.0\.1\.1[[:space:]]' /etc/hosts 2>/dev/null; then
        h_new=$(sed "s/^127\.0\.1\.1[[:space:]].*/127.0.1.1 $1/" /etc/hosts)
        printf '%s\n' "$h_new" >/etc/hosts
    else
        printf '127.0.1.1 %s\n' "$1" >>/etc/hosts
    fi
    if h_systemd && h_has hostnamectl; then
        h_do hostnamectl set-hostname "$1" || h_fail error "the host name could not be set"
    else
        h_do hostname "$1" || h_fail error "the host name could not be set"
    fi
    h_changed
}

# h_time_sync: the first daemon that is installed; one that runs already is left alone.
h_time_sync() {
    if h_time_daemon; then
        h_same
        return 0
    fi
    for h_name in chrony ntpsec ntp openntpd systemd-timesyncd; do
        [ -e "/lib/systemd/system/$h_name.service" ] || continue
        h_do systemctl enable --now "$h_name" || h_fail error "the service $h_name could not be started"
        h_changed
        return 0
    done
    h_fail unsupported "no time daemon is installed"
}

# h_swap BYTES: one swap file of this size, or none.
h_swap() {
    h_swapfile=$h_state/swapfile
    h_size=0 h_on=no
    if [ -f "$h_swapfile" ]; then h_size=$(stat -c %s "$h_swapfile"); fi
    while read -r h_key h_x; do
        if [ "$h_key" = "$h_swapfile" ]; then h_on=yes; fi
    done </proc/swaps
    if [ "$1" = "$h_size" ] && { [ "$1" = 0 ] || [ "$h_on" = yes ]; }; then
        h_same
        return 0
    fi
    if [ "$h_on" = yes ]; then h_do swapoff "$h_swapfile" || h_fail error "swap is in use and cannot be taken away"; fi
    rm -f "$h_swapfile"
    if [ "$1" != 0 ]; then
        mkdir -p "$h_state"
        h_do fallocate -l "$1" "$h_swapfile" || { rm -f "$h_swapfile"; h_fail disk "no space is left for a swap file"; }
        h_do mkswap "$h_swapfile" || h_fail error "the swap file could not be prepared"
        h_do swapon "$h_swapfile" || h_fail error "the swap file could not be used"
        grep -q "^$h_swapfile " /etc/fstab 2>/dev/null || printf '%s none swap sw 0 0\n' "$h_swapfile" >>/etc/fstab
    elif [ -f /etc/fstab ]; then
        h_new=$(grep -v "^$h_swapfile " /etc/fstab || :)
        printf '%s\n' "$h_new" >/etc/fstab
    fi
    h_changed
}
