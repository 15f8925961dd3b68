# SPDX-License-Identifier: Apache-2.0
"""The operator killed at any point, the API server restarted, history forgotten: nothing is lost, nothing done twice."""

import pytest

from harness.gateway import await_on_all
from harness.objects import classic_api, classic_handler, default_api_id, local, oas_api, reference, webhook
from harness.wait import eventually, eventually_equal, throughout_equal, until_stable

URL = "https://pager.example/hook"
NOTHING = {"posts": 0, "deletes": 0, "reloads": 0}


def urls(team: str, name: str = "orders"):
    return lambda gateway: [handler.get("url") for handler in gateway.handlers(default_api_id(team, name))]


def ids(team: str, name: str = "orders"):
    return lambda gateway: [handler.get("id") for handler in gateway.handlers(default_api_id(team, name))]


def populate(kubectl, tyk, team: str, count: int = 10) -> list[str]:
    """APIs of every sort, all settled: local, global, converted, missing, invalid."""
    names = [f"api-{number}" for number in range(count)]
    kubectl.apply([
        webhook(team, "pager"), webhook(team, "going", conversionPolicy="Retain"),
        *(oas_api(team, name, reference("pager"), local(trigger="AuthFailure")) for name in names),
        classic_api(team, "legacy", {"AuthFailure": [classic_handler("pager")]}),
        oas_api(team, "converted", reference("going")), oas_api(team, "missing", reference("nobody")),
        oas_api(team, "invalid", {**local(), "method": "post"})])
    tyk.await_ready(team, *names, "legacy", "converted")
    tyk.await_api(team, "missing", "ResolvedRefs", "False", "WebhookNotFound")
    tyk.await_api(team, "missing", "Programmed", "True")
    tyk.await_api(team, "invalid", "Stalled", "True", "InvalidSpec")
    kubectl.delete("webhook", "going", team)
    tyk.await_api(team, "converted", "ResolvedRefs", "True", "Converted")
    tyk.await_ready(team, "converted")
    eventually_equal(lambda: tyk.webhook(team, "pager")["status"].get("usedBy"),
                     {"apis": count + 1, "handlers": count + 1})
    return names


# --- everything settled ---

@pytest.mark.parametrize("how", ["kill", "stop"])
def test_a_restart_with_everything_settled_does_nothing(stage, operator, gateways, kubectl, tyk, team, how):
    populate(kubectl, tyk, team)
    versions = until_stable(tyk.versions)
    before = [gateway.counts() for gateway in gateways]
    mark = stage.cluster.audit_mark()
    operator.kill() if how == "kill" else operator.stop()
    operator.start()
    # Longer than each of its timers; the counters of gateways and API server see what comes and is undone, too.
    throughout_equal(tyk.versions, versions, 4, interval=0.2)
    assert [gateway.counts_since(count) for gateway, count in zip(gateways, before)] == [NOTHING, NOTHING]
    assert stage.cluster.writes(mark) == [], "a write that changes nothing is a write"


def test_after_such_a_restart_it_still_works(stage, operator, gateways, kubectl, tyk, team):
    names = populate(kubectl, tyk, team)
    versions = until_stable(tyk.versions)
    operator.restart()
    before = [gateway.counts() for gateway in gateways]
    kubectl.apply(webhook(team, "pager", "https://changed.example/"))
    for name in names:
        await_on_all(gateways, urls(team, name), ["https://local.example/hook", "https://changed.example/"])
    await_on_all(gateways, lambda one: [
        meta["target_path"] for meta in one.metas(default_api_id(team, "legacy"), "AuthFailure")],
        ["https://changed.example/"])
    tyk.await_ready(team, *names, "legacy")
    for gateway, count in zip(gateways, before):
        assert gateway.counts_since(count) == {"posts": len(names) + 1, "deletes": 0, "reloads": 1}
    for name in ("converted", "missing", "invalid"):
        key = f"ApiDefinition {team}/{name}"
        assert tyk.versions()[key] == versions[key]


# --- killed at a point ---

