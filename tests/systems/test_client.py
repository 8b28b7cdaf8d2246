"""The README's client, run as it is printed, in a process of its own that knows nothing of this repository."""

import asyncio
import sys
from pathlib import Path

from messages.ledger import Account
from tests.bank import Bank, House
from tests.systems.conftest import balance

CLIENT = Path(__file__).with_name("client.py")


async def test_the_client_works_as_printed(house: House, bank: Bank, account: Account, tmp_path: Path) -> None:
    printed = tmp_path / "client.py"
    printed.write_text(CLIENT.read_text())
    url = house.servers.broker_urls["demo_partner"]
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-I",
        str(printed),
        url,
        str(account.account_id),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        cwd=tmp_path,
    )
    async with asyncio.timeout(20):
        said, complained = await process.communicate()
    assert (process.returncode, complained.decode()) == (0, "")
    assert said.decode() == "reply: deposit of 25.00, till 4\nledger.entry_posted.v1: deposit of 25.00, till 4\n"
    assert await balance(bank, account) == "25.00"


def test_the_client_is_what_the_readme_prints() -> None:
    readme = (Path(__file__).parents[2] / "README.md").read_text()
    assert CLIENT.read_text().strip() in readme
