from __future__ import annotations

from lockstep.catalog.served_content import BLOCK_BYTES, BLOCKS, served_content


def test_fifty_mebibytes_of_blocks_that_are_all_different() -> None:
    content = served_content()
    assert len(content) == 50 << 20
    blocks = [content[start : start + BLOCK_BYTES] for start in range(0, len(content), BLOCK_BYTES)]
    assert [int(block[:8]) for block in blocks] == list(range(BLOCKS))
    assert all(block.endswith(b"\n") for block in blocks)
    assert len({block[8:] for block in blocks}) > BLOCKS // 4, "blocks differ by more than their numbers"
