# What the firewall's own files ask for and what the kernel does of it, without
# a call of its tool, which is slow. Neither alone is believed: a rule that only
# one of them has keeps a mark in front of its source, so that it never looks
# like one of ours, and a firewall whose chains the kernel does not pass is not
# active.

# h_ufw_look: sets h_active (yes|no), h_in and h_out (deny|allow|reject), and
# h_rules, one `port/protocol/from` a line. What honey never writes keeps a mark.
h_ufw_look() {
    h_active=no h_in= h_out= h_rules= h_enabled=no
    if [ -r /etc/ufw/ufw.conf ]; then
        while IFS='=' read -r h_key h_value; do
            if [ "$h_key" = ENABLED ]; then
                case $h_value in yes* | YES* | '"yes"'*) h_enabled=yes ;; *) h_enabled=no ;; esac
            fi
        done </etc/ufw/ufw.conf
    fi
    [ "$h_enabled" = yes ] && h_has iptables || return 0
    set -- part=rules
    for h_file_name in /etc/ufw/user.rules /etc/ufw/user6.rules; do
        [ ! -r "$h_file_name" ] || set -- "$@" "$h_file_name"
    done
    [ ! -r /etc/default/ufw ] || set -- part=settings /etc/default/ufw "$@"
    h_six=no
    [ ! -d /proc/sys/net/ipv6 ] || h_six=yes
    h_listing=$({
        iptables -w 5 -S || :
        echo --six--
        [ "$h_six" = no ] || ip6tables -w 5 -S || :
    } 2>/dev/null </dev/null | awk -v six="$h_six" '
        function bare(address) {
            if (address ~ /:/) sub(/\/128$/, "", address); else sub(/\/32$/, "", address)
            return address
        }
        # One form for a rule as ufw writes it and as the kernel tells it.
        function form(   i, from, to, protocol, port, rest) {
            from = to = protocol = port = rest = ""
            for (i = 3; i <= NF; i++) {
                if ($i == "-s") from = bare($(++i))
                else if ($i == "-d") to = bare($(++i))
                else if ($i == "-p") protocol = $(++i)
                else if ($i ~ /^--dports?$/) port = $(++i)
                else if ($i == "-m" && $(i + 1) ~ /^(tcp|udp|multiport)$/) i++
                else rest = rest " " $i
            }
            gsub(/["\047]/, "", rest)
            return $2 " " protocol " " port " " from " " to rest
        }
        function policy(name) {
            name = setting[name]
            return name == "accept" ? "allow" : name == "reject" ? "reject" : "deny"
        }
        part == "settings" {
            if (match($0, /^[A-Z0-9_]+=/)) {
                word = tolower(substr($0, RLENGTH + 1)); gsub(/["\047 \t\r]/, "", word)
                setting[substr($0, 1, RLENGTH - 1)] = word
            }
            next
        }
        part == "rules" && /^### tuple ###/ {
            family[++n] = FILENAME ~ /6\.rules$/ ? 6 : 4
            last = NF; if ($NF ~ /^comment=/) last--
            port[n] = $6; protocol[n] = $5
            source[n] = $9 ~ /^(0\.0\.0\.0\/0|::\/0)$/ ? "any" : bare($9)
            if (!($4 == "allow" && $7 ~ /^(0\.0\.0\.0\/0|::\/0)$/ && $8 == "any" && last == 10 && $10 == "in")) {
                source[n] = "other:" $4
                for (i = 5; i <= last; i++) source[n] = source[n] "_" $i
            }
            next
        }
        part == "rules" { if ($1 == "-A" && $2 ~ /^ufw6?-user-(input|output|forward)$/) written[form()] = n; next }
        $1 == "--six--" { now = 6; next }
        $1 == "-P" { kernel[now + 0, $2] = $3 }
        $1 == "-A" && $2 ~ /^(INPUT|ufw6?-before-input)$/ && NF == 4 { passed[$2, $4] = 1 }
        $1 == "-A" && $2 ~ /^ufw6?-user-(input|output|forward)$/ {
            key = form(); loaded[key] = 1
            if (!(key in written)) { gsub(/ /, "_", key); extra[key] = now == 6 ? 6 : 4 }
        }
        END {
            both = six == "yes" && setting["IPV6"] == "yes"
            if (!(("INPUT", "ufw-before-input") in passed) || !(("ufw-before-input", "ufw-user-input") in passed)) exit
            if (both && (!(("INPUT", "ufw6-before-input") in passed) || !(("ufw6-before-input", "ufw6-user-input") in passed))) exit
            incoming = policy("DEFAULT_INPUT_POLICY"); outgoing = policy("DEFAULT_OUTPUT_POLICY")
            if (kernel[0, "INPUT"] == "ACCEPT" || (both && kernel[6, "INPUT"] == "ACCEPT")) incoming = "allow"
            print "yes", incoming, outgoing
            for (key in written) if (!(key in loaded)) missing[written[key]] = 1
            for (i = 1; i <= n; i++) {
                if (source[i] == "any" && !(i in missing) && (family[i] == 4 || both)) everyone[family[i], port[i], protocol[i]] = 1
            }
            for (i = 1; i <= n; i++) {
                if (family[i] == 6 && !both) continue
                if (i in missing) source[i] = "not-loaded:" source[i]
                else if (source[i] == "any" && six == "yes" && !((10 - family[i], port[i], protocol[i]) in everyone))
                    source[i] = "only-ipv" family[i] ":any"
                print port[i] "/" protocol[i] "/" source[i]
            }
            for (key in extra) if (extra[key] == 4 || both) print "any/any/not-written:" key
        }' "$@" part=kernel - 2>/dev/null) || return 0
    [ -n "$h_listing" ] || return 0
    h_rules=${h_listing#*"$h_line_end"}
    [ "$h_rules" != "$h_listing" ] || h_rules=
    h_listing=${h_listing%%"$h_line_end"*}
    h_active=${h_listing%% *} h_out=${h_listing##* }
    h_in=${h_listing#* } h_in=${h_in% *}
}
