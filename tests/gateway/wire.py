# SPDX-License-Identifier: Apache-2.0
"""HTTP/1.x over a plain socket, so that a test sees framing, interim answers and who closes."""

import socket
import time

TIMEOUT_S = 20.0
INTERIM_WAIT_S = 1.0
CLOSE_WAIT_S = 0.3


class Closed(Exception):
    """The peer closed (or reset) the connection before an answer began."""


class Response:
    def __init__(self, status, headers, body):
        self.status = status
        self.headers = headers  # lower-case name -> last value
        self.body = body
        self.interim = []


class Connection:
    """One connection to a server; requests go out one after the other."""

    def __init__(self, host, port):
        self.host = "%s:%d" % (host, port)
        self.socket = socket.create_connection((host, port), timeout=TIMEOUT_S)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.buffer = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def request(self, method, path, headers=None, body=None, http="1.1"):
        """Sends one request, waits for 100 first where it asks for one, returns the Response."""
        headers = dict(headers or {})
        lines = ["%s %s HTTP/%s" % (method, path, http), "Host: " + self.host]
        lines += ["%s: %s" % (name, value) for name, value in headers.items()]
        if body is not None:
            lines.append("Content-Length: %d" % len(body))
        head = ("\r\n".join(lines) + "\r\n\r\n").encode()
        expects = any(name.lower() == "expect" for name in headers)
        interim = []
        try:
            if expects and body is not None:
                self.socket.sendall(head)
                interim = self._read_interim()
                self.socket.sendall(body)
            else:
                self.socket.sendall(head + (body or b""))
        except (BrokenPipeError, ConnectionResetError) as error:
            raise Closed() from error
        response = self._read_response(method)
        response.interim = interim
        return response

    def is_closed(self):
        """Whether the server closes within 0.3 s."""
        self.socket.settimeout(CLOSE_WAIT_S)
        try:
            return self.socket.recv(1) == b""
        except socket.timeout:
            return False
        except ConnectionResetError:
            return True
        finally:
            self.socket.settimeout(TIMEOUT_S)

    def _read_interim(self):
        self.socket.settimeout(INTERIM_WAIT_S)
        try:
            head = self._read_until(b"\r\n\r\n")
        except socket.timeout:
            return ["nothing for 1 s"]
        finally:
            self.socket.settimeout(TIMEOUT_S)
        status = int(head.split(b" ", 2)[1])
        if status != 100:
            raise AssertionError("a final answer before the body: %r" % head)
        return [status]

    def _more(self):
        try:
            data = self.socket.recv(1 << 16)
        except ConnectionResetError:
            data = b""
        if not data:
            raise Closed()
        self.buffer += data

    def _read_until(self, mark):
        while mark not in self.buffer:
            self._more()
        data, self.buffer = self.buffer.split(mark, 1)
        return data

    def _read_exactly(self, count):
        while len(self.buffer) < count:
            self._more()
        data, self.buffer = self.buffer[:count], self.buffer[count:]
        return data

    def _read_response(self, method):
        head = self._read_until(b"\r\n\r\n").decode("utf-8", "surrogateescape").split("\r\n")
        status = int(head[0].split(" ", 2)[1])
        headers = {}
        for line in head[1:]:
            name, _, value = line.partition(":")
            headers[name.strip().lower()] = value.strip()
        return Response(status, headers, self._read_body(method, status, headers))

    def _read_body(self, method, status, headers):
        if method == "HEAD" or status in (204, 304):
            return b""
        if headers.get("transfer-encoding", "").lower() == "chunked":
            body = []
            while True:
                size = int(self._read_until(b"\r\n").split(b";")[0], 16)
                body.append(self._read_exactly(size))
                self._read_exactly(2)
                if size == 0:
                    return b"".join(body)
        if "content-length" in headers:
            return self._read_exactly(int(headers["content-length"]))
        body = self.buffer
        try:
            while True:
                self._more()
                body = self.buffer
        except Closed:
            self.buffer = b""
            return body


def fetch(host, port, method, path, headers=None, body=None, http="1.1"):
    """One request on a connection of its own."""
    with Connection(host, port) as connection:
        return connection.request(method, path, headers, body, http)


def wait_until(question, seconds, what):
    """Asks again and again until the answer is true; what() or what says what was missing."""
    end = time.monotonic() + seconds
    while True:
        answer = question()
        if answer:
            return answer
        if time.monotonic() > end:
            raise AssertionError("not within %g s: %s" % (seconds, what))
        time.sleep(0.02)
