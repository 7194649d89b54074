"""The console's rollout page in a real browser."""

import os
from pathlib import Path

from tests.stack.browser import browser
from tests.stack.cli import run
from tests.stack.console import log_in, serve_console


async def test_a_person_sees_the_rollout_and_turns_it_off(deployment, tmp_path):
    deployment.environment["ROLLOUT_SOURCE"] = "topic"
    ended = await run(deployment, "rollout", "start", "production", "--yes", "--actor", "otto")
    assert ended.returncode == 0, ended.stderr
    with serve_console(deployment) as address:
        async with browser(tmp_path) as shown:
            await log_in(shown, address)
            await shown.until("document.querySelector('.figure')?.textContent == '10 %'")
            if pictures := os.environ.get("PICTURES"):
                await shown.picture(Path(pictures) / "rollout.png", whole=True)
            await shown.run("document.querySelector('button.off').click()")
            await shown.until("document.querySelector('.figure')?.textContent == 'off'")
            assert "otto" in await shown.run("document.querySelector('table').textContent")
