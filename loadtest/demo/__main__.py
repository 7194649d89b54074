"""`python -m loadtest.demo [--keep]`: speaks a script on a local stack, and shows what became of each line."""

import sys

from loadtest.demo.stopping import Stopped, Stopping


def main() -> None:
    """Runs the command; Ctrl-C at any time ends it without a traceback."""
    stopping = Stopping()
    try:
        # Only now: the libraries take a second to import, and Ctrl-C has to work in it.
        from loadtest.demo.command import app  # noqa: PLC0415

        app(obj=stopping, prog_name="python -m loadtest.demo")
    except Stopped as stopped:
        print("stopped; nothing is left running", file=sys.stderr)
        sys.exit(stopped.code)


if __name__ == "__main__":
    main()
