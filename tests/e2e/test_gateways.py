# SPDX-License-Identifier: Apache-2.0
"""Several gateways at fixed URLs: each on its own, nobody else's definitions harmed, deletions carried through."""

import time

import pytest

from harness.gateway import await_on_all
from harness.objects import classic_api, condition, default_api_id, local, oas_api, reference, webhook
from harness.wait import eventually, eventually_equal, throughout


def holds(team: str, *names: str):
    """Reads whether a gateway holds the APIs, all of them."""
    return lambda gateway: set(default_api_id(team, name) for name in names) <= set(gateway.apis())


def upstream(team: str, name: str):
    return lambda gateway: gateway.oas(default_api_id(team, name))["x-tyk-api-gateway"]["upstream"]["url"]


def is_gone(kubectl, team: str, name: str) -> None:
    assert kubectl.find("apidefinition", name, team) is None, "the object is still there"


# --- one gateway's trouble is not the others' ---

def test_every_gateway_holds_every_api(stage, kubectl, tyk, team):
    gateways = [stage.gateway() for _ in range(4)]
    stage.operator(*gateways)
    kubectl.apply([oas_api(team, "a"), classic_api(team, "b")])
    tyk.await_ready(team, "a", "b")
    await_on_all(gateways, holds(team, "a", "b"), True)
    assert tyk.status(team, "a")["gateways"] == {"total": 4, "synced": 4}


def test_a_gateway_that_hangs_delays_no_other(stage, kubectl, tyk, team):
    gateways = [stage.gateway() for _ in range(3)]
    stage.operator(*gateways)
    kubectl.apply(oas_api(team, "before"))
    tyk.await_ready(team, "before")
    gateways[1].fault("hang")
    names = [f"api-{number}" for number in range(10)]
    start = time.monotonic()
    kubectl.apply([oas_api(team, name) for name in names])
    await_on_all([gateways[0], gateways[2]], holds(team, *names), True, timeout=10)
    assert time.monotonic() - start < 10
    thing = tyk.await_api(team, "api-0", "Programmed", "False", "GatewayUnreachable", timeout=60)
    assert thing["status"]["gateways"] == {"total": 3, "synced": 2}
    assert condition(thing, "Ready")["status"] == "False"
    gateways[1].clear_faults()
    tyk.await_ready(team, *names, timeout=60)
    await_on_all(gateways, holds(team, *names), True)


def test_a_gateway_that_was_down_catches_up(stage, kubectl, tyk, team):
    gateways = [stage.gateway(), stage.gateway()]
    stage.operator(*gateways)
    kubectl.apply(oas_api(team, "orders"))
    tyk.await_ready(team, "orders")
    gateways[1].kill()
    kubectl.apply([oas_api(team, "orders", upstream="http://second.example/"), oas_api(team, "new")])
    await_on_all(gateways[:1], upstream(team, "orders"), "http://second.example/")
    tyk.await_api(team, "new", "Programmed", "False", "GatewayUnreachable", timeout=60)
    gateways[1].start()
    tyk.await_ready(team, "orders", "new", timeout=60)
    await_on_all(gateways, upstream(team, "orders"), "http://second.example/")
    await_on_all(gateways, holds(team, "new"), True)


def test_a_gateway_that_is_down_at_the_start_is_waited_for(stage, kubectl, tyk, team):
    gateways = [stage.gateway(), stage.gateway(start=False)]
    stage.operator(*gateways)
    kubectl.apply(oas_api(team, "orders"))
    tyk.await_api(team, "orders", "Programmed", "False", "GatewayUnreachable", timeout=60)
    await_on_all(gateways[:1], holds(team, "orders"), True)
    gateways[1].start()
    tyk.await_ready(team, "orders", timeout=60)
    await_on_all(gateways, holds(team, "orders"), True)


def test_a_global_webhook_changes_although_one_gateway_hangs(stage, kubectl, tyk, team):
    gateways = [stage.gateway(), stage.gateway()]
    stage.operator(*gateways)
    kubectl.apply([webhook(team, "pager"), oas_api(team, "orders", reference("pager"))])
    tyk.await_ready(team, "orders")
    gateways[1].fault("hang")
    kubectl.apply(webhook(team, "pager", "https://changed.example/"))

    def urls(gateway):
        return [handler["url"] for handler in gateway.handlers(default_api_id(team, "orders"))]

    await_on_all(gateways[:1], urls, ["https://changed.example/"], timeout=10)
    gateways[1].clear_faults()
    await_on_all(gateways, urls, ["https://changed.example/"], timeout=60)


