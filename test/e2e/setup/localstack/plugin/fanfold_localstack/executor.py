"""Lambda functions as processes of a `node`; LocalStack's own executor needs Docker.

An execution environment is a process and the Runtime API that it asks for invocations. Its states:

    starting   spawned, until the process asks for its first invocation
    ready      the process waits in its question for the next invocation
    busy       one invocation at a time, until its response or error, its time limit, or the end of the process
    dead       the process has ended or was killed; the next invocation spawns a fresh one, as Lambda does
"""

import json
import os
import queue
import subprocess
import threading
import time
from http.server import ThreadingHTTPServer
from pathlib import Path

from fanfold_localstack.runtime_api import HOST, RuntimeApi
from localstack import config
from localstack.services.lambda_.invocation.executor_endpoint import StatusErrorException
from localstack.services.lambda_.invocation.lambda_models import InvocationResult
from localstack.services.lambda_.invocation.plugins import RuntimeExecutorPlugin
from localstack.services.lambda_.invocation.runtime_executor import RuntimeExecutor

# Paths of a `node` of Lambda's version, and of index.mjs of aws-lambda-ric, Amazon's runtime interface client on npm.
NODE = os.environ["FANFOLD_LOCALSTACK_NODE"]
RUNTIME_CLIENT = os.environ["FANFOLD_LOCALSTACK_RIC"]
FOLDER = Path(__file__).parent


class ProcessExecutorPlugin(RuntimeExecutorPlugin):
    name = "process"

    def load(self, *args, **kwargs):
        return ProcessExecutor


class ProcessExecutor(RuntimeExecutor):
    def __init__(self, id, function_version):
        super().__init__(id, function_version)
        self.function = function_version.config
        self.process = None
        # `next` holds the invocation for the process, one at a time. `events` holds its replies as (kind, request id,
        # body).
        self.next = queue.Queue()
        self.events = queue.Queue()
        self.api = ThreadingHTTPServer((HOST, 0), type("RuntimeApiOfExecutor", (RuntimeApi,), {"executor": self}))
        self.api.daemon_threads = True
        logs = Path(config.dirs.tmp) / "lambda-logs"
        logs.mkdir(parents=True, exist_ok=True)
        self.log = logs / f"{function_version.id.function_name}-{id}.log"
        # The length of the log in bytes that CloudWatch has received.
        self.told = 0

    def start(self, env_vars):
        self.env_vars = {name: str(value) for name, value in env_vars.items()}
        threading.Thread(target=self.api.serve_forever, name=f"runtime-api-{self.id}", daemon=True).start()
        self.spawn()

    def spawn(self):
        """Starts the process and waits until it asks for its first invocation."""
        code = str(self.function.code.get_unzipped_code_location())
        environment = {
            **{name: os.environ[name] for name in ("PATH", "LANG", "HOME") if name in os.environ},
            **self.env_vars,
            "AWS_LAMBDA_RUNTIME_API": f"{HOST}:{self.api.server_port}",
            "AWS_EXECUTION_ENV": f"AWS_Lambda_{self.function.runtime}",
            "LAMBDA_TASK_ROOT": code,
            "LAMBDA_RUNTIME_DIR": str(FOLDER),
        }
        # The heap stays below the function's memory, as on Lambda. No other limit applies here.
        heap = f"--max-old-space-size={self.function.memory_size * 9 // 10}"
        command = [NODE, heap, "--require", str(FOLDER / "rapid-client.cjs"), RUNTIME_CLIENT]
        with self.log.open("ab") as output:
            process = subprocess.Popen(command, cwd=code, env=environment, stdin=subprocess.DEVNULL, stdout=output, stderr=output)
        self.process = process
        threading.Thread(target=self.reap, args=(process,), name=f"reap-{self.id}", daemon=True).start()
        kind, _, body = self.events.get()
        if kind != "ready":
            raise StatusErrorException("Environment startup failed", payload=body or ended("before it was ready"))

    def reap(self, process):
        status = process.wait()
        if process is self.process:
            self.events.put(("exit", None, ended(f"with status {status}")))

    def kill(self):
        process, self.process = self.process, None
        if process is not None:
            process.kill()

    def stop(self):
        self.kill()
        self.events.put(("exit", None, None))
        self.next.put(None)
        threading.Thread(target=self.close, daemon=True).start()

    def close(self):
        self.api.shutdown()
        self.api.server_close()
        self.log.unlink(missing_ok=True)

    def invoke(self, payload):
        request_id = payload["invoke-id"]
        begin = time.time()
        deadline = begin + self.function.timeout
        try:
            if self.process is None or self.process.poll() is not None:
                self.respawn()
            self.next.put((payload, deadline))
            kind, body = self.outcome(request_id, deadline)
        except StatusErrorException as failure:
            kind, body = "error", failure.payload
        if kind == "timeout":
            body = error("Sandbox.Timedout", f"RequestId: {request_id} Error: Task timed out after {self.function.timeout:.2f} seconds")
        if kind in ("timeout", "exit"):
            self.kill()
        logs = self.logs_of(request_id, milliseconds=(time.time() - begin) * 1_000)
        return InvocationResult(request_id, body, is_error=kind != "response", logs=logs)

    def respawn(self):
        """Replaces a dead process. A request that still waits for the old process receives nothing."""
        self.process = None
        self.next.put(None)
        self.next, self.events = queue.Queue(), queue.Queue()
        self.spawn()

    def outcome(self, request_id, deadline):
        while True:
            try:
                kind, of, body = self.events.get(timeout=max(0.0, deadline - time.time()))
            except queue.Empty:
                return "timeout", None
            if kind == "exit" or (kind in ("response", "error") and of == request_id):
                return kind, body or ended("because the environment was stopped")

    def logs_of(self, request_id, milliseconds):
        """Returns everything printed since the previous invocation, in the form of Lambda's logs."""
        with self.log.open("rb") as log:
            log.seek(self.told)
            printed = log.read()
            self.told = log.tell()
        memory = self.function.memory_size
        return (
            f"START RequestId: {request_id} Version: {self.function_version.id.qualifier}\n{printed.decode(errors='replace')}END RequestId: {request_id}\n"
            f"REPORT RequestId: {request_id}\tDuration: {milliseconds:.2f} ms\tBilled Duration: {milliseconds:.0f} ms\t"
            f"Memory Size: {memory} MB\tMax Memory Used: {memory} MB\t\n"
        )

    def get_address(self):
        return HOST

    def get_endpoint_from_executor(self):
        return HOST

    def get_runtime_endpoint(self):
        return f"http://{HOST}:{self.api.server_port}"

    def get_logs(self):
        return self.log.read_text(errors="replace") if self.log.exists() else ""

    @classmethod
    def prepare_version(cls, function_version):
        function_version.config.code.prepare_for_execution()

    @classmethod
    def cleanup_version(cls, function_version):
        pass


def ended(how):
    return error("Runtime.ExitError", f"Runtime exited {how}")


def error(kind, message):
    return json.dumps({"errorType": kind, "errorMessage": message}).encode()
