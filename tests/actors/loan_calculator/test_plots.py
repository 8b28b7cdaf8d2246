"""Pictures of schedules: well-formed, as large as they say, with a bar for what there is."""

import struct
import zlib
from dataclasses import replace
from datetime import date
from fractions import Fraction
from xml.etree import ElementTree as ET

import pytest

from actors.loan_calculator.rules.plot_png import PALETTE, png
from actors.loan_calculator.rules.plot_shapes import HEIGHT, INTEREST, PRINCIPAL, WIDTH, Box, shapes_of
from actors.loan_calculator.rules.plot_svg import svg
from actors.loan_calculator.rules.schedule import make_schedule
from actors.loan_calculator.rules.terms import Every, Interest, Rhythm, Terms, Unit

LOAN = Terms(10_000_00, Fraction(18, 100), 24, date(2024, 1, 31))


def pixels(picture: bytes) -> list[bytes]:
    """The lines of an indexed picture that this house drew: four chunks, no filters."""
    assert picture.startswith(b"\x89PNG\r\n\x1a\n")
    place, content = 8, b""
    while place < len(picture):
        (length,) = struct.unpack(">I", picture[place : place + 4])
        name, body = picture[place + 4 : place + 8], picture[place + 8 : place + 8 + length]
        assert struct.unpack(">I", picture[place + 8 + length : place + 12 + length]) == (zlib.crc32(name + body),)
        content += body if name == b"IDAT" else b""
        place += 12 + length
    raw = zlib.decompress(content)
    assert len(raw) == (WIDTH + 1) * HEIGHT
    return [raw[line * (WIDTH + 1) + 1 : (line + 1) * (WIDTH + 1)] for line in range(HEIGHT)]


def test_an_svg_is_xml_with_a_title_and_nothing_that_loads() -> None:
    text = svg(shapes_of(make_schedule(LOAN).rows, "KES"), "<A loan> & more")
    root = ET.fromstring(text)  # noqa: S314 - our own document
    tags = [element.tag.rpartition("}")[2] for element in root.iter()]
    assert set(tags) == {"svg", "title", "rect", "text", "polyline"}
    assert root[0].text == "<A loan> & more"


@pytest.mark.parametrize("count", [1, 24, 360, 3660])
def test_every_schedule_has_its_bars(count: int) -> None:
    terms = replace(LOAN, installments=count, rhythm=Rhythm(Every(1, Unit.DAYS)))
    shapes = shapes_of(make_schedule(terms).rows, "KES")
    boxes = [shape for shape in shapes if isinstance(shape, Box)]
    assert all(box.width >= 1 and box.height >= 0 and 0 <= box.y <= HEIGHT for box in boxes)
    lines = pixels(png(shapes))
    shown = {color for line in lines for color in line}
    assert PALETTE.index(PRINCIPAL) in shown
    assert PALETTE.index(INTEREST) in shown


def test_a_loan_without_interest_shows_none() -> None:
    terms = replace(LOAN, annual_rate=Fraction(0), interest=Interest.ZERO)
    boxes = [
        shape for shape in shapes_of(make_schedule(terms).rows, "JPY") if isinstance(shape, Box) and shape.color == INTEREST
    ]
    assert sum(box.height for box in boxes) == 12  # the legend's
