"""The scenario: the plan starts, Chirp regresses at 50 %, the rollout steps back, the operator resumes, 100 %."""

import asyncio
import time
from collections.abc import Callable
from typing import Final

import aiohttp

from loadtest.demo.run import DemoFailedError
from loadtest.rollout_demo.operator import Operator
from loadtest.rollout_demo.pace import Pace
from schemas.enums import Phase
from schemas.revision import PlanRun, Revision
from worker.config.sections import KafkaSettings
from worker.lifecycle.clock import Clock
from worker.rollout.controller.status import last_status
from worker.rollout.log.reader import RolloutLog, open_log

ILL_STAGE: Final = "50"
FELL_ILL: Final = "Chirp fails in 60 % of its calls"
_ILL_AFTER_S: Final = 6.0
# Chirp's circuit has closed again by then: 5 s to the first probe, then three good ones.
_LOOK_S: Final = 8.0
# Longer than any stage may last.
_PATIENCE_DAYS: Final = 25
_PATIENCE_S: Final = 60.0
_MOST_RESUMES: Final = 3
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
        say: prints a line to the audience.
        note: is told when Chirp falls ill and when it works again.
        pace: the plan and its days.
    """

    def __init__(
        self, kafka: KafkaSettings, control: str, operator: Operator, *, say: Say, pace: Pace, note: Say
    ) -> None:
        self._kafka = kafka
        self._control = control
        self._operator = operator
        self._say = say
        self._note = note
        self._pace = pace
        self._patience_s = _PATIENCE_S + _PATIENCE_DAYS * pace.day_s
        self._resumes = 0
        self._questions = {stage.name: [each.name for each in stage.approvals] for stage in pace.plan.stages}

    async def play(self) -> None:
        """From the start to 100 %.

        Raises:
            DemoFailedError: it didn't go as the scenario says.
        """
        async with open_log(self._kafka, Clock()) as log:
            await self._operator.asks(
                "start",
                self._pace.plan.name,
                "--day",
                self._pace.day,
                "--yes",
                "--actor",
                "demo",
                "--reason",
                "a demo",
            )
            await self._until(log, _in_stage("10"))
            await self._answers("10")
            await self._until(log, _in_stage(ILL_STAGE))
            await asyncio.sleep(_ILL_AFTER_S)
            self._say("Now Chirp gets ill: 60 % of its calls fail.")
            await self._set_faults(_ILLNESS)
            self._note(FELL_ILL)
            back = await self._until(log, lambda each: each.run is not None and each.run.phase is Phase.WAITING)
            self._note(f"revision {back.revision} is written")
            self._say(f"The controller went back by itself: {back.reason}")
            await self._set_faults()
            self._note("Chirp works again")
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
        end = time.monotonic() + self._patience_s
        while time.monotonic() < end:
            await log.poll()
            current = log.revisions.current
            if current is None:
                continue
            if wanted(current):
                return current
            if current.run is not None and current.run.phase is Phase.WAITING:
                await self._resume(current, current.run)
                await log.read_to_end()
        raise DemoFailedError(
            f"the rollout didn't go on within {self._patience_s:g} s. {await self._what_is_missing()}"
        )

    async def _resume(self, waiting: Revision, run: PlanRun) -> None:
        """On a busy machine a stage may last too long, or calls may: a person looks at it and resumes.

        Raises:
            DemoFailedError: that has happened too often.
        """
        self._resumes += 1
        if self._resumes > _MOST_RESUMES:
            raise DemoFailedError(f"the plan waits for a person once more: {waiting.reason}")
        self._say(f"The plan waits for a person: {waiting.reason}")
        await self._operator.asks("resume", "--yes", "--actor", "anna", "--reason", "this machine is busy")
        await self._answers(run.stage)

    async def _what_is_missing(self) -> str:
        status = await last_status(self._kafka)
        if status is None:
            return "No controller has reported: the end of its log says why."
        missing = "; ".join(status.waits_for) or "nothing"
        return f"Stage {status.stage} is {status.phase} and waits for: {missing}"

    async def _set_faults(self, *faults: object) -> None:
        async with aiohttp.ClientSession(raise_for_status=True) as session:
            await session.put(f"{self._control}/faults", json=list(faults))


def _in_stage(name: str) -> Callable[[Revision], bool]:
    return lambda each: each.run is not None and each.run.stage == name and each.run.phase is Phase.RUNNING
