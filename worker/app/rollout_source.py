"""Where a worker gets its rollout state from: the environment variables, or the topic `tts.rollout`."""

import socket
from dataclasses import replace
from functools import partial

from worker.app.process_parts import ProcessParts
from worker.app.rollout_seed import rollout_state
from worker.rollout.current import CurrentRollout
from worker.rollout.log.codec import Provenance
from worker.rollout.log.follower import Follower
from worker.rollout.log.reader import open_log
from worker.rollout.log.writer import RevisionWriter
from worker.rollout.state import OFF, RolloutState


def build_rollout(parts: ProcessParts) -> tuple[CurrentRollout, Follower | None]:
    """The current state, and the follower that keeps it up to date; no follower with `ROLLOUT_SOURCE=env`.

    Raises:
        UsageError: a variable names an unknown character.
    """
    state = rollout_state(parts.settings.rollout, parts.catalogue.names)
    if parts.settings.rollout.source == "env":
        parts.metrics.set_rollout(state.revision, 0 if state.is_off else state.percent)
        return CurrentRollout(state), None
    # The variables only seed an empty topic. Until the topic is read, no job may be decided by them.
    current = CurrentRollout(OFF, braked=state.braked)
    parts.metrics.set_rollout(0, 0)
    follower = _build_follower(parts, current, seed=replace(state, braked=False))
    parts.metrics.track_rollout_age(follower.age_s)
    return current, follower


def _build_follower(parts: ProcessParts, current: CurrentRollout, *, seed: RolloutState) -> Follower:
    kafka, clock = parts.settings.kafka, parts.clock
    name = kafka.group_instance_id or socket.gethostname()
    return Follower(
        open_log=partial(open_log, kafka, clock),
        create_writer=lambda log: RevisionWriter(log, kafka, clock),
        seed=seed,
        provenance=Provenance(f"worker {name}", "first start: the CHIRP3_* variables"),
        current=current,
        catalogue=parts.catalogue.names,
        metrics=parts.metrics,
        clock=clock,
    )
