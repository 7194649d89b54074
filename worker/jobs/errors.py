"""Why a job ends without audio. Pure."""

from schemas.completion import Problem
from schemas.job import Job
from schemas.words import JobStatus
from worker.speech.failures import Failure
from worker.storage.errors import StorageError, StorageUnavailable


class Failed(Exception):
    """The job ends without audio; `retryable` when the same may work later."""

    def __init__(self, problem: Problem, status: JobStatus = JobStatus.FAILED, *, retryable: bool = False) -> None:
        super().__init__(problem.message)
        self.problem = problem
        self.status = status
        self.retryable = retryable


def expired(job: Job) -> Failed:
    """Its deadline has passed."""
    message = f"the deadline {job.deadline.isoformat() if job.deadline else ''} has passed"
    return Failed(
        Problem(failure_class="expired", code="EXPIRED", message=message, field="deadline"), JobStatus.EXPIRED
    )


def unspoken(failure: Failure) -> Failed:
    """Google didn't speak it, and no fallback did."""
    problem = Problem(failure_class=failure.failure_class, code=failure.code, message=failure.message)
    return Failed(problem, retryable=failure.retryable)


def unstored(error: StorageError) -> Failed:
    """The store couldn't be asked, or didn't take the audio."""
    retryable = isinstance(error, StorageUnavailable)
    code = "UNAVAILABLE" if retryable else "REFUSED"
    return Failed(Problem(failure_class="storage", code=code, message=str(error)), retryable=retryable)
