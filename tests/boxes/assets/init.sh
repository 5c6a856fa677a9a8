#!/bin/sh
# The firmware of one box: runs as its first process, in namespaces of its own,
# puts the root file system in place and hands over to the box's real init.
set -eu
. ./settings
[ -z "$BINDS" ] || while read -r from to; do
    if [ -d "$from" ]; then mkdir -p "root$to"; else mkdir -p "root${to%/*}"; : >>"root$to"; fi
    mount --bind "$from" "root$to"
done <<LIST
$BINDS
LIST
mount --rbind root root
cd root
mount -t proc -o nosuid,nodev,noexec proc proc
mount -t sysfs -o ro,nosuid,nodev,noexec sysfs sys

mount -t tmpfs -o mode=755 tmpfs sys/fs/cgroup
if [ -e /sys/fs/cgroup/cgroup.controllers ]; then
    umount sys/fs/cgroup
    mount -t cgroup2 cgroup2 sys/fs/cgroup
else
    for path in /sys/fs/cgroup/*/; do
        name=${path#/sys/fs/cgroup/} name=${name%/}
        [ -e "$path/cgroup.procs" ] && [ ! -L "${path%/}" ] || continue
        mkdir "sys/fs/cgroup/$name"
        case $name in
        unified) mount -t cgroup2 cgroup2 sys/fs/cgroup/unified ;;
        systemd) mount -t cgroup -o none,name=systemd cgroup sys/fs/cgroup/systemd ;;
        *) mount -t cgroup -o "$name" cgroup "sys/fs/cgroup/$name" ;;
        esac
    done
fi

# The kernel is shared. Settings that belong to it, not to a network namespace,
# are the box's own copies: it reads back what it wrote, and nobody else does.
mount -t tmpfs -o mode=755 tmpfs run
for area in vm fs kernel; do
    mkdir -p "run/settings/$area"
    (cd "proc/sys/$area" && find . -path ./binfmt_misc -prune -o -type d -print) | (cd "run/settings/$area" && xargs mkdir -p)
    (cd "proc/sys/$area" && find . -path ./binfmt_misc -prune -o -type f -perm -400 -print) | while read -r file; do
        cat "proc/sys/$area/$file" >"run/settings/$area/$file" 2>/dev/null || :
    done
done
mkdir -p run/live
mount --bind proc/sys/kernel run/live
for area in vm fs kernel; do mount --bind "run/settings/$area" "proc/sys/$area"; done
for file in hostname domainname; do mount --bind "run/live/$file" "proc/sys/kernel/$file"; done
mount --bind run/live/random proc/sys/kernel/random
umount run/live
mount -t tmpfs -o mode=755 tmpfs run

mount -t tmpfs -o mode=755 tmpfs dev
mkdir dev/pts dev/shm dev/net
mount -t devpts -o newinstance,ptmxmode=0666,mode=620,gid=5 devpts dev/pts
mount -t tmpfs -o mode=1777 tmpfs dev/shm
ln -s pts/ptmx dev/ptmx
ln -s /proc/self/fd dev/fd
ln -s fd/0 dev/stdin
ln -s fd/1 dev/stdout
ln -s fd/2 dev/stderr
while read -r name major minor; do
    mknod "dev/$name" c "$major" "$minor"
    chmod 666 "dev/$name"
done <<LIST
null 1 3
zero 1 5
full 1 7
random 1 8
urandom 1 9
kmsg 1 11
tty 5 0
net/tun 10 200
LIST

hostname "$(cat etc/hostname)"
mkdir -p run/before
pivot_root . run/before
cd /
umount -l /run/before
rmdir /run/before
exec env -i container=box PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
    setpriv --bounding-set=-sys_time,-sys_module --inh-caps=-sys_time,-sys_module \
    /lib/systemd/systemd --log-target=journal --show-status=0 </dev/null
