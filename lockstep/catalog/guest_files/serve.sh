#!/bin/sh
# serve: a web server on port 80, until the machine is stopped. /50M is 50 MiB that whoever fetches them can check:
# lockstep/catalog/served_content.py makes the same.
address=$(ip -4 -o addr show dev eth0 2> /dev/null | awk '{ sub("/.*", "", $4); print $4; exit }')
if [ -z "$address" ]; then
    echo "serve: there is no network: give the machine one (--net user)"
    exit 1
fi
mkdir -p /srv
mount -t tmpfs -o size=64m tmpfs /srv
echo "lockstep serves /50M" > /srv/index.html
awk 'BEGIN {
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+-"
    state = 1
    for (place = 0; place < 8192; place++) {
        state = state * 16807 % 2147483647
        text = text substr(alphabet, state % 64 + 1, 1)
    }
    for (block = 0; block < 12800; block++)
        printf "%08d %s\n", block, substr(text, block * 97 % 4096 + 1, 4086)
}' > /srv/50M || exit 1
httpd -p 80 -h /srv || exit 1 # it listens before it goes to the background
echo "serve: http://$address/50M is ready"
exec sleep 2147483647
