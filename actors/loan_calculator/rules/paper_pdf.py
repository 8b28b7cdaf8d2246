"""A paper as PDF, A4: text in the fonts that every reader has, the picture as vectors, the same bytes for the same paper.

All places are whole points (1/72 inch) from the lower left.
"""

from collections.abc import Sequence
from fractions import Fraction

from reportlab.pdfbase.pdfmetrics import stringWidth
from reportlab.pdfgen.canvas import Canvas

from actors.loan_calculator.rules.paper import Paper, pages
from actors.loan_calculator.rules.plot_shapes import GRID, HEIGHT, INK, WIDTH, Box, Label, Path, Shape

PLAIN, BOLD = "Helvetica", "Helvetica-Bold"
PAGE_WIDTH, PAGE_HEIGHT = 595, 842
LEFT, RIGHT, TOP, BOTTOM = 40, PAGE_WIDTH - 40, PAGE_HEIGHT - 45, 55
TITLE_SIZE, FACT_SIZE, FOOT_SIZE = 16, 8, 7
CELL_SIZES = (8, 7, 6, 5, 4)
"""The largest with which the columns fit."""
TITLE_HEIGHT, FACT_HEIGHT, HEAD_HEIGHT, ROW_HEIGHT, GAP, COLUMN_GAP = 28, 13, 18, 13, 12, 8
PLOT_SCALE = Fraction(RIGHT - LEFT, WIDTH)
PLOT_HEIGHT = HEIGHT * (RIGHT - LEFT) // WIDTH
LETTER = 1000
"""What letters are measured in: such parts of their size."""
DARK, BAND = "#1a202c", "#f4f6f9"


def pdf(paper: Paper) -> bytes:
    """The file."""
    return _Printer(paper).printed()


