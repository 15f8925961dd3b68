# SPDX-License-Identifier: Apache-2.0
"""The tools that apply and wait: kubectl wait, helm --wait (kstatus), Argo CD's health, and a manager that owns the whole spec."""

import itertools
import json
import shutil
import sys
import threading
from pathlib import Path

import pytest

from harness.gateway import await_on_all
from harness.kubectl import KubectlError
from harness.objects import condition, default_api_id, oas_api, reference, webhook
from harness.wait import eventually, throughout_equal, until_stable

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "charts"))
from argocd_health import health  # noqa: E402

URL = "https://pager.example/hook"
TRACKED = {"argocd.argoproj.io/tracking-id": "apps:tyk.tyk.io/ApiDefinition:team/orders"}
CONVERTED = "grapnel.dev/converted-webhooks"


def upstreams(gateways, team: str) -> list[str | None]:
    """What each gateway holds at this moment."""
    documents = [gateway.oas(default_api_id(team, "orders")) for gateway in gateways]
    return [document and document["x-tyk-api-gateway"]["upstream"]["url"] for document in documents]


# --- kubectl wait ---

def test_kubectl_wait_ends_when_every_gateway_holds_this_version(operator, gateways, kubectl, team):
    for upstream in ("http://first.example/", "http://second.example/"):
        kubectl.apply([oas_api(team, "orders", reference("pager"), upstream=upstream), webhook(team, "pager")])
        kubectl.wait("condition=Ready", "tykapis", "orders", team)
        assert upstreams(gateways, team) == [upstream] * 2


def test_kubectl_wait_does_not_end_while_something_is_missing(operator, kubectl, tyk, team):
    kubectl.apply(oas_api(team, "orders", reference("pager")))
    tyk.await_api(team, "orders", "Ready", "False", "WebhookNotFound")
    with pytest.raises(KubectlError, match="timed out"):
        kubectl.wait("condition=Ready", "tykapis", "orders", team, timeout=1)
    kubectl.apply(webhook(team, "pager"))
    kubectl.wait("condition=Ready", "tykapis", "orders", team)


# --- helm ---

@pytest.fixture
def chart(tmp_path) -> Path:
    """A team's own: an API and its webhook."""
    folder = tmp_path / "shop"
    (folder / "templates").mkdir(parents=True)
    (folder / "Chart.yaml").write_text("apiVersion: v2\nname: shop\nversion: 1.0.0\n")
    (folder / "values.yaml").write_text("upstream: http://first.example/\nlistenPath: /orders/\n")
    api = oas_api("NS", "orders", reference("pager"), upstream="UPSTREAM", listen_path="PATH")
    hook = webhook("NS", "pager")
    text = "\n---\n".join(json.dumps(one) for one in (api, hook))
    for word, value in (("NS", "Release.Namespace"), ("UPSTREAM", "Values.upstream"), ("PATH", "Values.listenPath")):
        text = text.replace(f'"{word}"', f"{{{{ .{value} | quote }}}}")
    (folder / "templates" / "objects.yaml").write_text(text)
    return folder


def test_helm_waits_until_every_gateway_holds_it(operator, gateways, helm, team, chart):
    waiting = ("--wait", "--timeout", "60s")
    helm("install", "shop", chart, *waiting, namespace=team)
    assert upstreams(gateways, team) == ["http://first.example/"] * 2
    helm("upgrade", "shop", chart, *waiting, "--set", "upstream=http://second.example/", namespace=team)
    assert upstreams(gateways, team) == ["http://second.example/"] * 2
    helm("rollback", "shop", "1", *waiting, namespace=team)
    assert upstreams(gateways, team) == ["http://first.example/"] * 2
    helm("uninstall", "shop", *waiting, namespace=team)
    assert upstreams(gateways, team) == [None] * 2


def test_helm_does_not_take_for_done_what_nobody_has_looked_at(stage, helm, team, chart):
    """Without an operator: what has no conditions yet is not ready, by the schema's default for the status."""
    with pytest.raises(AssertionError, match="not ready|InProgress|deadline exceeded"):
        helm("install", "shop", chart, "--wait", "--timeout", "3s", namespace=team)


