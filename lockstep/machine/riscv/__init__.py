"""What is RISC-V and nothing else: registers, causes, decoding, translation, traps."""
