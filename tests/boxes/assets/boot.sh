#!/bin/sh
# The power supply of one box: runs on the machine under the boxes, boots the
# box, and boots it again when it ends, until the file `off` stands in its folder.
set -u
cd "$1" || exit 1
. ./settings

while [ ! -e off ]; do
    rm -f init
    ip netns del "$NETNS" 2>/dev/null
    ip -n "$SWITCH" link del "$PORT" 2>/dev/null
    ip netns add "$NETNS" || exit 1
    ip -n "$NETNS" link add eth0 address "$MAC" type veth peer name "$PORT" netns "$SWITCH" || exit 1
    ip -n "$NETNS" link set lo up
    nsenter --net="/run/netns/$NETNS" sh -c 'echo 0 >/proc/sys/net/ipv6/conf/all/accept_ra; echo 0 >/proc/sys/net/ipv6/conf/eth0/accept_ra'
    ip -n "$NETNS" addr add "$IPV4/24" dev eth0
    ip -n "$NETNS" addr add "$IPV6/64" dev eth0 nodad
    ip -n "$NETNS" link set eth0 up
    ip -n "$NETNS" route add default via "$GATEWAY4"
    ip -n "$NETNS" route add default via "$GATEWAY6"
    bridge=bridge
    [ ! -e slow ] || bridge=s-$PORT
    ip -n "$SWITCH" link set "$PORT" master "$bridge"
    [ -e cut ] || ip -n "$SWITCH" link set "$PORT" up

    # shellcheck disable=SC2016
    NETNS=$NETNS sh -c '
        set -- /sys/fs/cgroup/*/
        [ ! -e /sys/fs/cgroup/cgroup.controllers ] || set -- /sys/fs/cgroup/
        for hierarchy; do
            [ -e "$hierarchy/cgroup.procs" ] && [ ! -L "${hierarchy%/}" ] || continue
            mkdir -p "$hierarchy/$NETNS"
            for file in cpuset.cpus cpuset.mems; do
                [ ! -e "$hierarchy/$file" ] || [ ! -e "$hierarchy/$NETNS/$file" ] || cat "$hierarchy/$file" >"$hierarchy/$NETNS/$file"
            done
            echo $$ >"$hierarchy/$NETNS/cgroup.procs"
        done
        exec nsenter --net="/run/netns/$NETNS" unshare --mount --propagation private --pid --uts --ipc --cgroup \
            --fork --kill-child sh ../init.sh
    ' <&- >>boot.log 2>&1 &
    under=$!
    # Its child in another process namespace is the box's first process. The
    # kernel writes no end of line here, so `read` finds the number and complains.
    here=$(readlink /proc/self/ns/pid)
    while kill -0 "$under"; do
        init=
        read -r init _ <"/proc/$under/task/$under/children" || :
        [ -z "$init" ] || there=$(readlink "/proc/$init/ns/pid") || init=
        [ -z "$init" ] || [ "$there" = "$here" ] || break
        init=
        sleep 0.01
    done 2>/dev/null
    [ -z "$init" ] || { echo "$init" >init.new && mv init.new init; }
    wait "$under"
    # What did not even begin to boot will not the next time.
    [ -n "$init" ] || exit 1
done
rm -f init
