"""`python -m loadtest.rollout_demo`: a rollout from 10 to 100 %, with a roll-back on the way, on a local stack."""

from collections.abc import Callable

from loadtest.demo.interrupt import run_command


def _load() -> Callable[..., object]:
    from loadtest.rollout_demo.command import app  # noqa: PLC0415

    return app


if __name__ == "__main__":
    run_command(_load, "python -m loadtest.rollout_demo")
