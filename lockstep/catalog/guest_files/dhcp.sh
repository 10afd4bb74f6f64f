#!/bin/sh
# Called by udhcpc with what the server said in the environment.
[ "$1" = bound ] || exit 0
[ -z "$mtu" ] || ip link set "$interface" mtu "$mtu"
ip addr add "$ip/${mask:-32}" dev "$interface"
for gateway in $router; do
    # With a point-to-point address the gateway is in no network of ours: say that it is at the other end.
    ip route add "$gateway" dev "$interface"
    ip route add default via "$gateway" dev "$interface"
    break
done
for server in $dns; do
    echo "nameserver $server"
done > /etc/resolv.conf
