"""The scenario: the plan starts, Chirp regresses at 50 %, the rollout steps back, the operator resumes, 100 %."""

import asyncio
import time
from collections.abc import Callable
from typing import Final

import aiohttp

from loadtest.demo.run import DemoFailedError
from loadtest.rollout_demo.operator import Operator
from schemas.enums import Phase
from schemas.revision import Revision
from worker.config.sections import KafkaSettings
from worker.lifecycle.clock import Clock
from worker.rollout.log.reader import RolloutLog, open_log
from worker.rollout.plan.file import read_plan_file
from worker.rollout.plan.parser import parse_plan

DAY: Final = "4s"
ILL_STAGE: Final = "50"
_ILL_AFTER_S: Final = 6.0
_LOOK_S: Final = 4.0
_PATIENCE_S: Final = 100.0
_ILLNESS: Final = {
    "kind": "status",
    "code": "INTERNAL",
    "message": "Chirp is ill",
    "voice_model": "chirp3-hd",
    "share": 0.6,
}

Say = Callable[[str], None]


class Scenario:
    """Plays the demo's acts.

    Args:
        kafka: of the stack.
        control: the address of the emulator's control API.
        operator: starts, approves and resumes the rollout.
        say: tells the audience.
        catalogue: the keys of all characters.
    """

    def __init__(
        self, kafka: KafkaSettings, control: str, operator: Operator, say: Say, catalogue: frozenset[str]
    ) -> None:
        self._kafka = kafka
        self._control = control
        self._operator = operator
        self._say = say
        self._questions = {
            stage.name: [each.name for each in stage.approvals]
            for stage in parse_plan(read_plan_file("production")[1], "production", catalogue).plan.stages
        }

    async def play(self) -> None:
        """From the start to 100 %.

        Raises:
            DemoFailedError: it didn't go as it is told.
        """
        async with open_log(self._kafka, Clock()) as log:
            await self._operator.asks(
                "start", "production", "--day", DAY, "--yes", "--actor", "demo", "--reason", "the demo begins"
            )
            await self._until(log, _in_stage("10"))
            await self._answers("10")
            await self._until(log, _in_stage(ILL_STAGE))
            await asyncio.sleep(_ILL_AFTER_S)
            self._say("Now Chirp gets ill: 60 % of its calls fail.")
            await self._set_faults(_ILLNESS)
            back = await self._until(log, lambda each: each.run is not None and each.run.phase is Phase.WAITING)
            self._say(f"The controller went back by itself: {back.reason}")
            await self._set_faults()
            await asyncio.sleep(_LOOK_S)
            self._say("Chirp works again. The operator has checked it and resumes:")
            await self._operator.asks("resume", "--yes", "--actor", "anna", "--reason", "Google has mended it")
            began = back.run.stage if back.run is not None else ILL_STAGE
            for stage in list(self._questions)[list(self._questions).index(began) :]:
                await self._until(log, _in_stage(stage))
                await self._answers(stage)
            await self._until(log, lambda each: each.run is not None and each.run.phase is Phase.DONE)
            self._say("100 % of users get Chirp. What happened, as it stands in the rollout's topic:")
            await self._operator.asks("history")

    async def _answers(self, stage: str) -> None:
        for name in self._questions[stage]:
            await self._operator.asks("approve", name, "--actor", "anna", "--reason", "listened to it")

    async def _until(self, log: RolloutLog, wanted: Callable[[Revision], bool]) -> Revision:
        end = time.monotonic() + _PATIENCE_S
        while time.monotonic() < end:
            await log.poll()
            if log.revisions.current is not None and wanted(log.revisions.current):
                return log.revisions.current
        raise DemoFailedError(
            f"the rollout didn't go on within {_PATIENCE_S:g} s; `rollout status` says what it waited for"
        )

    async def _set_faults(self, *faults: object) -> None:
        async with aiohttp.ClientSession(raise_for_status=True) as session:
            await session.put(f"{self._control}/faults", json=list(faults))


def _in_stage(name: str) -> Callable[[Revision], bool]:
    return lambda each: each.run is not None and each.run.stage == name and each.run.phase is Phase.RUNNING
