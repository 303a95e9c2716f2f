#!/bin/busybox sh
# The first program of dom0: load what the disk needs, hand over to the disk's own init.
b=/bin/busybox
$b mount -t devtmpfs dev /dev
$b mount -t proc proc /proc
$b mount -t sysfs sys /sys
while read -r module; do $b insmod "/modules/$module"; done </modules/order
while [ ! -b /dev/vda ]; do $b sleep 0.1; done
$b mount -t ext4 -o noatime /dev/vda /mnt
$b mount --move /dev /mnt/dev
$b umount /proc /sys
exec $b switch_root /mnt /sbin/xen-host-init
