"""Runs Celery's own tests against Fanfold, as a plugin for pytest. Every canvas that they apply becomes a job of a dev
server.
"""

import hashlib
import itertools
import json
import os
from contextlib import contextmanager

import celery.contrib.testing.worker as testing_worker
import pytest
from celery import canvas
from celery.app import control
from celery.app.base import Celery
from celery.app.task import Task

import fanfold_backend
from fanfold_api import call
from fanfold_backend import REGISTRY, FanfoldBackend
from fanfold_canvas import Converter, add_links, attach, pulled, wire_options, wire_value, with_partials

CLAIMS = os.environ.get("FANFOLD_CLAIMS")
REPORT = os.environ.get("FANFOLD_REPORT")
#: Parts of the names of the longest tests, which start first.
LONG = ("flag_allow", "link_error", "on_error", "generator", "eta")
EAGER_SECONDS = 60


def apply_canvas(sig, args=(), kwargs=None, **options):
    """Starts a job for any canvas, in place of `apply_async`."""
    app = sig.app
    converter = Converter(app)
    task_id = options.get("task_id")
    node, result = converter.convert(sig)
    if task_id is not None and getattr(result, "id", task_id) != task_id:
        raise NotImplementedError("an id given at the call is only known of a task")
    with_partials(node, args or (), kwargs or {})
    add_links(node, {name: options.pop(name, None) for name in ("link", "link_error")})
    wired = wire_options(options)
    if wired:
        node["options"] = {**node.get("options", {}), **wired}
    return fanfold_backend.submit(node, converter, result)


def apply_task(self, args=None, kwargs=None, task_id=None, producer=None, link=None, link_error=None, shadow=None, **options):
    given = {**options, **({"task_id": task_id} if task_id else {})}
    sig = canvas.Signature(self.name, tuple(args or ()), dict(kwargs or {}), given, app=self.app)
    # Stored signatures pass their immutability as an option.
    return apply_canvas(sig, link=link, link_error=link_error)


def send_task(self, name, args=None, kwargs=None, link=None, link_error=None, **options):
    return apply_canvas(canvas.Signature(name, tuple(args or ()), dict(kwargs or {}), options, app=self), link=link, link_error=link_error)


def apply_composed(self, args=None, kwargs=None, **options):
    return apply_canvas(self, args, kwargs, **options)


def apply_group(self, args=None, kwargs=None, link=None, link_error=None, **options):
    if link is not None:
        raise TypeError("Cannot add link to group: use a chord")
    if link_error is not None:
        raise TypeError("Cannot add link to group: do that on individual tasks")
    return apply_canvas(self, args, kwargs, **options)


def apply_chord(self, args=None, kwargs=None, **options):
    kwargs = dict(kwargs or {})
    body = kwargs.pop("body", None) or self.body
    members, rest = pulled(self.tasks.tasks if isinstance(self.tasks, canvas.group) else self.tasks)
    if rest is None:
        header = self.tasks if isinstance(self.tasks, canvas.group) else canvas.group(members, app=self._app)
        return apply_canvas(canvas._chord(header, body, app=self._app, **self.options), args, kwargs, **options)
    # The header is a generator, so members run while it is still producing others.
    converter = Converter(self.app)
    body_node, result = converter.convert(body)
    header = self.app.GroupResult(self.options.get("task_id") or canvas.uuid(), [])
    converter.results[header.id] = header
    attach(result, header)

    def pages():
        for member in itertools.chain(members, rest):
            node, member_result = converter.convert(member)
            header.results.append(member_result)
            REGISTRY.by_id[member_result.id] = REGISTRY.by_id[result.id]
            yield with_partials(node, args or (), kwargs)

    return fanfold_backend.submit_stream(pages(), body_node, converter, result)


def _waited(apply):
    """Returns `apply`, which calls `apply_async` and waits for the result."""

    def applied(self, *args, **kwargs):
        kwargs.pop("throw", None)
        result = apply(self, *args, **kwargs)
        result.get(timeout=EAGER_SECONDS, propagate=False)
        return result

    return applied