@pytest.mark.parametrize("posts", [1, 7, 19])
def test_killed_while_it_pushes(operator, gateways, kubectl, tyk, team, posts):
    names = [f"api-{number}" for number in range(20)]
    start = gateways[0].counts()["posts"]
    kubectl.apply([webhook(team, "pager"), *(oas_api(team, name, reference("pager")) for name in names)])
    eventually(lambda: gateways[0].counts()["posts"] - start >= posts, interval=0.002)
    operator.kill()
    operator.start()
    tyk.await_ready(team, *names)
    for name in names:
        await_on_all(gateways, urls(team, name), [URL])
        await_on_all(gateways, ids(team, name), ["pager"])


def test_killed_with_a_post_that_was_never_reloaded(stage, operator, gateways, kubectl, tyk, team):
    """What it posted before its death is on the gateway's disk, and invisible until a reload."""
    kubectl.apply(oas_api(team, "orders"))
    tyk.await_ready(team, "orders")
    for gateway in gateways:
        gateway.fault("hang", path="/tyk/reload")
    start = [gateway.counts()["posts"] for gateway in gateways]
    kubectl.apply(oas_api(team, "orders", upstream="http://second.example/"))
    eventually(lambda: all(gateway.counts()["posts"] > count for gateway, count in zip(gateways, start)))
    operator.kill()
    kubectl.apply(oas_api(team, "orders", upstream="http://third.example/"))
    for gateway in gateways:
        gateway.clear_faults()
    operator.start()
    tyk.await_ready(team, "orders")
    await_on_all(gateways, lambda one: one.oas(default_api_id(team, "orders"))["x-tyk-api-gateway"]["upstream"]["url"],
                 "http://third.example/")


def test_killed_after_the_copy_was_written_and_before_it_was_pushed(operator, gateways, kubectl, tyk, team):
    kubectl.apply(webhook(team, "pager"))
    tyk.await_webhook(team, "pager")
    for gateway in gateways:
        gateway.fault("hang")
    kubectl.apply(oas_api(team, "orders", reference("pager")))
    eventually(lambda: "pager" in tyk.copies(team, "orders"))
    operator.kill()
    for gateway in gateways:
        gateway.clear_faults()
    operator.start()
    tyk.await_ready(team, "orders")
    await_on_all(gateways, urls(team), [URL])


def test_a_copy_is_in_status_before_it_is_on_a_gateway(operator, gateways, kubectl, tyk, team):
    """Else a deletion of the global right after the push would have nothing to convert."""
    kubectl.apply(webhook(team, "pager"))
    tyk.await_webhook(team, "pager")
    kubectl.apply(oas_api(team, "orders", reference("pager")))

    def is_pushed() -> None:
        assert any(gateway.classic(default_api_id(team, "orders")) for gateway in gateways)

    eventually(is_pushed, interval=0.005)
    operator.kill()
    assert tyk.copies(team, "orders")["pager"]["copy"]["url"] == URL
    operator.start()
    tyk.await_ready(team, "orders")


def test_killed_during_the_grace_of_a_conversion(stage, gateways, kubectl, tyk, team):
    operator = stage.operator(*gateways, conversion_grace="5s")
    kubectl.apply([webhook(team, "pager", conversionPolicy="Retain"), oas_api(team, "orders", reference("pager"))])
    tyk.await_ready(team, "orders")
    kubectl.delete("webhook", "pager", team)
    operator.kill()
    operator.start()
    tyk.await_api(team, "orders", "ResolvedRefs", "True", "Converted", timeout=30)
    await_on_all(gateways, urls(team), [URL])
    await_on_all(gateways, ids(team), [None])


def test_killed_between_conversion_and_rewrite(stage, gateways, kubectl, tyk, team):
    operator = stage.operator(*gateways, rewrite_delay="6s")
    kubectl.apply([webhook(team, "pager", conversionPolicy="Rewrite"), oas_api(team, "orders", reference("pager"))])
    tyk.await_ready(team, "orders")
    kubectl.delete("webhook", "pager", team)
    tyk.await_api(team, "orders", "ResolvedRefs", "True", "Converted")
    operator.kill()
    spec = tyk.apidefinition(team, "orders")["spec"]["oas"]["x-tyk-api-gateway"]["server"]["eventHandlers"]
    assert spec[0]["id"] == "pager"
    operator.start()

    def is_rewritten() -> None:
        found = tyk.apidefinition(team, "orders")["spec"]["oas"]["x-tyk-api-gateway"]["server"]["eventHandlers"]
        assert "id" not in found[0] and found[0]["url"] == URL, found

    eventually(is_rewritten, timeout=30)
    await_on_all(gateways, urls(team), [URL])


