"""The command line: assembles the commands, and ends an expected error in one line."""

import io
import logging
import os
import sys
from typing import Annotated, Final

import typer

from worker import __version__
from worker.cli import terminal
from worker.cli.command_group import group_of
from worker.cli.exit_codes import ExitCode, describe

COMMANDS: Final = {
    "run": "worker.cli.run:run",
    "serve": "worker.cli.serve:serve",
    "enqueue": "worker.cli.enqueue:enqueue",
    "cancel": "worker.cli.cancel:cancel",
    "replay": "worker.cli.dead_letters:replay",
    "decide": "worker.cli.decide:decide",
    "doctor": "worker.cli.doctor:doctor",
    "acl": "worker.cli.acl:acl",
    "topics": "worker.cli.topics:app",
    "voices": "worker.cli.voices:app",
    "config": "worker.cli.config:app",
    "dead-letters": "worker.cli.dead_letters:app",
    "batch": "worker.cli.batch:app",
    "lane": "worker.cli.lane:app",
    "listening": "worker.cli.listening:app",
    "rollout": "worker.cli.rollout:app",
    "takes": "worker.cli.takes:app",
    "token": "worker.cli.token:app",
}
"""Where each command is."""

app = typer.Typer(
    cls=group_of(COMMANDS),
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="Speaks a game's lines: Kafka jobs in, Google Text-to-Speech audio in S3 out. "
    "Settings come from the environment; `chirp-worker config show` lists them.",
)


def _print_version(wanted: bool) -> None:
    if wanted:
        terminal.say(f"chirp-worker {__version__}")
        raise typer.Exit


@app.callback()
def _before_any_command(
    _version: Annotated[
        bool, typer.Option("--version", is_eager=True, callback=_print_version, help="Print the version and exit.")
    ] = False,
) -> None:
    # A library's message is part of the one line that ends a command; `run` logs all of them.
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)


def _discard_output() -> None:
    """What is still unwritten goes nowhere: the interpreter would try to write it once more."""
    with open(os.devnull, "w") as nowhere:  # noqa: PTH123
        for stream in (sys.stdout, sys.stderr):
            os.dup2(nowhere.fileno(), stream.fileno())


def main() -> None:
    """The entry point: an expected error ends in one line, never in a traceback."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        # A terminal that isn't UTF-8's gets escapes in place of the letters that it lacks, as on standard error.
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        try:
            app()
        finally:
            # At the interpreter's end nobody could handle its errors any more.
            if sys.stdout is not None:
                sys.stdout.flush()
    except BrokenPipeError:
        # Whoever reads the output, such as `head`, has seen enough.
        _discard_output()
        sys.exit(ExitCode.FAILED)
    except KeyboardInterrupt:
        sys.exit(ExitCode.INTERRUPTED)
    except Exception as error:
        if (failure := describe(error)) is None:
            raise
        terminal.note(failure.message)
        sys.exit(failure.exit_code)
