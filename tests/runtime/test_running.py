"""A command in another terminal finds the servers of a `coffer up` that lives, and forgets one that died."""

import json
import os
import stat
from pathlib import Path

from runtime.running import FILE, environment_of_running, tell_running, tell_stopped

TOLD = {"COFFER_DATABASE_URL": "postgresql://here/bank", "COFFER_BROKER_URL": "amqp://here"}


def test_what_was_told_completes_the_environment_and_never_overrules_it(tmp_path: Path) -> None:
    tell_running(tmp_path, TOLD)
    ours = {"COFFER_STATE_DIR": str(tmp_path), "COFFER_BROKER_URL": "amqp://elsewhere", "COFFER_DATABASE_URL": ""}
    found = environment_of_running(ours)
    assert (found["COFFER_BROKER_URL"], found["COFFER_DATABASE_URL"]) == ("amqp://elsewhere", "postgresql://here/bank")


def test_the_file_is_its_owners_alone(tmp_path: Path) -> None:
    tell_running(tmp_path / "new", TOLD)
    assert stat.S_IMODE((tmp_path / "new" / FILE).stat().st_mode) == 0o600


def test_one_that_ended_or_was_killed_is_forgotten(tmp_path: Path) -> None:
    ours = {"COFFER_STATE_DIR": str(tmp_path)}
    tell_running(tmp_path, TOLD)
    tell_stopped(tmp_path)
    assert environment_of_running(ours) == ours
    (tmp_path / FILE).write_text(json.dumps({"pid": 2**22 + 1, "variables": TOLD}))
    assert environment_of_running(ours) == ours
    for nonsense in ("", "[]", '{"pid": "x"}', json.dumps({"pid": os.getpid(), "variables": []})):
        (tmp_path / FILE).write_text(nonsense)
        assert environment_of_running(ours) == ours
