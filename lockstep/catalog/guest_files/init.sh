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
[ ! -f /lib/devices.sh ] || . /lib/devices.sh

# The kernel hands arguments that it doesn't know itself to its first process as environment variables.
case "$run" in
    *' '*) command=$run ;;
    *) command=$(echo "$run" | tr + ' ') ;;
esac
unset run

# A session with the console as its terminal, so that job control works and ^C reaches the command. When its leader
# ends, the kernel hangs the console up, which drops what hasn't been sent yet; changing the terminal's settings waits
# until everything has been. A shell that was killed leaves us in the background, where SIGTTOU would stop that.
setsid cttyhack sh -c '
    if [ -n "$1" ]; then
        sh -c "$1"
    else
        sh
    fi
    trap "" TTOU
    stty sane
' session "$command"
poweroff -f