@pytest.mark.parametrize("fault, options", [
    ("reset", {}), ("close", {}), ("500", {}), ("429", {"retry_after": 1}), ("html", {}), ("truncate", {}), ("break", {}),
    ("slow", {"bytes": 64, "ms": 50}), ("wrong-id", {}), ("not-applied", {})])
def test_a_fault_that_passes_is_overcome(stage, kubectl, tyk, team, fault, options):
    gateways = [stage.gateway(), stage.gateway()]
    stage.operator(*gateways)
    kubectl.apply(oas_api(team, "before"))
    tyk.await_ready(team, "before")
    gateways[1].fault(fault, **options)
    kubectl.apply([oas_api(team, "orders"), classic_api(team, "legacy")])
    await_on_all(gateways[:1], holds(team, "orders", "legacy"), True)
    gateways[1].clear_faults()
    tyk.await_ready(team, "orders", "legacy", timeout=60)
    await_on_all(gateways, holds(team, "orders", "legacy"), True)


def test_what_a_gateway_says_in_an_error_stays_out_of_status(stage, kubectl, tyk, team):
    gateway = stage.gateway()
    stage.operator(gateway)
    word = stage.secret_value("inside")
    gateway.fault("500", body=f"stack trace with {word}")
    kubectl.apply(oas_api(team, "orders"))
    eventually(lambda: "500" in condition(tyk.apidefinition(team, "orders"), "Programmed").get("message", ""))
    # That the word is nowhere is looked at when the test ends.
    gateway.clear_faults()
    tyk.await_ready(team, "orders", timeout=60)


# --- the secret ---

def test_a_wrong_secret_is_said_and_a_corrected_one_is_used(stage, kubectl, tyk, team):
    gateway = stage.gateway()
    stage.secret_file.write_text("not-the-secret\n")
    operator = stage.operator(gateway)
    kubectl.apply(oas_api(team, "orders"))
    tyk.await_api(team, "orders", "Programmed", "False", "GatewayUnauthorized")
    assert gateway.apis() == {}
    stage.secret_file.write_text(stage.gateway_secret + "\n")
    tyk.await_ready(team, "orders", timeout=60)
    assert operator.is_running()


def test_without_a_gateway_it_says_so(stage, kubectl, tyk, team):
    stage.operator()
    kubectl.apply(oas_api(team, "orders"))
    tyk.await_api(team, "orders", "Programmed", "False", "NoGateways")


# --- other people's definitions ---

FOREIGN = {"api_id": "someones", "name": "someones", "use_keyless": True, "active": True,
           "proxy": {"listen_path": "/someones/", "target_url": "http://theirs.example"},
           "version_data": {"not_versioned": True, "versions": {"Default": {"name": "Default"}}}}


def test_a_foreign_definition_is_never_touched(stage, kubectl, tyk, team):
    gateway = stage.gateway()
    gateway.put_foreign(FOREIGN)
    before = gateway.classic("someones")
    stage.operator(gateway)
    kubectl.apply([oas_api(team, "a"), classic_api(team, "b")])
    tyk.await_ready(team, "a", "b")
    kubectl.delete("apidefinition", "a", team)
    assert gateway.classic("someones") == before
    assert gateway.counts()["deletes"] == 1


def test_an_id_that_somebody_else_uses_is_not_overwritten(stage, kubectl, tyk, team):
    gateway = stage.gateway()
    gateway.put_foreign(FOREIGN)
    before = gateway.classic("someones")
    stage.operator(gateway)
    kubectl.apply([classic_api(team, "orders", api_id="someones"), oas_api(team, "marker")])
    tyk.await_ready(team, "marker")
    tyk.await_api(team, "orders", "Stalled", "True", "ForeignDefinition")
    tyk.await_api(team, "orders", "Ready", "False", "ForeignDefinition")
    assert gateway.classic("someones") == before
    kubectl.delete("apidefinition", "orders", team)
    assert gateway.classic("someones") == before


def test_a_listen_path_that_somebody_else_uses_is_a_conflict(stage, kubectl, tyk, team):
    """A gateway would rename both paths and serve neither."""
    gateway = stage.gateway()
    gateway.put_foreign(FOREIGN)
    stage.operator(gateway)
    kubectl.apply([oas_api(team, "orders", listen_path="/someones/"), oas_api(team, "marker")])
    tyk.await_ready(team, "marker")
    tyk.await_api(team, "orders", "Stalled", "True", "Conflict")
    assert gateway.classic("someones")["proxy"]["listen_path"] == "/someones/"
    assert default_api_id(team, "orders") not in gateway.apis()


