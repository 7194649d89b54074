"""The verdicts on scripts' lines: the last one on each, and what a director's form says as one. Pure."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from pydantic import ValidationError

from schemas.errors import UsageError
from schemas.message_parsing import InvalidMessageError, parse_verdict
from schemas.verdict import Verdict

SOURCE: Final = "/console/batch"


class KnownVerdicts:
    """The verdicts that stand in their topic."""

    def __init__(self) -> None:
        self._last: dict[str, dict[str, Verdict]] = {}

    def observe(self, record: Any) -> None:
        """Takes a record of the verdicts' topic; what is no verdict is passed over."""
        try:
            self.add(parse_verdict(record.value))
        except InvalidMessageError:
            return

    def add(self, verdict: Verdict) -> None:
        """Adds a verdict. Of a line the last one in the topic's order counts."""
        self._last.setdefault(verdict.script, {})[verdict.line] = verdict

    def of_script(self, script: str) -> Mapping[str, Verdict]:
        """The last verdict on each line of a script, by line; those that were taken back aren't there."""
        return {line: each for line, each in self._last.get(script, {}).items() if each.on_line is not None}


def read_verdict(form: Mapping[str, str], *, client: str, time: datetime, identity: str) -> Verdict:
    """The verdict of a form. An empty verdict with an empty note takes back what was said before.

    Args:
        client: who gives it.
        identity: the event's id.

    Raises:
        UsageError: a field is wrong; the message names it, and what is allowed.
    """
    candidate = form.get("candidate", "")
    document: dict[str, Any] = {
        **{name: form.get(name, "") for name in ("script", "line", "character", "sha256")},
        "verdict": form.get("verdict") or None,
        # A browser sends a text's line breaks as two characters.
        "note": form.get("note", "").replace("\r\n", "\n").strip(),
        "verdict_id": identity,
        "by": client,
        "at": time.isoformat(),
        "source": SOURCE,
    }
    if candidate and document["verdict"] == "accept":
        # Who accepts a take beside the line's own chooses it.
        document["take"] = int(candidate) if candidate.isascii() and candidate.isdigit() else candidate
    try:
        return Verdict.model_validate(document)
    except ValidationError as error:
        place = error.errors(include_input=False)[0]
        raise UsageError(f"{'.'.join(map(str, place['loc']))}: {place['msg']}") from None
