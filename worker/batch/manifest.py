"""The manifest: how each line of a script ended, a JSON object a line, each line once and the file always whole."""

import json
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

from pydantic import Field, ValidationError

from schemas.completion import Completion, Problem
from schemas.errors import UsageError
from schemas.job import Message
from schemas.words import AudioEncoding, JobStatus, VoiceModel

MANIFEST: Final = ".manifest.jsonl"
JOURNAL: Final = ".manifest.journal"


class Entry(Message):
    """How one line ended, the last time that it was made.

    Attributes:
        line: its id in the script.
        job_id: of the job that made it.
        made: how often it was made, this time included.
        key: of its take; of a line that failed, of the take that it would have made.
        decided: the voice model of the rollout's decision.
        voice_model: that spoke.
        cached: the take was there already.
        billed: characters that Google billed for it, by voice model; failed attempts aren't billed.
        earlier: SHA-256 of the takes that the line had before: a file that is none of them is somebody else's.
    """

    line: str
    character: str
    status: JobStatus
    job_id: str
    made: int
    key: str
    decided: VoiceModel
    uri: str | None = None
    sha256: str | None = None
    bytes: int | None = None
    duration_s: float | None = None
    encoding: AudioEncoding | None = None
    voice_model: VoiceModel | None = None
    voice: str | None = None
    fallback: bool = False
    cached: bool = False
    billed: dict[VoiceModel, int] = Field(default_factory=dict)
    error: Problem | None = None
    earlier: tuple[str, ...] = ()

    @property
    def is_done(self) -> bool:
        """Whether there is audio."""
        return self.status is JobStatus.DONE

    def after(self, before: "Entry | None") -> "Entry":
        """This entry, in the place of the one before, whose takes it knows."""
        if before is None:
            return self
        takes = dict.fromkeys([*before.earlier, before.sha256, *self.earlier])
        return self.model_copy(update={"earlier": tuple(each for each in takes if each and each != self.sha256)})


class Sent(Message):
    """A job that was sent, or was about to be: which line it is of, and what the entry can't be had from later."""

    line: str
    job_id: str
    character: str
    made: int
    key: str
    decided: VoiceModel


def entry_of(sent: Sent, completion: Completion) -> Entry:
    """What the manifest says of a line whose job has ended."""
    audio = completion.audio
    billed: dict[VoiceModel, int] = {}
    for attempt in completion.attempts:
        if attempt.billed_characters:
            billed[attempt.voice_model] = billed.get(attempt.voice_model, 0) + attempt.billed_characters
    decided = completion.decision.voice_model if completion.decision else sent.decided
    return Entry(
        line=sent.line,
        character=sent.character,
        status=completion.status,
        job_id=sent.job_id,
        made=sent.made,
        key=audio.key if audio else sent.key,
        decided=decided if audio else sent.decided,
        uri=audio.uri if audio else None,
        sha256=audio.sha256 if audio else None,
        bytes=audio.bytes if audio else None,
        duration_s=audio.duration_s if audio else None,
        encoding=audio.encoding if audio else None,
        voice_model=completion.voice_model,
        voice=completion.voice,
        fallback=completion.fallback,
        cached=bool(audio and audio.cached),
        billed=billed,
        error=completion.error,
    )


def default_manifest(script: Path) -> Path:
    """Where a script's manifest is, if nobody says otherwise: beside it, with its name."""
    whole = script.resolve()
    return whole.with_name(f"{whole.name}{MANIFEST}")


def journal_of(manifest: Path) -> Path:
    """Where a manifest's journal is."""
    return manifest.with_name(manifest.name.removesuffix(MANIFEST) + JOURNAL)


def is_ours(path: Path) -> bool:
    """Whether a file in a script's folder is a manifest or a journal, and no script."""
    return path.name.endswith((MANIFEST, JOURNAL))


def read_manifest(path: Path) -> dict[str, Entry]:
    """The entries of a manifest by line; none where there is no such file.

    Raises:
        UsageError: it is no manifest.
    """
    try:
        content = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path}: can't be read: {error}") from None
    entries = {}
    for number, line in enumerate(content.split("\n"), start=1):
        if line:
            try:
                entry = Entry.model_validate_json(line)
            except ValidationError as error:
                problem = error.errors(include_input=False)[0]
                where = ".".join(map(str, problem["loc"])) or "1"
                raise UsageError(f"{path}:{number}:{where}: is no manifest's: {problem['msg']}") from None
            entries[entry.line] = entry
    return entries


def write_manifest(path: Path, entries: Mapping[str, Entry], order: Iterable[str]) -> None:
    """Puts a manifest in the place of the one before, at once: whoever reads it finds the one or the other.

    Args:
        path: of the manifest.
        entries: by line.
        order: the script's lines; what isn't among them is left out.
    """
    text = "".join(
        json.dumps(entries[line].model_dump(mode="json", exclude_none=True), ensure_ascii=False) + "\n"
        for line in order
        if line in entries
    )
    replace_file(path, text.encode())


def replace_file(path: Path, content: bytes) -> None:
    """Writes a file so that it is there whole or not at all, whatever ends this process.

    Raises:
        OSError: it can't be written.
    """
    beside = path.with_name(f".{path.name}.part")
    with beside.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Makes the names in a folder survive the machine's end, as fsync makes what is in a file."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
