"""Calls Fanfold's HTTP API, and keeps what it shows of one job."""

import http.client
import json
import os
import threading
import time
from urllib.parse import quote, urlsplit

URL = urlsplit(os.environ.get("FANFOLD_URL", "http://127.0.0.1:1"))
ENDED = {"success", "failure", "cancelled", "timed-out"}
FAILED = {"error", "broken", "cancelled"}
#: A job is read again after REFRESH_SECONDS, or after REFRESH_SHARE times as long as the last read took, if longer.
REFRESH_SECONDS = 0.02
REFRESH_SHARE = 3

_local = threading.local()


class Refused(Exception):
    """Raised when the server refused a request."""

    def __init__(self, status, problem):
        super().__init__(f"{status} {problem.get('code')}: {problem.get('detail') or problem.get('title')}")
        self.code = problem.get("code")


def call(method, path, body=None, lines=False):
    """Returns the JSON of the answer, or with `lines` a list of the JSON of each line."""
    for attempt in (1, 2):
        connection = getattr(_local, "connection", None)
        if connection is None:
            connection = _local.connection = http.client.HTTPConnection(URL.hostname, URL.port, timeout=120)
        try:
            text = None if body is None else (body if isinstance(body, str) else json.dumps(body))
            kind = "application/x-ndjson" if isinstance(body, str) else "application/json"
            connection.request(method, path, body=None if text is None else text.encode(), headers={"Content-Type": kind} if text else {})
            response = connection.getresponse()
            answer = response.read().decode()
            break
        except (http.client.HTTPException, ConnectionError):
            # The server may have closed the kept connection by now.
            connection.close()
            _local.connection = None
            if attempt == 2:
                raise
    if response.status >= 400:
        raise Refused(response.status, json.loads(answer))
    return [json.loads(line) for line in answer.splitlines() if line] if lines else json.loads(answer)


class Job:
    """A job and its runs. `refresh` reads them again until the job has ended."""

    def __init__(self, job_id):
        self.id = job_id
        self.view = None
        self.runs = {}
        self.by_task_id = {}
        self.groups = {}
        self._next_read = 0.0
        self._lock = threading.RLock()

    @property
    def ended(self):
        return self.view is not None and self.view["state"] in ENDED

    def refresh(self):
        with self._lock:
            if self.ended:
                return
            began = time.monotonic()
            if began < self._next_read:
                return
            # The job is read first. Once it has ended, its runs do not change any more.
            view = call("GET", f"/jobs/{self.id}")
            runs, cursor = [], None
            while True:
                page = call("GET", f"/jobs/{self.id}/runs?limit=1000" + (f"&cursor={quote(cursor, safe='')}" if cursor else ""))
                runs += page["items"]
                cursor = page.get("cursor")
                if cursor is None:
                    break
            self.runs = {run["runId"]: run for run in runs}
            self.by_task_id = {}
            self.groups = {}
            for run in sorted(runs, key=lambda run: run["step"]):
                self.groups.setdefault(run["groupId"], {}).setdefault(run["index"], []).append(run)
                task_id = run.get("stamps", {}).get("task_id")
                if task_id is not None:
                    self.by_task_id[task_id] = run
            self.view = view
            now = time.monotonic()
            self._next_read = now + max(REFRESH_SECONDS, REFRESH_SHARE * (now - began))

    def wait_end(self, seconds):
        end = time.monotonic() + seconds
        while not self.ended and time.monotonic() < end:
            self.refresh()
            time.sleep(REFRESH_SECONDS)
        return self.ended

    def find(self, task_id):
        return self.by_task_id.get(task_id) or self.runs.get(task_id)

    def detail(self, run_id):
        return call("GET", f"/runs/{run_id}")

    def value_of(self, run):
        """Returns the value of a run that succeeded. For a group, returns the list of its members' values."""
        group = run.get("collects") or (run.get("childGroup") if "task" not in run and run.get("takes") == "group" else None)
        if group is not None:
            members = self.groups.get(group, {})
            return [self.value_of(members[index][-1]) for index in sorted(members)]
        if "value" not in run and run["status"] == "success":
            # Lists leave out a value that is stored apart.
            run = self.detail(run["runId"])
        return self.translated(run.get("value"))

    def translated(self, value):
        """Returns a value in which ids of runs are replaced by the ids that the client knows."""
        if isinstance(value, list):
            return [self.translated(each) for each in value]
        if isinstance(value, dict):
            return {name: self.translated(each) for name, each in value.items()}
        if isinstance(value, str) and value in self.runs:
            return self.client_id(self.runs[value])
        return value

    def client_id(self, run):
        """Returns the id of a run's signature. The id of a group's run is that of the member that ended last."""
        if "task" not in run and run.get("childGroup"):
            last = [members[-1] for members in self.groups.get(run["childGroup"], {}).values()]
            last = [member for member in last if "task" in member and "endedAt" in member]
            if last:
                return self.client_id(max(last, key=lambda member: member["endedAt"]))
        return run.get("stamps", {}).get("task_id", run["runId"])
