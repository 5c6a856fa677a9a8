# The host's firewall, changed so that nobody is locked out: ssh comes first,
# and a timer on the host brings the old rules back unless a new connection
# confirms the new ones.

h_firewall_keep_old() {
    h_old=$h_state/firewall/old
    # Rules that were never confirmed are nothing to go back to.
    if [ -e "$h_state/firewall/armed" ] && [ -d "$h_old" ]; then return 0; fi
    rm -rf "$h_state/firewall"
    mkdir -p "$h_old"
    for h_file_name in /etc/ufw/user.rules /etc/ufw/user6.rules /etc/ufw/ufw.conf /etc/default/ufw; do
        [ ! -f "$h_file_name" ] || cp -p "$h_file_name" "$h_old/$(echo "$h_file_name" | tr / +)"
    done
    [ "$h_active" = no ] || : >"$h_old/active"
    cat >"$h_state/firewall/restore.sh" <<'RESTORE'
set -eu
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
cd /var/lib/honey/firewall
# Whoever moves the file away first wins: this script or a confirmation.
[ "$(cat armed 2>/dev/null)" = "$1" ] || [ "$1" = boot ] || exit 0
mv armed restored 2>/dev/null || exit 0
ufw --force disable || :
for saved in old/+*; do cp -p "$saved" "$(echo "${saved#old/}" | tr + /)"; done
if [ -e old/active ]; then ufw --force enable; else ufw --force disable; fi
rm -f /etc/systemd/system/honey-firewall-boot.service /etc/systemd/system/multi-user.target.wants/honey-firewall-boot.service
RESTORE
}

h_firewall_stop_timer() {
    if h_systemd; then
        systemctl stop 'honey-firewall-restore-*.timer' >/dev/null 2>&1 || :
        systemctl reset-failed 'honey-firewall-restore-*' >/dev/null 2>&1 || :
    elif [ -s "$h_state/firewall/timer" ]; then
        kill -- "-$(cat "$h_state/firewall/timer")" 2>/dev/null || :
        rm -f "$h_state/firewall/timer"
    fi
    rm -f /etc/systemd/system/honey-firewall-boot.service /etc/systemd/system/multi-user.target.wants/honey-firewall-boot.service
}

# h_firewall_arm SECONDS: takes the place of a timer before, which then finds
# another token and does nothing. A reboot while the rules wait restores them too.
h_firewall_arm() {
    h_armings=$((${h_armings:-0} + 1))
    h_token=$$-$(date +%s)-$h_armings
    echo "$h_token" >"$h_state/firewall/armed"
    if h_systemd && h_has systemd-run; then
        cat >/etc/systemd/system/honey-firewall-boot.service <<'UNIT'
[Unit]
Description=Bring back firewall rules that nobody confirmed
ConditionPathExists=/var/lib/honey/firewall/armed
After=ufw.service
[Service]
Type=oneshot
ExecStart=/bin/sh /var/lib/honey/firewall/restore.sh boot
UNIT
        ln -sf ../honey-firewall-boot.service /etc/systemd/system/multi-user.target.wants/honey-firewall-boot.service
        h_do systemd-run --quiet --collect --unit="honey-firewall-restore-$h_token" --on-active="${1}s" \
            --timer-property=AccuracySec=1s /bin/sh "$h_state/firewall/restore.sh" "$h_token" ||
            h_fail firewall "the timer that would bring the old rules back could not be started"
    else
        h_before=$(cat "$h_state/firewall/timer" 2>/dev/null || :)
        nohup setsid sh -c "sleep $1; exec sh $h_state/firewall/restore.sh $h_token" </dev/null >/dev/null 2>&1 3>&- &
        echo $! >"$h_state/firewall/timer"
        [ -z "$h_before" ] || kill -- "-$h_before" 2>/dev/null || :
    fi
}

# Rules that were taken back meanwhile must not be completed.
h_firewall_still_armed() {
    [ "$(cat "$h_state/firewall/armed" 2>/dev/null)" = "$h_token" ] ||
        h_fail firewall "the host was too slow: the old rules came back before the new ones were complete"
}

# h_firewall_write NAME CHAINS SIX RULE…: the rules of one family of addresses,
# written the way the tool writes them: it reads its comments back, the kernel
# the line below each.
h_firewall_write() {
    h_name=$1 h_chains=$2 h_six=$3
    shift 3
    h_source=/etc/ufw/$h_name
    if ! grep -q '^### RULES ###' "$h_source" 2>/dev/null; then h_source=/usr/share/ufw/iptables/$h_name; fi
    h_half=/etc/ufw/.honey.$h_name
    printf '%s\n' "$@" | awk -v chains="$h_chains" -v six="$h_six" '
        part == "rules" { rule[++n] = $0; next }
        /^### RULES ###/ {
            print
            for (i = 1; i <= n; i++) write(rule[i])
            print "\n### END RULES ###"
            inside = done = 1
            next
        }
        /^### END RULES ###/ { inside = 0; next }
        inside && (/^### tuple ###/ || /^$/ || ($1 == "-A" && $2 ~ /-user-(logging-)?(input|output|forward)$/)) { next }
        { print }
        END { if (!done) exit 1 }
        function write(text,   at, port, protocol, from, line) {
            at = index(text, "/"); port = substr(text, 1, at - 1); text = substr(text, at + 1)
            at = index(text, "/"); protocol = substr(text, 1, at - 1); from = substr(text, at + 1)
            if (from != "any" && (from ~ /:/) != six) return
            line = "-A " chains "-user-input"
            if (protocol != "any") line = line " -p " protocol
            if (port ~ /:/) line = line " -m multiport --dports " port
            else if (port != "any") line = line " --dport " port
            if (from != "any") line = line " -s " from
            at = six ? "::/0" : "0.0.0.0/0"
            print "\n### tuple ### allow " protocol " " port " " at " any " (from == "any" ? at : from) " in"
            print line " -j ACCEPT"
        }' part=rules - part=file "$h_source" >"$h_half" || h_fail firewall "the rules could not be written"
    chmod 640 "$h_half"
    mv -f "$h_half" "/etc/ufw/$h_name"
    h_half=
}

# Puts the rules of both files in the kernel's place for them, each in one
# piece: there is no moment without rules.
h_firewall_load() {
    h_do iptables-restore -w 10 -n /etc/ufw/user.rules || h_fail firewall "the kernel refused the rules"
    [ ! -d /proc/sys/net/ipv6 ] || h_do ip6tables-restore -w 10 -n /etc/ufw/user6.rules ||
        h_fail firewall "the kernel refused the rules for IPv6"
}

# h_firewall_default NAME WORD DIRECTION POLICY
h_firewall_default() {
    grep -Eq "^$1=\"?$2\"?\$" /etc/default/ufw 2>/dev/null && return 0
    h_do ufw default "$4" "$3" || h_fail firewall "the default could not be set"
}

# Starts the firewall from its files, whatever its chains were before: the tool
# does not mend chains that the kernel has but does not pass any more.
h_firewall_start() {
    if [ "$h_enabled" = yes ] || iptables -w 10 -S ufw-user-input >/dev/null 2>&1; then
        h_do ufw --force disable || h_fail firewall "the firewall could not be stopped"
    fi
    h_firewall_unhook iptables
    if [ -d /proc/sys/net/ipv6 ]; then h_firewall_unhook ip6tables; fi
    sed -i 's/^IPV6=.*/IPV6=yes/' /etc/default/ufw || h_fail firewall "ufw has no settings"
    h_firewall_default DEFAULT_INPUT_POLICY DROP incoming deny
    h_firewall_default DEFAULT_OUTPUT_POLICY ACCEPT outgoing allow
    h_do ufw --force enable || h_fail firewall "the firewall could not be enabled"
}

# Takes out what a stopped firewall leaves behind.
h_firewall_unhook() {
    h_listing=$("$1" -w 10 -S | awk '
        $1 == "-N" && $2 ~ /^ufw/ { head = head ":" $2 " - [0:0]\n"; tail = tail "-X " $2 "\n" }
        $1 == "-A" && $2 ~ /^(INPUT|OUTPUT|FORWARD)$/ && NF == 4 && $4 ~ /^ufw/ { body = body "-D " $2 " -j " $4 "\n" }
        END { if (head != "") printf "*filter\n%s%s%sCOMMIT\n", head, body, tail }')
    [ -n "$h_listing" ] || return 0
    printf '%s\n' "$h_listing" | "$1-restore" -w 10 -n || h_fail firewall "the chains of a stopped firewall cannot be removed"
}

# Whether the kernel has these rules, and no other.
h_firewall_is() {
    h_ufw_look
    [ "$h_active $h_in $h_out" = 'yes deny allow' ] && [ "$(printf '%s\n' "$h_rules" | sort -u)" = "$1" ]
}

# h_firewall SECONDS RULE…, each `port/protocol/from`, the ones for ssh first.
h_firewall() {
    h_seconds=$1
    shift
    h_has ufw || h_fail unsupported "ufw is not installed"
    h_want=$(printf '%s\n' "$@" | sort -u)
    if h_firewall_is "$h_want"; then
        # Rules that still wait for a confirmation count as changed: it has to be given.
        if [ -e "$h_state/firewall/armed" ]; then h_changed; else h_same; fi
        return 0
    fi
    h_firewall_stop_timer
    h_firewall_keep_old
    # Time to work first; the time to confirm begins when the rules are complete.
    h_firewall_arm $((h_seconds + 180))
    h_up=no
    if [ "$h_active $h_in $h_out" = 'yes deny allow' ] && grep -Eq '^IPV6="?yes"?$' /etc/default/ufw; then h_up=yes; fi
    h_firewall_write user.rules ufw 0 "$@"
    h_firewall_write user6.rules ufw6 1 "$@"
    h_firewall_still_armed
    # A firewall that filters as it should stays up while its rules change; one
    # that filters in another way, or not at all, starts afresh.
    if [ "$h_up" = yes ]; then
        h_firewall_load
    else
        h_firewall_start
    fi
    h_firewall_is "$h_want" || h_fail firewall "the kernel filters by other rules than those that were asked for"
    h_firewall_still_armed
    h_firewall_arm "$h_seconds"
    h_changed
}

# h_firewall_confirm: called through a new connection.
h_firewall_confirm() {
    if mv "$h_state/firewall/armed" "$h_state/firewall/confirmed" 2>/dev/null; then
        h_firewall_stop_timer
        h_tell "confirmed yes"
    elif [ -e "$h_state/firewall/restored" ]; then
        h_tell "confirmed restored"
    else
        h_tell "confirmed idle"
    fi
}
