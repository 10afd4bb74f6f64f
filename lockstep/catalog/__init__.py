"""The guests that lockstep knows by name: those bundled with it, and those it fetches into the user's cache.

`bundled` lists them all; `linux` fetches Debian's own riscv64 kernel, busybox, OpenSBI and U-Boot through
apt, without root. Nothing here knows how a guest is run.
"""
