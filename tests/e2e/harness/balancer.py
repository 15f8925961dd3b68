# SPDX-License-Identifier: Apache-2.0
"""A load balancer: each connection goes to the next gateway, as behind a Service's address."""

import itertools
import select
import socket

from .gateway import PORT, StubGateway
from .listener import Listener


class Balancer(Listener):
    def __init__(self, address: str, gateways: list[StubGateway]):
        super().__init__(address)
        self._targets = itertools.cycle([(gateway.address, PORT) for gateway in gateways])

    def _chosen(self) -> tuple:
        return (next(self._targets),)

    def _serve(self, client: socket.socket, target: tuple[str, int]) -> None:
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
