"""The command that gives an empty rollout topic its first revision: `rollout seed`."""

from dataclasses import replace
from typing import Annotated, Final

from worker.app.rollout_seed import rollout_state
from worker.cli.option_groups import Without, grouped_options
from worker.cli.rollout_change import ChangeOptions, make_revision, rollout_settings
from worker.rollout.log.codec import Provenance
from worker.speech.catalogue_file import load_catalogue

_REASON: Final = "first revision: the CHIRP3_* variables"


@grouped_options
def seed(options: Annotated[ChangeOptions, Without("revision")]) -> None:
    """Make the first revision, by the CHIRP3_* variables; a topic that has a revision stays as it is."""
    settings = rollout_settings()
    names = load_catalogue(settings.worker.characters_file).names
    # The hand brake is one worker's own.
    state = replace(rollout_state(settings.rollout, names), braked=False)
    provenance = Provenance(options.provenance.actor, options.reason or _REASON)
    make_revision(settings, lambda writer, confirm: writer.seed(state, provenance, confirm), options)
