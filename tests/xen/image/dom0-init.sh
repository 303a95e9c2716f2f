#!/bin/bash
# Process 1 of dom0: Xen's and libvirt's services in Debian's way, then the agent that the tests talk to.
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8
told() { echo "xen-host $(cut -d' ' -f1 /proc/uptime) $*"; }
mount -t proc proc /proc
mount -t sysfs sys /sys
mkdir -p /dev/pts /dev/shm
mount -t devpts devpts /dev/pts
mount -t tmpfs tmpfs /dev/shm
mount -t tmpfs tmpfs /run
mount -t tmpfs tmpfs /tmp
mount -t cgroup2 cgroup /sys/fs/cgroup
# Xen's block script needs these links; udev makes none of them.
ln -sfn /proc/self/fd /dev/fd
for pair in 0:stdin 1:stdout 2:stderr; do ln -sfn "fd/${pair%:*}" "/dev/${pair#*:}"; done
hostname "$(cat /etc/hostname)"
ip link set lo up
mkdir -p /run/lock /run/libvirt /var/log/libvirt /var/log/xen/console
for module in xenfs xen-evtchn xen-gntdev xen-gntalloc xen-privcmd xen-blkback xen-netback loop bridge virtio_net; do
    modprobe "$module"
done
mount -t xenfs xenfs /proc/xen
/lib/systemd/systemd-udevd --daemon
ip address add 10.0.2.15/24 dev eth0
ip link set eth0 up
ip link add br0 type bridge
ip link set br0 up
told "modules are loaded"
/etc/init.d/xen start
told "Xen's services are started: $?"
virtlogd --daemon
virtlockd --daemon
libvirtd --daemon
for _ in $(seq 240); do virsh -c xen:///system version >/dev/null 2>&1 && break; sleep 0.25; done
told "libvirt answers"
# Its children that lose their parents come to process 1, which waits for them.
python3 /sbin/xen-host-agent &
while :; do wait -n || sleep 1; done
