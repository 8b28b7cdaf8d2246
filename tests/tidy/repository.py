"""What the checks read: every file of the house that a person wrote, as text. Build products and private state are left out."""

from collections.abc import Mapping
from pathlib import Path

HOUSE = Path(__file__).parent.parent.parent
ROOMS = ("messages", "config", "runtime", "actors", "http_edge", "migrations")
"""The packages; `tests` and `deploy` are not part of what runs."""

_TEXT = frozenset(
    {".py", ".sql", ".yaml", ".yml", ".toml", ".md", ".txt", ".cfg", ".json", ".sh", ".html", ".css", ".js", ".lock", ""}
)
_SKIPPED = frozenset({"__pycache__", "htmlcov", "node_modules", "vendor"})
_DOTTED = frozenset({".ci", ".github", ".gitignore", ".gitattributes", ".dockerignore", ".editorconfig"})


def files() -> Mapping[str, str]:
    """Path from the top -> text."""
    found: dict[str, str] = {}
    waiting = [HOUSE]
    while waiting:
        for path in sorted(waiting.pop().iterdir()):
            if path.name in _SKIPPED or path.name.endswith(".egg-info"):
                continue
            if path.name.startswith(".") and path.name not in _DOTTED:
                continue
            if path.is_dir():
                waiting.append(path)
            elif path.suffix in _TEXT and not _is_bundle(path):
                found[path.relative_to(HOUSE).as_posix()] = path.read_text(encoding="utf-8")
    return found


def _is_bundle(path: Path) -> bool:
    """Whether it is somebody else's minified script or style, shipped as it is."""
    return path.suffix in {".js", ".css"} and max(map(len, path.read_text(encoding="utf-8").splitlines()), default=0) > 2_000


def is_room(path: str) -> bool:
    """Whether the file is of a package that runs."""
    return path.split("/", 1)[0] in ROOMS
