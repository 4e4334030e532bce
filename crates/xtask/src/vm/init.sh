#!/bin/sh
# First program of the virtual machine: makes a writable view of the host's root file system, runs /command in it, says how it ended.
b=/bin/busybox
give_up() { echo "<1>vmtest: $*" > /dev/kmsg; $b poweroff -f; }

$b mount -t devtmpfs none /dev
$b mount -t proc none /proc
$b mount -t sysfs none /sys
for module in $($b cat /modules/order); do
  $b insmod /modules/$module.ko || echo "<1>vmtest: insmod $module failed" > /dev/kmsg
done

$b mount -t 9p -o trans=virtio,version=9p2000.L,msize=512000,ro,cache=loose host /host || give_up "no host file system"
$b mount -t tmpfs -o size=75% none /above
$b mkdir /above/files /above/work
$b mount -t overlay -o lowerdir=/host,upperdir=/above/files,workdir=/above/work none /root || give_up "no overlay"
# Of its own: over /tmp it would hide a checkout that is there.
$b mkdir /root/vmtest.tmp
$b mount -t ext4 /dev/vda /root/vmtest.tmp || give_up "no disk"
for directory in dev proc sys; do $b mount -o move /$directory /root/$directory; done
cd /root
# Relative: an absolute link would name the directory that /dev was moved away from.
$b ln -s /proc/self/fd dev/fd
for name in 0:stdin 1:stdout 2:stderr; do $b ln -s fd/${name%%:*} dev/${name#*:}; done
for port in sys/class/virtio-ports/*; do $b ln -s ${port##*/} dev/vmtest.$($b cat $port/name); done
$b mkdir -p dev/pts dev/shm
$b mount -t devpts none dev/pts
for directory in dev/shm run; do $b mount -t tmpfs none $directory; done
$b mount -t tracefs none sys/kernel/tracing
$b mount -t debugfs none sys/kernel/debug
$b mount -t securityfs none sys/kernel/security
$b mount -t bpf none sys/fs/bpf
$b mount -t cgroup2 none sys/fs/cgroup
$b ip link set lo up

export HOME=/root PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin TERM=dumb TMPDIR=/vmtest.tmp
$b cp /command dev/shm/command
$b chroot /root /bin/sh /dev/shm/command < dev/null > dev/vmtest.output 2>&1
echo $? > dev/vmtest.status
$b poweroff -f
