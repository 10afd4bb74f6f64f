"""Numbers of the privileged architecture (RISC-V Instruction Set Manual, volume II, version 1.10)."""

PRIV_U, PRIV_S, PRIV_M = 0, 1, 3

# Fields of mstatus.
MSTATUS_SIE, MSTATUS_MIE = 1 << 1, 1 << 3
MSTATUS_SPIE, MSTATUS_MPIE = 1 << 5, 1 << 7
MSTATUS_SPP = 1 << 8
MSTATUS_MPP_SHIFT, MSTATUS_MPP = 11, 3 << 11
MSTATUS_FS = 3 << 13
MSTATUS_MPRV = 1 << 17
MSTATUS_SUM, MSTATUS_MXR = 1 << 18, 1 << 19

# Interrupts: bits of mip and mie, and causes.
SSIP, MSIP, STIP, MTIP, SEIP, MEIP = (1 << cause for cause in (1, 3, 5, 7, 9, 11))
S_MODE_INTERRUPTS = SSIP | STIP | SEIP
HARDWARE_INTERRUPTS = MSIP | MTIP | MEIP
INTERRUPT_PRIORITY = (11, 3, 7, 9, 1, 5)
"""Causes in order of decreasing priority: MEI, MSI, MTI, SEI, SSI, STI (section 3.1.9)."""
CAUSE_INTERRUPT = -(2**63)

# Exception causes.
FETCH_ACCESS_FAULT, ILLEGAL_INSTRUCTION, BREAKPOINT = 1, 2, 3
LOAD_MISALIGNED, LOAD_ACCESS_FAULT, STORE_ACCESS_FAULT = 4, 5, 7
ENVIRONMENT_CALL = 8
FETCH_PAGE_FAULT, LOAD_PAGE_FAULT, STORE_PAGE_FAULT = 12, 13, 15

# Control and status registers that lockstep answers itself.
CSR_SSTATUS, CSR_MSTATUS = 0x100, 0x300
CSR_SEPC, CSR_MEPC = 0x141, 0x341
CSR_SATP, CSR_MIP, CSR_SIP = 0x180, 0x344, 0x144
CSR_PMPCFG0, CSR_PMPADDR0 = 0x3A0, 0x3B0
PMPCFG_REGISTERS, PMPADDR_REGISTERS = 4, 16
CSR_CYCLE, CSR_TIME, CSR_INSTRET, CSR_HPMCOUNTER31 = 0xC00, 0xC01, 0xC02, 0xC1F
CSR_MCYCLE, CSR_MINSTRET = 0xB00, 0xB02

# Page table entries (section 4.3.1) and address translation modes of satp.
PTE_V, PTE_R, PTE_W, PTE_X, PTE_U, PTE_A, PTE_D = 1, 2, 4, 8, 16, 64, 128
PTE_PPN_SHIFT, PTE_PPN_MASK = 10, (1 << 44) - 1
SATP_MODE_SHIFT, SATP_PPN_MASK = 60, (1 << 44) - 1
SATP_BARE, SATP_SV39, SATP_SV57 = 0, 8, 10
PAGE_SHIFT, PAGE_BYTES = 12, 4096

# Physical memory protection (section 3.6.1).
PMP_ENTRIES = 16
PMP_R, PMP_W, PMP_X, PMP_LOCK = 1, 2, 4, 0x80
PMP_MATCHING = 0x18
