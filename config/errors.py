"""What is said about a configuration that cannot be used: one line per fault, each naming its place."""

from collections.abc import Iterable


class ConfigError(Exception):
    """The configuration was refused. `problems` has one line per fault: `file:line: path: what is wrong`."""

    def __init__(self, problems: Iterable[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(self.problems))
