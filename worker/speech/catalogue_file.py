"""Reads the catalogue of characters from its file: `characters.yaml`, or the owner's own."""

import stat
from pathlib import Path
from typing import Final

import yaml
from pydantic import ValidationError

from schemas.errors import UsageError
from worker.speech.catalogue import Catalogue

_BUILT_IN: Final = Path(__file__).with_name("characters.yaml")
_MOST_BYTES: Final = 10 * 2**20


def load_catalogue(path: Path | None = None) -> Catalogue:
    """Reads a catalogue: the given file, usually CHARACTERS_FILE's, or the built-in one.

    Raises:
        UsageError: the file can't be read or is no catalogue.
    """
    path = path or _BUILT_IN
    try:
        _check_file(path)
        catalogue = Catalogue.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}") from None
    except ValidationError as error:
        problem = error.errors()[0]
        where = ".".join(str(part) for part in problem["loc"])
        raise UsageError(f"{path}: {where}: {problem['msg']}") from None
    except (yaml.YAMLError, ValueError, ArithmeticError, LookupError, AttributeError, RecursionError) as error:
        # ValueError to AttributeError: not UTF-8, an impossible date, or a tag that contradicts its value, such as
        # `!!bool maybe`. The parser's message is put on one line.
        raise UsageError(f"{path}: {' '.join(str(error).split())}") from None
    for place, name in catalogue.misnamed_wavenet_voices():
        raise UsageError(f"{path}: {place}: {name!r} is no WaveNet voice of a listed language")
    return catalogue


def _check_file(path: Path) -> None:
    """Refuses what can't be read soon: a FIFO may never end, and a file of gigabytes takes all memory.

    Raises:
        UsageError: it is no file, or too large for a catalogue.
        OSError: there is none.
    """
    found = path.stat()
    if not (stat.S_ISREG(found.st_mode) or stat.S_ISDIR(found.st_mode)):
        raise UsageError(f"{path}: is a FIFO, a socket or a device; a catalogue is a regular file")
    if found.st_size > _MOST_BYTES:
        raise UsageError(f"{path}: has {found.st_size:,} bytes; a catalogue has at most {_MOST_BYTES:,}")