def test_helm_fails_on_what_the_user_must_edit(operator, gateways, helm, team, chart):
    helm("install", "shop", chart, "--wait", "--timeout", "60s", namespace=team)
    with pytest.raises(AssertionError, match="(?i)stalled|failed|listen ?path|deadline exceeded"):
        helm("upgrade", "shop", chart, "--wait", "--timeout", "10s", "--set", "listenPath=orders", namespace=team)
    # The last good one stays.
    assert upstreams(gateways, team) == ["http://first.example/"] * 2


# --- Argo CD ---

def test_argo_cd_sees_the_health_of_every_state(stage, gateways, kubectl, tyk, team):
    """health.lua on what the API server really returns."""
    lua = shutil.which("lua5.1")
    if not lua:
        pytest.skip("no lua5.1")

    def await_health(kind: str, name: str, want: str, word: str = "") -> None:
        def is_so() -> None:
            status, message = health(lua, tyk.read(kind, team, name))
            assert status == want and word in message, f"want {want} {word}, have {status}: {message}"

        eventually(is_so)

    kubectl.apply(oas_api(team, "orders", reference("pager"), annotations=TRACKED))
    await_health("ApiDefinition", "orders", "Progressing", "look at")
    operator = stage.operator(*gateways)
    await_health("ApiDefinition", "orders", "Progressing", "pager")
    kubectl.apply(webhook(team, "pager"))
    await_health("ApiDefinition", "orders", "Healthy")
    await_health("Webhook", "pager", "Healthy")

    kubectl.patch("webhook.tyk.tyk.io", "pager", {"spec": {"suspend": True}}, team)
    await_health("Webhook", "pager", "Suspended")
    await_health("ApiDefinition", "orders", "Healthy")
    kubectl.patch("webhook.tyk.tyk.io", "pager", {"spec": {"suspend": False}}, team)
    await_health("Webhook", "pager", "Healthy")

    gateways[0].kill()
    kubectl.apply(oas_api(team, "orders", reference("pager"), annotations=TRACKED, upstream="http://second.example/"))
    await_health("ApiDefinition", "orders", "Progressing")
    gateways[0].restart()
    await_health("ApiDefinition", "orders", "Healthy")

    kubectl.apply(oas_api(team, "second", listen_path="/orders/"))
    await_health("ApiDefinition", "second", "Degraded", "/orders/")

    kubectl.delete("webhook.tyk.tyk.io", "pager", team)
    await_health("ApiDefinition", "orders", "Healthy", "local")
    assert operator.is_running()


# --- another manager ---

class Watcher:
    """All versions of an object from now on."""

    def __init__(self, tyk, team: str, name: str):
        path = tyk.path("ApiDefinition", team)
        version = tyk.apidefinition(team, name)["metadata"]["resourceVersion"]
        self.seen: list[dict] = []
        self.tyk, self.path, self.query = tyk, path, {"fieldSelector": f"metadata.name={name}", "resourceVersion": version}
        threading.Thread(target=self._work, daemon=True).start()

    def _work(self) -> None:
        try:
            for event in self.tyk.api.watch(self.path, 120, **self.query):
                self.seen.append(event["object"])
        except OSError:
            pass


class Manager:
    """A GitOps tool with one object in Git, which it applies over and over."""

    def __init__(self, kubectl, thing: dict):
        self.kubectl = kubectl
        self.thing = thing
        self.times = 0
        self.ended = threading.Event()
        self.thread = threading.Thread(target=self._work)

    def apply(self) -> None:
        self.kubectl.apply(self.thing, None, "--server-side", "--force-conflicts", "--field-manager=argocd-controller")
        self.times += 1

    def _work(self) -> None:
        while not self.ended.wait(0.1):
            self.apply()

    def await_turns(self, count: int) -> None:
        wanted = self.times + count
        eventually(lambda: self.times >= wanted, 60)

    def __enter__(self) -> "Manager":
        self.apply()
        self.thread.start()
        return self

    def __exit__(self, *_) -> None:
        self.ended.set()
        self.thread.join()


def handler(thing: dict) -> dict:
    return thing["spec"]["oas"]["x-tyk-api-gateway"]["server"]["eventHandlers"][0]


