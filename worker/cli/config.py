"""The command about the settings: `config show`."""

import typer

from worker.cli import terminal
from worker.cli.options import AsJson
from worker.cli.views.settings import settings_rows
from worker.config.settings import load_settings

app = typer.Typer(no_args_is_help=True, help="The settings.")


@app.callback()
def _settings() -> None:
    # Without a callback typer would make the only command the group itself.
    pass


@app.command()
def show(as_json: AsJson = False) -> None:
    """Show the effective settings; secrets are masked."""
    terminal.show(settings_rows(load_settings()), as_json=as_json)
