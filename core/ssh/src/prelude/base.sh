# honey's shell library: POSIX sh, run as root, read from standard input.
# Lines that begin with "honey " on descriptor 3 are answers. Whatever a tool
# prints goes to standard error. The calls stand inside a function, so a script
# that was cut on its way does nothing at all.
set -eu
umask 077
LC_ALL=C
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
DEBIAN_FRONTEND=noninteractive
export LC_ALL PATH DEBIAN_FRONTEND
unset IFS CDPATH ENV BASH_ENV
exec 3>&1 1>&2

# What sshd says of the connection: the fourth word is the port it came in by.
# shellcheck disable=SC2048,SC2086
set -- $*
h_ssh_port=${4:-0}
case $h_ssh_port in *[!0-9]*) h_ssh_port=0 ;; esac

h_state=/var/lib/honey
h_uid=$(id -u)
h_n=0
h_quiet=no
h_locked=no
h_trash=
h_half=
h_line_end='
'
h_lock_folder=/run/honey.lock
[ "$h_uid" = 0 ] || h_lock_folder=${TMPDIR:-/tmp}/honey-$h_uid.lock

h_tell() { printf 'honey %s\n' "$*" >&3; }
h_changed() { h_tell "$h_n changed"; h_n=$((h_n + 1)); }
h_same() { h_tell "$h_n same"; h_n=$((h_n + 1)); }
h_end() { h_quiet=yes; h_tell end; }

# h_fail WORD TEXT: stops the script; the word decides honey's diagnostic.
h_fail() {
    h_quiet=yes
    h_tell "$h_n failed $*"
    exit 70
}

h_disk_full() {
    h_free=$(df -Pk / 2>/dev/null | { read -r h_x; read -r h_x h_x h_x h_free h_x; echo "$h_free"; }) || return 1
    [ "${h_free:-9999}" -lt 512 ] 2>/dev/null
}

h_leave() {
    h_status=$?
    trap - EXIT
    [ -z "$h_half" ] || rm -f -- "$h_half" || :
    [ -z "$h_trash" ] || rm -rf -- "$h_trash" || :
    [ "$h_locked" = no ] || rm -rf -- "$h_lock_folder" || :
    if [ "$h_quiet" = no ] && [ "$h_status" -ne 0 ]; then
        if h_disk_full; then
            h_tell "$h_n failed disk no space is left on the host's root file system"
        else
            h_tell "$h_n failed error a command ended with status $h_status"
        fi
    fi
    exit "$h_status"
}
trap h_leave EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 141' PIPE
trap 'exit 143' TERM

# One writer per host. Reads need no lock.
h_lock() {
    h_i=0
    until mkdir "$h_lock_folder" 2>/dev/null; do
        h_pid=$(cat "$h_lock_folder/pid" 2>/dev/null || :)
        if [ -n "$h_pid" ] && ! kill -0 "$h_pid" 2>/dev/null; then
            rm -rf -- "$h_lock_folder"
            continue
        fi
        if [ -z "$h_pid" ] && [ "$h_i" -ge 5 ]; then
            rm -rf -- "$h_lock_folder"
            continue
        fi
        [ "$h_i" -lt "$1" ] || h_fail lock "another run of honey works on this host (process $h_pid)"
        h_i=$((h_i + 1))
        sleep 1
    done
    h_locked=yes
    echo $$ >"$h_lock_folder/pid"
}

# A private place for what a step needs on the way; gone at the end.
h_temporary() {
    [ -n "$h_trash" ] || h_trash=$(mktemp -d "${TMPDIR:-/tmp}/honey.XXXXXX")
}

# Runs a tool to its end even when the connection breaks meanwhile: its output
# goes to a file first, and is shown only when it failed.
h_do() {
    h_temporary
    if "$@" >"$h_trash/log" 2>&1 </dev/null 3>&-; then
        return 0
    else
        h_code=$?
        tail -c 4000 "$h_trash/log" >&2
        return "$h_code"
    fi
}

h_has() { command -v "$1" >/dev/null 2>&1; }
h_systemd() { [ -d /run/systemd/system ] && h_has systemctl; }

