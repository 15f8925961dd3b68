# SPDX-License-Identifier: Apache-2.0
"""What the tests run against: a stub gateway of their own, or a real one that the environment names."""

import json
import os
import shutil
import signal
import socketserver
import subprocess
import tempfile
import threading
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from urllib.parse import urlsplit

import wire

HERE = Path(__file__).resolve().parent
SECRET = "s3cret"
START_TIMEOUT_S = 20.0


def find_program(name, variable):
    """The program that `variable` names, else the newest one in a build folder."""
    if os.environ.get(variable):
        return Path(os.environ[variable])
    found = sorted(
        HERE.parent.parent.glob("build*/**/tests/gateway/" + name),
        key=lambda path: path.stat().st_mtime,
    )
    if not found:
        raise FileNotFoundError("%s is not built; build it or set %s" % (name, variable))
    return found[-1]


def stub_program():
    return find_program("grapnel-stub-gateway", "GRAPNEL_STUB_GATEWAY")


def receiver_program():
    return find_program("grapnel-webhook-receiver", "GRAPNEL_WEBHOOK_RECEIVER")


class Process:
    """A program that says on stdout where it listens: a line of JSON."""

    def __init__(self, command, log):
        self.log = open(log, "ab")
        self.process = subprocess.Popen(
            [str(word) for word in command], stdout=subprocess.PIPE, stderr=self.log
        )
        line = self.process.stdout.readline()
        self.ready = json.loads(line) if line else None

    def stop(self):
        """Ends it in good order and returns its exit code."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(START_TIMEOUT_S)
        self.process.stdout.close()
        self.log.close()
        return code


class Receiver:
    """The program that webhooks are delivered to."""

    def __init__(self, folder, address="127.0.0.1"):
        self.process = Process(
            [receiver_program(), "--listen", address + ":0"], Path(folder) / "receiver.log"
        )
        self.address = address
        self.port = self.process.ready["port"]

    @property
    def authority(self):
        return "%s:%d" % (self.address, self.port)

    def received(self):
        return json.loads(wire.fetch(self.address, self.port, "GET", "/__received").body)

    def clear(self):
        wire.fetch(self.address, self.port, "POST", "/__clear", body=b"")

    def stop(self):
        return self.process.stop()


class Gateway:
    """A gateway's address and secret, and the requests that every test needs."""

    host = None
    port = None
    secret = SECRET
    folder = None  # the folder of definitions, where it is in reach
    can_restart = False
    upstream = "127.0.0.1:1"  # the stub answers for its upstream itself

    @property
    def authority(self):
        return "%s:%d" % (self.host, self.port)

    def call(self, method, path, body=None, headers=None, auth=True):
        headers = dict(headers or {})
        if auth:
            headers["X-Tyk-Authorization"] = self.secret
        if body is not None and not isinstance(body, bytes):
            body = json.dumps(body).encode()
        return wire.fetch(self.host, self.port, method, path, headers, body)

    def reload(self):
        response = self.call("GET", "/tyk/reload?block=true")
        assert response.status == 200, response.body
        return response


class Stub(Gateway):
    """A stub gateway of its own, in a folder of its own."""

    host = "127.0.0.1"
    can_restart = True

    def __init__(self, *options, base=None):
        self.base = Path(base or tempfile.mkdtemp(prefix="stub-gateway-"))
        self.owns_base = base is None
        self.folder = self.base / "apps"
        self.folder.mkdir(parents=True, exist_ok=True)
        self.log = self.base / "requests.jsonl"
        self.options = list(options)
        self.port = 0
        self.process = None
        self.exit_code = None
        self.start()

    def start(self):
        """Starts it (again: on the same port) and waits until it listens."""
        command = [stub_program(), "--listen", "%s:%d" % (self.host, self.port)]
        command += ["--admin", self.host + ":0", "--secret", self.secret]
        command += ["--app-path", self.folder, "--log", self.log] + self.options
        self.process = Process(command, self.base / "stderr.log")
        if self.process.ready is None:
            self.exit_code = self.process.stop()
            self.process = None
            return
        self.port = self.process.ready["port"]
        self.admin_port = self.process.ready["admin_port"]

    def stop(self):
        """Stops it; everything it wrote to stderr is part of a failure's text."""
        if self.process is not None:
            self.exit_code = self.process.stop()
            self.process = None
        return self.exit_code

    def wait_for_exit(self, seconds=START_TIMEOUT_S):
        """Waits until it ends by itself."""
        self.process.process.wait(seconds)
        return self.stop()

    def restart(self, wipe=False):
        assert self.stop() == 0, self.stderr()
        if wipe:
            shutil.rmtree(self.folder)
            self.folder.mkdir()
        self.start()

    def close(self):
        code = self.stop()
        text = self.stderr()
        if self.owns_base:
            shutil.rmtree(self.base, ignore_errors=True)
        assert code == 0, "exit code %s\n%s" % (code, text)

    def stderr(self):
        return (self.base / "stderr.log").read_text(errors="replace")[-20000:]

    def admin(self, method, path, body=None):
        """A request to the second listener; the answer, decoded."""
        if body is not None:
            body = json.dumps(body).encode()
        response = wire.fetch(self.host, self.admin_port, method, path, {}, body)
        assert response.status == 200, (response.status, response.body)
        return json.loads(response.body)

    def state(self):
        return self.admin("GET", "/__state")

    def fault(self, fault, **options):
        return self.admin("POST", "/__fault", dict(options, fault=fault))

    def empty(self):
        """A new stub begins empty and reloaded."""


class RealGateway(Gateway):
    """The gateway of GRAPNEL_TEST_GATEWAY_URL; its folder and its restart are out of reach."""

    def __init__(self, url, secret):
        parts = urlsplit(url)
        self.host = parts.hostname
        self.port = parts.port or 80
        self.secret = secret
        self.listen_address = os.environ.get("GRAPNEL_TEST_LISTEN_ADDRESS", "127.0.0.1")
        self.server = _Upstream((self.listen_address, 0), _UpstreamHandler)
        self.upstream = "%s:%d" % (self.listen_address, self.server.server_address[1])
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def empty(self):
        """As near to an empty folder as the control API can bring it."""
        for api in json.loads(self.call("GET", "/tyk/apis").body):
            self.call("DELETE", "/tyk/apis/" + api["api_id"])
        self.reload()

    def close(self):
        self.empty()
        self.server.shutdown()
        self.server.server_close()


class _Upstream(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True


class _UpstreamHandler(BaseHTTPRequestHandler):
    """The upstream of a real gateway: `up` to everything."""

    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Type", "text/plain")
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"up")

    def log_message(self, *_):
        pass
