"""SQL lives in .sql files, each statement named and described.

-- name: account_by_id
-- One account, whatever its state.
SELECT ...;
"""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

_NAME = re.compile(r"^-- name: ([a-z][a-z0-9_]*)\s*$", re.MULTILINE)


class Statements(Mapping[str, str]):
    """The statements of one file, by name. A missing or doubled name fails at start."""

    def __init__(self, text: str, origin: str) -> None:
        self._origin = origin
        self._by_name: dict[str, str] = {}
        pieces = _NAME.split(text)
        for name, statement in zip(pieces[1::2], pieces[2::2], strict=True):
            if name in self._by_name:
                raise ValueError(f"{origin}: the statement {name} is there twice")
            self._by_name[name] = statement.strip().rstrip(";")

    @classmethod
    def beside(cls, module_file: str, name: str) -> "Statements":
        """The statements of the .sql file that lies beside a module: `Statements.beside(__file__, "queries.sql")`."""
        path = Path(module_file).with_name(name)
        return cls(path.read_text(encoding="utf-8"), str(path))

    def __getitem__(self, name: str) -> str:
        try:
            return self._by_name[name]
        except KeyError:
            raise KeyError(f"{self._origin} has no statement {name}") from None

    def __iter__(self) -> Iterator[str]:
        return iter(self._by_name)

    def __len__(self) -> int:
        return len(self._by_name)
