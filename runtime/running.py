"""Where the servers of a running `coffer up` are, so that a command in another terminal finds them.

`coffer up` writes the variables that it gives its own processes into `running.json` of the state directory (only its owner may
read it: passwords are in there) and removes it at its end. A variable that is set in the environment wins.
"""

import json
import os
from collections.abc import Mapping
from pathlib import Path

FILE = "running.json"
_DEFAULT_STATE_DIR = ".local"


def tell_running(state_dir: Path, variables: Mapping[str, str]) -> None:
    """Write them down, whole or not at all."""
    state_dir.mkdir(parents=True, exist_ok=True)
    new = state_dir / f"{FILE}.new"
    new.unlink(missing_ok=True)
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as stream:
        json.dump({"pid": os.getpid(), "variables": dict(variables)}, stream)
    new.replace(state_dir / FILE)


def tell_stopped(state_dir: Path) -> None:
    """Forget them."""
    (state_dir / FILE).unlink(missing_ok=True)


def environment_of_running(environment: Mapping[str, str]) -> dict[str, str]:
    """The environment, completed by what a living `coffer up` of the same state directory wrote down."""
    state_dir = Path(environment.get("COFFER_STATE_DIR") or _DEFAULT_STATE_DIR).expanduser()
    try:
        told = json.loads((state_dir / FILE).read_text(encoding="utf-8"))
        lives = Path("/proc", str(int(told["pid"]))).exists()
        variables = {str(name): str(value) for name, value in told["variables"].items()} if lives else {}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        variables = {}
    return {**variables, **{name: value for name, value in environment.items() if value}}
