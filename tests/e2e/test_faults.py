# SPDX-License-Identifier: Apache-2.0
"""The way to the API server breaks at every kind of place; tokens and authorities are replaced; etcd stands still."""

import json
import secrets
import shutil
from pathlib import Path

import pytest

from harness.api import Api, ApiError
from harness.cluster import SERVER
from harness.cutter import Authority, Cutter, wait_for_cut
from harness.gateway import await_on_all
from harness.objects import default_api_id, oas_api, reference, webhook
from harness.wait import NotYet, eventually, throughout_equal

NAME = "apidefinitions/orders"
STATUS = f"{NAME}/status"


def kubeconfig(path: Path, server: str, ca_file: Path, namespace: str, **user: str) -> Path:
    path.write_text(json.dumps({
        "apiVersion": "v1", "kind": "Config", "current-context": "test",
        "clusters": [{"name": "test", "cluster": {"server": server, "certificate-authority": str(ca_file)}}],
        "users": [{"name": "operator", "user": user}],
        "contexts": [{"name": "test", "context": {"cluster": "test", "user": "operator", "namespace": namespace}}]}))
    return path


def new_token(stage, namespace: str, secret: str | None = None) -> str:
    """A token of the operator's account; with a Secret's name, one that ends with that Secret."""
    spec: dict = {"expirationSeconds": 3600}
    if secret:
        found = stage.cluster.api.post(f"/api/v1/namespaces/{namespace}/secrets", {
            "apiVersion": "v1", "kind": "Secret", "metadata": {"name": secret, "namespace": namespace}})
        spec["boundObjectRef"] = {"apiVersion": "v1", "kind": "Secret", "name": secret, "uid": found["metadata"]["uid"]}
    answer = stage.cluster.api.post(f"/api/v1/namespaces/{namespace}/serviceaccounts/grapnel/token", {
        "apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": spec})
    return answer["status"]["token"]


def replace(path: Path, text: str) -> None:
    """As kubelet does: under another name, then renamed."""
    new = path.with_suffix(".new")
    new.write_text(text)
    new.rename(path)


@pytest.fixture
def way(stage):
    """The proxy, not yet used by anyone."""
    with Cutter(Authority.make(stage.directory, "first"), stage.cluster.ca_file) as cutter:
        yield cutter


@pytest.fixture
def far_operator(stage, gateways, way):
    """An operator that reaches the API server through the proxy alone."""
    operator = stage.operator(*gateways, start=False)
    namespace = operator.system_namespace
    operator.set_flags(kubeconfig=kubeconfig(stage.directory / "far.kubeconfig", way.url, way.authority.certificate,
                                             namespace, token=new_token(stage, namespace)))
    operator.start()
    return operator


def urls(team: str, name: str = "orders"):
    return lambda gateway: [handler.get("url") for handler in gateway.handlers(default_api_id(team, name))]


def settle(kubectl, tyk, gateways, team: str) -> None:
    kubectl.apply([webhook(team, "pager"), oas_api(team, "orders", reference("pager"))])
    tyk.await_ready(team, "orders")
    await_on_all(gateways, urls(team), ["https://pager.example/hook"])


def change_and_see(kubectl, tyk, gateways, team: str, url: str, timeout: float = 30) -> None:
    kubectl.apply(webhook(team, "pager", url))
    await_on_all(gateways, urls(team), [url], timeout=timeout)
    eventually(lambda: _expect_copy(tyk, team, url), timeout=timeout)
    tyk.await_ready(team, "orders", timeout=timeout)


def _expect_copy(tyk, team: str, url: str) -> None:
    assert tyk.copies(team, "orders")["pager"]["copy"]["url"] == url


# --- the way breaks ---

