#!/bin/busybox sh
# The first process of the guest `linux`. `run=COMMAND` among the kernel's arguments runs COMMAND on the console (plus
# signs are spaces, unless the argument is quoted and has spaces of its own); without it there is a shell. The machine
# powers off when either ends.
export PATH=/bin HOME=/root TERM=vt102
/bin/busybox mount -t proc proc /proc
/bin/busybox mount -t sysfs sysfs /sys
/bin/busybox mount -t devtmpfs devtmpfs /dev
/bin/busybox --install -s /bin
hostname lockstep
cd /root

# The kernel hands arguments that it doesn't know itself to its first process as environment variables.
case "$run" in
    *' '*) command=$run ;;
    *) command=$(echo "$run" | tr + ' ') ;;
esac
unset run

# A session with the console as its terminal: job control works and ^C reaches the command.
if [ -n "$command" ]; then
    setsid cttyhack sh -c "$command"
else
    setsid cttyhack sh
fi

# Changing a terminal's settings waits until it has sent everything; powering off would cut that short.
stty sane </dev/console
poweroff -f