def test_a_listen_path_that_somebody_takes_after_the_look(stage, kubectl, tyk, team):
    """Ours is renamed by the gateway: it is told, not posted again and again, and put right soon after the other goes."""
    gateway = stage.gateway()
    stage.operator(gateway)
    kubectl.apply(oas_api(team, "before"))
    tyk.await_ready(team, "before")
    time.sleep(1)
    gateway.put_foreign(FOREIGN)
    before = gateway.counts()
    kubectl.apply(oas_api(team, "orders", listen_path="/someones/"))
    tyk.await_api(team, "orders", "Stalled", "True", "Conflict")
    posts = gateway.counts_since(before)["posts"]
    assert posts <= 1
    throughout(lambda: gateway.counts_since(before)["posts"] == posts, 6, interval=0.5)
    assert gateway.classic("someones")["proxy"]["listen_path"] == "/someones/"
    gateway.call("DELETE", "/tyk/apis/someones")
    gateway.reload()
    tyk.await_ready(team, "orders", timeout=15)
    assert gateway.oas(default_api_id(team, "orders"))["x-tyk-api-gateway"]["server"]["listenPath"]["value"] == "/someones/"


# --- Classic and OAS ---

def becomes_classic(tyk, team: str, name: str) -> None:
    tyk.api.patch(tyk.path("ApiDefinition", team, name), {"spec": {"oas": None, **classic_api(team, name)["spec"]}})


def files(gateway, team: str, name: str) -> list[str]:
    """What there is of an API on the gateway's disk, without its id."""
    api_id = default_api_id(team, name)
    return sorted(file.name.removeprefix(api_id) for file in gateway.folder.iterdir() if file.name.startswith(api_id))


def test_a_form_that_changes_before_its_first_load_leaves_no_file_behind(stage, kubectl, tyk, team):
    """A gateway deletes the files of what it has loaded: the OAS one is loaded before it goes."""
    gateway = stage.gateway()
    operator = stage.operator(gateway)
    gateway.fault("delay", method="POST", count=1, ms=3000)  # keeps the batch open
    kubectl.apply(oas_api(team, "slow"))
    eventually(lambda: "idle -> pushing" in operator.log())
    kubectl.apply(oas_api(team, "orders"))
    eventually(lambda: files(gateway, team, "orders") == ["-oas.json", ".json"])
    assert default_api_id(team, "orders") not in gateway.apis()
    becomes_classic(tyk, team, "orders")
    tyk.await_ready(team, "slow", "orders")
    assert "config_data" in gateway.classic(default_api_id(team, "orders"))
    assert files(gateway, team, "orders") == [".json"] and files(gateway, team, "slow") == ["-oas.json", ".json"]
    kubectl.delete("apidefinition", "orders", team)
    eventually(lambda: files(gateway, team, "orders") == [])


def test_killed_while_a_form_changes(stage, kubectl, tyk, team):
    """The Classic one is written, the OAS one's file is still there: the next life finds that out before it reloads."""
    gateway = stage.gateway()
    gateway.put_foreign(FOREIGN)
    operator = stage.operator(gateway)
    # One that is not in force makes the next life begin with a reload.
    kubectl.apply([oas_api(team, "orders"), oas_api(team, "other"), classic_api(team, "users"),
                   oas_api(team, "stalled", listen_path="/someones/")])
    tyk.await_ready(team, "orders", "other", "users")
    tyk.await_api(team, "stalled", "Stalled", "True", "Conflict")
    gateway.fault("hang", method="DELETE")
    before = gateway.counts()
    becomes_classic(tyk, team, "orders")
    eventually(lambda: gateway.counts_since(before)["deletes"] == 1)
    operator.kill()
    assert files(gateway, team, "orders") == ["-oas.json", ".json"]
    gateway.clear_faults()
    operator.start()
    tyk.await_ready(team, "orders", "other", "users")
    eventually(lambda: files(gateway, team, "orders") == [".json"])
    assert files(gateway, team, "other") == ["-oas.json", ".json"] and files(gateway, team, "users") == [".json"]


# --- deletion ---

def test_deletion_takes_the_api_off_every_gateway(operator, gateways, kubectl, tyk, team):
    kubectl.apply([oas_api(team, "orders", local()), classic_api(team, "legacy"), oas_api(team, "stays")])
    tyk.await_ready(team, "orders", "legacy", "stays")
    kubectl.delete("apidefinition", "orders", team)  # waits for the finalizer
    kubectl.delete("apidefinition", "legacy", team)
    for gateway in gateways:
        assert set(gateway.apis()) == {default_api_id(team, "stays")}


