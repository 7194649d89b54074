"""Rows for `rollout status`: the controller's last report. Pure."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

from schemas.rollout_status import Judged, RolloutStatus, WorkerSeen
from worker.cli.views.table import decimal_text
from worker.rollout.plan.units import approximate_duration

_FOLDED = 3
# Below it four digits are shown, from it on all of those before the point.
_ALL_SHOWN = 1_000
Row = dict[str, object]


def plan_row(judged: RolloutStatus | None, now: datetime) -> Row:
    """The state of the plan, for the first table."""
    if judged is None:
        return {"controller": "none has reported in the last hour: start `chirp-worker rollout run`"}
    age, overdue = now - judged.time, judged.is_overdue(now)
    served, at_least = (approximate_duration(timedelta(seconds=each)) for each in (judged.served_s, judged.at_least_s))
    most = (
        f", at most {approximate_duration(timedelta(seconds=judged.at_most_s))}" if judged.at_most_s is not None else ""
    )
    return {
        "served": f"{served} of {at_least}{most}; risk {judged.risk}",
        "stages": " → ".join(f"[{name}]" if name == judged.stage else name for name in judged.stages),
        "waits for": "\n".join(judged.waits_for) or "nothing: it goes on",
        "attempts": f"{judged.attempts:,} counted" + (f", {judged.late:,} came too late" if judged.late else ""),
        "controller": f"{judged.controller}, {'REPORTED LAST ' if overdue else ''}{approximate_duration(age)} ago"
        + (": is it running?" if overdue else ""),
    }


def tables(judged: RolloutStatus, *, whole: bool = False) -> list[tuple[str, list[Row]]]:
    """The tables below the first one, each with its title; empty tables are left out.

    Args:
        judged: the controller's last report.
        whole: with a row for each verdict; else what passes is one row of its table.
    """
    votes = [each for each in judged.judged if each.window == "votes"]
    for_all = [each for each in judged.judged if each.character is None]
    gates = [each for each in for_all if each.use == "gate"]
    rules = [each for each in for_all if each.use != "gate"]
    # Votes have a table of their own: what players hear now is another thing.
    characters = _characters(tuple(each for each in judged.judged if each not in votes))
    titled: list[tuple[str, list[Row]]] = [
        ("Gates: what must hold for the next stage", _rows(gates, whole=whole)),
        ("Rules: what rolls back", _rows(rules, whole=whole)),
        ("Characters", characters if whole else _fold_characters(characters)),
        ("Listeners' votes on blind pairs", vote_rows(votes)),
        ("What players reported", _outcomes(judged.feedback)),
        ("Questions", [_question(each.name, each.question, each.approved, each.actor) for each in judged.asked]),
        ("Workers, by the completions of the last ten minutes", [_worker(each, judged) for each in judged.workers]),
        ("Chirp's jobs and WaveNet's differ", [{"": each} for each in judged.mix]),
    ]
    return [(title, rows) for title, rows in titled if rows]


def vote_rows(judged: Iterable[Judged]) -> list[Row]:
    """A row for each character that somebody has voted on, and one that counts the others."""
    votes = [each for each in judged if each.window == "votes"]
    rows: list[Row] = [
        {
            "character": each.character or "",
            "verdict": each.verdict.upper() + (" (dry run)" if each.dry_run else ""),
            "votes": f"{each.sample:,}",
            "says": each.says,
        }
        for each in votes
        if each.sample
    ]
    silent = [each for each in votes if not each.sample]
    if silent and rows:
        names = ", ".join(each.character or "" for each in silent)
        rows.append(
            {"character": f"{len(silent)} characters", "verdict": "", "votes": "0", "says": f"no votes: {names}"}
        )
    return rows


def _outcomes(feedback: Mapping[str, int]) -> list[Row]:
    """One row: how many of the messages counted, and what became of the others."""
    return [{name.replace("_", " "): f"{count:,}" for name, count in feedback.items()}] if feedback else []


def _rows(judged: list[Judged], *, whole: bool) -> list[Row]:
    """A row for each verdict; if several pass, one row for all of them, which comes last."""
    healthy = [each for each in judged if each.verdict == "pass" and not each.dry_run]
    if whole or len(healthy) < _FOLDED:
        return [_row(each) for each in judged]
    titles = ", ".join(dict.fromkeys(each.title for each in healthy))
    folded: Row = dict.fromkeys(_row(healthy[0]), "")
    folded |= {"verdict": "PASS", "what": f"{len(healthy)} verdicts", "says": f"{titles}; --all shows each"}
    return [*(_row(each) for each in judged if each not in healthy), folded]


def _fold_characters(rows: list[Row]) -> list[Row]:
    healthy = [row for row in rows if row["verdict"] == "PASS"]
    if len(healthy) < _FOLDED:
        return rows
    names = ", ".join(str(row["character"]) for row in healthy)
    folded: Row = {"character": f"{len(healthy)} characters", "verdict": "PASS", "sample": "", "says": names}
    return [*(row for row in rows if row not in healthy), folded]


def _worker(worker: WorkerSeen, judged: RolloutStatus) -> Row:
    behind = judged.revision - worker.revision
    follows = "the current revision" if behind <= 0 else f"{behind} revision{'s' if behind > 1 else ''} behind"
    return {
        "worker": worker.worker,
        "revision": worker.revision,
        "follows": "its hand brake is on: Chirp is off there" if worker.braked else follows,
        "last completion": f"{approximate_duration(max(timedelta(0), judged.time - worker.time))} before the report",
    }


def _row(judged: Judged) -> Row:
    use = {"at_once": "off at once", "step": "a step back"}.get(judged.use)
    row: Row = {"verdict": judged.verdict.upper() + (" (dry run)" if judged.dry_run else "")}
    if use is not None:
        row["then"] = use
    return row | {
        "what": judged.title,
        "over": judged.window,
        "value": _number(judged.value),
        "limit": _number(judged.limit),
        "sample": f"{judged.sample:,}",
        "says": judged.says,
    }


def _characters(judged: tuple[Judged, ...]) -> list[Row]:
    by_character: defaultdict[str, list[Judged]] = defaultdict(list)
    for each in judged:
        if each.character is not None:
            by_character[each.character].append(each)
    rows: list[Row] = []
    for character, of_one in sorted(by_character.items()):
        worst = max(of_one, key=lambda each: (_WEIGHT.get(each.verdict, 0), each.sample))
        rows.append(
            {
                "character": character,
                "verdict": worst.verdict.upper(),
                "sample": f"{max(each.sample for each in of_one):,}",
                "says": f"{worst.title} ({worst.window}): {worst.says}",
            }
        )
    return rows


_WEIGHT = {"pass": 0, "hold": 1, "error": 2, "fail": 3}


def _question(name: str, question: str, approved: bool | None, actor: str | None) -> Row:
    answer = {None: "pending", True: f"yes, by {actor}", False: f"NO, by {actor}"}[approved]
    return {"name": name, "question": question, "answer": answer}


def _number(value: float | None) -> str:
    if value is None:
        return "-"
    return decimal_text(round(value) if abs(value) >= _ALL_SHOWN else float(f"{value:.4g}"))
