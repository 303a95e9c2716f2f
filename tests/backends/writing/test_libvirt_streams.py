"""How content is cut into streams, so that no daemon fills the memory of a server whose client is slow."""

from __future__ import annotations

import pytest

from xencim.providers.backends.libvirt.writing.streams import PIECE_BYTES, WINDOW_BYTES, windows, zeros


@pytest.mark.parametrize(
    ("offset", "length", "expected"),
    [
        (0, 0, []),
        (5, 1, [(5, 1)]),
        (0, WINDOW_BYTES, [(0, WINDOW_BYTES)]),
        (5, WINDOW_BYTES + 1, [(5, WINDOW_BYTES), (5 + WINDOW_BYTES, 1)]),
    ],
)
def test_no_stream_reads_more_than_a_window(
    offset: int, length: int, expected: list[tuple[int, int]]
) -> None:
    assert list(windows(offset, length)) == expected


async def test_zeros_come_in_pieces() -> None:
    assert [len(piece) async for piece in zeros(2 * PIECE_BYTES + 3)] == [PIECE_BYTES, PIECE_BYTES, 3]
