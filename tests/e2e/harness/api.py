# SPDX-License-Identifier: Apache-2.0
"""Plain requests to the API server, for what kubectl does not do or does too slowly to be asked twenty times a second."""

import json
import ssl
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any


class ApiError(RuntimeError):
    def __init__(self, method: str, path: str, code: int, body: str):
        super().__init__(f"{method} {path}: {code} {body[:500]}")
        self.code = code
        try:
            self.status = json.loads(body)
        except ValueError:
            self.status = {}

    @property
    def reason(self) -> str:
        return self.status.get("reason", "")


class Api:
    def __init__(self, server: str, token: str, ca_file: Path):
        self.server = server
        self.token = token
        self.ca_file = ca_file

    def _open(self, method: str, path: str, query: dict | None, body: Any, content_type: str, timeout: float):
        url = self.server + path + ("?" + urllib.parse.urlencode(query) if query else "")
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(url, data=data, method=method)
        request.add_header("Authorization", f"Bearer {self.token}")
        if data is not None:
            request.add_header("Content-Type", content_type)
        context = ssl.create_default_context(cafile=str(self.ca_file))
        for tries_left in range(10, -1, -1):
            try:
                return urllib.request.urlopen(request, timeout=timeout, context=context)
            except urllib.error.HTTPError as error:
                # Its own word for "I have just started": other clients wait as told, too.
                if error.code == 429 and tries_left:
                    time.sleep(float(error.headers.get("Retry-After", 1)))
                    continue
                raise ApiError(method, path, error.code, error.read().decode(errors="replace")) from None

    def text(self, path: str, **query: str) -> str:
        with self._open("GET", path, query, None, "", 10) as response:
            return response.read().decode()

    def get(self, path: str, **query: str) -> dict:
        return json.loads(self.text(path, **query))

    def post(self, path: str, body: dict) -> dict:
        with self._open("POST", path, None, body, "application/json", 10) as response:
            return json.load(response)

    def patch(self, path: str, body: Any, kind: str = "merge") -> dict:
        with self._open("PATCH", path, None, body, f"application/{kind}-patch+json", 10) as response:
            return json.load(response)

    def delete(self, path: str) -> dict:
        with self._open("DELETE", path, None, None, "", 10) as response:
            return json.load(response)

    def watch(self, path: str, timeout: float = 10, **query: str) -> Iterator[dict]:
        """Yields the events of a watch until the server ends it; an ERROR event is one of them."""
        with self._open("GET", path, {**query, "watch": "1"}, None, "", timeout) as response:
            for line in response:
                yield json.loads(line)
