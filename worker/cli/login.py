"""Who types a command."""

import getpass


def login_name() -> str:
    """The login name of who runs the command; empty where the system knows none, as in some containers."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return ""
