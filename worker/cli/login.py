"""Who types a command, and where it runs."""

import getpass
import os
import socket
from datetime import datetime


def login_name() -> str:
    """The login name of who runs the command; empty where the system knows none, as in some containers."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return ""


def this_command(now: datetime) -> str:
    """This command, for whoever is refused while it runs: `mei on desk-3, process 4711, since 2026-11-29 20:15 UTC`.

    Args:
        now: in UTC.
    """
    who = f"{login_name() or 'somebody'} on {socket.gethostname()}"
    return f"{who}, process {os.getpid()}, since {now:%Y-%m-%d %H:%M} UTC"
