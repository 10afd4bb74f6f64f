# Sourced by init where the initramfs has drivers: loads those of the devices that are there, and asks for an address.
# Each kind of device has a list of its modules in load order.
load_modules() {
    while read -r module; do
        [ -d "/sys/module/$module" ] || insmod "/lib/modules/$module.ko"
    done < "/lib/modules/$1"
}

load_modules virtio
for device in /sys/bus/virtio/devices/*/device; do
    [ -e "$device" ] || continue
    case $(cat "$device") in # the numbers of virtio 1.2, section 5
        0x0001) load_modules network ;;
        0x0002) load_modules disk ;;
        0x0004) load_modules entropy ;;
    esac
done

if [ -d /sys/class/net/eth0 ]; then
    ip link set lo up
    ip link set eth0 up
    udhcpc -i eth0 -n -q -t 3 -T 1 -O mtu -s /lib/dhcp.sh > /dev/null 2>&1 || echo "init: DHCP gave no address"
fi
