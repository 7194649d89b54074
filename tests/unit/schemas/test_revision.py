"""Revisions: no missing field widens the rollout, and the fields of newer versions are ignored."""

from __future__ import annotations

import dataclasses
import json

import pytest
from pydantic import ValidationError

from schemas.completion import Completion
from schemas.job import Job
from schemas.revision import Revision
from schemas.rollout_status import RolloutStatus
from worker.rollout.state import RolloutState

REVISION = {
    "revision": 4,
    "base": 3,
    "id": "x",
    "time": "2026-01-31T12:00:00Z",
    "actor": "anna",
    "reason": "",
    "before": "",
    "after": "",
    "enabled": True,
    "percentage": 1000,
    "characters": None,
    "excluded": [],
    "quarantined": {},
    "fallback": True,
    "salt": "",
}
# `braked` is one worker's own; `run` is which plan is running, and decides nothing.
NOT_DECIDING = {"braked", "run"}


def read(**changes: object) -> Revision:

    return Revision.model_validate_json(json.dumps({**REVISION, **changes}))


def test_every_field_of_the_state_that_decides_is_a_field_of_the_revision_without_a_default() -> None:
    deciding = {field.name for field in dataclasses.fields(RolloutState)} - NOT_DECIDING
    fields = Revision.model_fields
    assert deciding <= fields.keys()
    assert [name for name in sorted(deciding) if not fields[name].is_required()] == []


@pytest.mark.parametrize(
    "field", ["enabled", "percentage", "characters", "excluded", "quarantined", "fallback", "salt"]
)
def test_a_revision_without_a_field_that_decides_is_refused(field: str) -> None:
    document = {name: value for name, value in REVISION.items() if name != field}
    with pytest.raises(ValidationError, match=field):
        Revision.model_validate(document)


def test_a_revision_with_a_newer_versions_field_is_read() -> None:
    assert read(regions=["eu"]).revision == 4


@pytest.mark.parametrize(
    "change", [{"enabled": "false"}, {"enabled": 1}, {"percentage": "1000"}, {"percentage": 10_001}]
)
def test_what_decides_is_never_guessed_from_another_type_or_range(change: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        read(**change)


@pytest.mark.parametrize(("revision", "base"), [(4, 4), (4, 2), (5, 3)])
def test_a_revision_follows_its_base_by_one(revision: int, base: int) -> None:
    with pytest.raises(ValidationError, match="doesn't follow its base"):
        read(revision=revision, base=base)


@pytest.mark.parametrize(
    ("model", "extra"), [(Job, "forbid"), (Completion, "forbid"), (Revision, "ignore"), (RolloutStatus, "ignore")]
)
def test_unknown_fields_are_errors_in_jobs_and_completions_and_ignored_in_the_rollouts_messages(
    model: type[Job | Completion | Revision | RolloutStatus], extra: str
) -> None:
    assert model.model_config["extra"] == extra
    assert model.model_config["frozen"]
