"""The emulator's voices without its server: what the worker asks Google for is spoken in this process."""

from random import Random

from loadtest.emulator.settings import EmulatorSettings, FaultKind
from loadtest.emulator.synthesizer import Synthesizer
from loadtest.emulator.validation import RefusedError, validate
from schemas.enums import AudioEncoding
from worker.speech.failures import CallFailedError, classify_failure
from worker.speech.google import synthesis_request
from worker.speech.render import Input, Rendered


class InProcessGoogle:
    """Stands in for `worker.speech.google.Google`.

    Args:
        synthesizer: makes the audio.
        fault: how each answer is broken; None for good ones.
    """

    def __init__(self, synthesizer: Synthesizer, fault: FaultKind | None = None) -> None:
        self.fault = fault
        self._synthesizer = synthesizer
        self._settings = EmulatorSettings()
        self._random = Random(1)

    async def synthesize(self, entry: Input, rendered: Rendered, encoding: AudioEncoding) -> bytes:
        """Speaks one input of a line.

        Raises:
            CallFailedError: the emulator refuses it, as Google would.
        """
        try:
            request = validate(synthesis_request(entry, rendered, encoding), self._settings)
        except RefusedError as error:
            raise CallFailedError(classify_failure(error.code.name, error.message)) from error
        if self.fault is not None:
            return await self._synthesizer.spoiled(request, self.fault, self._random)
        return await self._synthesizer.audio(request)
