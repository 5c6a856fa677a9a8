#!/bin/sh
# Run by mmdebstrap on the finished base, with its folder as the argument:
# turns a minimal Debian into what a vendor's machine looks like on its first day.
set -eu
root=$1

# The login that cloud images have, and its sudo without a password.
chroot "$root" useradd --create-home --shell /bin/bash ubuntu
echo 'ubuntu ALL=(ALL) NOPASSWD:ALL' >"$root/etc/sudoers.d/90-cloud-init-users"
chmod 440 "$root/etc/sudoers.d/90-cloud-init-users"

# Every box gets host keys of its own.
rm -f "$root"/etc/ssh/ssh_host_*
chroot "$root" systemctl --quiet disable ssh.socket
chroot "$root" systemctl --quiet enable ssh.service

# Addresses are set from outside, as a vendor's network does; what a kernel of
# its own would bring is not there to be mounted; nothing asks the internet.
for unit in systemd-firstboot.service systemd-networkd.service systemd-networkd.socket \
    systemd-networkd-wait-online.service systemd-modules-load.service console-getty.service getty@.service \
    getty.target getty-static.service dev-hugepages.mount sys-fs-fuse-connections.mount \
    sys-kernel-config.mount sys-kernel-debug.mount sys-kernel-tracing.mount \
    apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer e2scrub_all.timer fstrim.timer; do
    ln -sf /dev/null "$root/etc/systemd/system/$unit"
done

# The clock belongs to the machine under the boxes: the daemon runs, and may not set it.
mkdir -p "$root/etc/systemd/system/systemd-timesyncd.service.d"
cat >"$root/etc/systemd/system/systemd-timesyncd.service.d/box.conf" <<'UNIT'
[Unit]
ConditionVirtualization=
[Service]
AmbientCapabilities=
CapabilityBoundingSet=
CapabilityBoundingSet=~
UNIT

mkdir -p "$root/etc/systemd/journald.conf.d"
printf '[Journal]\nStorage=volatile\nRuntimeMaxUse=16M\n' >"$root/etc/systemd/journald.conf.d/box.conf"

# Packages come from a folder: a box reaches nothing outside.
packages=$root/var/lib/box-packages
mkdir -p "$packages"
cd "$packages"
# apt of the machine under the boxes, on the base's own state. One by one: some
# of them exclude each other.
export APT_CONFIG="$MMDEBSTRAP_APT_CONFIG"
for name in $BOX_PACKAGES; do
    apt-get --yes --quiet --download-only --no-install-recommends \
        -o "Dir::Cache::archives=$packages" install "$name"
done
rm -rf partial lock
apt-ftparchive packages . >Packages
apt-ftparchive release . >../box-release
mv ../box-release Release
rm -rf "$root"/etc/apt/sources.list "$root"/etc/apt/sources.list.d/*
echo 'deb [trusted=yes] file:/var/lib/box-packages ./' >"$root/etc/apt/sources.list"
