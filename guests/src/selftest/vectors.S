# Two vector tables. Each entry notes its number in trap.vector (offset 40 of `struct trap`) and goes on to the
# common entry of its mode, with every register as it was.
    .macro vector number, scratch, entry
    csrrw sp, \scratch, sp
    sd t0, -8(sp)
    sd t1, -16(sp)
    la t0, trap
    li t1, \number
    sd t1, 40(t0)
    ld t0, -8(sp)
    ld t1, -16(sp)
    csrrw sp, \scratch, sp
    j \entry
    .endm

    .macro vector_table name, scratch, entry
    .balign 256
    .global \name
\name:
    .option push
    .option norvc
    .irp number, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11
    j \name\()_\number
    .endr
    .option pop
    .irp number, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11
\name\()_\number:
    vector \number, \scratch, \entry
    .endr
    .endm

    .text
    vector_table machine_vectors, mscratch, machine_trap_entry
    vector_table supervisor_vectors, sscratch, supervisor_trap_entry
