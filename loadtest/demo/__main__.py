"""`python -m loadtest.demo [--keep]`: speaks a script on a local stack, and shows what became of each line."""

from collections.abc import Callable

from loadtest.demo.interrupt import run_command


def _load() -> Callable[..., object]:
    from loadtest.demo.command import app  # noqa: PLC0415

    return app


if __name__ == "__main__":
    run_command(_load, "python -m loadtest.demo")
