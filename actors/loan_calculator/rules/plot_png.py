"""Shapes as PNG (RFC 2083): an indexed picture, drawn dot by dot, with no font and no library, so that it is the same everywhere."""

import struct
import zlib
from collections.abc import Sequence

from actors.loan_calculator.rules.plot_font import ROWS, columns_of
from actors.loan_calculator.rules.plot_shapes import (
    BALANCE,
    GRID,
    HEIGHT,
    INK,
    INTEREST,
    PAPER,
    PRINCIPAL,
    WIDTH,
    Box,
    Label,
    Shape,
)

PALETTE = (PAPER, PRINCIPAL, INTEREST, BALANCE, INK, GRID)
LETTER_DOTS = 2
"""Pixels along the side of a letter's dot; less cannot be read."""


def png(shapes: Sequence[Shape]) -> bytes:
    """The file."""
    canvas = _Canvas()
    for shape in shapes:
        color = PALETTE.index(shape.color)
        if isinstance(shape, Box):
            canvas.fill(shape.x, shape.y, shape.width, shape.height, color)
        elif isinstance(shape, Label):
            canvas.write(shape, color)
        else:
            for one, other in zip(shape.points, shape.points[1:], strict=False):
                canvas.draw(*one, *other, color)
    lines = b"".join(b"\0" + bytes(line) for line in canvas.lines)
    palette = bytes.fromhex("".join(color[1:] for color in PALETTE))
    head = struct.pack(">IIBBBBB", WIDTH, HEIGHT, 8, 3, 0, 0, 0)
    chunks = ((b"IHDR", head), (b"PLTE", palette), (b"IDAT", zlib.compress(lines, 9)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(name, content) for name, content in chunks)


def _chunk(name: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))


class _Canvas:
    def __init__(self) -> None:
        self.lines = [bytearray(WIDTH) for _ in range(HEIGHT)]

    def fill(self, x: int, y: int, width: int, height: int, color: int) -> None:
        left, right = max(x, 0), min(x + width, WIDTH)
        for line in self.lines[max(y, 0) : max(min(y + height, HEIGHT), 0)]:
            line[left:right] = bytes([color]) * max(right - left, 0)

    def draw(self, x: int, y: int, to_x: int, to_y: int, color: int) -> None:
        """Bresenham's line, two pixels thick."""
        across, down = abs(to_x - x), -abs(to_y - y)
        step_x, step_y = (1 if x < to_x else -1), (1 if y < to_y else -1)
        error = across + down
        while True:
            self.fill(x, y, 2, 2, color)
            if (x, y) == (to_x, to_y):
                return
            doubled = 2 * error
            if doubled >= down:
                error += down
                x += step_x
            if doubled <= across:
                error += across
                y += step_y

    def write(self, label: Label, color: int) -> None:
        columns = columns_of(label.text)
        width = len(columns) * LETTER_DOTS
        x = label.x - {"start": 0, "middle": width // 2, "end": width}[label.anchor]
        top = label.y - ROWS * LETTER_DOTS
        for number, dots in enumerate(columns):
            for row in range(ROWS):
                if dots >> row & 1:
                    self.fill(x + number * LETTER_DOTS, top + row * LETTER_DOTS, LETTER_DOTS, LETTER_DOTS, color)