class _Printer:
    """One file; it is used once."""

    def __init__(self, paper: Paper) -> None:
        self._paper = paper
        # Without the date of today and an id of chance.
        self._canvas = Canvas("", pagesize=(PAGE_WIDTH, PAGE_HEIGHT), pageCompression=1, invariant=1)
        self._canvas.setTitle(paper.title)
        self._size, self._edges = _columns(paper)

    def printed(self) -> bytes:
        paper = self._paper
        above = TITLE_HEIGHT + -(-len(paper.facts) // 2) * FACT_HEIGHT + GAP
        above += PLOT_HEIGHT + GAP if paper.plot else 0
        whole = TOP - BOTTOM - HEAD_HEIGHT
        on_first, on_others = (whole - above) // ROW_HEIGHT, (whole - TITLE_HEIGHT) // ROW_HEIGHT
        found = pages(len(paper.rows), 2 + len(paper.notes), on_first, on_others)
        for number, rows in enumerate(found, 1):
            y = self._begin() if number == 1 else self._go_on()
            y = self._heads(y)
            for index in rows:
                y = self._row(y, paper.rows[index], is_banded=index % 2 == 1)
            if number == len(found):
                self._end(y)
            self._foot(number, len(found))
            self._canvas.showPage()
        content: bytes = self._canvas.getpdfdata()  # type: ignore[no-untyped-call]  # the stubs say no types of it
        return content

    def _begin(self) -> int:
        """Title, facts and picture; answers where the table begins."""
        paper, canvas = self._paper, self._canvas
        canvas.setFillColor(DARK)
        canvas.setFont(BOLD, TITLE_SIZE)
        canvas.drawString(LEFT, TOP - TITLE_SIZE, paper.title)
        y = TOP - TITLE_HEIGHT
        half = -(-len(paper.facts) // 2)
        middle = (LEFT + RIGHT) // 2
        for column, left in ((0, LEFT), (1, middle + GAP)):
            right = middle - GAP if column == 0 else RIGHT
            for number, (what, figure) in enumerate(paper.facts[column * half : (column + 1) * half], 1):
                foot = y - number * FACT_HEIGHT
                canvas.setFont(PLAIN, FACT_SIZE)
                canvas.setFillColor(INK)
                canvas.drawString(left, foot, what)
                canvas.setFillColor(DARK)
                canvas.drawRightString(right, foot, figure)
                self._line(left, right, foot - 4)
        y -= half * FACT_HEIGHT + GAP
        if paper.plot:
            _draw(canvas, paper.plot, LEFT, y)
            y -= PLOT_HEIGHT + GAP
        return y

    def _go_on(self) -> int:
        canvas = self._canvas
        canvas.setFillColor(INK)
        canvas.setFont(BOLD, FACT_SIZE)
        canvas.drawString(LEFT, TOP - FACT_SIZE, self._paper.title)
        return TOP - TITLE_HEIGHT

    def _heads(self, y: int) -> int:
        canvas = self._canvas
        canvas.setFillColor(DARK)
        canvas.setFont(BOLD, self._size)
        self._cells(y - HEAD_HEIGHT + 5, self._paper.heads)
        self._line(LEFT, RIGHT, y - HEAD_HEIGHT, color=DARK)
        canvas.setFont(PLAIN, self._size)
        return y - HEAD_HEIGHT

    def _row(self, y: int, cells: Sequence[str], *, is_banded: bool) -> int:
        canvas = self._canvas
        if is_banded:
            canvas.setFillColor(BAND)
            canvas.rect(LEFT, y - ROW_HEIGHT, RIGHT - LEFT, ROW_HEIGHT, stroke=0, fill=1)
            canvas.setFillColor(DARK)
        self._cells(y - ROW_HEIGHT + 4, cells)
        return y - ROW_HEIGHT

    def _cells(self, y: int, cells: Sequence[str]) -> None:
        canvas = self._canvas
        for number, (text, (left, right)) in enumerate(zip(cells, self._edges, strict=True)):
            if number < self._paper.texts:
                canvas.drawString(left, y, text)
            else:
                canvas.drawRightString(right, y, text)

    def _end(self, y: int) -> None:
        canvas = self._canvas
        self._line(LEFT, RIGHT, y, color=DARK)
        canvas.setFillColor(DARK)
        canvas.setFont(BOLD, self._size)
        self._cells(y - ROW_HEIGHT + 3, self._paper.totals)
        y -= 2 * ROW_HEIGHT
        canvas.setFont(PLAIN, FACT_SIZE)
        canvas.setFillColor(INK)
        for note in self._paper.notes:
            canvas.drawString(LEFT, y - 4, note)
            y -= ROW_HEIGHT

    def _foot(self, number: int, count: int) -> None:
        canvas = self._canvas
        canvas.setFillColor(INK)
        canvas.setFont(PLAIN, FOOT_SIZE)
        canvas.drawRightString(RIGHT, BOTTOM - 22, f"Page {number} of {count}")

    def _line(self, left: int, right: int, y: int, color: str = GRID) -> None:
        self._canvas.setStrokeColor(color)
        self._canvas.setLineWidth(1)
        self._canvas.line(left, y, right, y)


def _columns(paper: Paper) -> tuple[int, list[tuple[int, int]]]:
    """(size of letters, left and right edge of each column): as wide as their widest cell, and the rest of the page between them."""
    widest = [_width(text, BOLD) for text in paper.heads]
    for cells, font in ((paper.totals, BOLD), *((row, PLAIN) for row in paper.rows)):
        for number, text in enumerate(cells):
            if len(text) * LETTER > widest[number]:  # no letter is wider than high
                widest[number] = max(widest[number], _width(text, font))
    between = len(widest) - 1
    for size in CELL_SIZES:
        widths = [-(-each * size // LETTER) for each in widest]
        free = RIGHT - LEFT - sum(widths)
        if free >= between * COLUMN_GAP:
            break
    edges, left = [], LEFT
    for number, width in enumerate(widths):
        start = left + free * number // between
        edges.append((start, start + width))
        left += width
    return size, edges


def _width(text: str, font: str) -> int:
    return -int(-stringWidth(text, font, LETTER) // 1)


def _draw(canvas: Canvas, shapes: Sequence[Shape], left: int, top: int) -> None:
    """The picture, its upper left corner there."""
    canvas.saveState()
    canvas.translate(left, top)
    canvas.scale(PLOT_SCALE, PLOT_SCALE)  # type: ignore[arg-type]  # any number is written out as a decimal; no floats here
    canvas.setFont(PLAIN, 14)
    for shape in shapes:
        canvas.setFillColor(shape.color)
        if isinstance(shape, Box):
            canvas.rect(shape.x, -shape.y - shape.height, shape.width, shape.height, stroke=0, fill=1)
        elif isinstance(shape, Label):
            write = {"start": canvas.drawString, "middle": canvas.drawCentredString, "end": canvas.drawRightString}
            write[shape.anchor](shape.x, -shape.y, shape.text)
        else:
            _trace(canvas, shape)
    canvas.restoreState()


def _trace(canvas: Canvas, line: Path) -> None:
    canvas.setStrokeColor(line.color)
    canvas.setLineWidth(2)
    path = canvas.beginPath()
    path.moveTo(line.points[0][0], -line.points[0][1])
    for x, y in line.points[1:]:
        path.lineTo(x, -y)
    canvas.drawPath(path)
