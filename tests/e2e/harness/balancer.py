# SPDX-License-Identifier: Apache-2.0
"""A load balancer: each connection goes to the next gateway, as behind a Service's address."""

import itertools
import select
import socket
import threading

from .gateway import PORT, StubGateway


class Balancer:
    def __init__(self, address: str, gateways: list[StubGateway]):
        self.url = f"http://{address}:{PORT}"
        self._targets = itertools.cycle([(gateway.address, PORT) for gateway in gateways])
        self._listener = socket.create_server((address, PORT))
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._accept, daemon=True)

    def __enter__(self) -> "Balancer":
        self._thread.start()
        return self

    def __exit__(self, *_unused) -> None:
        self._stopping.set()
        self._thread.join()
        self._listener.close()

    def _accept(self) -> None:
        while not self._stopping.is_set():
            if select.select([self._listener], [], [], 0.1)[0]:
                client, _ = self._listener.accept()
                threading.Thread(target=self._carry, args=(client, next(self._targets)), daemon=True).start()

    def _carry(self, client: socket.socket, target: tuple[str, int]) -> None:
        try:
            with client, socket.create_connection(target, timeout=5) as server:
                while not self._stopping.is_set():
                    for one, other in ((client, server), (server, client)):
                        if select.select([one], [], [], 0.01)[0]:
                            data = one.recv(65536)
                            if not data:
                                return
                            other.sendall(data)
        except OSError:
            pass  # either side may go at any time
