"""Shows a batch as rows and sentences: voices by character, price, status of lines, results. Pure."""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Final

from schemas.enums import JobStatus, VoiceModel
from worker.batch.download_result import DownloadResult
from worker.batch.entry import ManifestEntry
from worker.batch.line_status import LineState, LineStatus, is_spoken_otherwise
from worker.batch.price_estimate import PriceEstimate
from worker.batch.voice_selection import PlannedLine
from worker.pricing.google_terms import list_price, whole_micros

Row = dict[str, object]
_MOST_FILES: Final = 3


def voice_rows(planned_lines: Sequence[PlannedLine]) -> list[Row]:
    """The number of lines by character, language and voice model, with the reasons of the decisions."""
    rows: list[Row] = []
    for character, language in sorted({(planned.job.character, planned.job.language) for planned in planned_lines}):
        mine = [
            planned
            for planned in planned_lines
            if (planned.job.character, planned.job.language) == (character, language)
        ]
        reasons = Counter(planned.decision.reason.value for planned in mine)
        by_model = Counter(planned.voice.voice_model for planned in mine)
        rows.append(
            {
                "character": character,
                "language": language,
                "lines": len(mine),
                **{model.value: by_model[model] for model in VoiceModel},
                "voices": "two" if len(by_model) > 1 else "one",
                "because": ", ".join(f"{reason} {count:,}" for reason, count in reasons.most_common()),
            }
        )
    return rows


def describe_split_characters(planned_lines: Sequence[PlannedLine]) -> list[str]:
    """A sentence for each character that would speak one language with two voice models."""
    rows = [row for row in voice_rows(planned_lines) if row["voices"] == "two"]
    return [
        f"{row['character']}: {row['chirp3-hd']:,} of {row['lines']:,} lines by Chirp, {row['wavenet']:,} by WaveNet"
        for row in rows
    ]


def status_row(states: Iterable[LineState]) -> Row:
    """The number of lines with each status."""
    counts = Counter(each.status for each in states)
    return {status.value: counts[status] for status in LineStatus}


def describe_other_entries(count: int, *, kept: bool) -> str:
    """What happens to the manifest's entries of lines that this run doesn't have.

    Args:
        count: of these entries.
        kept: the script has lines that were left out, and these entries may be theirs.
    """
    if kept:
        sentence = f"{count:,} lines of the manifest aren't among the lines of this run"
        return f"{sentence}: the manifest keeps them, as lines were left out"
    return f"{count:,} lines of the manifest aren't in the script any more: the manifest drops them, their audio stays"


def describe_other_characters(states: Iterable[LineState]) -> list[str]:
    """A sentence for each character whose lines the workers spoke in another way than this command asked for."""
    found: Counter[tuple[str, str, str, str]] = Counter()
    for each in states:
        if each.entry is not None and is_spoken_otherwise(each.planned, each.entry):
            asked = each.planned.voice
            # The file decides which languages Chirp speaks, and so the voice model too.
            also = "" if each.entry.voice_model is asked.voice_model else ", or the rollout that they follow,"
            found[each.planned.job.character, each.entry.voice or "", asked.name, also] += 1
    sentences = []
    for (character, spoken, asked_name, also), count in sorted(found.items()):
        how = (
            f"by {asked_name} with other settings"
            if spoken == asked_name
            else f"by {spoken}, and this command asks for {asked_name}"
        )
        sentences.append(
            f"{character}: {count:,} lines were spoken {how}: the workers' CHARACTERS_FILE{also} differed from this "
            "one's when they did; once both are the same, --remake makes such lines again"
        )
    return sentences


def price_rows(price: PriceEstimate) -> list[Row]:
    """The price of each voice model's lines in US dollars, and the total."""
    rows: list[Row] = [
        {
            "voice model": each.voice_model.value,
            "lines": each.lines,
            "already stored": each.stored,
            "same take as another": each.duplicates,
            "new": each.new,
            "characters": each.characters,
            "USD": whole_micros(each.dollars),
            "free a month, if unused": each.free_characters,
            "USD at least": whole_micros(each.dollars_at_least),
        }
        for each in price.models
    ]
    total: Row = {name: sum(row[name] for row in rows) for name in rows[0] if name != "voice model"}  # type: ignore[misc]
    total |= {"USD": whole_micros(price.dollars), "USD at least": whole_micros(price.dollars_at_least)}
    return [*rows, {"voice model": "total", **total}]


def describe_price(price: PriceEstimate) -> str:
    """The price as a sentence."""
    free = f"{describe_usd(price.dollars_at_least)} if this month's free characters are unused"
    quota = f"at least {price.minutes:,.1f} min at Google's default quotas"
    chirp = f"Chirp speaks {price.chirp_share:.0%} of the lines to be made"
    return f"{describe_dollars(price)} at list price, {free}; {quota}; {chirp}"


def describe_dollars(price: PriceEstimate) -> str:
    """The price to the last digit that list prices have, such as "0.007684 USD"."""
    return describe_usd(price.dollars)


def describe_usd(dollars: float) -> str:
    """An amount to the last digit that list prices have."""
    whole, _, digits = f"{dollars:,.6f}".partition(".")
    return f"{whole}.{digits[:2]}{digits[2:].rstrip('0')} USD"


def describe_some(files: Sequence[object]) -> str:
    """The first of some files, and how many more there are."""
    more = len(files) - _MOST_FILES
    return ", ".join(map(str, files[:_MOST_FILES])) + (f" and {more:,} more" if more > 0 else "")


def describe_download(result: DownloadResult) -> str:
    """The result of a download as a sentence."""
    left = f", left, as they are no takes of these lines: {result.left:,}" if result.left else ""
    return f"files downloaded: {result.fetched:,}, up to date: {result.kept:,}{left}"


def manifest_row(entries: Mapping[str, ManifestEntry], lines: Collection[str] | None, in_flight: int) -> Row:
    """The totals of a manifest.

    Args:
        entries: of the manifest, by line.
        lines: of the script; None where they are not known.
        in_flight: the number of jobs without a completion.
    """
    known = [entry for line, entry in entries.items() if lines is None or line in lines]
    seconds = sum(entry.duration_s or 0.0 for entry in known)
    return {
        "lines": len(known) if lines is None else len(lines),
        "done": sum(entry.is_done for entry in known),
        "of them by WaveNet in Chirp's place": sum(entry.fallback for entry in known),
        "of them found in the store": sum(entry.cached for entry in known),
        "failed": sum(entry.status is JobStatus.FAILED for entry in known),
        "expired": sum(entry.status is JobStatus.EXPIRED for entry in known),
        "cancelled": sum(entry.status is JobStatus.CANCELLED for entry in known),
        "under way": in_flight,
        "minutes of audio": round(seconds / 60, 1),
        "characters billed": sum(sum(entry.billed.values()) for entry in known),
        "USD at list price": whole_micros(sum(list_price(entry.billed) for entry in known)),
    }


def failed_rows(entries: Iterable[ManifestEntry]) -> list[Row]:
    """The lines without audio, with the reason."""
    return [
        {
            "line": entry.line,
            "character": entry.character,
            "status": entry.status.value,
            "class": entry.error.failure_class if entry.error else "",
            "code": entry.error.code if entry.error else "",
            "error": entry.error.message if entry.error else "",
        }
        for entry in entries
        if not entry.is_done
    ]
