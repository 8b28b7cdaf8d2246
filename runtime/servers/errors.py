"""What can go wrong with the local servers. Each message is one line that says what to do.

ServerError
  ServerMissing   no binaries found and none could be fetched: install this or set that
  ServerFailed    it was started and did not come up, or did not do as told
  StateInUse      another process runs the servers of this state directory
"""


class ServerError(Exception):
    """The root; shown to the operator without a traceback."""


class ServerMissing(ServerError):
    """A server is neither given, nor installed, nor to be had."""


class ServerFailed(ServerError):
    """A server that should run does not."""


class StateInUse(ServerError):
    """The state directory belongs to a running process."""
