"""Path -> what stands there, by method. Knows nothing of messages; 404 and 405 are decided here.

Paths are matched as sent, segment by segment: no case folding, no `..`, no doubled or trailing slashes, no path parameters.
"""

from collections.abc import Awaitable, Callable
from urllib.parse import unquote

from aiohttp import web

from http_edge.problems import Problem

Endpoint = Callable[[web.BaseRequest, tuple[str, ...]], Awaitable[web.StreamResponse]]
"""Answers a request; gets the values of the path's parameters, in order."""

LONGEST_PATH = 1_000


class _Node:
    __slots__ = ("children", "endpoints", "parameter")

    def __init__(self) -> None:
        self.children: dict[str, _Node] = {}
        self.parameter: _Node | None = None
        self.endpoints: dict[str, Endpoint] = {}


class Router:
    """A tree of path segments. A written-out segment goes before a parameter."""

    def __init__(self) -> None:
        self._root = _Node()
        self._fixed: dict[str, dict[str, Endpoint]] = {}
        self._paths: list[tuple[str, str]] = []

    def add(self, method: str, path: str, endpoint: Endpoint) -> None:
        """Let `endpoint` answer; one for GET answers HEAD too. Segments in braces are parameters."""
        node = self._root
        for segment in path.split("/")[1:]:
            if segment.startswith("{"):
                node.parameter = node.parameter or _Node()
                node = node.parameter
            else:
                node = node.children.setdefault(segment, _Node())
        if method in node.endpoints:
            raise TypeError(f"{method} {path} is taken")
        node.endpoints[method] = endpoint
        if method == "GET":
            node.endpoints["HEAD"] = endpoint
        if "{" not in path:
            self._fixed[path] = node.endpoints
        self._paths.append((method, path))

    @property
    def paths(self) -> tuple[tuple[str, str], ...]:
        """Every method and path that is answered."""
        return tuple(self._paths)

    def methods(self, path: str) -> tuple[str, ...]:
        """The methods that a path takes, OPTIONS among them. Problem where there is nothing."""
        return _named(self._at(path)[0])

    def find(self, method: str, path: str) -> tuple[Endpoint, tuple[str, ...]]:
        """What answers, and the values of the parameters. Problem where nothing does."""
        endpoints, values = self._at(path)
        endpoint = endpoints.get(method)
        if endpoint is None:
            raise Problem("method_not_allowed", headers={"Allow": ", ".join(_named(endpoints))})
        return endpoint, values

    def _at(self, path: str) -> tuple[dict[str, Endpoint], tuple[str, ...]]:
        endpoints = self._fixed.get(path)
        if endpoints is not None:
            return endpoints, ()
        found = self._walk(path)
        if found is None:
            raise Problem("no_such_path")
        return found

    def _walk(self, path: str) -> tuple[dict[str, Endpoint], tuple[str, ...]] | None:
        if len(path) > LONGEST_PATH:
            return None
        ways: list[tuple[_Node, tuple[str, ...]]] = [(self._root, ())]
        for segment in path.split("/")[1:]:
            onward: list[tuple[_Node, tuple[str, ...]]] = []
            for node, values in ways:
                if (child := node.children.get(segment)) is not None:
                    onward.append((child, values))
                if node.parameter is not None and segment:
                    value = unquote(segment, errors="replace") if "%" in segment else segment
                    onward.append((node.parameter, (*values, value)))
            ways = onward
        return next(((node.endpoints, values) for node, values in ways if node.endpoints), None)


def _named(endpoints: dict[str, Endpoint]) -> tuple[str, ...]:
    return tuple(sorted({*endpoints, "OPTIONS"}))
