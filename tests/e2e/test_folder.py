# SPDX-License-Identifier: Apache-2.0
"""The folder source: the same manifests and the same outcome, without a cluster."""

import subprocess
from pathlib import Path

import pytest
import yaml

from harness.gateway import await_on_all
from harness.kubectl import to_manifest
from harness.objects import condition, default_api_id, local, oas_api, reference, secret, webhook
from harness.operator import FolderOperator
from harness.wait import eventually, eventually_equal, throughout_equal, until_stable

MANIFESTS = Path(__file__).parent / "manifests"
URL = "https://pager.example/hook"
TEAM = "team"


@pytest.fixture
def gateways(folder_stage):
    return [folder_stage.gateway(), folder_stage.gateway()]


@pytest.fixture
def operator(folder_stage, gateways):
    operator = FolderOperator(folder_stage.find_binary("grapnel"), folder_stage.directory,
                              gateway_url=[gateway.url for gateway in gateways],
                              gateway_secret_file=folder_stage.secret_file)
    folder_stage.operators.append(operator)
    return operator


def urls(name: str = "orders"):
    return lambda gateway: [handler.get("url") for handler in gateway.handlers(default_api_id(TEAM, name))]


def ids(name: str = "orders"):
    return lambda gateway: [handler.get("id") for handler in gateway.handlers(default_api_id(TEAM, name))]


def status(operator, kind: str, name: str) -> dict:
    found = yaml.safe_load(operator.status(kind, TEAM, name))
    return found if "status" in found else {"status": found}


def await_ready(operator, *names: str) -> None:
    for name in names:
        eventually_equal(lambda: condition(status(operator, "ApiDefinition", name), "Ready").get("reason"), "Synced")


def test_the_documents_manifests(operator, gateways):
    names = ["oas-local-webhook", "classic-webhook", "classic-log", "tyk-operator"]
    for name in names:
        operator.write(f"{name}.yaml", (MANIFESTS / f"{name}.yaml").read_text())
    operator.start()
    want = {default_api_id("default", yaml.safe_load((MANIFESTS / f"{name}.yaml").read_text())["metadata"]["name"])
            for name in names}
    await_on_all(gateways, lambda one: set(one.apis()), want)


def test_files_are_followed(operator, gateways):
    operator.write("hook.yaml", to_manifest(webhook(TEAM, "pager")))
    operator.write("api.yaml", to_manifest(oas_api(TEAM, "orders", reference("pager"))))
    operator.start()
    await_ready(operator, "orders")
    await_on_all(gateways, urls(), [URL])
    operator.write("hook.yaml", to_manifest(webhook(TEAM, "pager", "https://changed.example/")))
    await_on_all(gateways, urls(), ["https://changed.example/"])
    operator.write("second.json", to_manifest([oas_api(TEAM, "second", local())]))
    await_on_all(gateways, urls("second"), ["https://local.example/hook"])
    operator.remove("second.json")
    await_on_all(gateways, lambda one: set(one.apis()), {default_api_id(TEAM, "orders")})


@pytest.mark.parametrize("when", ["while it runs", "while it is down"])
def test_a_removed_webhook_is_converted(operator, gateways, when):
    operator.write("hook.yaml", to_manifest(webhook(TEAM, "pager")))
    operator.write("api.yaml", to_manifest(oas_api(TEAM, "orders", reference("pager"))))
    operator.start()
    await_ready(operator, "orders")
    if when == "while it is down":
        operator.kill()
    operator.remove("hook.yaml")
    if when == "while it is down":
        operator.start()
    await_on_all(gateways, ids(), [None])
    await_on_all(gateways, urls(), [URL])
    eventually_equal(lambda: condition(status(operator, "ApiDefinition", "orders"), "ResolvedRefs").get("reason"),
                     "Converted")
    operator.restart()
    throughout_equal(lambda: (urls()(gateways[0]), ids()(gateways[0])), ([URL], [None]), 3)
    operator.write("hook.yaml", to_manifest(webhook(TEAM, "pager", "https://again.example/")))
    await_on_all(gateways, urls(), ["https://again.example/"])
    await_on_all(gateways, ids(), ["pager"])


def once(folder_stage, folder, state, *gateways):
    """A run that ends when all is done; returns its exit code and what it logged."""
    operator = FolderOperator(folder_stage.find_binary("grapnel"), folder_stage.directory, "once", folder=folder, state=state,
                              gateway_url=[gateway.url for gateway in gateways],
                              gateway_secret_file=folder_stage.secret_file, once=True)
    operator.start(await_ready=False)
    return operator.process.await_exit(60), operator.log()


