# SPDX-License-Identifier: Apache-2.0
"""`grapnel diff` on manifests of a test's own, against stub gateways."""

import json
import os
import subprocess
import urllib.error
import urllib.request
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
BIN = Path(os.environ.get("GRAPNEL_BIN_DIR", ROOT / "build" / "asan")).resolve()
SECRET = "s3cret"


class Stub:
    def __init__(self, folder):
        folder.mkdir()
        self.process = subprocess.Popen(
            [BIN / "tests/gateway/grapnel-stub-gateway", "--listen", "127.0.0.1:0", "--secret", SECRET, "--app-path", folder,
             "--reload-interval", "0.05", "--jsvm"], stdout=subprocess.PIPE, text=True)
        self.url = f"http://127.0.0.1:{json.loads(self.process.stdout.readline())['port']}"

    def call(self, method, path, body=None):
        request = urllib.request.Request(self.url + path, method=method, headers={"X-Tyk-Authorization": SECRET},
                                         data=None if body is None else json.dumps(body).encode())
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    def put(self, *documents, oas=False):
        for document in documents:
            code, answer = self.call("POST", "/tyk/apis/oas" if oas else "/tyk/apis", document)
            assert code == 200, answer
        self.call("GET", "/tyk/reload?block=true")

    def fault(self, fault, **options):
        assert self.call("POST", "/__fault", {"fault": fault, **options})[0] == 200

    def ids(self):
        return {one["api_id"] for one in self.call("GET", "/tyk/apis")[1]}

    def counts(self):
        return self.call("GET", "/__state?brief=1")[1]["requests"]

    def stop(self):
        self.process.terminate()
        assert self.process.wait(10) == 0


class Result:
    def __init__(self, done):
        self.code = done.returncode
        self.out = done.stdout
        self.err = done.stderr

    @property
    def gateways(self):
        return json.loads(self.out)

    @property
    def only(self):
        found = self.gateways
        assert len(found) == 1, found
        return found[0]


class Place:
    """A folder of manifests, gateways, and the two commands."""

    def __init__(self, path):
        self.path = path
        self.manifests = path / "manifests"
        self.manifests.mkdir()
        self.stubs = []

    def stub(self):
        self.stubs.append(Stub(self.path / f"gateway-{len(self.stubs)}"))
        return self.stubs[-1]

    def write(self, *objects):
        for one in objects:
            name = f"{one['kind']}.{one['metadata'].get('namespace', 'default')}.{one['metadata']['name']}.json".lower()
            (self.manifests / name).write_text(json.dumps(one))

    def remove(self, kind, name, namespace="default"):
        (self.manifests / f"{kind}.{namespace}.{name}.json".lower()).unlink()

    def _call(self, *arguments, stdin=None, env=None):
        done = subprocess.run([str(BIN / "grapnel"), *map(str, arguments)], input=stdin, capture_output=True, text=True,
                              timeout=60, env={"PATH": os.environ["PATH"], "TYK_AUTH": SECRET, **(env or {})})
        assert "Sanitizer" not in done.stderr and "runtime error" not in done.stderr, done.stderr
        return Result(done)

    def _urls(self):
        return [word for stub in self.stubs for word in ("--gateway-url", stub.url)]

    def run(self, *more):
        """Brings the gateways to the manifests."""
        done = self._call("run", "--once", "--source", f"dir:{self.manifests}", "--log-format", "text", *self._urls(), *more)
        assert done.code in (0, 1), done.err
        return done

    def diff(self, *more, urls=True, stdin=None, env=None, paths=None):
        return self._call("diff", *(self._urls() if urls else []), *more, *([self.manifests] if paths is None else paths),
                          stdin=stdin, env=env)

    def materialize(self, *more):
        return self._call("materialize", *more, self.manifests)

    def render(self):
        return json.loads(self._call("render", "--show-secrets", self.manifests).out)


@pytest.fixture
def place(tmp_path):
    place = Place(tmp_path)
    yield place
    for stub in place.stubs:
        stub.stop()


@pytest.fixture
def stub(place):
    return place.stub()

