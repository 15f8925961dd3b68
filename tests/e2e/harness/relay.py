# SPDX-License-Identifier: Apache-2.0
"""The way from one operator to one gateway, with a record of what went along it: two operators are one address to a gateway."""

import contextlib
import re
import select
import socket
import threading
import time
from collections.abc import Iterator

from .gateway import PORT, StubGateway
from .listener import Listener

REQUEST = re.compile(rb"(GET|HEAD|POST|PUT|PATCH|DELETE) (\S+) HTTP/1\.1\r\n")


class Relay(Listener):
    """Passes bytes on in both directions. A request is told by its first line, which a client sends in one piece."""

    def __init__(self, address: str, gateway: StubGateway):
        super().__init__(address)
        self.requests: list[tuple[float, str, str]] = []  # wall clock, method, path
        self._target = (gateway.address, PORT)
        self._holding = threading.Event()

    def writes(self) -> list[tuple[float, str]]:
        """What changes a gateway, a reload included: when it passed, and what it was."""
        return [(when, f"{method} {path}") for when, method, path in list(self.requests)
                if method not in ("GET", "HEAD") or path.startswith("/tyk/reload")]

    def posts(self) -> list[float]:
        """When definitions were sent."""
        return [when for when, method, _ in list(self.requests) if method == "POST"]

    @contextlib.contextmanager
    def holding(self) -> Iterator[None]:
        """Answers to POSTs stay here; when that ends, all of them pass at once."""
        self._holding.set()
        try:
            yield
        finally:
            self._holding.clear()

    def _note(self, data: bytes) -> bool:
        """Notes what is asked for. True: a definition is sent."""
        found = REQUEST.findall(data)
        for method, path in found:
            self.requests.append((time.time(), method.decode(), path.decode()))
        return any(method == b"POST" for method, _ in found)

    def _serve(self, client: socket.socket) -> None:
        try:
            with client, socket.create_connection(self._target, timeout=5) as server:
                is_held = False
                while not self._stopping.is_set():
                    is_held = is_held and self._holding.is_set()
                    sides = [client] if is_held else [client, server]
                    readable = select.select(sides, [], [], 0.1)[0]
                    for one in readable:
                        data = one.recv(1 << 20)
                        if not data:
                            return
                        if one is client:
                            is_held = self._note(data) or is_held
                        (server if one is client else client).sendall(data)
        except OSError:
            pass  # either side may go at any time
