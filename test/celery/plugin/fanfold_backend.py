"""Implements a result backend of Celery whose results are Fanfold's runs."""

import builtins
import json
import threading
import time

import celery.exceptions
from celery import states
from celery.backends.base import KeyValueStoreBackend
from celery.exceptions import TimeoutError
from celery.result import GroupResult
from celery.utils.serialization import create_exception_cls

from fanfold_api import FAILED, Job, call
from fanfold_signals import Watch, wanted

STATES = {
    "pending": states.PENDING, "queued": states.PENDING, "deferred": states.PENDING, "started": states.STARTED, "waiting": states.STARTED,
    "retrying": states.RETRY, "success": states.SUCCESS, "skipped": states.SUCCESS, "error": states.FAILURE, "broken": states.FAILURE,
    "cancelled": states.REVOKED,
}
POLL_SECONDS = (0.01, 0.1)
SIGNALS_SECONDS = 60


class Submission:
    """A canvas that was applied: its job, and the results that the client received."""

    def __init__(self, job, result, converter):
        self.job = job
        self.result = result
        self.results = converter.results
        self.watch = None


class Registry:
    """The submissions of this process, by the ids of their results."""

    def __init__(self):
        self.lock = threading.Lock()
        self.by_id = {}
        self.submissions = []

    def add(self, submission):
        with self.lock:
            if submission not in self.submissions:
                self.submissions.append(submission)
            for task_id in submission.results:
                self.by_id[task_id] = submission

    def find(self, task_id):
        return self.by_id.get(task_id) or next((each for each in self.submissions if task_id.startswith(f"{each.job.id}.")), None)

    def clear(self):
        with self.lock:
            self.by_id.clear()
            self.submissions.clear()


REGISTRY = Registry()


def submit(node, converter, result):
    """Starts a canvas as a job and returns the client's result."""
    submission = Submission(Job(call("POST", "/jobs", {"canvas": node})["jobId"]), result, converter)
    return started(submission)


def submit_stream(pages, body, converter, result):
    """Opens a job, puts members as `pages` yields them, and seals the input. `pages` may add results."""
    job = Job(call("POST", "/jobs?input", {"body": body})["jobId"])
    submission = Submission(job, result, converter)
    REGISTRY.add(submission)
    count = 0
    for node in pages:
        call("PUT", f"/jobs/{job.id}/input/{count}", json.dumps(node) + "\n")
        count += 1
    call("POST", f"/jobs/{job.id}/input/seal", {"pages": count})
    return started(submission)


def started(submission):
    REGISTRY.add(submission)
    if wanted():
        submission.watch = Watch(submission.job)
    return submission.result


def exception_of(error):
    """Returns a run's error as an instance of the Python class of that name."""
    from t.integration import tasks

    name, message = error.get("name", "Exception"), error.get("message", "")
    args = tuple(json.loads(message)) if message.startswith("[") and message.endswith("]") else (message,)
    for module in (tasks, celery.exceptions, builtins):
        found = getattr(module, name, None)
        if isinstance(found, type) and issubclass(found, BaseException):
            return found(*args)
    return create_exception_cls(name, __name__)(*args)


REVOKED = {"name": "TaskRevokedError", "message": "the run was cancelled before it ended"}


def dependency_error(error, run_id):
    """Returns the error of a body whose header has failed."""
    text = f"Dependency {error.get('runId', run_id)} raised {error.get('name')}({error.get('message')!r})"
    return {"name": "ChordError", "message": text}


class FanfoldBackend(KeyValueStoreBackend):
    """Reads results only. This backend runs, counts and joins nothing."""

    supports_native_join = False

    def get_task_meta(self, task_id, cache=True):
        submission = REGISTRY.find(task_id)
        if submission is None:
            return {"status": states.PENDING, "result": None}
        job = submission.job
        job.refresh()
        run = job.find(task_id)
        return self._fate(submission, task_id) if run is None else self._meta_of(job, run, task_id)

    def _meta_of(self, job, run, task_id):
        state = STATES[run["status"]]
        meta = {"task_id": task_id, "status": state, "result": None, "traceback": None, "children": self._children(job, run), "name": run.get("task")}
        if state == states.SUCCESS:
            meta["result"] = job.value_of(run)
        elif run["status"] in FAILED:
            meta["result"] = self._error(job, run, task_id)
        return meta

    def _error(self, job, run, task_id):
        error = run.get("error") or REVOKED
        if run["status"] == "cancelled":
            error = REVOKED
        elif "task" in run and run.get("takes") != "replace" and error.get("runId", run["runId"]) != run["runId"]:
            error = dependency_error(error, run["runId"])
        return exception_of(error)

    def _children(self, job, run):
        """Returns the results of the run's links."""
        beside = job.groups.get(f"{run['runId']}.l", {})
        return [self.app.AsyncResult(job.client_id(beside[index][-1])) for index in sorted(beside)]

    def _fate(self, submission, task_id):
        """Returns the result of a step that has no row.

        The step is pending while its job runs. Once the job has ended the step never runs, so it fails with the step
        before.
        """
        pending = {"task_id": task_id, "status": states.PENDING, "result": None, "traceback": None, "children": []}
        if not submission.job.ended:
            return pending
        run = submission.job.find(task_id)
        if run is not None:
            # The row appeared after the first read.
            return self._meta_of(submission.job, run, task_id)
        before = getattr(submission.results.get(task_id), "parent", None)
        error = None if before is None else self._error_of(before)
        return {**pending, "status": states.REVOKED if error is None else states.FAILURE, "result": error or exception_of(REVOKED)}

    def _error_of(self, result):
        """Returns a result's error, or None.

        For a group, returns the error that a body would get for the first member that failed.
        """
        if not isinstance(result, GroupResult):
            meta = self.get_task_meta(result.id)
            return meta["result"] if meta["status"] in states.EXCEPTION_STATES else None
        for member in result.results:
            error = self._error_of(member)
            if error is not None:
                return exception_of(dependency_error({"name": type(error).__name__, "message": str(error)}, member.id))
        return None

    def wait_for_pending(self, result, timeout=None, on_interval=None, callback=None, propagate=True, **_):
        meta = self.wait_for(result.id, timeout=timeout, on_interval=on_interval)
        submission = REGISTRY.find(result.id)
        if submission is not None and submission.watch is not None:
            submission.watch.join(SIGNALS_SECONDS)
        result._maybe_set_cache(meta)
        if propagate and result.parent:
            # Celery raises the earliest failure, even when every failure is known at the first read.
            result._maybe_reraise_parent_error()
        return result.maybe_throw(propagate=propagate, callback=callback)

    def wait_for(self, task_id, timeout=None, on_interval=None, **_):
        end = None if timeout is None else time.monotonic() + timeout
        pause, longest = POLL_SECONDS
        while True:
            meta = self.get_task_meta(task_id)
            if meta["status"] in states.READY_STATES:
                return meta
            if on_interval:
                on_interval()
            if end is not None and time.monotonic() >= end:
                raise TimeoutError("The operation timed out.")
            time.sleep(pause)
            pause = min(pause * 1.3, longest)

    def save_group(self, group_id, result):
        """Saves nothing, because the registry finds the job by its submission."""

    def restore_group(self, group_id, cache=True):
        submission = REGISTRY.find(group_id)
        return None if submission is None else submission.results.get(group_id)

    def on_task_call(self, producer, task_id):
        return {}

    def forget(self, task_id):
        """Removes nothing, because Fanfold itself collects ended jobs."""