@pytest.mark.parametrize("place", ["before the request", "in the request", "before the head", "in the head", "in the body"])
def test_a_write_that_breaks_off_is_made_once(stage, far_operator, way, gateways, kubectl, tyk, team, place):
    """Behind the request it has been applied, and nobody was told: the same again would be a conflict, or a second write."""
    settle(kubectl, tyk, gateways, team)
    mark = stage.cluster.audit_mark()
    cut = way.cut(place, "PATCH", STATUS)
    change_and_see(kubectl, tyk, gateways, team, "https://changed.example/")
    wait_for_cut(cut)
    taken = [one for one in stage.cluster.writes(mark) if one.name == "orders" and one.user.endswith(":grapnel")
             and one.code == 200]
    texts = [f"{one.verb} {one.subresource}" for one in taken]
    # The copy before the push, and that it arrived; one more where progress was told in between.
    assert 1 <= len(texts) <= 3 and set(texts) == {"patch status"}, texts
    assert [gateway.oas(default_api_id(team, "orders")) is not None for gateway in gateways] == [True, True]


@pytest.mark.parametrize("place", ["before the head", "in the head", "in the body"])
def test_a_list_that_breaks_off_is_read_again(stage, way, gateways, kubectl, tyk, team, place):
    kubectl.apply([webhook(team, "pager"), oas_api(team, "orders", reference("pager"))])
    cuts = [way.cut(place, "GET", rf"/{plural}\?limit") for plural in ("apidefinitions", "webhooks", "namespaces")]
    operator = stage.operator(*gateways, start=False)
    operator.set_flags(kubeconfig=kubeconfig(
        stage.directory / "far.kubeconfig", way.url, way.authority.certificate, operator.system_namespace,
        token=new_token(stage, operator.system_namespace)))
    operator.start()
    for cut in cuts:
        wait_for_cut(cut)
    tyk.await_ready(team, "orders")
    await_on_all(gateways, urls(team), ["https://pager.example/hook"])


def test_a_watch_that_breaks_off_in_an_event_loses_nothing(far_operator, way, gateways, kubectl, tyk, team):
    settle(kubectl, tyk, gateways, team)
    for round in range(3):
        # What stands is cut at its next event: the rule is looked up when a request begins, so they begin anew.
        cut = way.cut("in an event", "GET", r"/webhooks\?.*watch=")
        way.drop_all()
        change_and_see(kubectl, tyk, gateways, team, f"https://round-{round}.example/")
        wait_for_cut(cut)


def test_a_deletion_that_breaks_off_is_seen(far_operator, way, gateways, kubectl, tyk, team):
    settle(kubectl, tyk, gateways, team)
    cut = way.cut("before the head", "PATCH", NAME + r"(\?|$)")  # the finalizer's removal: applied, and not answered
    kubectl.delete("apidefinition", "orders", team, wait=False)
    wait_for_cut(cut)
    eventually(lambda: kubectl.find("apidefinition", "orders", team) is None)
    await_on_all(gateways, lambda one: set(one.apis()), set())


def test_silence_in_an_answer_ends(far_operator, way, gateways, kubectl, tyk, team):
    """The connection stands and nothing comes: after half a minute it is given up, and the write is made again."""
    settle(kubectl, tyk, gateways, team)
    cut = way.cut("silence", "PATCH", STATUS)
    change_and_see(kubectl, tyk, gateways, team, "https://changed.example/", timeout=50)
    wait_for_cut(cut)


@pytest.mark.parametrize("seed", [1, 2])
def test_a_way_that_always_breaks_is_used_all_the_same(far_operator, way, gateways, kubectl, tyk, team, seed):
    settle(kubectl, tyk, gateways, team)
    way.storm(seed)
    for round in range(6):
        kubectl.apply([webhook(team, "pager", f"https://round-{round}.example/"),
                       *(oas_api(team, f"api-{round}-{number}", reference("pager")) for number in range(4))])
    kubectl.delete("apidefinition", "api-0-0", team, wait=False)
    eventually(lambda: way.storm_cuts > 20)
    way.storm(None)
    way.drop_all()
    names = [f"api-{round}-{number}" for round in range(6) for number in range(4)][1:]
    tyk.await_ready(team, "orders", *names, timeout=60)
    want = {default_api_id(team, name) for name in ("orders", *names)}
    await_on_all(gateways, lambda one: set(one.apis()), want)
    for name in ("orders", *names):
        await_on_all(gateways, urls(team, name), ["https://round-5.example/"])
    eventually(lambda: kubectl.find("apidefinition", "api-0-0", team) is None)


