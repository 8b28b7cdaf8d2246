"""`make reset`: deletes the data of the local servers, after asking. `--yes` answers for whoever is not there to be asked."""

import os
import sys
from pathlib import Path

from runtime.servers.errors import ServerError
from runtime.servers.place import Place


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")


def main(arguments: list[str]) -> int:
    """Ask, lock, delete."""
    place = Place.of(Path(os.environ.get("COFFER_STATE_DIR") or ".local"))
    try:
        place.lock(_say)
        if "--yes" not in arguments:
            _say(f"This deletes the databases, queues and passwords in {place.root}. There is no way back.")
            if not sys.stdin.isatty():
                _say("Nothing was deleted, as nobody can be asked: make reset ARGS=--yes does it unasked.")
                return 1
            if input("Type yes to delete: ").strip() != "yes":
                _say("Nothing was deleted.")
                return 0
        place.forget()
    finally:
        place.unlock()
    _say("Deleted.")
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except ServerError as error:
        sys.exit(str(error))
    except (KeyboardInterrupt, EOFError):
        sys.exit(130)
