#!/bin/sh
# writetest [check]: appends numbered records to a file on /dev/vda (ext4), flushing the disk after each, and says which
# ones the disk has acknowledged. What earlier runs wrote is verified first, and the numbers go on from there.
# `records=N` among the kernel's arguments says how many are appended. `check` only verifies.
# ^C ends it early, with the disk unmounted.
# A record has 256 bytes: number, payload, checksum. So none lies across two blocks, and none can be half there.
FILE=/mnt/records
RECORD_BYTES=256

finish() {
    umount /mnt || exit 1
    echo "writetest: $1"
    exit "$2"
}

# Prints records $1..$2, or, if a file is given as $3, how many whole records in order it begins with. The payload is
# groups of five digits drawn by Park and Miller's generator; the checksum is Fletcher's, over the groups.
records() {
    awk -v first="$1" -v last="$2" '
        BEGIN { for (number = first; number <= last; number++) print record(number) }
        function record(number,    state, payload, place) {
            state = number
            for (place = 1; place <= 47; place++) {
                state = state * 16807 % 2147483647
                payload = payload sprintf("%05d", state % 100000)
            }
            return sprintf("%08d %s %s", number, payload, checksum(payload))
        }
        function checksum(payload,    low, high, place) {
            for (place = 1; place <= 235; place += 5) {
                low += substr(payload, place, 5)
                high += low
            }
            return sprintf("%05d%05d", low % 65521, high % 65521)
        }
        NF != 3 || $1 != sprintf("%08d", NR) || length($2) != 235 || $3 != checksum($2) { exit }
        { whole = NR }
        END { if (first > last) print whole + 0 }
    ' "${3:-/dev/null}"
}

mode=rw
[ "$1" != check ] || mode=ro
if ! mount -t ext4 -o "$mode,errors=remount-ro" /dev/vda /mnt; then
    echo "writetest: /dev/vda can't be mounted: give the machine a disk with ext4 (mkfs.ext4 FILE, --disk FILE)"
    exit 1
fi
[ -e "$FILE" ] || [ "$mode" = ro ] || : > "$FILE"
found=0
[ ! -e "$FILE" ] || found=$(records 1 0 "$FILE") || finish "the records can't be read" 1
size_bytes=$(stat -c %s "$FILE" 2> /dev/null || echo 0)
[ "$size_bytes" -eq $((found * RECORD_BYTES)) ] || finish "record $((found + 1)) is damaged" 1
[ "$1" != check ] || finish "$found records" 0
echo "writetest: $found records found"

is_stopped=
trap 'is_stopped=1' INT
number=$found
last=$((found + ${records:-1000}))
while [ "$number" -lt "$last" ]; do
    start=$number
    end=$((start + 100 < last ? start + 100 : last))
    records $((start + 1)) "$end" > /tmp/records || [ -n "$is_stopped" ] || finish "no room for more" 1
    while [ "$number" -lt "$end" ]; do
        [ -z "$is_stopped" ] || finish "$number records" 0
        options="bs=$RECORD_BYTES skip=$((number - start)) count=1 oflag=append conv=notrunc,fsync"
        # shellcheck disable=SC2086
        if ! error=$(dd if=/tmp/records of="$FILE" $options 2>&1); then
            [ -z "$is_stopped" ] || continue
            echo "$error" | head -n 1
            finish "stopped after $number records" 1
        fi
        number=$((number + 1))
        echo "record $number acknowledged"
    done
done
finish "$last records" 0