# --- what it shows and what it trusts is replaced ---

def test_a_token_that_was_replaced_is_used(stage, gateways, kubectl, tyk, team):
    operator = stage.operator(*gateways, start=False)
    namespace = operator.system_namespace
    first = new_token(stage, namespace, "first-" + secrets.token_hex(3))
    name = "second-" + secrets.token_hex(3)
    second = new_token(stage, namespace, name)
    token_file = stage.directory / "token"
    token_file.write_text(second)
    operator.set_flags(kubeconfig=kubeconfig(stage.directory / "token.kubeconfig", SERVER, stage.cluster.ca_file,
                                             namespace, tokenFile=str(token_file)))
    operator.start()
    settle(kubectl, tyk, gateways, team)
    replace(token_file, first)
    stage.cluster.api.delete(f"/api/v1/namespaces/{namespace}/secrets/{name}")
    old = Api(SERVER, second, stage.cluster.ca_file)

    def is_refused() -> None:
        """The server remembers for some seconds that it was good."""
        try:
            old.get("/api/v1/namespaces")
        except ApiError as error:
            assert error.code == 401
            return
        raise NotYet("the old token is still taken")

    eventually(is_refused, 30)
    change_and_see(kubectl, tyk, gateways, team, "https://changed.example/")
    assert first not in operator.log() and second not in operator.log()


def test_an_authority_that_was_replaced_is_trusted(stage, gateways, way, kubectl, tyk, team):
    ca_file = stage.directory / "ca.crt"
    shutil.copy(way.authority.certificate, ca_file)
    operator = stage.operator(*gateways, start=False)
    namespace = operator.system_namespace
    operator.set_flags(kubeconfig=kubeconfig(stage.directory / "ca.kubeconfig", way.url, ca_file, namespace,
                                             token=new_token(stage, namespace)))
    operator.start()
    settle(kubectl, tyk, gateways, team)
    second = Authority.make(stage.directory, "second")
    # Before the file says so, the new one is nobody's: nothing is asked of it, and nothing is told to it.
    before = len(way.requests)
    way.replace(second)
    kubectl.apply(webhook(team, "pager", "https://unseen.example/"))
    throughout_equal(lambda: len(way.requests), before, 2)
    replace(ca_file, second.certificate.read_text())
    change_and_see(kubectl, tyk, gateways, team, "https://changed.example/")
    assert len(way.requests) > before


# --- etcd ---

def test_etcd_stands_still_for_a_while(stage, operator, gateways, kubectl, tyk, team):
    settle(kubectl, tyk, gateways, team)
    before = [gateway.counts() for gateway in gateways]
    nothing = {"posts": 0, "deletes": 0, "reloads": 0}
    stage.cluster.etcd.pause()
    try:
        throughout_equal(lambda: [gateway.counts_since(count) for gateway, count in zip(gateways, before)],
                         [nothing, nothing], 8, interval=0.2)
        assert operator.is_running()
        operator.fetch("/healthz")
    finally:
        stage.cluster.etcd.resume()
    eventually(lambda: stage.cluster.api.text("/readyz"), 60)
    change_and_see(kubectl, tyk, gateways, team, "https://changed.example/", timeout=60)


def test_etcd_is_killed_and_started(stage, operator, gateways, kubectl, tyk, team):
    settle(kubectl, tyk, gateways, team)
    stage.cluster.restart_etcd()
    change_and_see(kubectl, tyk, gateways, team, "https://changed.example/", timeout=60)
