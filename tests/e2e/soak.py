# SPDX-License-Identifier: Apache-2.0
"""A long run under random changes: tests/e2e/soak.sh [SECONDS] [SEED]. Not among the tests of run.sh (its name keeps it out).

APIs, webhooks, Secrets and pods come, change and go; each minute the operator's memory, descriptors and slow callbacks are
written down. What grows once it has warmed up is a failure; so is a gateway that in the end holds anything else than it must.
"""

import os
import platform
import random
import time
from pathlib import Path

from harness.api import ApiError
from harness.fleet import Fleet, Oracle
from harness.objects import Tyk, classic_api, classic_handler, local, oas_api, reference, secret, webhook
from harness.wait import eventually

SECONDS = int(os.environ.get("GRAPNEL_SOAK_SECONDS", "1800"))
SEED = int(os.environ.get("GRAPNEL_SOAK_SEED", "1"))
FIGURES = os.environ.get("GRAPNEL_SOAK_FIGURES", "")
SAMPLE = min(60.0, SECONDS / 10)
# Caches and pools are full by then.
WARM = 360
APIS, HOOKS, PODS = 40, 5, (2, 5)


class Random:
    """What happens, under a seed. Every object is one of a fixed set of names, so that it comes back after it has gone."""

    def __init__(self, stage, fleet: Fleet, team: str):
        self.stage, self.fleet, self.team = stage, fleet, team
        self.random = random.Random(SEED)
        self.api = stage.cluster.api
        self.done: dict[str, int] = {}

    def _count(self, what: str) -> None:
        self.done[what] = self.done.get(what, 0) + 1

    def put(self, thing: dict) -> None:
        """Creates it, or gives it this spec."""
        kind, name = thing["kind"], thing["metadata"]["name"]
        path = f"/api/v1/namespaces/{self.team}/secrets" if kind == "Secret" else Tyk.path(kind, self.team)
        try:
            self.api.post(path, thing)
        except ApiError as error:
            if error.code != 409:
                raise
            body = {key: thing[key] for key in ("spec", "stringData") if key in thing}
            try:
                self.api.patch(f"{path}/{name}", body)
            except ApiError as error:
                if error.code not in (404, 409):  # on its way out, or rewritten at this moment
                    raise

    def remove(self, kind: str, name: str) -> None:
        try:
            self.api.delete(Tyk.path(kind, self.team, name))
        except ApiError as error:
            if error.code != 404:
                raise

    def hook(self, number: int) -> dict:
        more = {"headers": [{"name": "X-Token", "valueFrom": {"secretKeyRef": {"name": "token", "key": "token"}}}]} \
            if number == 0 else {}
        return webhook(self.team, f"hook-{number}", f"https://hook-{number}.example/{self.random.randrange(1000)}",
                       conversionPolicy=self.random.choice(["Retain", "Rewrite", "Auto"]), **more)

    def definition(self, number: int) -> dict:
        refs = [f"hook-{self.random.randrange(HOOKS)}" for _ in range(self.random.randrange(1, 4))]
        if number % 4 == 0:
            return classic_api(self.team, f"api-{number}", {"AuthFailure": [classic_handler(ref) for ref in refs]},
                               contextRef=self.fleet.ref())
        return oas_api(self.team, f"api-{number}", *(reference(ref) for ref in refs), local(trigger="AuthFailure"),
                       context=self.fleet.ref(), upstream=f"http://up-{self.random.randrange(1000)}.example/")

    def rotate(self) -> None:
        self.put(secret(self.team, "token", token=self.stage.secret_value()))

    def step(self) -> None:
        what = self.random.choices(
            ["edit api", "delete api", "edit webhook", "delete webhook", "rotate", "pod comes", "pod goes", "pod restarts",
             "pod unready"], [40, 10, 15, 4, 4, 1, 1, 2, 2])[0]
        pods = self.fleet.pods
        if what == "edit api":
            self.put(self.definition(self.random.randrange(APIS)))
        elif what == "delete api":
            self.remove("ApiDefinition", f"api-{self.random.randrange(APIS)}")
        elif what == "edit webhook":
            self.put(self.hook(self.random.randrange(HOOKS)))
        elif what == "delete webhook":
            self.remove("Webhook", f"hook-{self.random.randrange(1, HOOKS)}")
        elif what == "rotate":
            self.rotate()
        elif what == "pod comes" and len(pods) < PODS[1]:
            self.fleet.add()
        elif what == "pod goes" and len(pods) > PODS[0]:
            self.random.choice(pods).remove()
        elif what == "pod restarts":
            self.random.choice(pods).restart_container()
        elif what == "pod unready":
            pod = self.random.choice(pods)
            pod.set_ready(not pod.ready)
        else:
            return
        self._count(what)

    def settle(self) -> None:
        """Every object is there, and every pod is ready."""
        for number in range(HOOKS):
            self.put(self.hook(number))
        for number in range(APIS):
            self.put(self.definition(number))
        for pod in self.fleet.pods:
            pod.set_ready(True)