@pytest.mark.parametrize("moment", ["hanging", "first gateway done"])
def test_killed_while_an_api_is_deleted(operator, gateways, kubectl, tyk, team, moment):
    kubectl.apply([oas_api(team, "orders"), oas_api(team, "stays")])
    tyk.await_ready(team, "orders", "stays")
    for gateway in gateways if moment == "hanging" else gateways[1:]:
        gateway.fault("hang")
    kubectl.delete("apidefinition", "orders", team, wait=False)
    if moment != "hanging":
        await_on_all(gateways[:1], lambda one: set(one.apis()), {default_api_id(team, "stays")})
    operator.kill()
    assert kubectl.find("apidefinition", "orders", team) is not None
    for gateway in gateways:
        gateway.clear_faults()
    operator.start()

    def is_gone() -> None:
        assert kubectl.find("apidefinition", "orders", team) is None

    eventually(is_gone, 30)
    await_on_all(gateways, lambda one: set(one.apis()), {default_api_id(team, "stays")})


def test_killed_again_and_again(operator, gateways, kubectl, tyk, team):
    """Every life is cut short somewhere else; in the end all is as if nothing had happened."""
    names = [f"api-{number}" for number in range(12)]
    kubectl.apply(webhook(team, "pager", conversionPolicy="Retain"))
    for round in range(8):
        kubectl.apply([oas_api(team, name, reference("pager"), upstream=f"http://round-{round}.example/")
                       for name in names])
        reached = gateways[0].counts()["posts"] + round  # another number of posts each time
        operator.kill()
        operator.start(await_ready=False)
        try:
            eventually(lambda: gateways[0].counts()["posts"] > reached, timeout=3, interval=0.002)
        except AssertionError:
            pass  # it was done before; then it dies idle
    kubectl.delete("webhook", "pager", team)
    operator.kill()
    operator.start()
    for name in names:
        tyk.await_api(team, name, "ResolvedRefs", "True", "Converted")
    tyk.await_ready(team, *names)
    for name in names:
        await_on_all(gateways, urls(team, name), [URL])
        await_on_all(gateways, ids(team, name), [None])
        await_on_all(gateways, lambda one: one.oas(default_api_id(team, name))["x-tyk-api-gateway"]["upstream"]["url"],
                     "http://round-7.example/")


def test_it_ends_in_order_on_sigterm(operator, gateways, kubectl, tyk, team):
    kubectl.apply(oas_api(team, "orders"))
    tyk.await_ready(team, "orders")
    operator.stop()  # raises unless it ends with 0
    assert gateways[0].oas(default_api_id(team, "orders")) is not None, "its gateways lost what it had put there"


def test_it_ends_in_order_while_a_gateway_hangs(operator, gateways, kubectl, team):
    gateways[0].fault("hang")
    kubectl.apply(oas_api(team, "orders"))
    await_on_all(gateways[1:], lambda one: set(one.apis()), {default_api_id(team, "orders")})
    operator.stop()


def test_once_converges_and_ends(stage, gateways, kubectl, tyk, team):
    kubectl.apply([webhook(team, "pager"), oas_api(team, "orders", reference("pager"))])
    operator = stage.operator(*gateways, start=False, once=True)
    operator.start(await_ready=False)
    assert operator.process.await_exit(60) == 0
    tyk.await_ready(team, "orders", timeout=1)
    await_on_all(gateways, urls(team), [URL], timeout=1)


def test_once_says_when_it_did_not_converge(stage, gateways, kubectl, tyk, team):
    kubectl.apply([oas_api(team, "orders", {**local(), "method": "post"}), oas_api(team, "good")])
    operator = stage.operator(*gateways, start=False, once=True)
    operator.start(await_ready=False)
    assert operator.process.await_exit(60) == 1
    tyk.await_ready(team, "good", timeout=1)


