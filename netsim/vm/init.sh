#!/usr/bin/busybox sh
# shellcheck shell=dash
# The first process in the guest: prepares, runs /vm/command, hands /out over, and says so on the
# console. boot.sh, which reads it, then ends the machine: a restart by the guest itself may hang.
# busybox's shell takes its own applets before programs of the same name.
export PATH=/usr/sbin:/usr/bin

mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs devtmpfs /dev
mkdir -p /dev/shm /dev/pts
mount -t tmpfs tmpfs /dev/shm
mount -t devpts devpts /dev/pts
ln -s /proc/self/fd /dev/fd
ln -s fd/0 /dev/stdin
ln -s fd/1 /dev/stdout
ln -s fd/2 /dev/stderr

# Names of modules, those that others need first.
load() {
    while read -r module; do
        insmod "/vm/modules/$module.ko" || echo "belay-netsim: no module $module"
    done <"$1"
}

load /vm/modules/first
/usr/sbin/ip link set lo up
hostname netsim

# Until it has measured its clock, which takes it more than a second, the kernel's timers are as
# coarse as its ticks: 50 ms would be 56. While nothing runs, this clock takes no time.
for _ in $(seq 100); do
    ! grep -q 'hres_active *: 1' /proc/timer_list || break
    sleep 0.05
done

/bin/sh /vm/command >/out/stdout 2>/out/stderr </dev/null
status=$?

# What is newer than all that was carried in was written here.
if [ -e /vm/here ]; then
    mkdir /out/here
    cd "$(cat /vm/here)" && find . -xdev \( -path ./vm -o -path ./out -o -path ./results \
        -o -path ./init \) -prune -o -type f -newer /vm/marker -print0 >/vm/written
    cpio --quiet -0 -o -H newc </vm/written 2>/dev/null | (cd /out/here && cpio --quiet -idmu)
    cd /
fi
mv /results /out/results
echo $status >/out/status

# Only now: the disk's interrupts come when the host likes.
load /vm/modules/last
word=done
tar -c -C /out . | dd of=/dev/vda bs=64k conv=fsync 2>/dev/null || word=failed
echo "netsim-machine: $word"
while :; do sleep 1000; done # the first process may not end
