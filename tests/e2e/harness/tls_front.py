# SPDX-License-Identifier: Apache-2.0
"""TLS in front of a gateway, with certificates of which anything may be wrong, replaced while it runs."""

import select
import socket
import ssl
import subprocess
from dataclasses import dataclass
from pathlib import Path

from .gateway import PORT, StubGateway
from .listener import Listener

CURVE = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]


@dataclass
class Certificate:
    certificate: Path
    key: Path


class Authority:
    """Signs certificates."""

    def __init__(self, directory: Path, name: str):
        self.directory = directory
        self.own = self._made(name)
        self.issued = 0
        self._openssl("req", "-x509", *CURVE, "-days", "2", "-subj", f"/CN={name}", "-keyout", self.own.key, "-out", self.own.certificate)

    def _made(self, name: str) -> Certificate:
        return Certificate(self.directory / f"{name}.crt", self.directory / f"{name}.key")

    @staticmethod
    def _openssl(*arguments) -> None:
        subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True)

    @property
    def pem(self) -> str:
        return self.own.certificate.read_text()

    def issue(self, address: str, days: int = 2) -> Certificate:
        """For an IP address or a host name; -1 days: it has expired a day ago."""
        self.issued += 1
        made = self._made(f"{self.own.certificate.stem}-{self.issued}")
        request = made.certificate.with_suffix(".csr")
        kind = "IP" if address[0].isdigit() else "DNS"
        self._openssl("req", *CURVE, "-subj", "/CN=gateway", "-addext", f"subjectAltName={kind}:{address}", "-keyout", made.key, "-out", request)
        self._openssl("x509", "-req", "-in", request, "-CA", self.own.certificate, "-CAkey", self.own.key, "-days", days,
                      "-copy_extensions", "copy", "-out", made.certificate)
        return made


class TlsFront(Listener):
    """A context manager. Without a certificate it passes on what comes as it is: plain text on the port of TLS."""

    def __init__(self, address: str, gateway: StubGateway, certificate: Certificate | None):
        super().__init__(address, scheme="https")
        self.address = address
        self.connections = 0
        self._target = (gateway.address, PORT)
        self._context: ssl.SSLContext | None = None
        if certificate:
            self.use(certificate)

    def use(self, certificate: Certificate) -> None:
        """For the connections to come."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate.certificate, certificate.key)
        self._context = context

    def _chosen(self) -> tuple:
        self.connections += 1
        return (self._context,)

    def _serve(self, client: socket.socket, context: ssl.SSLContext | None) -> None:
        try:
            client.settimeout(10)
            with (context.wrap_socket(client, server_side=True) if context else client) as one, \
                    socket.create_connection(self._target, timeout=10) as other:
                self._carry(one, other)
        except OSError:
            pass  # either side may go at any time; whom the client does not trust it leaves

    def _carry(self, client: socket.socket, server: socket.socket) -> None:
        while not self._stopping.is_set():
            waits = isinstance(client, ssl.SSLSocket) and client.pending()
            for one in [client] if waits else select.select([client, server], [], [], 0.1)[0]:
                data = one.recv(65536)
                if not data:
                    return
                (server if one is client else client).sendall(data)
