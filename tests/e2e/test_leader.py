# SPDX-License-Identifier: Apache-2.0
"""Two replicas: one writes, the other takes over when it is killed, ended, stopped or cut off; never do two write."""

import contextlib
import datetime
import itertools
import json
import threading
import time
import urllib.error
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from harness.cluster import SERVER
from harness.gateway import StubGateway, await_on_all
from harness.objects import Tyk, default_api_id, oas_api, reference, webhook
from harness.operator import Operator
from harness.relay import Relay
from harness.stage import Stage
from harness.wait import PATIENCE, eventually

LEASE = "grapnel"
CREDENTIAL = "authentication.kubernetes.io/credential-id"


# --- two replicas, and what each of them wrote ---

@dataclass
class Replica:
    operator: Operator
    credential: str  # as the audit log has it
    relays: list[Relay]

    @property
    def leads(self) -> bool:
        return f'leader_election_master_status{{name="{LEASE}"}} 1' in self.operator.fetch("/metrics")


@dataclass(frozen=True, order=True)
class Write:
    when: float
    replica: int
    what: str
    is_lease: bool = field(default=False, compare=False)


class Replicas:
    def __init__(self, stage: Stage, gateways: list[StubGateway], stack: contextlib.ExitStack):
        self.stage = stage
        self.gateways = gateways
        self.system = stage.namespace("grapnel-system")
        self.mark = stage.cluster.audit_mark()
        self.all = [self._replica(number, stack) for number in (1, 2)]

    def _kubeconfig(self, number: int) -> tuple[Path, str]:
        """A kubeconfig with a token of its own, as each pod has one, and the token's name in the audit log."""
        answer = self.stage.cluster.api.post(f"/api/v1/namespaces/{self.system}/serviceaccounts/grapnel/token", {
            "apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {"expirationSeconds": 7200}})
        path = self.stage.directory / f"replica-{number}.kubeconfig"
        path.write_text(json.dumps({
            "apiVersion": "v1", "kind": "Config", "current-context": "test",
            "clusters": [{"name": "test", "cluster": {
                "server": SERVER, "certificate-authority": str(self.stage.cluster.ca_file)}}],
            "users": [{"name": "replica", "user": {"token": answer["status"]["token"]}}],
            "contexts": [{"name": "test", "context": {
                "cluster": "test", "user": "replica", "namespace": self.system}}]}))
        review = self.stage.cluster.api.post("/apis/authentication.k8s.io/v1/tokenreviews", {
            "apiVersion": "authentication.k8s.io/v1", "kind": "TokenReview",
            "spec": {"token": answer["status"]["token"]}})
        return path, review["status"]["user"]["extra"][CREDENTIAL][0]

    def _replica(self, number: int, stack: contextlib.ExitStack) -> Replica:
        relays = [stack.enter_context(Relay(self.stage.address(), gateway)) for gateway in self.gateways]
        operator = self.stage.operator(start=False, system=self.system, leader_elect=True, lease_name=LEASE,
                                       gateway_url=[relay.url for relay in relays])
        kubeconfig, credential = self._kubeconfig(number)
        operator.set_flags(kubeconfig=kubeconfig)
        return Replica(operator, credential, relays)

    def start(self) -> tuple[Replica, Replica]:
        """The leader and the standby."""
        for replica in self.all:
            replica.operator.start()
        eventually(lambda: sum(replica.leads for replica in self.all) == 1)
        leader, = (replica for replica in self.all if replica.leads)
        standby, = (replica for replica in self.all if replica is not leader)
        return leader, standby

    def lease(self) -> dict:
        return self.stage.cluster.api.get(
            f"/apis/coordination.k8s.io/v1/namespaces/{self.system}/leases/{LEASE}")["spec"]

    def _audited(self) -> Iterator[Write]:
        """Writes that the API server took from either replica, by the time it received them."""
        numbers = {replica.credential: number for number, replica in enumerate(self.all)}
        with open(self.stage.cluster.audit_log, "rb") as log:
            log.seek(self.mark)
            for line in log:
                entry = json.loads(line)
                credential = entry["user"].get("extra", {}).get(CREDENTIAL, [""])[0]
                code = entry.get("responseStatus", {}).get("code", 0)
                if (credential not in numbers or entry["stage"] != "ResponseComplete" or code // 100 != 2
                        or entry["verb"] not in ("create", "update", "patch", "delete")):
                    continue
                target = entry["objectRef"]
                resource = target["resource"]
                if resource == "secrets":
                    continue  # the key that seals values: created once, by whoever is first
                when = datetime.datetime.fromisoformat(entry["requestReceivedTimestamp"].replace("Z", "+00:00"))
                yield Write(when.timestamp(), numbers[credential],
                            f"{entry['verb']} {resource} {target.get('name', '')}", resource == "leases")

    def writes(self) -> list[Write]:
        """Everything that both wrote anywhere, in the order of time; all of it is of one machine's clock."""
        relayed = [Write(when, number, what) for number, replica in enumerate(self.all)
                   for relay in replica.relays for when, what in relay.writes()]
        return sorted([*self._audited(), *relayed])

    def expect_one_writer(self) -> int:
        """Whoever writes is the one whose write to the Lease was taken last. Returns how often the holder changed."""
        holder, changes, wrong = None, 0, []
        writes = self.writes()
        assert any(not write.is_lease for write in writes), "nothing was written"
        for write in writes:
            if write.is_lease:
                changes += holder not in (None, write.replica)
                holder = write.replica
            elif write.replica != holder:
                wrong.append(write)
        assert not wrong, f"written by one that does not hold the lease: {wrong[:10]}"
        return changes


@pytest.fixture
def replicas(stage, gateways):
    with contextlib.ExitStack() as stack:
        yield Replicas(stage, gateways, stack)


# --- a stream of changes ---

class Edits:
    """Changes the same APIs again and again, so that something is always on its way to gateways and statuses."""

    def __init__(self, tyk: Tyk, team: str, names: list[str]):
        self.tyk = tyk
        self.team = team
        self.names = names
        self.last = ""
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def _run(self) -> None:
        for number in itertools.count():
            for name in self.names:
                if self._stopping.wait(0.05):
                    return
                with contextlib.suppress(OSError, urllib.error.URLError):
                    self.edit(name, f"http://upstream-{number}.example/")

    def edit(self, name: str, upstream: str) -> None:
        self.tyk.api.patch(Tyk.path("ApiDefinition", self.team, name), {
            "spec": {"oas": {"x-tyk-api-gateway": {"upstream": {"url": upstream}}}}})

    def __enter__(self) -> "Edits":
        self._thread.start()
        return self

    def __exit__(self, *_unused) -> None:
        self._stopping.set()
        self._thread.join()


def upstream(team: str, name: str):
    return lambda gateway: gateway.oas(default_api_id(team, name))["x-tyk-api-gateway"]["upstream"]["url"]


@pytest.fixture
def apis(kubectl, team) -> list[str]:
    names = [f"api-{number}" for number in range(6)]
    kubectl.apply([webhook(team, "pager"), *(oas_api(team, name, reference("pager")) for name in names)])
    return names


def takes_over(edits: Edits, gateways: list[StubGateway], team: str, name: str, limit: float) -> float:
    """How long it takes from now until a change is on all gateways."""
    began = time.monotonic()
    edits.edit(name, "http://after.example/")
    await_on_all(gateways, upstream(team, name), "http://after.example/", limit)
    took = time.monotonic() - began
    assert took <= limit * PATIENCE
    return took


# --- the tests ---

def test_one_leads_the_other_is_ready_and_writes_nothing(replicas, gateways, kubectl, tyk, team, apis):
    leader, standby = replicas.start()
    tyk.await_ready(team, *apis)
    lease = replicas.lease()
    assert lease["leaseDurationSeconds"] == 15 and lease["leaseTransitions"] == 0
    assert lease["acquireTime"] and lease["renewTime"]
    assert standby.operator.fetch("/readyz") == "ok\n" and standby.operator.fetch("/healthz") == "ok\n"
    writes = replicas.writes()
    assert {write.replica for write in writes} == {replicas.all.index(leader)}
    events = json.loads(kubectl.run("get", "events.events.k8s.io", "--namespace", replicas.system, "-o", "json"))["items"]
    told, = (event for event in events if event["reason"] == "LeaderElection")
    assert told["note"] == f"{lease['holderIdentity']} became leader"
    assert told["regarding"] | {"kind": "Lease", "name": LEASE, "namespace": replicas.system} == told["regarding"]

    figures = leader.operator.fetch("/metrics")
    assert f'grapnel_definitions{{state="synced"}} {len(apis)}\n' in figures and 'method="PATCH",code="200"' in figures
    assert not [name for name in (team, *apis, "pager", gateways[0].address) if name in figures], "labels are bounded"
    figures = standby.operator.fetch("/metrics")
    assert f'leader_election_master_status{{name="{LEASE}"}} 0\n' in figures
    assert "grapnel_definitions{" not in figures, "a standby has no opinion"

    # On SIGTERM the lease is given up, after the last write.
    leader.operator.process.signal(15)
    took = takes_over(Edits(tyk, team, apis), gateways, team, apis[0], 5)
    print(f"SIGTERM: {took:.1f} s")
    assert leader.operator.process.await_exit() == 0
    tyk.await_ready(team, *apis)
    assert standby.leads and replicas.lease()["leaseTransitions"] >= 1
    assert replicas.expect_one_writer() == 1


def test_killed_with_writes_in_flight(replicas, gateways, tyk, team, apis):
    leader, standby = replicas.start()
    tyk.await_ready(team, *apis)
    with Edits(tyk, team, apis[1:]) as edits:
        eventually(lambda: len(leader.relays[0].writes()) > 20)
        leader.operator.kill()
        took = takes_over(edits, gateways, team, apis[0], 25)
    print(f"SIGKILL: {took:.1f} s")
    tyk.await_ready(team, *apis)
    assert standby.leads and replicas.expect_one_writer() == 1


def test_stopped_for_twenty_seconds_with_writes_in_flight(replicas, gateways, tyk, team, apis):
    leader, standby = replicas.start()
    tyk.await_ready(team, *apis)
    with Edits(tyk, team, apis) as edits:
        eventually(lambda: len(leader.relays[0].writes()) > 20)
        # What it reads first when it is woken are answers to POSTs, and more are queued behind those.
        posted = [len(relay.posts()) for relay in leader.relays]
        with contextlib.ExitStack() as held:
            for relay in leader.relays:
                held.enter_context(relay.holding())
            eventually(lambda: all(len(relay.posts()) > before for relay, before in zip(leader.relays, posted)))
            time.sleep(0.5)  # for the edits of all the others
            stopped = time.time()
            leader.operator.process.pause()
        time.sleep(20)  # not a wait for something: the length of the stop is the test
        assert standby.leads, "nobody took over within 20 s"
        leader.operator.process.resume()
        woken = time.time()
        # It goes on with what it was doing, if anything lets it.
        eventually(lambda: not leader.leads)
        count = len(standby.relays[0].writes())
        eventually(lambda: len(standby.relays[0].writes()) > count + 20)
        edits.edit(apis[0], "http://last.example/")
    late = [write for write in replicas.writes()
            if write.replica == replicas.all.index(leader) and not write.is_lease and write.when > stopped + 1]
    assert not late, f"woken at {woken}, written {late}"
    tyk.await_ready(team, *apis)
    assert replicas.expect_one_writer() == 1
    assert leader.operator.is_running(), "it goes back to standby"
    # And is as good a successor as any.
    leader_again = leader
    standby.operator.process.signal(15)
    takes_over(Edits(tyk, team, apis), gateways, team, apis[1], 5)
    assert standby.operator.process.await_exit() == 0
    assert leader_again.leads and replicas.expect_one_writer() == 2


def test_cut_off_from_the_api_server(stage, replicas, gateways, tyk, team, apis):
    """No lease can be renewed: ten seconds later nobody writes to gateways, and all goes on when the server is back."""
    leader, standby = replicas.start()
    tyk.await_ready(team, *apis)
    stage.cluster.kill_apiserver()
    cut = time.time()
    try:
        eventually(lambda: not leader.leads, 15)
        for gateway in gateways:  # something to repair, and nobody who may
            gateway.call("DELETE", f"/tyk/apis/{default_api_id(team, apis[0])}")
            gateway.reload()
        time.sleep(3)  # three drift intervals
        assert [write for write in replicas.all[0].relays[0].writes() + replicas.all[1].relays[0].writes()
                if write[0] > cut + 10.5] == []
    finally:
        stage.cluster.start_apiserver()
    await_on_all(gateways, lambda one: one.oas(default_api_id(team, apis[0])) is not None, True, 30)
    tyk.await_ready(team, *apis)
    replicas.expect_one_writer()
    assert leader.operator.is_running() and standby.operator.is_running()
