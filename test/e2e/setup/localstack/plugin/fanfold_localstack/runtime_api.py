"""Serves the HTTP API that a function's process asks for its invocations.

https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html
"""

from http.server import BaseHTTPRequestHandler

HOST = "127.0.0.1"
PREFIX = "/2018-06-01/runtime/"


class RuntimeApi(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # A reply is sent as headers, then body. Nagle's algorithm would delay the body.
    disable_nagle_algorithm = True
    # The ProcessExecutor that owns the asking process.
    executor = None

    def do_GET(self):
        executor = self.executor
        executor.events.put(("ready", None, None))
        item = executor.next.get()
        if item is None:
            self.close_connection = True
            return
        payload, deadline = item
        self.reply(
            200,
            payload["payload"].encode(),
            {
                "Lambda-Runtime-Aws-Request-Id": payload["invoke-id"],
                "Lambda-Runtime-Deadline-Ms": str(int(deadline * 1_000)),
                "Lambda-Runtime-Invoked-Function-Arn": payload["invoked-function-arn"],
                "Lambda-Runtime-Trace-Id": payload["trace-id"],
            },
        )

    def do_POST(self):
        body = self.body()
        what, *rest = self.path.removeprefix(PREFIX).split("/")
        if what == "init":
            self.executor.events.put(("exit", None, body))
        else:
            request_id, kind = rest
            self.executor.events.put((kind, request_id, body))
        self.reply(202, b'{"status":"OK"}', {"Content-Type": "application/json"})

    def body(self):
        if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        parts = []
        while size := int(self.rfile.readline().split(b";")[0], 16):
            parts.append(self.rfile.read(size))
            self.rfile.readline()
        while self.rfile.readline().strip():
            pass
        return b"".join(parts)

    def reply(self, status, body, headers):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        pass
