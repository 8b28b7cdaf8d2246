"""Shapes as SVG 1.1: no script, no style, nothing to load; a picture that any page or document can hold."""

from collections.abc import Sequence

from actors.loan_calculator.rules.plot_shapes import HEIGHT, PAPER, WIDTH, Box, Label, Shape


def svg(shapes: Sequence[Shape], title: str) -> str:
    """The document. The title is for those who cannot see it."""
    size = f'width="{WIDTH}" height="{HEIGHT}" viewBox="0 0 {WIDTH} {HEIGHT}"'
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img" font-family="sans-serif" font-size="14">',
        f"<title>{_escaped(title)}</title>",
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="{PAPER}"/>',
        *map(_element, shapes),
        "</svg>",
    ]
    return "\n".join(lines) + "\n"


def _element(shape: Shape) -> str:
    if isinstance(shape, Box):
        return f'<rect x="{shape.x}" y="{shape.y}" width="{shape.width}" height="{shape.height}" fill="{shape.color}"/>'
    if isinstance(shape, Label):
        return (
            f'<text x="{shape.x}" y="{shape.y}" text-anchor="{shape.anchor}" fill="{shape.color}">{_escaped(shape.text)}</text>'
        )
    points = " ".join(f"{x},{y}" for x, y in shape.points)
    return f'<polyline points="{points}" fill="none" stroke="{shape.color}" stroke-width="2"/>'


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace('"', "&quot;")
