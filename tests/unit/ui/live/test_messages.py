"""Messages between a run and its view."""

from __future__ import annotations

from lockstep.ui.live import messages


def test_pieces_make_whole_messages() -> None:
    sent = [(messages.OUTPUT, b"x" * 300), (messages.GOODBYE, b""), (messages.STATUS, b"\x00\xff")]
    wire = b"".join(messages.encode(kind, body) for kind, body in sent)
    decoder = messages.Decoder()
    got = [message for at in range(0, len(wire), 7) for message in decoder.messages(wire[at : at + 7])]
    assert got == sent
