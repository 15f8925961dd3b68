# SPDX-License-Identifier: Apache-2.0
"""Where a workload is played: on the simulated servers, or on real ones over HTTP. Both have the same methods."""

import http.client
import json
import os
import ssl
import subprocess
import threading
import time
from pathlib import Path
from urllib.parse import urlsplit

HERE = Path(__file__).resolve().parent
PATIENCE_S = 20
SIM_SECRET = "gw-secret-0"
SIM_TOKEN = "operator-token"
SIM_NAMESPACE = "honesty-simulated"


def find_program(name, variable):
    """The program that the environment names, else the newest one in a build folder."""
    if os.environ.get(variable):
        return Path(os.environ[variable])
    found = sorted(HERE.parents[2].glob("build*/**/tests/*/" + name), key=lambda path: path.stat().st_mtime)
    if not found:
        raise FileNotFoundError("%s is not built; build it or set %s" % (name, variable))
    return found[-1]


class Simulated:
    """`grapnel-sim-serve`: its API server and its gateway. Time is virtual, so waiting costs nothing."""

    def __init__(self, seed=0, program=None):
        program = program or find_program("grapnel-sim-serve", "GRAPNEL_SIM_SERVE")
        self.process = subprocess.Popen([str(program), str(seed)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def close(self):
        self.process.stdin.close()
        code = self.process.wait(PATIENCE_S)
        self.process.stdout.close()
        assert code == 0, "grapnel-sim-serve ended with %d" % code

    def _tell(self, do, **options):
        self.process.stdin.write(json.dumps(dict(options, do=do)) + "\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline()
        assert answer, "grapnel-sim-serve ended at %s %s" % (do, options)
        return json.loads(answer)

    def start(self, name, method, path, body=None, headers=(), user="", stream=False):
        host = "api" if path.startswith("/api") else "gateway"
        if host == "api":
            token = "wrong" if user == "nobody" else SIM_TOKEN
            headers = ["Authorization: Bearer " + token, *headers]
            self.world("deny", denied=user == "stranger")
        else:
            headers = ["X-Tyk-Authorization: " + ("wrong" if user == "nobody" else SIM_SECRET), *headers]
        self._tell("start", name=name, host=host, method=method, path=path, headers=headers, body=body, stream=stream)

    def finish(self, name):
        """(status, text), or (None, what happened in place of an answer)."""
        answer = self._tell("finish", name=name, ms=PATIENCE_S * 1000)
        if "status" in answer:
            return answer["status"], answer["body"]
        return None, "unanswered" if "unanswered" in answer else "lost"

    def lines(self, name, count):
        """(status, lines that have come, or the body of a refusal, whether it is over)."""
        answer = self._tell("lines", name=name, count=count, ms=PATIENCE_S * 1000)
        return answer["status"], answer["lines"] or answer["body"].splitlines(), answer["over"]

    def cancel(self, name):
        self._tell("cancel", name=name)

    def pause(self, seconds):
        self._tell("wait", ms=int(seconds * 1000))

    def world(self, what, **options):
        self._tell("world", what=what, **options)

    def gateway_writes(self):
        """What the gateway was asked to write since the last time: (id, verb) each."""
        return [tuple(text.rsplit(" ", 1)) for text in self._tell("writes")["writes"]]


class _Call(threading.Thread):
    """One request on a connection of its own."""

    def __init__(self, connection, method, path, body, headers, stream):
        super().__init__(daemon=True)
        self.connection = connection
        self.request = (method, path, body, headers)
        self.stream = stream
        self.status = None
        self.text = ""
        self.unread = []
        self.over = False
        self.changed = threading.Condition()

    def run(self):
        try:
            method, path, body, headers = self.request
            self.connection.request(method, path, body, headers)
            response = self.connection.getresponse()
            self.status = response.status
            if self.stream and response.status == 200:
                for line in response:
                    self._take(line.decode().rstrip("\n"))
            else:
                self.text = response.read().decode(errors="replace")
        except (OSError, http.client.HTTPException, ValueError, AttributeError):
            pass  # broken off, by the server or by cancel(): what has come counts
        with self.changed:
            self.over = True
            self.changed.notify_all()

    def _take(self, line):
        with self.changed:
            self.unread.append(line)
            self.changed.notify_all()

    def cancel(self):
        """Closing the descriptor alone would not wake a thread that reads from it."""
        try:
            self.connection.sock.shutdown(2)
        except (OSError, AttributeError):
            pass
        self.join(PATIENCE_S)
        self.connection.close()


class Real:
    """A server at a URL. `users` has the headers of each user; `world` maps happenings to functions."""

    def __init__(self, url, users, world=None, context=None):
        self.parts = urlsplit(url)
        self.users = users
        self.happenings = world or {}
        self.context = context
        self.calls = {}

    def _connection(self):
        host, port = self.parts.hostname, self.parts.port
        if self.parts.scheme == "https":
            return http.client.HTTPSConnection(host, port, timeout=PATIENCE_S, context=self.context)
        return http.client.HTTPConnection(host, port, timeout=PATIENCE_S)

    def close(self):
        for name in list(self.calls):
            self.cancel(name)

    def start(self, name, method, path, body=None, headers=(), user="", stream=False):
        given = dict(self.users[user], **dict(header.split(": ", 1) for header in headers))
        call = _Call(self._connection(), method, path, None if body is None else body.encode(), given, stream)
        self.calls[name] = call
        call.start()

    def finish(self, name):
        call = self.calls.pop(name)
        call.join(PATIENCE_S)
        if not call.over:
            call.cancel()
            return None, "unanswered"
        call.connection.close()
        return (None, "lost") if call.status is None else (call.status, call.text)

    def lines(self, name, count):
        call = self.calls[name]
        end = time.monotonic() + PATIENCE_S
        with call.changed:
            while len(call.unread) < count and not call.over and call.changed.wait(end - time.monotonic()):
                pass
            seen, call.unread = call.unread, []
        return call.status, seen or call.text.splitlines(), call.over

    def cancel(self, name):
        self.calls.pop(name).cancel()

    def pause(self, seconds):
        time.sleep(seconds)

    def world(self, what, **options):
        self.happenings[what](**options)


def tls_context(ca_file):
    return ssl.create_default_context(cafile=str(ca_file))


def open_simulated_api(program=None):
    """A simulated API server with a namespace of its own: (server, namespace)."""
    server = Simulated(program=program)
    server.start("namespace", "POST", "/api/v1/namespaces", json.dumps({"metadata": {"name": SIM_NAMESPACE}}))
    status, text = server.finish("namespace")
    assert status == 201, text
    return server, SIM_NAMESPACE
