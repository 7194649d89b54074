"""What a run of `chirp-worker batch` prints: tables and messages while it runs, or one JSON document at its end."""

import sys
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Literal, NoReturn

from schemas.errors import UsageError
from worker.batch.download_result import DownloadResult
from worker.batch.entry import ManifestEntry
from worker.batch.line_status import LineState, LineStatus
from worker.batch.price_estimate import PriceEstimate
from worker.batch.scripts.model import Finding
from worker.batch.spending import Spending
from worker.batch.state import BatchState
from worker.batch.voice_selection import KeepTogether, PlannedLine
from worker.cli import terminal
from worker.cli.batch_findings import show_findings
from worker.cli.views.batch import (
    Row,
    describe_download,
    describe_price,
    describe_some,
    describe_split_characters,
    describe_usd,
    failed_rows,
    manifest_row,
    price_rows,
    status_row,
    voice_rows,
)
from worker.cli.views.lint import finding_rows
from worker.cli.views.plan import format_rows
from worker.pricing.google_terms import whole_micros


class BatchOutput:
    """Prints tables on standard error, or collects the same content for one JSON document on standard output."""

    def __init__(self, *, as_json: bool) -> None:
        self._as_json = as_json
        self._document: dict[str, object] = {}

    def findings(self, findings: Sequence[Finding]) -> None:
        """Shows the findings about the script."""
        self._document["findings"] = finding_rows(findings)
        if not self._as_json:
            show_findings(findings, sys.stderr)

    def voices(
        self,
        rollout: str,
        together: KeepTogether,
        lines: Sequence[PlannedLine],
        states: Sequence[LineState],
        *,
        remake: bool,
    ) -> None:
        """Shows the voices of the script's lines, and how many lines have which status.

        Args:
            rollout: the state of the rollout, for people.
            remake: lines that would get another voice now are made again.
        """
        rows = voice_rows(lines)
        statuses = status_row(states)
        self._document |= {"rollout": rollout, "kept_together": together, "voices": rows, "lines": statuses}
        if self._as_json:
            return
        self.say(f"rollout: {rollout}; one voice model for each {together}")
        terminal.show(rows, as_json=False, to_stderr=True)
        for sentence in describe_split_characters(lines):
            self.say(sentence)
        if any(row["voices"] == "two" for row in rows):
            self.say(
                "--rollout-key character gives each character one voice model, --voice-model gives all lines the same"
            )
        terminal.show([statuses], as_json=False, to_stderr=True)
        if changed := statuses[LineStatus.VOICE_CHANGED.value]:
            then = "they are made again" if remake else "--remake makes them again"
            self.say(f"{changed:,} lines would get another voice now; {then}")

    def price(self, price: PriceEstimate, *, unknown: int) -> None:
        """Shows the price of the lines to be made.

        Args:
            unknown: the number of takes of which the store didn't say whether it has them.
        """
        rows = price_rows(price)
        self._document["price"] = {
            "rows": rows,
            "usd": whole_micros(price.dollars),
            "usd_at_least": whole_micros(price.dollars_at_least),
            "minutes_at_least": price.minutes,
            "chirp_share": price.chirp_share,
            "unknown": unknown,
        }
        if unknown:
            self.say(f"{unknown:,} takes couldn't be looked up in the store: the price counts them as new")
        if price.lines and not self._as_json:
            terminal.show(format_rows(rows, ""), as_json=False, to_stderr=True)
            self.say(describe_price(price))

    def candidates_price(self, priced: int, left_out: int) -> None:
        """Shows how many candidates are in the price, and how many the budget left out."""
        if isinstance(price := self._document["price"], dict):
            price |= {"candidates": priced, "candidates_left_out": left_out}
        more = f"; {left_out:,} more are left out for the budget" if left_out else ""
        self.say(f"{priced:,} of them are candidates, further takes to choose from{more}")

    def candidates(self, made: int, missing: int, left_out: int) -> None:
        """Shows how the candidates of a run ended.

        Args:
            missing: planned and not made.
            left_out: not planned, for the budget.
        """
        if not made + missing + left_out:
            return
        self._document["candidates"] = {"made": made, "missing": missing, "left_out": left_out}
        sentence = f"{made:,} candidates made"
        if missing:
            sentence += f", {missing:,} are missing: the same command tries them again"
        if left_out:
            sentence += f", {left_out:,} left out for the budget"
        self.say(sentence)

    def takes(self, rows: Sequence[Row]) -> None:
        """Shows how the new takes of a redo ended."""
        self._document["takes"] = rows
        if not self._as_json:
            terminal.show(rows, as_json=False)

    def chosen(self, path: Path, chosen: Mapping[str, int]) -> None:
        """Shows that new takes were chosen."""
        self._document["chosen"] = dict(chosen)
        self.say(f"{path}: choices written: {len(chosen):,}; the next `chirp-worker batch` uses them")

    def capped(self, spending: Spending, unsent: int) -> None:
        """Shows that the cap ended the run."""
        self._document["capped"] = {"usd": whole_micros(spending.spent), "cap": spending.cap, "unsent": unsent}
        self.say(
            f"stopped at the cap of {spending.cap:g} USD: {describe_usd(spending.spent)} were spent, and the next line "
            f"would pass it; {unsent:,} lines are left, and the same command continues with as much again"
        )

    def result(self, state: BatchState, lines: Collection[str]) -> list[Row]:
        """Shows how the lines ended.

        Returns:
            A row for each line that failed.
        """
        row = manifest_row(state.entries, lines, len(state.in_flight))
        failed = failed_rows(_entries(state.entries, lines))
        self._document |= {"manifest": str(state.manifest), "result": row, "failures": failed}
        if not self._as_json:
            terminal.show_one({"manifest": str(state.manifest), **row}, as_json=False)
        return failed

    def downloaded(self, folder: Path, result: DownloadResult, *, of: Literal["lines", "takes"] = "lines") -> None:
        """Shows the result of the download of the lines' own audio, or of their candidates."""
        key = "download" if of == "lines" else "download_takes"
        self._document[key] = {"folder": str(folder), **asdict(result)}
        if not self._as_json:
            terminal.say(f"{folder}: {describe_download(result)}")
        for problem in result.problems:
            self.say(problem)

    def left_over(self, files: Sequence[Path]) -> None:
        """Shows the downloaded audio of lines that have left the script."""
        self._document["left_over"] = [str(each) for each in files]
        if files:
            self.say(f"{len(files):,} files are of lines that have left the script, and stay: {describe_some(files)}")

    def refuse(self, message: str) -> NoReturn:
        """Ends the run before anything is sent.

        Raises:
            UsageError: always.
        """
        if self._as_json:
            terminal.show_one({**self._document, "refused": message}, as_json=True)
        raise UsageError(message)

    def finish(self) -> None:
        """Prints the JSON document, if JSON is requested."""
        if self._as_json:
            terminal.show_one(self._document, as_json=True)

    def say(self, text: str) -> None:
        """Prints a message on standard error, with JSON too."""
        terminal.note(text)


def _entries(entries: Mapping[str, ManifestEntry], lines: Collection[str]) -> list[ManifestEntry]:
    return [entry for line, entry in entries.items() if line in lines]
