"""`batch compare` and `batch choices`: a line's takes go to the console, and what was chosen into a file."""

import asyncio
from collections.abc import Sequence, Sized
from pathlib import Path
from typing import Final

from schemas.errors import UnavailableError, UsageError
from schemas.pair import Pair
from worker.batch.choice import Choice, parse_choices
from worker.batch.choices import choices_path, choose, read_choices
from worker.batch.downloads import AT_ONCE, stored_keys
from worker.batch.entry import ManifestEntry
from worker.batch.line_takes import LineTakes
from worker.batch.manifest import takes_manifest
from worker.batch.scripts.model import Line
from worker.batch.state import read_state
from worker.batch.take_votes import TakeVotes
from worker.batch.takes_of_line import takes_of_lines
from worker.batch.verdict_choices import NewChoices, choices_of_verdicts
from worker.batch.verdicts import read_verdicts
from worker.cli import terminal
from worker.cli.batch_check import read_lines
from worker.cli.listening_topics import read_votes
from worker.cli.login import login_name
from worker.config.settings import Settings
from worker.lifecycle.clock import Clock
from worker.listening.pair_topic import publish_pairs
from worker.speech.catalogue_file import load_catalogue
from worker.storage.client import connect_store

_SOURCE: Final = "/cli/batch"


class ScriptTakes:
    """The takes of a script's lines that were made."""

    def __init__(self, settings: Settings, script: Path, manifest: Path) -> None:
        self._settings = settings
        self._clock = Clock()
        self._path = choices_path(script)
        self._choices = read_choices(self._path)
        catalogue = load_catalogue(settings.worker.characters_file)
        # With chosen takes, and with lines as they are spoken: the key of a take is that of its text after fixes.
        lines = read_lines(script, settings.worker.max_text_bytes, catalogue)
        self._lines = {line.id: line for line in lines}
        self._manifest = manifest
        self._entries = read_state(manifest).entries
        self._takes = LineTakes(catalogue, settings.storage.prefix, self._clock.now())

    def compare(self, wanted: Sequence[str]) -> list[dict[str, object]]:
        """Offers the stored takes of lines to the listeners; returns a row for each line.

        Raises:
            UsageError: a line isn't in the script, or was never made.
            StorageError, KafkaError: the store or Kafka doesn't answer.
        """
        found = {line_id: self._made(line_id) for line_id in dict.fromkeys(wanted)}
        return asyncio.run(self._compare(found))

    async def _compare(self, found: dict[str, tuple[Line, ManifestEntry]]) -> list[dict[str, object]]:
        numbers = {line_id: self._takes.numbers(line, entry) for line_id, (line, entry) in found.items()}
        async with connect_store(self._settings.storage, AT_ONCE) as store:
            with terminal.progress("looking up takes") as progress:
                looked_up = await stored_keys(store, (key for each in numbers.values() for key in each), progress)
        if looked_up.unknown:
            raise UnavailableError(f"the store didn't say of {len(looked_up.unknown):,} takes whether it has them")
        pairs: list[Pair] = []
        rows: list[dict[str, object]] = []
        for line_id, (line, entry) in found.items():
            stored = {key: number for key, number in numbers[line_id].items() if key in looked_up.stored}
            own = list(self._takes.pairs(line, entry, stored, time=self._clock.now(), source=_SOURCE))
            pairs += own
            takes = ", ".join(map(str, sorted(stored.values())))
            rows.append({"line": line_id, "used": line.job.take, "stored takes": takes, "pairs": len(own)})
        await publish_pairs(self._settings.kafka, pairs)
        return rows

    def rows(self) -> list[dict[str, object]]:
        """The choices that stand in the file."""
        return [{"line": line, "take": each.take, "by": each.by, "at": each.at} for line, each in self._choices.items()]

    def fetch(self, by: str | None) -> list[str]:
        """Writes what the listeners chose into the file; returns sentences about what it did.

        Args:
            by: the one listener whose votes count; None for all.

        Raises:
            KafkaError: Kafka doesn't answer.
            OSError: the file can't be written.
        """
        votes, lines = TakeVotes(), set[str]()
        for vote in asyncio.run(read_votes(self._settings.kafka)):
            votes.add(vote)
            lines.add(vote.line)
        found = NewChoices()
        for line_id in sorted(lines & self._lines.keys() & self._entries.keys()):
            numbers = self._takes.numbers(self._lines[line_id], self._entries[line_id])
            chosen = votes.chosen(numbers, by)
            if chosen is not None:
                new = Choice(chosen.take, chosen.by, chosen.at.isoformat(timespec="seconds"))
                found.add(line_id, self._choices.get(line_id), new, chosen.at)
        return self._write(found)

    def take_from(self, verdicts: Path) -> list[str]:
        """Writes what the verdicts of a report's export choose into the file; returns sentences about what it did.

        Raises:
            UsageError: the export can't be read, or is none.
            OSError: the file can't be written.
        """
        candidates = read_state(takes_manifest(self._manifest)).entries
        takes = takes_of_lines(self._lines.values(), self._entries, candidates, self._takes)
        return self._write(choices_of_verdicts(read_verdicts(verdicts), self._lines, takes, self._choices))

    def choose(self, texts: Sequence[str]) -> list[str]:
        """Writes typed choices, `LINE=2` or `LINE=` for none; returns sentences about what it did.

        Raises:
            UsageError: one has another form, or its line isn't in the script.
            OSError: the file can't be written.
        """
        try:
            chosen = dict(parse_choices(texts, login_name()))
        except ValueError as error:
            raise UsageError(str(error)) from None
        for line_id, choice in chosen.items():
            if line_id not in self._lines and (choice is not None or line_id not in self._choices):
                raise UsageError(f"{line_id!a} is no line of the script")
        self._choices = choose(self._path, chosen)
        return [self._written(chosen)]

    def _write(self, found: NewChoices) -> list[str]:
        if found.chosen:
            self._choices = choose(self._path, found.chosen)
        said = [*found.sentences, self._written(found.chosen)]
        if found.by_hand:
            count = len(found.by_hand)
            said.append(f"left as written by hand: {count:,}; remove their lines to take others")
        return said

    def _written(self, chosen: Sized) -> str:
        return f"{self._path}: choices written: {len(chosen):,}, in all: {len(self._choices):,}"

    def _made(self, line_id: str) -> tuple[Line, ManifestEntry]:
        if line_id not in self._lines:
            raise UsageError(f"{line_id!a} is no line of the script")
        if line_id not in self._entries:
            raise UsageError(f"{line_id!a} was never made: run `chirp-worker batch` first")
        return self._lines[line_id], self._entries[line_id]
