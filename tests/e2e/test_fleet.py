# SPDX-License-Identifier: Apache-2.0
"""Fleets: every pod holds exactly what it should, whatever happens to pods.

EndpointSlices are made by the real controller; each pod's address is a stub gateway's. What a gateway must hold is told by
`grapnel render` (harness/fleet.py).
"""

import random
import time
from collections import Counter

import pytest

from harness.fleet import Fleet, apis_of, ids_of, names_of
from harness.gateway import await_on_all
from harness.objects import default_api_id, oas_api, reference, webhook
from harness.wait import eventually, eventually_equal, until_stable

POD_COUNT = 12


@pytest.fixture
def operator(fleet_operator):
    return fleet_operator


def status_writes(stage, since: int) -> Counter:
    """Writes to the status of each ApiDefinition."""
    return Counter(one.name for one in stage.cluster.writes(since)
                   if one.resource == "apidefinitions" and one.subresource == "status")


def roll(fleet: Fleet, between=None) -> None:
    """A rolling update as a Deployment does it: one more, ready as soon as it answers, then one of the old goes."""
    for old in list(fleet.pods):
        new = fleet.add(ready=False)
        new.set_ready(True)
        if between:
            between(new)
        old.terminate()
        eventually(lambda: old.name not in fleet.endpoints())
        old.remove()


# --- pods as targets ---

def test_each_pod_is_filled_and_told_in_the_contexts_status(stage, fleet, operator, oracle, kubectl, tyk, team):
    for _ in range(3):
        fleet.add()
    apis = apis_of(team, fleet.ref(), 6)
    kubectl.apply([fleet.context(), webhook(team, "pager"), *apis])
    tyk.await_ready(team, *names_of(apis))
    fleet.await_ready()
    fleet.await_pods(3)
    assert fleet.endpoints() == {pod.name: {"url": pod.gateway.url, "pod": pod.name, "state": "Synced", "definitions": 6}
                                 for pod in fleet.pods}
    status = fleet.status()
    assert status["gateways"] == {"total": 3, "synced": 3} and status["gatewaysSummary"] == "3/3"
    assert kubectl.table("tykcontexts", fleet.namespace)[0]["GATEWAYS"] == "3/3"
    assert tyk.status(team, "api-0")["gateways"] == {"total": 3, "synced": 3}
    oracle.expect(fleet.gateways, f"{fleet.namespace}/edge")


def test_a_pod_that_is_not_ready_is_filled_but_does_not_count(stage, fleet, operator, oracle, kubectl, tyk, team):
    fleet.add()
    late = fleet.add(ready=False)
    kubectl.apply([fleet.context(), webhook(team, "pager"), *apis_of(team, fleet.ref(), 3)])
    tyk.await_ready(team, "api-0", "api-1", "api-2")
    oracle.await_exact(fleet.gateways, f"{fleet.namespace}/edge")
    assert tyk.status(team, "api-0")["gateways"] == {"total": 1, "synced": 1}
    eventually_equal(lambda: set(fleet.endpoints()), {pod.name for pod in fleet.pods})
    late.set_ready(True)
    eventually_equal(lambda: tyk.status(team, "api-0")["gateways"], {"total": 2, "synced": 2}, timeout=40)


def test_a_pod_that_terminates_is_forgotten_and_gets_nothing_more(stage, fleet, operator, kubectl, tyk, team):
    going, staying = fleet.add(), fleet.add()
    kubectl.apply([fleet.context(), webhook(team, "pager"), *apis_of(team, fleet.ref(), 3)])
    tyk.await_ready(team, "api-0", "api-1", "api-2")
    going.terminate()
    eventually_equal(lambda: set(fleet.endpoints()), {staying.name})
    before = going.gateway.counts()
    kubectl.apply(oas_api(team, "later", context=fleet.ref()))
    tyk.await_ready(team, "later")
    assert going.gateway.counts_since(before) == {"posts": 0, "deletes": 0, "reloads": 0}
    assert default_api_id(team, "later") in staying.gateway.apis()


def test_an_emptied_container_is_refilled(stage, fleet, operator, oracle, kubectl, tyk, team):
    for _ in range(3):
        fleet.add()
    kubectl.apply([fleet.context(), webhook(team, "pager"), *apis_of(team, fleet.ref(), 12)])
    tyk.await_ready(team, *(f"api-{number}" for number in range(12)))
    others = [pod.gateway.counts() for pod in fleet.pods[1:]]
    fleet.pods[0].restart_container()
    oracle.await_exact(fleet.gateways, f"{fleet.namespace}/edge", timeout=15)
    for pod, count in zip(fleet.pods[1:], others):
        assert pod.gateway.counts_since(count) == {"posts": 0, "deletes": 0, "reloads": 0}


def test_many_apis_are_back_within_ten_seconds_and_a_reload(stage, fleet, oracle, kubectl, tyk, team):
    """With the interval that users have: --drift-interval 10s."""
    fleet.permit(stage.operator(drift_interval="10s"))
    pod = fleet.add()
    apis = apis_of(team, fleet.ref(), 300)
    kubectl.apply([fleet.context(), webhook(team, "pager"), *apis])
    tyk.await_ready(team, *names_of(apis), timeout=120)
    wanted = ids_of(team, names_of(apis))
    pod.gateway.fault("wipe")
    begin = time.monotonic()
    eventually(lambda: wanted <= set(pod.gateway.apis()), 30)
    # A tenth of a second of reload, and what 300 POSTs take under sanitizers.
    assert time.monotonic() - begin < 14
    oracle.expect(fleet.gateways, f"{fleet.namespace}/edge")


# --- rolling updates and chaos ---