def is_ready(thing: dict) -> bool:
    return condition(thing, "Ready").get("status") == "True"


def test_a_manager_of_the_whole_spec_and_the_operator_do_not_fight(stage, cluster, operator, gateways, kubectl, tyk, team):
    git = oas_api(team, "orders", reference("pager"), annotations=TRACKED)
    kubectl.apply(webhook(team, "pager"))
    with Manager(kubectl, git) as manager:
        tyk.await_ready(team, "orders")
        until_stable(tyk.versions)
        watcher = Watcher(tyk, team, "orders")

        mark, counts = cluster.audit_mark(), [gateway.counts() for gateway in gateways]
        manager.await_turns(10)
        assert watcher.seen == [], "there was a write though nothing had changed"
        assert cluster.writes(mark) == []
        assert all(gateway.counts_since(before)["posts"] == 0 for gateway, before in zip(gateways, counts))

        # Conversion: status and annotation, beside the manager's applying.
        kubectl.delete("webhook.tyk.tyk.io", "pager", team)
        tyk.await_api(team, "orders", "ResolvedRefs", "True", "Converted")
        eventually(lambda: CONVERTED in tyk.apidefinition(team, "orders")["metadata"]["annotations"])
        await_on_all(gateways, lambda one: [item.get("url") for item in one.handlers(default_api_id(team, "orders"))], [URL])
        manager.await_turns(10)
        until_stable(tyk.versions)
        seen = len(watcher.seen)
        manager.await_turns(10)
        assert len(watcher.seen) == seen, "it does not come to rest"
        assert CONVERTED in tyk.apidefinition(team, "orders")["metadata"]["annotations"]

        # And back.
        kubectl.apply(webhook(team, "pager"))
        tyk.await_api(team, "orders", "ResolvedRefs", "True", "Resolved")
        eventually(lambda: CONVERTED not in tyk.apidefinition(team, "orders")["metadata"]["annotations"])
        manager.await_turns(5)

    assert {thing["metadata"]["generation"] for thing in watcher.seen} == {1}
    # Two changes of what the gateways are to hold, the conversion and the return: not ready until they have it, and no oftener.
    falls = [thing for before, thing in itertools.pairwise(watcher.seen) if is_ready(before) and not is_ready(thing)]
    assert len(falls) <= 2, "Ready flapped"
    assert not any(condition(thing, "Stalled") for thing in watcher.seen)
    managers = tyk.apidefinition(team, "orders")["metadata"]["managedFields"]
    ours = [one for one in managers if one["manager"] not in ("argocd-controller", "kubectl")]
    assert ours and all("f:spec" not in one["fieldsV1"] for one in ours)


def test_a_rewrite_that_a_manager_undoes_is_not_done_again(cluster, operator, gateways, kubectl, tyk, team):
    """The wrong policy for an object that is in Git: even so nobody loses a webhook, and it comes to rest."""
    git = oas_api(team, "orders", reference("pager"))
    kubectl.apply(webhook(team, "pager", conversionPolicy="Rewrite"))
    with Manager(kubectl, git) as manager:
        tyk.await_ready(team, "orders")
        until_stable(tyk.versions)
        watcher = Watcher(tyk, team, "orders")
        kubectl.delete("webhook.tyk.tyk.io", "pager", team)
        eventually(lambda: any("id" not in handler(thing) for thing in watcher.seen), 30)
        manager.await_turns(5)
        until_stable(tyk.versions)
        seen = len(watcher.seen)
        manager.await_turns(20)
        assert len(watcher.seen) == seen, "a fight"
    assert handler(tyk.apidefinition(team, "orders"))["id"] == "pager", "the manager's spec is what stays"
    generations = sorted({thing["metadata"]["generation"] for thing in watcher.seen})
    assert generations == [1, 2, 3], "once to the local handler, once back"
    tyk.await_api(team, "orders", "ResolvedRefs", "True", "Converted")
    throughout_equal(lambda: [[item.get("url") for item in one.handlers(default_api_id(team, "orders"))] for one in gateways],
                     [[URL], [URL]], 1)
