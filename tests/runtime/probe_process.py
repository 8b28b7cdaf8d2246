"""A process of the probe's actors, as an operator runs one: python -m tests.runtime.probe_process POOL..."""

import asyncio
import os
import sys

from config.settings import load_settings
from runtime.failpoints import failpoints_of
from runtime.process import end_with_parent, run_actors
from runtime.telemetry import log_json
from tests.runtime.probe_house import ACTORS, pools_in


def main() -> None:
    """Run these pools until told to stop."""
    end_with_parent()
    environment = dict(os.environ)
    log_json("probe")
    settings = load_settings(environment)
    asyncio.run(
        run_actors(
            settings,
            environment,
            only=sys.argv[1:],
            failpoints=failpoints_of(environment),
            read_pools=pools_in(settings.config_dir),
            actors=ACTORS,
        )
    )


if __name__ == "__main__":
    main()
