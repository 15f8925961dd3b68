# SPDX-License-Identifier: Apache-2.0
"""What stands before a server and takes its connections."""

import select
import socket
import threading
from typing import Self

from .gateway import PORT


class Listener:
    """A context manager; `_serve` of each has a thread of its own and ends when `_stopping` is set."""

    def __init__(self, address: str, port: int = PORT, scheme: str = "http"):
        self._listener = socket.create_server((address, port))
        self.url = f"{scheme}://{address}:{self._listener.getsockname()[1]}"
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._accept, daemon=True)

    def __enter__(self) -> Self:
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
                threading.Thread(target=self._serve, args=(client, *self._chosen()), daemon=True).start()

    def _chosen(self) -> tuple:
        """What is decided when a connection comes: more arguments of `_serve`."""
        return ()

    def _serve(self, client: socket.socket, *chosen) -> None:
        raise NotImplementedError
