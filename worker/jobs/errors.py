"""Errors that end a job without audio. Pure."""

from datetime import datetime

from schemas.completion import Problem
from schemas.enums import JobStatus
from schemas.errors import ChirpWorkerError
from schemas.job import Job
from worker.speech.failures import Failure
from worker.storage.errors import StorageError, StorageUnavailableError, StoreUnusableError


class JobFailedError(ChirpWorkerError):
    """The job ends without audio; `retryable` if the same job may work later."""

    def __init__(self, problem: Problem, status: JobStatus = JobStatus.FAILED, *, retryable: bool = False) -> None:
        super().__init__(problem.message)
        self.problem = problem
        self.status = status
        self.retryable = retryable


def expired(job: Job) -> JobFailedError:
    """The error of a job after its deadline."""
    message = f"the deadline {job.deadline.isoformat() if job.deadline else ''} has passed"
    return JobFailedError(
        Problem(failure_class="expired", code="EXPIRED", message=message, field="deadline"), JobStatus.EXPIRED
    )


def cancelled(at: datetime) -> JobFailedError:
    """The error of a job that was cancelled before it started."""
    problem = Problem(failure_class="cancelled", code="CANCELLED", message=f"it was cancelled at {at.isoformat()}")
    return JobFailedError(problem, JobStatus.CANCELLED)


def synthesis_failed(failure: Failure, field: str | None = None) -> JobFailedError:
    """The error of a job after all its attempts failed, the fallback included.

    Args:
        failure: of the last attempt.
        field: the job's, if another value of it would mend the failure.
    """
    problem = Problem(failure_class=failure.failure_class, code=failure.code, message=failure.message, field=field)
    return JobFailedError(problem, retryable=failure.retryable)


def storage_failed(error: StorageError) -> JobFailedError:
    """The error of a job after its look-up or upload failed."""
    code = "UNAVAILABLE" if isinstance(error, StorageUnavailableError) else "REFUSED"
    retryable = isinstance(error, (StorageUnavailableError, StoreUnusableError))
    return JobFailedError(Problem(failure_class="storage", code=code, message=str(error)), retryable=retryable)
