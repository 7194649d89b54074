"""The commands about the characters' voices: `voices list` and `voices check`."""

import asyncio

import typer

from worker.cli import terminal
from worker.cli.exit_codes import ExitCode
from worker.cli.options import AsJson
from worker.cli.views.voices import finding_rows, voice_rows
from worker.config.settings import Settings, load_settings
from worker.speech.catalogue_check import character_voices, check_voices
from worker.speech.catalogue_file import load_catalogue

app = typer.Typer(no_args_is_help=True, help="The characters' voices.")


@app.command("list")
def list_voices(as_json: AsJson = False) -> None:
    """Show every character's voice by language and voice model, and whether Google has it."""
    settings = load_settings()
    catalogue = load_catalogue(settings.worker.characters_file)
    listed = asyncio.run(_google_voices(settings))
    terminal.show(voice_rows(character_voices(catalogue, listed)), as_json=as_json)


@app.command()
def check(as_json: AsJson = False) -> None:
    """Compare the catalogue with Google's list: missing voices (exit 1), single voices, genders that differ."""
    settings = load_settings()
    catalogue = load_catalogue(settings.worker.characters_file)
    findings = check_voices(catalogue, asyncio.run(_google_voices(settings)))
    nothing = "Google has every voice of the catalogue, each character has a second one, and the genders agree."
    terminal.show(finding_rows(findings), as_json=as_json, nothing=nothing)
    if any(each.error for each in findings):
        raise typer.Exit(ExitCode.FAILED)


async def _google_voices(settings: Settings) -> dict[str, str]:
    """The gender of each voice that Google lists, by the voice's name."""
    from worker.speech.google import connect_google

    async with connect_google(settings.google) as google:
        return await google.voices()
