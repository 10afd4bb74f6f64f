"""The deterministic machine: harts, traps, board, devices, loader, snapshot, digest."""
