# SPDX-License-Identifier: Apache-2.0
"""The way from an operator to the API server, which breaks where a test says.

TLS ends here and begins anew, with an authority of its own that can be replaced: so requests and answers are seen, and a
connection can be cut at any byte of them. It speaks HTTP/1.1, one request after the other on a connection.
"""

import random
import re
import select
import socket
import ssl
import subprocess
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

from .cluster import SERVER
from .listener import Listener

REQUEST = re.compile(rb"(GET|HEAD|POST|PUT|PATCH|DELETE) (\S+) HTTP/1\.1\r\n")
PLACES = ("before the request", "in the request", "before the head", "in the head", "in the body", "in an event",
          "silence")


@dataclass
class Cut:
    """Where to cut, which requests, and how often. `done` counts the cuts that were made."""
    place: str
    method: str
    path: str  # a pattern
    times: int = 1
    done: int = 0

    def fits(self, method: str, path: str) -> bool:
        return self.done < self.times and self.method == method and re.search(self.path, path) is not None


@dataclass
class Exchange:
    """The request at hand on one connection, and how much of its answer has passed."""
    method: str = ""
    path: str = ""
    answer: int = 0
    head_is_over: bool = False
    cut: Cut | None = None


@dataclass
class Authority:
    """A certificate for 127.0.0.1 that is its own authority."""
    certificate: Path
    key: Path

    @classmethod
    def make(cls, directory: Path, name: str) -> "Authority":
        made = cls(directory / f"{name}.crt", directory / f"{name}.key")
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                        "-days", "2", "-subj", f"/CN={name}", "-addext", "subjectAltName=IP:127.0.0.1",
                        "-keyout", str(made.key), "-out", str(made.certificate)], check=True, capture_output=True)
        return made


@dataclass
class Cutter(Listener):
    """`cuts` may be added at any time; `storm` cuts at random places under a seed."""
    authority: Authority
    ca_file: Path  # of the API server
    cuts: list[Cut] = field(default_factory=list)
    requests: list[tuple[str, str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__("127.0.0.1", 0, "https")
        self._host, self._port = SERVER.removeprefix("https://").rsplit(":", 1)
        self._storm: random.Random | None = None
        self.storm_cuts = 0
        self._lock = threading.Lock()
        self._open: set[socket.socket] = set()
        self._use(self.authority)

    # --- what a test does ---

    def cut(self, place: str, method: str, path: str, times: int = 1) -> Cut:
        assert place in PLACES
        made = Cut(place, method, path, times)
        self.cuts.append(made)
        return made

    def storm(self, seed: int | None) -> None:
        """From now on every connection ends after a random number of bytes; None ends that."""
        self._storm = None if seed is None else random.Random(seed)
        if seed is not None:
            self.drop_all()

    def replace(self, authority: Authority) -> None:
        """The server has another certificate from now on; connections that stand are ended."""
        self._use(authority)
        self.drop_all()

    def drop_all(self) -> None:
        with self._lock:
            for one in self._open:
                try:
                    one.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass

    # --- how it works ---

    def _use(self, authority: Authority) -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(authority.certificate, authority.key)
        self._inside = context

    def _serve(self, client: socket.socket) -> None:
        try:
            client.settimeout(10)
            outside = ssl.create_default_context(cafile=str(self.ca_file))
            with self._inside.wrap_socket(client, server_side=True) as one, \
                    socket.create_connection((self._host, int(self._port)), timeout=5) as plain, \
                    outside.wrap_socket(plain, server_hostname=self._host) as other:
                one.settimeout(None)
                other.settimeout(None)
                with self._lock:
                    self._open.add(one)
                try:
                    self._carry(one, other)
                finally:
                    with self._lock:
                        self._open.discard(one)
        except OSError:
            pass  # either side may go at any time

    def _carry(self, client: ssl.SSLSocket, server: ssl.SSLSocket) -> None:
        exchange = Exchange()
        storm = self._storm
        left = storm.randrange(1, 6000) if storm else None
        while not self._stopping.is_set():
            for one in self._readable(client, server):
                data = self._receive(one)
                if data is None:
                    continue
                if not data:
                    return
                if storm and self._storm is storm:
                    assert left is not None
                    data, left = data[:left], left - len(data)
                passes = self._ask(exchange, data, server) if one is client else self._answer(exchange, data, client)
                if storm and self._storm is storm and left is not None and left <= 0:
                    self.storm_cuts += 1
                    return
                if not passes:
                    return

    def _readable(self, client: ssl.SSLSocket, server: ssl.SSLSocket) -> list[ssl.SSLSocket]:
        ready = [one for one in (client, server) if one.pending()]
        return ready or select.select([client, server], [], [], 0.1)[0]

    @staticmethod
    def _receive(one: ssl.SSLSocket) -> bytes | None:
        """None: what came was of TLS alone, such as a ticket; who waits for more then leaves the other side unheard."""
        one.setblocking(False)
        try:
            return one.recv(65536)
        except ssl.SSLWantReadError:
            return None
        finally:
            one.setblocking(True)

    def _ask(self, exchange: Exchange, data: bytes, server: ssl.SSLSocket) -> bool:
        found = REQUEST.match(data)
        if found:
            exchange.method, exchange.path = found[1].decode(), found[2].decode()
            exchange.answer, exchange.head_is_over = 0, False
            self.requests.append((exchange.method, exchange.path))
            exchange.cut = next((cut for cut in self.cuts if cut.fits(exchange.method, exchange.path)), None)
        place = exchange.cut.place if exchange.cut else ""
        if place == "before the request":
            return self._end(exchange)
        if place == "in the request":
            server.sendall(data[:len(data) - 2])
            return self._end(exchange)
        server.sendall(data)
        return True

    def _answer(self, exchange: Exchange, data: bytes, client: ssl.SSLSocket) -> bool:
        keep = self._keep(exchange, data)
        exchange.answer += len(data)
        exchange.head_is_over = exchange.head_is_over or b"\r\n\r\n" in data
        if keep is None:
            client.sendall(data)
            return True
        if keep:
            client.sendall(data[:keep])
        assert exchange.cut is not None
        if exchange.cut.place != "silence":
            return self._end(exchange)
        exchange.cut.done += 1
        # It stays open, and nothing comes any more, until the other side gives up.
        while not self._stopping.is_set():
            if select.select([client], [], [], 0.1)[0] and not client.recv(65536):
                break
        return False

    @staticmethod
    def _keep(exchange: Exchange, data: bytes) -> int | None:
        """How many bytes of the answer's next piece pass before the cut; None: no cut here."""
        place = exchange.cut.place if exchange.cut else ""
        if place in ("before the head", "silence"):
            return 0
        if place == "in the head":
            return 20
        if place == "in the body":
            end = data.find(b"\r\n\r\n")
            body = 0 if exchange.head_is_over else end + 4
            return body + (len(data) - body) // 2 if exchange.head_is_over or 0 <= end < len(data) - 8 else None
        if place == "in an event":
            begin = data.find(b'{"type":')
            return begin + (len(data) - begin) // 2 if begin >= 0 else None
        return None

    @staticmethod
    def _end(exchange: Exchange) -> bool:
        assert exchange.cut is not None
        exchange.cut.done += 1
        return False


def wait_for_cut(cut: Cut, timeout: float = 20) -> None:
    """Waits until a cut has been made as often as it was to be."""
    deadline = time.monotonic() + timeout
    while cut.done < cut.times:
        assert time.monotonic() < deadline, f"{cut} was not made"
        time.sleep(0.01)
