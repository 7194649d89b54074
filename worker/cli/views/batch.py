"""What people and scripts read of a batch: findings, voices by character, price, how it stands. Pure."""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence

from schemas.words import JobStatus, VoiceModel
from worker.batch.downloads import Downloaded
from worker.batch.line_status import LineState, LineStatus
from worker.batch.manifest import Entry
from worker.batch.price import Price
from worker.batch.scripts.model import Finding
from worker.batch.voice_selection import VoicedLine
from worker.pricing.google_terms import list_price

Row = dict[str, object]


def finding_rows(findings: Iterable[Finding]) -> list[Row]:
    """A row a finding, for scripts."""
    return [
        {
            "severity": each.severity.value,
            "file": each.place.file,
            "line": each.place.line,
            "column": each.place.column,
            "id": each.line_id,
            "message": each.message,
        }
        for each in findings
    ]


def voice_rows(casts: Sequence[VoicedLine]) -> list[Row]:
    """How many lines each character speaks in each language with which voice model, and by which rules."""
    rows: list[Row] = []
    for character, language in sorted({(cast.job.character, cast.job.language) for cast in casts}):
        mine = [cast for cast in casts if (cast.job.character, cast.job.language) == (character, language)]
        reasons = Counter(cast.decision.reason.value for cast in mine)
        by_model = Counter(cast.voice.voice_model for cast in mine)
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


def voices_in_words(casts: Sequence[VoicedLine]) -> list[str]:
    """A sentence for each character that would speak a language with two voice models."""
    rows = [row for row in voice_rows(casts) if row["voices"] == "two"]
    return [f"{row['character']}: {row['chirp3-hd']:,} lines Chirp, {row['wavenet']:,} WaveNet" for row in rows]


def standing_row(stands: Iterable[LineState]) -> Row:
    """How many lines stand how."""
    counts = Counter(each.standing for each in stands)
    return {standing.value: counts[standing] for standing in LineStatus}


def others_in_words(count: int, *, kept: bool) -> str:
    """What becomes of the manifest's lines that aren't among those of this run.

    Args:
        count: how many there are.
        kept: they may be among the script's lines that are left out, and stay in the manifest.
    """
    if kept:
        return f"{count:,} lines of the manifest aren't among those that go on: they stay in it, as lines are left out"
    return f"{count:,} lines of the manifest aren't in the script any more: they are taken out of it"


def price_rows(price: Price) -> list[Row]:
    """What each voice model's part costs, in dollars, and the total."""
    rows: list[Row] = [
        {
            "voice model": each.voice_model.value,
            "lines": each.lines,
            "already stored": each.stored,
            "same take as another": each.repeats,
            "new": each.new,
            "characters": each.characters,
            "USD": round(each.dollars, 4),
            "free a month, if unused": each.free_characters,
            "USD at least": round(each.dollars_at_least, 4),
        }
        for each in price.models
    ]
    total = {name: sum(row[name] for row in rows) for name in rows[0] if name != "voice model"}  # type: ignore[misc]
    total |= {name: round(total[name], 4) for name in ("USD", "USD at least")}
    return [*rows, {"voice model": "total", **total}]


def price_in_words(price: Price) -> str:
    """The price in a sentence."""
    free = f"{price.dollars_at_least:,.2f} USD if this month's free characters are unused"
    quota = f"at least {price.minutes:,.1f} min at Google's default quotas"
    chirp = f"Chirp speaks {price.chirp_share:.0%} of the lines to be made"
    return f"{price.dollars:,.2f} USD at list price, {free}; {quota}; {chirp}"


def downloaded_in_words(downloaded: Downloaded) -> str:
    """What became of the files, in a sentence."""
    left = f", {downloaded.left:,} are somebody else's and were left" if downloaded.left else ""
    return f"{downloaded.fetched:,} files fetched, {downloaded.kept:,} were there already{left}"


def manifest_row(entries: Mapping[str, Entry], lines: Collection[str] | None, under_way: int) -> Row:
    """What a manifest comes to.

    Args:
        entries: of it.
        lines: the script's; None if nobody knows them.
        under_way: jobs of which nothing was heard.
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
        "under way": under_way,
        "minutes of audio": round(seconds / 60, 1),
        "characters billed": sum(sum(entry.billed.values()) for entry in known),
        "USD at list price": round(sum(list_price(entry.billed) for entry in known), 4),
    }


def failed_rows(entries: Iterable[Entry]) -> list[Row]:
    """The lines that have no audio, and why."""
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
