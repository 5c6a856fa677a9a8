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

h_firewall_allow() {
    h_port=${1%%/*} h_rest=${1#*/}
    h_protocol=${h_rest%%/*} h_from=${h_rest#*/}
    set -- allow
    [ "$h_protocol" = any ] || set -- "$@" proto "$h_protocol"
    set -- "$@" from "$h_from" to any
    [ "$h_port" = any ] || set -- "$@" port "$h_port"
    h_do ufw "$@" || h_fail firewall "the rule $h_port/$h_protocol from $h_from was refused"
}

# h_firewall SECONDS RULE…, each `port/protocol/from`, the ones for ssh first.
h_firewall() {
    h_seconds=$1
    shift
    h_has ufw || h_fail unsupported "ufw is not installed"
    h_listing=$(ufw status verbose)
    h_active=no
    case $h_listing in *'Status: active'*) h_active=yes ;; esac
    h_want=$(printf '%s\n' "$@" | sort -u)
    if [ "$h_active" = yes ] && [ "$(printf '%s\n' "$h_listing" | h_ufw_rules | sort -u)" = "$h_want" ]; then
        case $h_listing in
        *'Default: deny (incoming), allow (outgoing)'*)
            # Rules that still wait for a confirmation count as changed: it has to be given.
            if [ -e "$h_state/firewall/armed" ]; then h_changed; else h_same; fi
            return 0
            ;;
        esac
    fi
    h_firewall_stop_timer
    h_firewall_keep_old
    # Time to work first; the time to confirm begins when the rules are complete.
    h_firewall_arm $((h_seconds + 180))
    if grep -q '^IPV6=' /etc/default/ufw 2>/dev/null; then sed -i 's/^IPV6=.*/IPV6=yes/' /etc/default/ufw; fi
    # A firewall that filters stays up while its rules change; one that does not starts afresh.
    if [ "$h_active" = no ]; then h_do ufw --force reset || h_fail firewall "the rules could not be reset"; fi
    for h_rule; do h_firewall_allow "$h_rule"; done
    h_do ufw default deny incoming || h_fail firewall "the default could not be set"
    h_do ufw default allow outgoing || h_fail firewall "the default could not be set"
    h_firewall_still_armed
    if [ "$h_active" = yes ]; then
        ufw status numbered | h_ufw_rules | sort -rn | while read -r h_number h_rule; do
            case "
$h_want
" in *"
$h_rule
"*) continue ;; esac
            h_do ufw --force delete "$h_number" || exit 1
        done || h_fail firewall "an old rule could not be removed"
    fi
    h_do ufw --force enable || h_fail firewall "the firewall could not be enabled"
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
