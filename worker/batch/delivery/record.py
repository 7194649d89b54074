"""What a delivery has written into its folder, kept there: the next one makes only what has changed."""

from pathlib import Path, PurePosixPath
from typing import Annotated, Final

from pydantic import AfterValidator, Field, ValidationError

from schemas.errors import UsageError
from schemas.message import Message
from worker.batch.atomic_file import replace_file
from worker.batch.regular_file import read_regular

NAME: Final = "delivery.json"
_LARGEST_BYTES: Final = 2**30


class DeliveredFile(Message):
    """One file.

    Attributes:
        line: its id; empty for a table.
        source: SHA-256 of the take that it was made of.
        made_by: how: a digest of the mastering and the form.
        sha256: of the file.
        lufs, peak_dbtp: its levels; None for silence and for tables.
        seconds: how long it is.
    """

    line: str = ""
    source: str = ""
    made_by: str = ""
    sha256: str
    lufs_before: float | None = None
    lufs: float | None = None
    peak_dbtp: float | None = None
    seconds: float = 0.0


def _inside(name: str) -> str:
    parts = PurePosixPath(name).parts
    if not parts or name.startswith("/") or ".." in parts or "\0" in name:
        raise ValueError(f"{name[:100]!a} is no path within the delivery")
    return name


class Record(Message):
    """The files of a delivery by path, with forward slashes.

    Attributes:
        script: the name of the script's file; empty in a folder that nothing was delivered to yet.
    """

    script: str = ""
    files: dict[Annotated[str, AfterValidator(_inside)], DeliveredFile] = Field(default_factory=dict)

    def check_script(self, script: str) -> None:
        """Check that the folder has no other script's delivery, whose files would count as left over from this one's.

        Raises:
            UsageError: it has.
        """
        if self.script and self.script != script:
            raise UsageError(
                f"the folder has the delivery of {self.script!a}: deliver {script!a} into another one; if the script "
                f'was renamed, correct "script" in {NAME}'
            )


def read_record(folder: Path) -> Record:
    """The record of a folder; empty where nothing was delivered yet.

    Raises:
        UsageError: it can't be read, or is none.
    """
    path = folder / NAME
    try:
        return Record.model_validate_json(read_regular(path, _LARGEST_BYTES))
    except FileNotFoundError:
        return Record()
    except OSError as error:
        raise UsageError(f"{path}: can't be read: {error.strerror}") from None
    except ValidationError as error:
        problem = error.errors(include_input=False)[0]
        where = ".".join(map(str, problem["loc"])) or "1"
        raise UsageError(f"{path}: {where}: is no record of a delivery: {problem['msg']}") from None


def write_record(folder: Path, record: Record) -> None:
    """Write a folder's record.

    Raises:
        OSError: it can't be written.
    """
    ordered = Record(script=record.script, files=dict(sorted(record.files.items())))
    replace_file(folder / NAME, (ordered.model_dump_json(indent=1, exclude_defaults=True) + "\n").encode())
