"""The command line: assembles the commands, and ends an expected error in one line."""

import logging
import sys
from typing import Annotated

import typer

from worker import __version__
from worker.cli import batch, config, dead_letters, lane, listening, rollout, takes, terminal, token, topics, voices
from worker.cli.acl import acl
from worker.cli.cancel import cancel
from worker.cli.decide import decide
from worker.cli.doctor import doctor
from worker.cli.enqueue import enqueue
from worker.cli.exit_codes import ExitCode, describe
from worker.cli.run import run
from worker.cli.serve import serve

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="Speaks a game's lines: Kafka jobs in, Google Text-to-Speech audio in S3 out. "
    "Settings come from the environment; `chirp-worker config show` lists them.",
)
for command in (run, serve, enqueue, cancel, dead_letters.replay, decide, doctor, acl):
    app.command()(command)
for name, group in {
    "topics": topics.app,
    "voices": voices.app,
    "config": config.app,
    "dead-letters": dead_letters.app,
    "batch": batch.app,
    "lane": lane.app,
    "listening": listening.app,
    "rollout": rollout.app,
    "takes": takes.app,
    "token": token.app,
}.items():
    app.add_typer(group, name=name)


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


def main() -> None:
    """The entry point: an expected error ends in one line, never in a traceback."""
    try:
        app()
    except KeyboardInterrupt:
        sys.exit(ExitCode.INTERRUPTED)
    except Exception as error:
        if (failure := describe(error)) is None:
            raise
        terminal.note(failure.message)
        sys.exit(failure.exit_code)
