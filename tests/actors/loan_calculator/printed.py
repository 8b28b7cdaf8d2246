"""What a reader of a PDF of this house sees: the text and the strokes of each page, in drawing order."""

import re
import zlib
from base64 import a85decode

_STREAM = re.compile(rb"/Filter \[ /ASCII85Decode /FlateDecode \] /Length \d+\s*>>\s*stream\r?\n(.*?)~>endstream", re.DOTALL)
_TEXT = re.compile(r"\((.*?)(?<!\\)\) Tj")


def drawn(document: bytes) -> list[str]:
    """Each page's drawing operations."""
    assert document.startswith(b"%PDF-") and document.rstrip().endswith(b"%%EOF")
    streams = _STREAM.findall(document)
    assert len(streams) == document.count(b"/Type /Page\n")
    return [zlib.decompress(a85decode(each)).decode("latin-1") for each in streams]


def texts(document: bytes) -> list[list[str]]:
    """Each page's texts."""
    return [[re.sub(r"\\([()\\])", r"\1", text) for text in _TEXT.findall(page)] for page in drawn(document)]
