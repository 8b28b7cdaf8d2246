"""`python -m runtime` is `coffer`, where nothing was installed."""

from runtime.command_line import main

main()
