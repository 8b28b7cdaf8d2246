"""The README as a newcomer reads it: the bank is started as it says, each line of its walk is run, and what it prints is compared."""

import asyncio
import os
import re
import signal
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.bank import until

ROOT = Path(__file__).parent.parent
README = ROOT / "README.md"
PRINTED_URL = "http://127.0.0.1:8080"
START_SECONDS = 90

_CONSOLE = re.compile(r"^```console\n(.*?)^```", re.MULTILINE | re.DOTALL)
_PROGRAM = re.compile(r"^<!-- (\S+) -->\n```python\n(.*?)^```", re.MULTILINE | re.DOTALL)
_VARIES = (
    (re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"), "UUID"),
    (re.compile(r"\d{4}-\d\d-\d\dT[0-9:.]+Z"), "TIME"),
    (re.compile(r"\d{4}-\d\d-\d\d"), "DAY"),
    (re.compile(r'"[0-9a-f]{16}"'), "TAG"),
    (re.compile(r"\br=\d+;t=\d+"), "LEFT"),
)
"""What differs from run to run."""


@dataclass
class Running:
    """A bank that was started by `coffer up`."""

    state: Path
    port: int
    printed: Path
    process: asyncio.subprocess.Process | None = None
    lines: list[str] = field(default_factory=list)

    @property
    def environment(self) -> dict[str, str]:
        """Of its commands."""
        others = {name: value for name, value in os.environ.items() if not name.startswith("COFFER_")}
        return others | {"COFFER_STATE_DIR": str(self.state), "COFFER_HTTP_PORT": str(self.port), "COLUMNS": "200"}

    async def start(self) -> None:
        """As `make run` does."""
        with self.printed.open("wb") as output:
            self.process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "runtime", "up", cwd=ROOT, env=self.environment, stdout=output, stderr=output
            )
        await until(self._says_ready, within_seconds=START_SECONDS)

    def _says_ready(self) -> bool:
        text = self.printed.read_text()
        assert self.process is not None
        assert self.process.returncode is None, text
        return "Ctrl-C stops it" in text

    def told(self, name: str) -> str:
        """What it printed beside a name."""
        found = re.search(rf"^  {name}\s+(\S+)", self.printed.read_text(), re.MULTILINE)
        assert found is not None, f"{name} is not in what was printed"
        return found[1]

    async def stop(self) -> int:
        """Ctrl-C."""
        assert self.process is not None
        if self.process.returncode is None:
            self.process.send_signal(signal.SIGINT)
        async with asyncio.timeout(60):
            return await self.process.wait()


@pytest.fixture(scope="module")
async def started(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Running]:
    """A bank of its own, from nothing."""
    place = tmp_path_factory.mktemp("walk")
    place.parent.chmod(0o755)
    place.chmod(0o755)
    bank = Running(place / "state", free_port(), place / "printed.txt")
    await bank.start()
    yield bank
    await bank.stop()


def free_port() -> int:
    """A port nobody listens on."""
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def steps() -> list[tuple[str, str]]:
    """Each line of the walk and what the README says it prints."""
    found: list[tuple[str, str]] = []
    for block in _CONSOLE.findall(README.read_text(encoding="utf-8")):
        for piece in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            command, _, printed = piece.partition("\n")
            found.append((command, printed.strip()))
    return found


def same(text: str) -> str:
    """Without what varies."""
    for pattern, word in _VARIES:
        text = pattern.sub(word, text)
    return text.strip()


async def test_the_walk_prints_what_the_readme_says(started: Running) -> None:
    mark = "--- end of step ---"
    lines = [f"AMQP={started.told('AMQP')}"]
    for command, _ in steps():
        lines += [command, f"echo '{mark}'"]
    script = "\n".join(lines).replace(PRINTED_URL, f"http://127.0.0.1:{started.port}")
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    shell = await asyncio.create_subprocess_exec(
        "bash", "-c", script, cwd=ROOT, env=environment, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    async with asyncio.timeout(60):
        output, _ = await shell.communicate()
    printed = output.decode().split(f"{mark}\n")
    assert len(printed) == len(steps()) + 1, output.decode()
    for (command, expected), got in zip(steps(), printed, strict=False):
        assert same(got) == same(expected), command


async def test_the_doctor_finds_a_bank_that_runs_in_good_health(started: Running) -> None:
    doctor = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "runtime", "doctor"),
        cwd=ROOT,
        env=started.environment,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    async with asyncio.timeout(30):
        output, _ = await doctor.communicate()
    assert doctor.returncode == 0, output.decode()
    assert "a running Coffer answers" in output.decode()
    assert "may work as coffer_app" in output.decode()


async def test_it_stops_on_ctrl_c_and_yesterdays_data_is_there_at_the_next_start(started: Running) -> None:
    assert await started.stop() == 0
    text = started.printed.read_text()
    assert "stopped; the data stays" in text
    await started.start()
    assert "applied" not in started.printed.read_text()


def test_programs_in_the_readme_are_the_files_they_name() -> None:
    programs = _PROGRAM.findall(README.read_text(encoding="utf-8"))
    assert programs
    for name, text in programs:
        assert (ROOT / name).read_text(encoding="utf-8").rstrip() == text.rstrip(), name
