"""The base of all errors and its three families, named for what the caller does about them.

A module defines its own class only where somebody catches it, or reads more from it than the message. The message is
for people, in one line. `worker/cli/exit_codes.py` alone turns families into exit codes.
"""


class ChirpWorkerError(Exception):
    """The base of all errors of this project.

    A class that derives from it directly is handled by the code that calls its module, and never reaches the command
    line.
    """


class UsageError(ChirpWorkerError):
    """The input or a setting is wrong: correct it, then run the command again."""


class RefusedError(ChirpWorkerError):
    """The request is valid, but the present state doesn't allow it; the message says what it does allow."""


class UnavailableError(ChirpWorkerError):
    """Something outside of this process fails, refuses or is missing: the same request may work later."""
