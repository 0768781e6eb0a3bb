"""Sends Celery's signals about messages from what Fanfold shows of runs."""

import threading
import time
from types import SimpleNamespace

from celery.signals import before_task_publish, task_received

END_SECONDS = 60
FIRST_SECONDS = 5


def _connected(signal):
    return any(signal._live_receivers(sender) for sender in (None,))


def wanted():
    return _connected(before_task_publish) or _connected(task_received)


def stamps_of(stamps):
    """Returns the stamps that the suite has set. The plugin stores ids as stamps too, so these are left out."""
    return {name: value for name, value in (stamps or {}).items() if name != "task_id"}


def _options_of(run):
    stamps = stamps_of(run.get("stamps"))
    return {**stamps, "stamped_headers": list(stamps)}


class Watch:
    """Sends the signals of a job.

    Those of its first task are sent before the constructor returns, and the others once the job has ended.
    """

    def __init__(self, job):
        self.job = job
        self.published = set()
        self._publish_first()
        self._thread = threading.Thread(target=self._follow, daemon=True)
        self._thread.start()

    def join(self, seconds):
        self._thread.join(seconds)

    def _publish_first(self):
        end = time.monotonic() + FIRST_SECONDS
        while not self.published and time.monotonic() < end:
            self.job.refresh()
            self._publish()
            if self.job.ended:
                break

    def _publish(self):
        for run in list(self.job.runs.values()):
            if "task" not in run or run["runId"] in self.published:
                continue
            self.published.add(run["runId"])
            stamps = stamps_of(run.get("stamps"))
            headers = {"id": self.job.client_id(run), "task": run["task"], "stamps": stamps, "stamped_headers": list(stamps)}
            properties = {name: value for name, value in run.items() if name != "stamps"}
            before_task_publish.send(sender=run["task"], body=((), {}, {}), exchange="", routing_key=run.get("queue", ""), headers=headers,
                                     properties=properties, declare=[], retry_policy=None)

    def _follow(self):
        if not self.job.wait_end(END_SECONDS):
            return
        self._publish()
        runs = [run for run in self.job.runs.values() if "task" in run and "startedAt" in run]
        for run in sorted(runs, key=lambda run: run["startedAt"]):
            self._receive(run)

    def _receive(self, run):
        """Sends `task_received` once per attempt.

        The stamps come from the attempt's log, because every task logs the stamps that it saw.
        """
        beside = {}
        for key, side in (("callbacks", "l"), ("errbacks", "e")):
            members = self.job.groups.get(f"{run['runId']}.{side}", {})
            beside[key] = [self._signature(members[index][0]) for index in sorted(members) if "task" in members[index][0]] or None
        shown = self.job.detail(run["runId"])
        attempts = [each for each in (*shown.get("earlier", [])[::-1], shown.get("detail")) if each]
        for attempt in attempts:
            for line in attempt["log"]:
                if line.get("message") != "request":
                    continue
                stamps = stamps_of(line["fields"]["stamps"])
                request = SimpleNamespace(
                    id=self.job.client_id(run), task_name=run["task"], name=run["task"], stamps=stamps, stamped_headers=list(stamps), errbacks=beside["errbacks"],
                    _Request__payload=((), {}, {**beside, "chain": None, "chord": None}),
                )
                task_received.send(sender="fanfold", request=request)

    @staticmethod
    def _signature(run):
        return {"task": run["task"], "args": (), "kwargs": {}, "options": _options_of(run), "subtask_type": None, "immutable": True}
