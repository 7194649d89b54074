"""The rollout state from the environment's variables: for `ROLLOUT_SOURCE=env`, and to seed an empty topic."""

from schemas.errors import UsageError
from worker.config.sections import RolloutSettings
from worker.rollout.state import RolloutState


def rollout_state(settings: RolloutSettings, catalogue: frozenset[str]) -> RolloutState:
    """Makes the rollout state from the CHIRP3_* variables.

    Args:
        catalogue: the keys of all characters.

    Raises:
        UsageError: a listed or excluded character is unknown.
    """
    listed: frozenset[str] | None = settings.characters or None
    if settings.characters == {"none"}:
        listed = frozenset()
    for variable, names in (
        ("CHIRP3_ENABLED_CHARACTERS", listed or frozenset()),
        ("CHIRP3_EXCLUDED_CHARACTERS", settings.excluded),
    ):
        unknown = sorted(names - catalogue)
        if unknown:
            raise UsageError(
                f"{variable}={','.join(sorted(names))!r}: {unknown[0]!r} is unknown; "
                f"the characters are {', '.join(sorted(catalogue))}"
            )
    return RolloutState(
        enabled=settings.enabled is True,
        percentage=settings.percentage,
        characters=listed,
        excluded=settings.excluded,
        fallback=settings.fallback,
        salt=settings.salt.get_secret_value(),
        braked=settings.enabled is False,
    )
