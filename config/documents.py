"""Reads one YAML file into plain text values that remember their lines. What the values mean is the models' business.

Every scalar stays text (or None), so that a file and an environment variable are read by one set of rules, and YAML's own
guesses (`no` is false, 1.10 is 1.1, 10:30 is 630) do not happen. Aliases and tags are refused: nothing here needs them.
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from config.errors import ConfigError

Place = tuple[str | int, ...]
"""Where a value stands: ("pools", "ledger", "prefetch")."""

LARGEST_BYTES = 256 * 1024
"""No configuration written by a person comes near; a mistyped path to something else does."""
DEEPEST = 12
"""Levels of nesting; twice what the models have."""

_NULLS = frozenset({"", "~", "null", "Null", "NULL"})


@dataclass
class Layer:
    """Values of one source and, per place, the words that say where they were written."""

    values: dict[str, Any] = field(default_factory=dict)
    origins: dict[Place, str] = field(default_factory=dict)


class _Loader(yaml.SafeLoader):
    """Composes nodes only; refuses what could hide or multiply values."""

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            mark = self.get_event().start_mark  # type: ignore[no-untyped-call]  # the stubs leave it out
            raise yaml.MarkedYAMLError(problem="anchors and aliases are not used here", problem_mark=mark)
        return super().compose_node(parent, index)


def shown(path: Path) -> str:
    """The path as an operator would write it: relative to where they are, when that is shorter."""
    try:
        return str(path.absolute().relative_to(Path.cwd()))
    except ValueError:
        return str(path)


def read_document(path: Path) -> Layer:
    """The file's values with their lines. ConfigError where it is no YAML mapping, too large, or says a key twice."""
    name = shown(path)
    try:
        if path.stat().st_size > LARGEST_BYTES:
            raise ConfigError([f"{name}:1: larger than {LARGEST_BYTES} bytes; is this the right file?"])
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as wrong:
        raise ConfigError([f"{name}:1: not UTF-8 text (byte {wrong.start})"]) from None
    except OSError as wrong:
        raise ConfigError([f"{name}:1: cannot be read: {wrong.strerror}"]) from None
    try:
        root = _compose(text)
    except yaml.MarkedYAMLError as wrong:
        line = wrong.problem_mark.line + 1 if wrong.problem_mark else 1
        raise ConfigError([f"{name}:{line}: {wrong.problem or 'not YAML'}"]) from None
    except (yaml.YAMLError, RecursionError) as wrong:
        raise ConfigError([f"{name}:1: not YAML: {str(wrong).splitlines()[0]}"]) from None
    layer = Layer(origins={(): f"{name}:1"})
    if root is None:
        return layer
    if not isinstance(root, yaml.MappingNode):
        raise ConfigError([f"{name}:{root.start_mark.line + 1}: the file holds a list or a word, not `key: value` lines"])
    problems: list[str] = []
    layer.values = _value(root, (), name, layer.origins, problems)
    if problems:
        raise ConfigError(problems)
    return layer


def _compose(text: str) -> yaml.Node | None:
    loader = _Loader(text)
    try:
        return loader.get_single_node()
    finally:
        loader.dispose()


def _value(node: yaml.Node, place: Place, name: str, origins: dict[Place, str], problems: list[str]) -> Any:
    line = f"{name}:{node.start_mark.line + 1}"
    if len(place) > DEEPEST:
        problems.append(f"{line}: nested deeper than {DEEPEST} levels")
        return None
    if not node.tag.startswith("tag:yaml.org,2002:") or ":python/" in node.tag:
        problems.append(f"{line}: the tag {node.tag} is not used here")
        return None
    if isinstance(node, yaml.MappingNode):
        return _mapping(node, place, name, origins, problems)
    if isinstance(node, yaml.SequenceNode):
        for index, item in enumerate(node.value):
            origins[*place, index] = f"{name}:{item.start_mark.line + 1}"
        return [_value(item, (*place, index), name, origins, problems) for index, item in enumerate(node.value)]
    plain = isinstance(node, yaml.ScalarNode) and node.style is None
    return None if plain and node.value in _NULLS else node.value


def _mapping(node: yaml.MappingNode, place: Place, name: str, origins: dict[Place, str], problems: list[str]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for key_node, value_node in node.value:
        line = f"{name}:{key_node.start_mark.line + 1}"
        if not isinstance(key_node, yaml.ScalarNode):
            problems.append(f"{line}: a key must be a word")
            continue
        key = str(key_node.value)
        if key in values:
            problems.append(f"{line}: {'.'.join(map(str, (*place, key)))}: said twice, first in {origins[*place, key]}")
            continue
        origins[*place, key] = line
        values[key] = _value(value_node, (*place, key), name, origins, problems)
    return values