def test_a_rolling_update_of_all_pods_while_definitions_change(stage, fleet, operator, oracle, kubectl, tyk, team):
    for _ in range(POD_COUNT):
        fleet.add()
    apis = apis_of(team, fleet.ref(), 30)
    kubectl.apply([fleet.context(), webhook(team, "pager"), *apis])
    tyk.await_ready(team, *names_of(apis), timeout=60)
    steps = iter(range(POD_COUNT))

    def edit(_pod) -> None:
        step = next(steps)
        changed = oas_api(team, f"api-{3 * step + 1 if 3 * step + 1 < 30 else 1}", reference("pager"), context=fleet.ref(),
                          upstream=f"http://step-{step}.example/")
        kubectl.apply([changed, oas_api(team, f"new-{step}", reference("pager"), context=fleet.ref())])
        if step % 4 == 1:
            kubectl.apply(webhook(team, "pager", f"https://step-{step}.example/hook"))
        if step % 4 == 2:
            kubectl.delete("apidefinition", f"new-{step - 1}", team, wait=False)

    roll(fleet, edit)
    oracle.await_exact(fleet.gateways, f"{fleet.namespace}/edge")
    fleet.await_pods(POD_COUNT)
    tyk.await_ready(team, *names_of(apis), timeout=60)
    eventually_equal(lambda: tyk.status(team, "api-0")["gateways"], {"total": 12, "synced": 12}, timeout=60)


def test_a_rolling_update_costs_two_status_writes_an_api_at_most(stage, fleet, operator, kubectl, tyk, team):
    for _ in range(POD_COUNT):
        fleet.add()
    apis = apis_of(team, fleet.ref(), 30)
    kubectl.apply([fleet.context(), webhook(team, "pager"), *apis])
    tyk.await_ready(team, *names_of(apis), timeout=60)
    fleet.await_pods(POD_COUNT)
    until_stable(tyk.versions, seconds=3)
    mark = stage.cluster.audit_mark()
    roll(fleet)
    fleet.await_pods(POD_COUNT)
    eventually(lambda: all(tyk.status(team, name)["gateways"] == {"total": 12, "synced": 12} for name in names_of(apis)), 60)
    until_stable(tyk.versions, seconds=12, timeout=60)
    writes = status_writes(stage, mark)
    assert max(writes.values(), default=0) <= 2, writes
    assert not [event for event in kubectl.events(team, "ApiDefinition", "api-0") if event.get("count", 1) > 1], \
        "nobody needs to hear of it"


@pytest.mark.parametrize("seed", [1])
def test_pods_killed_and_emptied_at_random(stage, fleet, operator, oracle, kubectl, tyk, team, seed):
    dice = random.Random(seed)
    for _ in range(POD_COUNT):
        fleet.add()
    names = [f"api-{number}" for number in range(24)]
    kubectl.apply([fleet.context(), webhook(team, "pager"), *apis_of(team, fleet.ref(), 24)])
    tyk.await_ready(team, *names, timeout=60)
    dead = []

    def kill(pod):
        if pod not in dead:
            pod.gateway.kill()
            dead.append(pod)

    def revive(_pod):
        if dead:
            dead.pop(0).gateway.start()

    def empty(pod):
        if pod not in dead:
            pod.restart_container()

    def restart(pod):
        if pod not in dead:
            pod.restart_container(emptied=False)

    def replace(pod):
        if pod in dead:
            dead.remove(pod)
        pod.remove()
        fleet.add()

    def flip(pod):
        pod.set_ready(not pod.ready)

    def disturb(pod):
        if pod not in dead:
            pod.gateway.fault(*dice.choice([("hang",), ("reset",), ("500",), ("wipe",), ("not-ready",), ("not-applied",)]),
                              **dice.choice([{}, {"count": 3}]))

    def calm(pod):
        if pod not in dead:
            pod.gateway.clear_faults()

    def edit(_pod):
        name = dice.choice(names)
        kubectl.apply(oas_api(team, name, reference("pager"), context=fleet.ref(),
                              upstream=f"http://{dice.randrange(1000)}.example/"))

    def drop(_pod):
        if len(names) > 12:
            kubectl.delete("apidefinition", names.pop(dice.randrange(len(names))), team, wait=False)

    def change_global(_pod):
        kubectl.apply(webhook(team, "pager", f"https://{dice.randrange(1000)}.example/hook"))

    acts = [kill, kill, revive, revive, empty, empty, restart, replace, flip, disturb, calm, edit, edit, edit, drop,
            change_global]
    for _ in range(60):
        dice.choice(acts)(dice.choice(fleet.pods))
        time.sleep(dice.uniform(0, 0.4))
    while dead:
        revive(None)
    for pod in fleet.pods:
        pod.gateway.clear_faults()
        if not pod.ready:
            pod.set_ready(True)
    # The longest back-off is 30 s; a definition that was refused for its own sake rests for up to 5 min, which none may here.
    oracle.await_exact(fleet.gateways, f"{fleet.namespace}/edge", timeout=90)
    fleet.await_pods(len(fleet.pods), timeout=60)
    tyk.await_ready(team, *names, timeout=90)


# --- faults ---

def test_one_pod_that_hangs_delays_no_other(stage, fleet, operator, kubectl, tyk, team):
    for _ in range(POD_COUNT):
        fleet.add()
    kubectl.apply([fleet.context(), oas_api(team, "before", context=fleet.ref())])
    tyk.await_ready(team, "before")
    fleet.gateways[0].fault("hang")
    names = [f"api-{number}" for number in range(20)]
    kubectl.apply([oas_api(team, name, context=fleet.ref()) for name in names])
    await_on_all(fleet.gateways[1:], lambda one: ids_of(team, names) <= set(one.apis()), True, timeout=10)
    fleet.gateways[0].clear_faults()
    tyk.await_ready(team, *names, timeout=60)