class Inspect:
    """Answers inspection of workers with the health of Fanfold's server."""

    def __init__(self, *_, **__):
        self.connection = None

    def ping(self, *_):
        return {"fanfold": {"ok": "pong"}} if call("GET", "/health")["status"] == "ok" else {}

    def active(self, *_, **__):
        return {"fanfold": []}

    reserved = scheduled = active

    def stats(self):
        return {"fanfold": {}}


def revoke(self, task_id, *_, **__):
    for each in task_id if isinstance(task_id, (list, tuple)) else [task_id]:
        submission = REGISTRY.find(each)
        submission.job.refresh()
        run = submission.job.find(each)
        call("POST", f"/runs/{run['runId']}/cancel" if run else f"/jobs/{submission.job.id}/cancel")


def revoke_by_stamped_headers(self, headers, *_, **__):
    query = "&".join(f"stamp={name}:{json.dumps(value)}" for name, values in headers.items() for value in (values if isinstance(values, list) else [values]))
    for submission in REGISTRY.submissions:
        call("POST", f"/jobs/{submission.job.id}/cancel?{query}")


@contextmanager
def no_worker(*_, **__):
    """Starts no worker, because Fanfold has its own."""
    yield None


def pytest_configure(config):
    Task.apply_async = apply_task
    Task.apply = _waited(apply_task)
    Celery.send_task = send_task
    Celery._get_backend = lambda self: FanfoldBackend(app=self)
    canvas._chain.apply_async = apply_composed
    canvas._chain.apply = _waited(apply_composed)
    canvas._basemap.apply_async = apply_composed
    canvas.chunks.apply_async = apply_composed
    canvas.group.apply_async = apply_group
    canvas.group.apply = _waited(apply_group)
    canvas._chord.apply_async = apply_chord
    canvas._chord.apply = _waited(apply_chord)
    control.Control.inspect = property(lambda self: Inspect)
    control.Control.revoke = revoke
    control.Control.revoke_by_stamped_headers = revoke_by_stamped_headers
    testing_worker.start_worker = no_worker


def pytest_collection_modifyitems(items):
    items.sort(key=lambda item: not any(part in item.nodeid for part in LONG))


def pytest_runtestloop(session):
    """Shares the tests among several processes.

    The process that claims a test runs it. The test is torn down completely, because the next one is not known yet.
    """
    for item in session.items:
        if claimed(item):
            item.config.hook.pytest_runtest_protocol(item=item, nextitem=None)
    return True


def claimed(item):
    if CLAIMS is None:
        return True
    try:
        os.close(os.open(os.path.join(CLAIMS, hashlib.sha256(item.nodeid.encode()).hexdigest()), os.O_CREAT | os.O_EXCL))
    except FileExistsError:
        return False
    return True


@pytest.fixture(autouse=True)
def fanfold_agrees():
    """Checks that the results that a client reads from the parts equal Fanfold's value of the whole job."""
    REGISTRY.clear()
    yield
    for submission in list(REGISTRY.submissions):
        job = submission.job
        job.refresh()
        if not job.ended or job.view.get("outcome") != "complete":
            continue
        whole = job.translated(job.view["value"]) if "value" in job.view else results_of(job)
        parts = wire_value(submission.result.get(timeout=10, propagate=False))
        assert parts == whole, f"the results are {parts}, and the value of job {job.id} is {whole}"


def results_of(job):
    entries = call("GET", f"/jobs/{job.id}/results", lines=True)
    return [job.value_of({**job.runs[entry["runId"]], **({"value": entry["value"]} if "value" in entry else {})}) for entry in entries]


def pytest_runtest_logreport(report):
    if REPORT is None:
        return
    # Setup and teardown are recorded only when they do not pass. Every subtest is recorded.
    if report.when != "call" and report.outcome == "passed":
        return
    with open(REPORT, "a", encoding="utf-8") as file:
        test = report.nodeid.split("::", 1)[1].replace("::", ".")
        line = {"test": test, "outcome": report.outcome, "seconds": round(report.duration, 1), "problem": report.longreprtext[-1500:]}
        file.write(json.dumps(line) + "\n")