def test_an_api_that_never_reached_a_gateway_can_be_deleted(operator, gateways, kubectl, tyk, team):
    kubectl.apply(oas_api(team, "orders", {"enabled": True, "trigger": "NoSuchEvent", "type": "webhook"}))
    tyk.await_api(team, "orders", "Stalled", "True", "InvalidSpec")
    kubectl.delete("apidefinition", "orders", team)


def test_a_gateway_that_is_down_does_not_hold_deletion_up(operator, gateways, kubectl, tyk, team):
    kubectl.apply(oas_api(team, "orders"))
    tyk.await_ready(team, "orders")
    gateways[1].kill()
    kubectl.delete("apidefinition", "orders", team, timeout=25)
    assert gateways[0].apis() == {}
    eventually(lambda: "CleanupSkipped" in kubectl.event_reasons(team, "ApiDefinition", "orders"))


def test_a_gateway_that_hangs_holds_deletion_until_the_timeout_only(stage, gateways, kubectl, tyk, team):
    stage.operator(*gateways, finalizer_timeout="4s")
    kubectl.apply(oas_api(team, "orders"))
    tyk.await_ready(team, "orders")
    gateways[1].fault("hang")
    kubectl.delete("apidefinition", "orders", team, wait=False)
    throughout(lambda: kubectl.find("apidefinition", "orders", team) is not None, 2)
    eventually(lambda: is_gone(kubectl, team, "orders"), timeout=30)
    assert gateways[0].apis() == {}


def test_deletion_while_the_operator_is_down_is_carried_out_later(operator, gateways, kubectl, tyk, team):
    kubectl.apply([oas_api(team, "orders"), oas_api(team, "stays")])
    tyk.await_ready(team, "orders", "stays")
    operator.kill()
    kubectl.delete("apidefinition", "orders", team, wait=False)
    assert kubectl.find("apidefinition", "orders", team) is not None, "the finalizer did not hold it"
    operator.start()
    eventually(lambda: is_gone(kubectl, team, "orders"))
    await_on_all(gateways, lambda one: set(one.apis()), {default_api_id(team, "stays")})


def test_the_retain_policy_leaves_the_definition_on_the_gateways(operator, gateways, kubectl, tyk, team):
    kubectl.apply(oas_api(team, "orders", annotations={"grapnel.dev/deletion-policy": "Retain"}))
    tyk.await_ready(team, "orders")
    kubectl.delete("apidefinition", "orders", team)
    kubectl.apply(oas_api(team, "marker"))
    tyk.await_ready(team, "marker")
    await_on_all(gateways, holds(team, "orders", "marker"), True)


def test_a_namespace_with_apis_can_be_deleted(stage, operator, gateways, kubectl, tyk):
    doomed = stage.namespace("doomed")
    kubectl.apply([webhook(doomed, "pager"), oas_api(doomed, "orders", reference("pager"))])
    tyk.await_ready(doomed, "orders")
    kubectl.run("delete", "namespace", doomed, "--wait=false")
    stage.cluster.await_gone(f"/api/v1/namespaces/{doomed}")
    await_on_all(gateways, lambda one: one.apis(), {})


def test_an_api_may_be_deleted_and_created_anew_at_once(operator, gateways, kubectl, tyk, team):
    kubectl.apply(oas_api(team, "orders"))
    tyk.await_ready(team, "orders")
    kubectl.delete("apidefinition", "orders", team)
    kubectl.apply(oas_api(team, "orders", upstream="http://second.example/"))
    tyk.await_ready(team, "orders")
    await_on_all(gateways, upstream(team, "orders"), "http://second.example/")


def test_tyk_operators_old_finalizer_is_taken_off(operator, gateways, kubectl, tyk, team):
    api = oas_api(team, "orders")
    api["metadata"]["finalizers"] = ["finalizers.tyk.io/apidefinition"]
    kubectl.apply(api)
    tyk.await_ready(team, "orders")
    kubectl.delete("apidefinition", "orders", team)
    await_on_all(gateways, lambda one: one.apis(), {})


def test_a_definition_is_removed_once(operator, gateways, kubectl, tyk, team):
    kubectl.apply([oas_api(team, "a"), oas_api(team, "b")])
    tyk.await_ready(team, "a", "b")
    before = [gateway.counts() for gateway in gateways]
    kubectl.run("delete", "apidefinitions", "a", "b", "--namespace", team)
    eventually_equal(lambda: [gateway.apis() for gateway in gateways], [{}, {}])
    for gateway, count in zip(gateways, before):
        since = gateway.counts_since(count)
        assert since["deletes"] == 2 and since["posts"] == 0 and since["reloads"] <= 2, since