h_digest_of() {
    h_sum=$(sha256sum <"$1")
    h_sum=${h_sum%% *}
}

# Prints a JSON string. Forks only for the rare text that needs escaping.
h_string() {
    case $1 in
    *[\\\"]* | *[[:cntrl:]]*)
        printf '"%s"' "$(printf %s "$1" | tr -d '\000-\037\177' | sed 's/[\\"]/\\&/g')"
        ;;
    *) printf '"%s"' "$1" ;;
    esac
}

# Whether a daemon that keeps the clock starts by itself, by the links that systemd keeps.
h_time_daemon() {
    for h_name in chrony ntpsec ntp openntpd systemd-timesyncd; do
        for h_x in sysinit multi-user; do
            [ ! -L "/etc/systemd/system/$h_x.target.wants/$h_name.service" ] || return 0
        done
    done
    return 1
}

# h_digests_of PATH…: sets h_sums, for h_digest_in to look into.
h_digests_of() {
    h_sums=
    if [ $# -gt 0 ]; then h_sums=$(sha256sum -- "$@" 2>/dev/null || :); fi
    h_sums=$h_sums$h_line_end
}

# h_digest_in PATH: sets h_sum to what h_digests_of found, by one process more
# only for a name that the listing escapes.
h_digest_in() {
    h_sum=${h_sums%%"  $1$h_line_end"*}
    if [ "$h_sum" = "$h_sums" ]; then
        h_digest_of "$1"
    else
        h_sum=${h_sum##*"$h_line_end"}
    fi
}

# h_digest PATH
h_digest() {
    if [ -f "$1" ]; then
        h_digest_of "$1"
        h_tell "digest $h_sum"
    else
        h_tell "digest absent"
    fi
}

# h_read PATH LIMIT
h_read() {
    if [ ! -e "$1" ]; then
        h_tell "read absent"
        return 0
    fi
    [ -f "$1" ] || h_fail error "not a regular file"
    h_size=$(wc -c <"$1")
    if [ "$h_size" -gt "$2" ]; then
        h_tell "read large $((h_size))"
        return 0
    fi
    printf 'honey read present ' >&3
    base64 <"$1" | tr -d '\n' >&3
    printf '\n' >&3
}

# Who holds the package database, by the kernel's own list of locks.
h_packages_locked() {
    [ -r /proc/locks ] || return 1
    h_inodes=$(stat -c %i /var/lib/dpkg/lock-frontend /var/lib/dpkg/lock /var/lib/apt/lists/lock 2>/dev/null || :)
    while read -r h_x h_x h_x h_x h_x h_place h_x; do
        case $h_line_end$h_inodes$h_line_end in *"$h_line_end${h_place##*:}$h_line_end"*) return 0 ;; esac
    done </proc/locks
    return 1
}

# Sets h_program to where k3s is, empty where it is not.
h_k3s_program() {
    h_program=/usr/local/bin/k3s
    [ -x "$h_program" ] || h_program=$(command -v k3s 2>/dev/null || :)
}

# Sets h_version to what k3s says of itself; a binary that said it before and
# was not touched since is not started again.
h_k3s_ask() {
    h_version=
    if [ -r "$h_state/k3s.version" ]; then
        read -r h_value h_version <"$h_state/k3s.version" || :
        [ "$h_value" = "$(stat -L -c %i:%s:%.9Y:%.9Z "$h_program" 2>/dev/null)" ] || h_version=
    fi
    if [ -z "$h_version" ]; then
        h_version=$("$h_program" --version 2>/dev/null </dev/null || :)
        case $h_version in
        'k3s version '*) h_version=${h_version#k3s version }; h_version=${h_version%%[ (]*} ;;
        *) h_version= ;;
        esac
    fi
}

# h_k3s_keep_version: for the looks that follow.
h_k3s_keep_version() {
    h_k3s_program
    if [ -n "$h_program" ] && [ -n "$h_version" ]; then
        mkdir -p "$h_state"
        echo "$(stat -L -c %i:%s:%.9Y:%.9Z "$h_program") $h_version" >"$h_state/k3s.version"
    fi
}