class Sampler:
    """The operator's figures, from /proc and /metrics."""

    def __init__(self, operator, changes: Random):
        self.operator, self.changes = operator, changes
        self.begun = time.monotonic()
        self.rows: list[tuple[int, int, int, int]] = []  # seconds, RSS in KiB, descriptors, slow callbacks

    def sample(self) -> None:
        pid = self.operator.process.pid
        status = Path(f"/proc/{pid}/status").read_text()
        rss = int(next(line.split()[1] for line in status.splitlines() if line.startswith("VmRSS:")))
        descriptors = len(os.listdir(f"/proc/{pid}/fd"))
        metrics = self.operator.fetch("/metrics")
        stalls = int(float(next(line.split()[1] for line in metrics.splitlines()
                                if line.startswith("grapnel_loop_stalls_total"))))
        self.rows.append((round(time.monotonic() - self.begun), rss, descriptors, stalls))

    def text(self) -> str:
        cores = os.cpu_count()
        model = next((line.split(":")[1].strip() for line in Path("/proc/cpuinfo").read_text().splitlines()
                      if line.startswith("model name")), platform.machine())
        lines = [f"# {SECONDS} s of random changes, seed {SEED}; {cores} cores ({model}), {platform.system()} "
                 f"{platform.release()}; load average at the end {os.getloadavg()[0]:.1f}",
                 "# changes: " + ", ".join(f"{name} {count}" for name, count in sorted(self.changes.done.items())),
                 "seconds\tRSS_KiB\tdescriptors\tslow_callbacks"]
        return "\n".join(lines + ["\t".join(map(str, row)) for row in self.rows]) + "\n"

    def expect_no_growth(self) -> None:
        """The last quarter against the second, or against what comes before it once it is warm."""
        count = len(self.rows)
        late = self.rows[3 * count // 4:]
        begin = max(count // 4, sum(row[0] < WARM for row in self.rows) if SECONDS > 2 * WARM - 120 else 0)
        early = self.rows[begin:max(count // 2, begin + 2)]
        was, is_now = (max(row[1] for row in rows) for rows in (early, late))
        assert is_now <= was * 1.15 + 4096, f"memory grew from {was} to {is_now} KiB\n{self.text()}"
        was, is_now = (max(row[2] for row in rows) for rows in (early, late))
        # How many pods went in the last half minute, whose connections are still kept, is chance.
        assert is_now <= was * 1.25 + 8, f"descriptors grew from {was} to {is_now}\n{self.text()}"
        # One now and then is a machine that was busy with something else.
        was, is_now = (rows[-1][3] - rows[0][3] for rows in (early, late))
        assert is_now <= was + 5, f"slow callbacks grew from {was} to {is_now} a quarter\n{self.text()}"


def test_soak(stage):
    fleet = Fleet(stage, 3)
    fleet.create_secret()
    team = stage.namespace("team")
    operator = stage.operator(start=False, log_level="warn")
    fleet.permit(operator)
    stage.may_read(operator, team, secrets=["token"])
    operator.start()
    stage.kubectl.apply(fleet.context())
    changes = Random(stage, fleet, team)
    changes.rotate()
    changes.settle()
    sampler = Sampler(operator, changes)
    end, due = time.monotonic() + SECONDS, time.monotonic()
    while time.monotonic() < end:
        changes.step()
        if time.monotonic() >= due:
            sampler.sample()
            due += SAMPLE
        time.sleep(0.1)  # what people and their tools do at their busiest, not as much as the machine can
    changes.settle()
    Oracle(stage).await_exact([pod.gateway for pod in fleet.pods], f"{fleet.namespace}/edge", timeout=120)
    eventually(sampler.sample)
    if FIGURES:
        Path(FIGURES).write_text(sampler.text())
    print(sampler.text())
    assert operator.is_running()
    sampler.expect_no_growth()