def test_runs_with_once_alone_convert_too(folder_stage, operator, gateways):
    operator.write("hook.yaml", to_manifest(webhook(TEAM, "pager")))
    operator.write("api.yaml", to_manifest(oas_api(TEAM, "orders", reference("pager"))))
    assert once(folder_stage, operator.folder, operator.state, *gateways)[0] == 0
    operator.remove("hook.yaml")
    assert once(folder_stage, operator.folder, operator.state, *gateways)[0] == 0
    assert condition(status(operator, "ApiDefinition", "orders"), "ResolvedRefs")["reason"] == "Converted"
    await_on_all(gateways, ids(), [None], timeout=1)
    await_on_all(gateways, urls(), [URL], timeout=1)


def test_once_waits_for_a_missing_webhook_and_goes_live_without(folder_stage, operator, gateways):
    operator.write("api.yaml", to_manifest(oas_api(TEAM, "orders", reference("nobody"))))
    code, log = once(folder_stage, operator.folder, operator.state, *gateways)
    assert code == 1 and '"msg":"not in place"' in log and "WebhookNotFound" in log
    await_on_all(gateways, lambda one: set(one.apis()), {default_api_id(TEAM, "orders")}, timeout=1)


def test_once_without_gateways_says_so(folder_stage, operator):
    operator.write("api.yaml", to_manifest(oas_api(TEAM, "orders", local())))
    code, log = once(folder_stage, operator.folder, operator.state)
    assert code == 1 and "NoGateways" in log


def test_once_writes_the_status_of_what_waits(folder_stage, operator):
    operator.write("all.yaml", to_manifest([
        {"apiVersion": "tyk.tyk.io/v1alpha1", "kind": "OperatorContext", "metadata": {"name": "edge", "namespace": TEAM},
         "spec": {"urls": ["http://127.0.0.1:1"], "secretRef": {"name": "nobody"}}},
        oas_api(TEAM, "orders", local(), context={"name": "edge"})]))
    code, log = once(folder_stage, operator.folder, operator.state)
    assert code == 1 and '"msg":"not in place"' in log
    assert condition(status(operator, "OperatorContext", "edge"), "Ready")["reason"] == "SecretNotFound"
    assert condition(status(operator, "ApiDefinition", "orders"), "Ready")["status"] == "False"


def test_a_secret_is_in_no_file_of_the_state(folder_stage, operator, gateways):
    value = folder_stage.secret_value()
    operator.write("all.yaml", to_manifest([
        secret(TEAM, "pager", token=value),
        webhook(TEAM, "pager", headers=[
            {"name": "Authorization", "valueFrom": {"secretKeyRef": {"name": "pager", "key": "token"}}}]),
        oas_api(TEAM, "orders", reference("pager"))]))
    operator.start()
    await_ready(operator, "orders")
    await_on_all(gateways, lambda one: [
        handler["headers"] for handler in one.handlers(default_api_id(TEAM, "orders"))],
        [[{"name": "Authorization", "value": value}]])
    files = [file for file in operator.state.rglob("*") if file.is_file()]
    assert files
    for file in files:
        assert value.encode() not in file.read_bytes(), file


def test_materialize_knows_what_the_state_remembers(folder_stage, operator):
    """A run never writes into the folder: whoever wants a converted webhook there prints it."""
    value = folder_stage.secret_value()
    operator.write("hook.yaml", to_manifest([
        secret(TEAM, "pager", token=value),
        webhook(TEAM, "pager", headers=[
            {"name": "Authorization", "valueFrom": {"secretKeyRef": {"name": "pager", "key": "token"}}}])]))
    operator.write("api.yaml", to_manifest(oas_api(TEAM, "orders", reference("pager"))))
    operator.start()
    await_ready(operator, "orders")
    operator.remove("hook.yaml")
    eventually_equal(lambda: condition(status(operator, "ApiDefinition", "orders"), "ResolvedRefs").get("reason"),
                     "Converted")

    def materialize(*flags):
        done = subprocess.run([folder_stage.find_binary("grapnel"), "materialize", operator.folder, "--state-dir",
                               operator.state, *flags], capture_output=True, text=True, timeout=20)
        gateway = yaml.safe_load(done.stdout)["spec"]["oas"]["x-tyk-api-gateway"]
        return done.returncode, gateway["server"]["eventHandlers"][0]

    code, handler = materialize()
    assert (code, handler.get("id"), handler["url"]) == (1, None, URL)
    assert handler["headers"] == [{"name": "Authorization", "value": "<secret>"}]
    code, handler = materialize("--show-secrets")
    assert (code, handler["headers"]) == (0, [{"name": "Authorization", "value": value}])


