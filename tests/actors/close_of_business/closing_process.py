"""A process that runs the close of business and nothing else, in small pages, until it is killed."""

import asyncio
import os

from actors.close_of_business import actor
from config.pools import load_pools
from config.settings import load_settings
from runtime.process import ActorsProcess, end_with_parent
from tests.actors.close_of_business.loans_on_a_shelf import LoansOnAShelf

PAGE_LOANS, SLICE_SECONDS = 20, 0.3


async def main() -> None:
    """Run."""
    end_with_parent()
    settings = load_settings(os.environ)
    actors = {"close_of_business": actor.CloseOfBusiness, "loan": LoansOnAShelf}
    pools = {name: pool for name, pool in load_pools(settings.config_dir).items() if name in actors}
    process = ActorsProcess(settings, dict(os.environ), only=("close_of_business",), read_pools=lambda: pools, actors=actors)
    await process.start()
    await asyncio.Event().wait()


if __name__ == "__main__":
    actor.PAGE_LOANS, actor.SLICE_SECONDS = PAGE_LOANS, SLICE_SECONDS
    asyncio.run(main())