def test_once_does_not_end_well_where_what_has_to_go_may_still_stand(stage, operator, gateways, kubectl, tyk, team):
    kubectl.apply(oas_api(team, "orders"))
    tyk.await_ready(team, "orders")
    operator.kill()
    gateways[1].kill()
    kubectl.delete("apidefinition", "orders", team, wait=False)
    once = stage.operator(*gateways, start=False, once=True)
    once.start(await_ready=False)
    assert once.process.await_exit(60) == 1
    assert any(entry["msg"] == "not gone yet" and entry["name"] == "orders" for entry in once.log_entries())
    # Nobody waits for that gateway any more: the object goes, what stands there does not.
    once = stage.operator(*gateways, start=False, once=True, finalizer_timeout="0s")
    once.start(await_ready=False)
    assert once.process.await_exit(60) == 1
    eventually_equal(lambda: kubectl.find("apidefinition", "orders", team), None)
    assert f"not converged: what has to go may still stand on a gateway: {gateways[1].url}: " in once.log()


# --- the API server ---

@pytest.mark.parametrize("how", ["restarted", "restarted after compaction"])
def test_it_goes_on_after_the_api_server_was(stage, operator, gateways, kubectl, tyk, team, how):
    names = populate(kubectl, tyk, team, 3)
    versions = until_stable(tyk.versions)
    before = [gateway.counts() for gateway in gateways]
    if how != "restarted":
        stage.cluster.compact()
    stage.cluster.restart_apiserver()
    kubectl.apply(webhook(team, "pager", "https://changed.example/"))
    for name in names:
        await_on_all(gateways, urls(team, name), ["https://local.example/hook", "https://changed.example/"], timeout=60)
    tyk.await_ready(team, *names, "legacy")
    for gateway, count in zip(gateways, before):
        since = gateway.counts_since(count)
        assert since["posts"] == len(names) + 1 and since["deletes"] == 0, since
    assert tyk.versions()[f"ApiDefinition {team}/converted"] == versions[f"ApiDefinition {team}/converted"]


def test_what_happened_while_it_could_not_see_is_seen(stage, operator, gateways, kubectl, tyk, team):
    """It is stopped while history passes by and is forgotten: 410 on its watches, and a list that lacks objects."""
    kubectl.apply([webhook(team, "kept"), webhook(team, "going", conversionPolicy="Retain"),
                   oas_api(team, "a", reference("kept")), oas_api(team, "b", reference("going")), oas_api(team, "c")])
    tyk.await_ready(team, "a", "b", "c")
    operator.process.pause()
    kubectl.delete("webhook", "going", team)
    kubectl.apply([webhook(team, "kept", "https://changed.example/"), oas_api(team, "d", local())])
    kubectl.delete("apidefinition", "c", team, wait=False)
    stage.cluster.compact()
    stage.cluster.restart_apiserver()
    operator.process.resume()
    await_on_all(gateways, urls(team, "a"), ["https://changed.example/"], timeout=60)
    await_on_all(gateways, urls(team, "b"), [URL], timeout=60)
    tyk.await_api(team, "b", "ResolvedRefs", "True", "Converted")
    tyk.await_ready(team, "a", "b", "d")
    await_on_all(gateways, lambda one: set(one.apis()), {default_api_id(team, name) for name in "abd"})


def test_gateways_keep_what_they_have_while_the_api_server_is_away(stage, operator, gateways, kubectl, tyk, team):
    kubectl.apply([webhook(team, "pager"), oas_api(team, "orders", reference("pager"))])
    tyk.await_ready(team, "orders")
    before = [gateway.counts() for gateway in gateways]
    stage.cluster.kill_apiserver()
    try:
        throughout_equal(lambda: [gateway.counts_since(count) for gateway, count in zip(gateways, before)],
                         [NOTHING, NOTHING], 4, interval=0.2)
        assert operator.is_running()
        operator.fetch("/healthz")
    finally:
        stage.cluster.start_apiserver()
    kubectl.apply(webhook(team, "pager", "https://changed.example/"))
    await_on_all(gateways, urls(team), ["https://changed.example/"], timeout=60)


def test_started_before_the_api_server(stage, gateways, kubectl, tyk, team):
    kubectl.apply(oas_api(team, "orders"))
    operator = stage.operator(*gateways, start=False)
    stage.cluster.kill_apiserver()
    try:
        operator.start(await_ready=False)
        eventually(lambda: operator.fetch("/healthz"))
        with pytest.raises(OSError):
            operator.fetch("/readyz")
    finally:
        stage.cluster.start_apiserver()
    operator.await_ready(60)
    tyk.await_ready(team, "orders")