def test_a_broken_file_harms_nothing_else(operator, gateways):
    operator.write("good.yaml", to_manifest(oas_api(TEAM, "orders", local())))
    operator.write("other.yaml", to_manifest(oas_api(TEAM, "other", local())))
    operator.start()
    await_ready(operator, "orders", "other")
    operator.write("good.yaml", "apiVersion: tyk.tyk.io/v1alpha1\nkind: [")
    operator.write("other.yaml", to_manifest(oas_api(TEAM, "other", local(), upstream="http://second.example/")))
    await_on_all(gateways, lambda one: one.oas(default_api_id(TEAM, "other"))["x-tyk-api-gateway"]["upstream"]["url"],
                 "http://second.example/")
    await_on_all(gateways, urls(), ["https://local.example/hook"])
    eventually(lambda: "good.yaml" in operator.log())


def test_a_restart_with_everything_settled_does_nothing(operator, gateways):
    operator.write("all.yaml", to_manifest([
        webhook(TEAM, "pager"), *(oas_api(TEAM, f"api-{number}", reference("pager")) for number in range(10))]))
    operator.start()
    await_ready(operator, *(f"api-{number}" for number in range(10)))

    def written() -> dict[str, int]:
        return {file.name: file.stat().st_mtime_ns for file in (operator.state / "status").iterdir()}

    files = until_stable(written)
    before = [gateway.counts() for gateway in gateways]
    operator.restart()
    nothing = {"posts": 0, "deletes": 0, "reloads": 0}
    throughout_equal(lambda: [gateway.counts_since(count) for gateway, count in zip(gateways, before)],
                     [nothing, nothing], 4, interval=0.2)
    assert written() == files


def test_an_emptied_folder_empties_no_gateway(operator, gateways):
    names = [f"api-{number}" for number in range(8)]
    for name in names:
        operator.write(f"{name}.yaml", to_manifest(oas_api(TEAM, name, local())))
    operator.start()
    await_ready(operator, *names)
    for name in names:
        operator.remove(f"{name}.yaml")
    held = {default_api_id(TEAM, name) for name in names}
    throughout_equal(lambda: [set(gateway.apis()) for gateway in gateways], [held, held], 5)


@pytest.mark.parametrize("when", ["while it runs", "while it is down"])
def test_a_typo_in_a_kind_takes_nothing_off(operator, gateways, when):
    operator.write("hook.yaml", to_manifest(webhook(TEAM, "pager")))
    operator.write("api.yaml", to_manifest(oas_api(TEAM, "orders", reference("pager"))))
    operator.write("other.yaml", to_manifest(oas_api(TEAM, "other", local())))
    operator.start()
    await_ready(operator, "orders", "other")
    if when == "while it is down":
        operator.kill()
    operator.write("hook.yaml", to_manifest(webhook(TEAM, "pager")).replace('Webhook', 'WebHook'))
    operator.write("other.yaml", to_manifest(oas_api(TEAM, "other", local())).replace("ApiDefinition", "ApiDefintion"))
    if when == "while it is down":
        operator.start()
    eventually(lambda: "the folder is not whole, nothing is deleted" in operator.log())
    held = {default_api_id(TEAM, name) for name in ("orders", "other")}
    throughout_equal(lambda: [(set(gateway.apis()), ids()(gateway)) for gateway in gateways], [(held, ["pager"])] * 2, 8)
    operator.write("hook.yaml", to_manifest(webhook(TEAM, "pager", "https://again.example/")))
    operator.write("other.yaml", to_manifest(oas_api(TEAM, "other", local())))
    await_on_all(gateways, urls(), ["https://again.example/"])
    eventually(lambda: "the folder is whole again" in operator.log())


def test_two_processes_do_not_share_a_state_folder(folder_stage, operator):
    operator.write("api.yaml", to_manifest(oas_api(TEAM, "orders")))
    operator.start()
    await_ready(operator, "orders")
    second = FolderOperator(folder_stage.find_binary("grapnel"), folder_stage.directory, "second", port=8090,
                            folder=operator.folder, state=operator.state, gateway_url=operator.flags["gateway_url"],
                            gateway_secret_file=folder_stage.secret_file)
    folder_stage.operators.append(second)
    second.process.start()
    assert second.process.await_exit(10) == 2
    assert str(operator.state) in second.log()
