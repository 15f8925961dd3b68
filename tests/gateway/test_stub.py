# SPDX-License-Identifier: Apache-2.0
"""What the recorded scenarios do not show: the stub's faults, its log, and traps that need timing."""

import json
import subprocess
import threading
import time

import pytest

import wire
from gateways import Stub, stub_program

API = "/tyk/apis"
WRITE_WINDOW_MS = 400


def classic(api_id, **more):
    """The smallest Classic definition that serves."""
    definition = {
        "name": api_id,
        "api_id": api_id,
        "use_keyless": True,
        "active": True,
        "version_data": {"not_versioned": True, "versions": {"Default": {"name": "Default"}}},
        "proxy": {"listen_path": "/%s/" % api_id, "target_url": "http://up.example/"},
    }
    definition.update(more)
    return definition


def oas(api_id, **server):
    """The smallest OAS document that serves."""
    return {
        "openapi": "3.0.3",
        "info": {"title": api_id, "version": "1"},
        "paths": {},
        "x-tyk-api-gateway": {
            "info": {"id": api_id, "name": api_id, "state": {"active": True}},
            "upstream": {"url": "http://up.example/"},
            "server": dict({"listenPath": {"value": "/%s/" % api_id}}, **server),
        },
    }


def webhook(url, **meta):
    """A Classic webhook handler."""
    standard = {"method": "POST", "target_path": url, "template_path": "", "event_timeout": 60}
    return {"handler_name": "eh_web_hook_handler", "handler_meta": dict(standard, **meta)}


def events(**handlers):
    return {"event_handlers": {"events": handlers}}


def add(stub, *definitions, reload=True):
    for definition in definitions:
        path = API + "/oas" if "openapi" in definition else API
        response = stub.call("POST", path, definition)
        assert response.status == 200, response.body
    if reload:
        stub.reload()


def loaded(stub):
    return sorted(api["api_id"] for api in json.loads(stub.call("GET", API).body))


def in_background(call, *arguments):
    """Runs a call in a thread; join() returns what it returned."""
    result = []
    thread = threading.Thread(target=lambda: result.append(call(*arguments)), daemon=True)
    thread.start()

    def join():
        thread.join(wire.TIMEOUT_S)
        assert result, "no answer"
        return result[0]

    return join


# Faults of single requests.


@pytest.mark.parametrize("status", [401, 403, 409, 429, 500, 502, 503])
def test_status_fault_answers_in_place_of_the_gateway(stub, status):
    stub.fault(str(status), body={"error": "x"}, retry_after=7)
    response = stub.call("POST", API, classic("a"))
    assert response.status == status
    assert json.loads(response.body) == {"error": "x"}
    assert response.headers["retry-after"] == "7"
    assert list(stub.folder.iterdir()) == []


def test_fault_takes_only_what_its_rule_names(stub):
    stub.fault("5xx", path="/tyk/reload", method="GET", count=2)
    assert stub.call("GET", API).status == 200
    statuses = [stub.call("GET", "/tyk/reload").status for _ in range(3)]
    assert statuses == [503, 503, 200]
    assert stub.state()["faulty"] == 2


def test_none_switches_all_faults_off(stub):
    stub.fault("5xx")
    stub.fault("oas-race")
    assert stub.fault("none") == {"faults": []}
    assert stub.call("GET", API).status == 200


def test_hang_never_answers_and_ends_with_a_reset(stub):
    stub.fault("hang", path=API)
    with wire.Connection(stub.host, stub.port) as connection:
        connection.socket.sendall(b"GET /tyk/apis HTTP/1.1\r\nHost: x\r\n\r\n")
        assert not connection.is_closed()
        assert stub.call("GET", "/hello", auth=False).status == 200
        stub.fault("none")
        assert connection.is_closed()


@pytest.mark.parametrize("fault", ["reset", "close"])
def test_a_lost_answer(stub, fault):
    stub.fault(fault, count=1)
    with pytest.raises(wire.Closed):
        stub.call("POST", API, classic("a"))
    assert list(stub.folder.iterdir()) == []
    stub.fault(fault, count=1, apply=True)
    with pytest.raises(wire.Closed):
        stub.call("POST", API, classic("a"))
    assert [path.name for path in stub.folder.iterdir()] == ["a.json"]


def test_html_in_place_of_json(stub):
    stub.fault("html")
    response = stub.call("GET", API)
    assert response.status == 200
    assert response.headers["content-type"].startswith("text/html")


def test_truncated_json_is_a_whole_answer(stub):
    add(stub, classic("a"))
    whole = stub.call("GET", API + "/a").body
    stub.fault("truncate")
    half = stub.call("GET", API + "/a").body
    assert half == whole[: len(whole) // 2]


def test_break_ends_in_the_middle_of_the_body(stub):
    add(stub, classic("a"))
    stub.fault("break", count=1)
    with pytest.raises(wire.Closed):
        stub.call("GET", API + "/a")
    assert stub.call("GET", API + "/a").status == 200


def test_slow_dribbles_the_whole_body(stub):
    body = b'{"status":"error","message":"API not found"}\n'
    stub.fault("slow", ms=10, bytes=5)
    begin = time.monotonic()
    response = stub.call("GET", API + "/x")
    assert (response.status, response.body) == (404, body)
    assert time.monotonic() - begin > 0.01 * len(body) / 5


def test_delay_handles_the_request_later_even_if_the_client_has_gone(stub):
    stub.fault("delay", ms=200, method="POST")
    begin = time.monotonic()
    assert stub.call("POST", API, classic("a")).status == 200
    assert time.monotonic() - begin > 0.15
    with wire.Connection(stub.host, stub.port) as connection:
        body = json.dumps(classic("b")).encode()
        head = "POST /tyk/apis HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n" % len(body)
        head += "X-Tyk-Authorization: %s\r\n\r\n" % stub.secret
        connection.socket.sendall(head.encode() + body)
        wire.wait_until(lambda: stub.state()["requests"]["post"] == 1, 2, "first POST counted")
    wire.wait_until(lambda: (stub.folder / "b.json").exists(), 2, "b.json")


def test_wrong_id_in_the_answer_to_a_write(stub):
    stub.fault("wrong-id")
    assert json.loads(stub.call("POST", API, classic("a")).body)["key"] != "a"
    assert [path.name for path in stub.folder.iterdir()] == ["a.json"]


def test_not_applied_says_ok_and_does_nothing(stub):
    add(stub, classic("b"))
    stub.fault("not-applied")
    answer = json.loads(stub.call("POST", API, classic("a")).body)
    assert answer == {"key": "a", "status": "ok", "action": "added"}
    assert stub.call("DELETE", API + "/b").status == 200
    assert [path.name for path in stub.folder.iterdir()] == ["b.json"]


def test_unknown_fault_is_refused(stub):
    body = json.dumps({"fault": "zzz"}).encode()
    response = wire.fetch(stub.host, stub.admin_port, "POST", "/__fault", {}, body)
    assert response.status == 400
    assert b"zzz" in response.body


# Faults of the whole gateway.


def test_refuse_closes_the_port_and_only_that(stub):
    with wire.Connection(stub.host, stub.port) as kept:
        assert kept.request("GET", "/hello").status == 200
        stub.fault("refuse")
        with pytest.raises(ConnectionRefusedError):
            stub.call("GET", API)
        with pytest.raises(wire.Closed):
            kept.request("GET", "/hello")
    assert stub.state()["refusing"]
    stub.fault("none")
    assert stub.call("GET", API).status == 200


def test_refuse_ends_by_itself(stub):
    stub.fault("refuse", ms=100)

    def answers():
        try:
            return stub.call("GET", API).status == 200
        except ConnectionRefusedError:
            return False

    assert not answers()
    wire.wait_until(answers, 3, "an answer")


def test_wipe_is_an_empty_gateway_at_once(stub):
    add(stub, classic("a"), oas("b"))
    stub.fault("wipe")
    assert loaded(stub) == []
    assert stub.call("GET", API + "/a").status == 404
    assert stub.call("GET", "/a/", auth=False).status == 404
    assert stub.call("GET", "/ready", auth=False).status == 200
    assert list(stub.folder.iterdir()) == []
    add(stub, classic("a"))
    assert loaded(stub) == ["a"]


def test_not_ready(stub):
    stub.fault("not-ready", message="Redis connection not available")
    response = stub.call("GET", "/ready", auth=False)
    assert response.status == 503
    assert json.loads(response.body) == {
        "status": "error",
        "message": "Redis connection not available",
    }
    add(stub, classic("a"))
    assert loaded(stub) == ["a"]
    stub.fault("not-ready", ms=50)
    wire.wait_until(lambda: stub.call("GET", "/ready", auth=False).status == 200, 2, "ready")


def test_before_its_start_is_over_a_gateway_shows_nothing(make_stub):
    stub = make_stub("--start-delay", "600")
    (stub.folder / "a.json").write_text(json.dumps(classic("a")))
    response = stub.call("GET", "/ready", auth=False)
    assert response.status == 503
    assert b"A successful API reload did not happen" in response.body
    assert stub.call("GET", "/hello", auth=False).status == 200
    assert loaded(stub) == []
    assert stub.call("DELETE", API + "/a").status == 404
    add(stub, classic("b"))  # the reload waits for the end of the start
    assert stub.call("GET", "/ready", auth=False).status == 200
    assert loaded(stub) == ["a", "b"]


def test_two_oas_reads_at_a_time_break_one_of_them(stub):
    add(stub, oas("a"), classic("c"))
    stub.fault("oas-race")

    def read():
        try:
            return stub.call("GET", API + "/oas/a").status
        except wire.Closed:
            return "closed"

    assert [read(), read()] == [200, 200]
    results = []
    while "closed" not in results and len(results) < 400:
        joins = [in_background(read) for _ in range(4)]
        results += [join() for join in joins]
    assert "closed" in results
    assert stub.state()["oas_collisions"] >= 1
    assert stub.call("GET", API + "/c").status == 200


# Reloads.


def test_a_write_that_overlaps_a_reload_loses_the_api_until_the_next_one(stub):
    add(stub, classic("a"), classic("b"))
    stub.fault("reload-delay", ms=WRITE_WINDOW_MS)
    reloaded = in_background(stub.reload)
    time.sleep(0.2)  # the tick is 50 ms: the reload runs now
    add(stub, classic("a", name="new"), classic("c"), reload=False)
    assert loaded(stub) == ["a", "b"]  # until it ends
    reloaded()
    assert loaded(stub) == ["b"]
    stub.reload()
    assert loaded(stub) == ["a", "b", "c"]
    assert json.loads(stub.call("GET", API + "/a").body)["name"] == "new"


def test_a_delete_that_overlaps_a_reload_takes_effect_with_the_next_one(stub):
    add(stub, classic("a"))
    stub.fault("reload-delay", ms=WRITE_WINDOW_MS)
    reloaded = in_background(stub.reload)
    time.sleep(0.2)
    assert stub.call("DELETE", API + "/a").status == 200
    reloaded()
    assert loaded(stub) == ["a"]
    stub.reload()
    assert loaded(stub) == []


def test_a_reload_request_that_comes_during_a_reload_waits_for_the_next(stub):
    stub.fault("reload-delay", ms=WRITE_WINDOW_MS)
    first = in_background(stub.reload)
    time.sleep(0.2)
    second = in_background(stub.reload)
    first()
    assert stub.state()["reloads"] == 1
    second()
    assert stub.state()["reloads"] == 2


def test_many_blocking_reloads_share_one(make_stub):
    stub = make_stub("--reload-interval", "1")
    for join in [in_background(stub.reload) for _ in range(50)]:
        join()
    assert stub.state()["reloads"] in (1, 2)  # two if the tick came while they were being sent


def test_a_client_that_disconnects_does_not_cancel_a_reload(stub):
    add(stub, classic("a"), reload=False)
    with wire.Connection(stub.host, stub.port) as connection:
        head = "GET /tyk/reload?block=true HTTP/1.1\r\nHost: x\r\n"
        head += "X-Tyk-Authorization: %s\r\n\r\n" % stub.secret
        connection.socket.sendall(head.encode())
    wire.wait_until(lambda: loaded(stub) == ["a"], 2, "a loaded")


# What kills it.


def js_handler(**meta):
    return {"handler_name": "eh_dynamic_handler", "handler_meta": dict({"name": "f"}, **meta)}


def assert_dies(stub):
    try:
        stub.call("GET", "/tyk/reload?block=true")
    except wire.Closed:
        pass
    assert stub.wait_for_exit() == 2


@pytest.mark.parametrize(
    "definition",
    [
        classic("js", **events(AuthFailure=[js_handler(path="js/f.js")])),
        oas(
            "js",
            eventHandlers=[
                {
                    "enabled": True,
                    "trigger": "AuthFailure",
                    "type": "custom",
                    "name": "n",
                    "functionName": "f",
                    "path": "js/f.js",
                }
            ],
        ),
    ],
    ids=["classic", "oas"],
)
def test_a_js_handler_without_jsvm_kills_it_at_the_reload_and_at_every_start(
    make_stub, definition
):
    stub = make_stub(ends="badly")
    add(stub, definition, reload=False)
    assert_dies(stub)
    for _ in range(2):
        stub.start()
        assert stub.exit_code == 2
        assert "panic" in stub.stderr()
    for path in stub.folder.iterdir():
        path.unlink()
    stub.start()
    assert loaded(stub) == []


def test_with_jsvm_only_a_js_handler_without_a_path_kills_it(make_stub):
    stub = make_stub("--jsvm", ends="badly")
    add(stub, classic("js", **events(AuthFailure=[js_handler(path="js/f.js")])))
    add(stub, classic("off", **events(AuthFailure=[js_handler(disabled=True)])))
    assert loaded(stub) == ["js", "off"]
    add(stub, classic("bad", **events(AuthFailure=[js_handler()])), reload=False)
    assert_dies(stub)


# Webhooks.


def fire(stub, api, event="QuotaExceeded", **more):
    return stub.admin("POST", "/__fire", dict({"api": api, "event": event}, **more))


def received(receiver, count):
    wire.wait_until(lambda: len(receiver.received()) >= count, 3, "%d webhooks" % count)
    return receiver.received()


def test_fire_sends_what_the_loaded_handlers_say(stub, receiver):
    url = "http://%s/hook?a=1" % receiver.authority
    handlers = [
        webhook(url, name="one", header_map={"x-team": "p"}),
        webhook(url, name="off", disabled=True),
        webhook(url, name="bad", event_timeout="10"),
        {"handler_name": "eh_log_handler", "handler_meta": {"prefix": "p"}},
    ]
    add(stub, classic("a", **events(QuotaExceeded=handlers)))
    report = fire(stub, "a", key="k<1>", path="/x")
    assert [one["result"] for one in report] == ["sent", "skipped", "skipped", "skipped"]
    assert [one["reason"] for one in report] == [
        "",
        "disabled",
        "left out at load: a value has a wrong type",
        "the stub runs webhooks only",
    ]
    (delivery,) = received(receiver, 1)
    assert (delivery["method"], delivery["path"]) == ("POST", "/hook?a=1")
    assert delivery["headers"]["X-Team"] == "p"
    assert delivery["headers"]["User-Agent"] == "Tyk-Hookshot"
    assert json.loads(delivery["body"]) == {
        "event": "QuotaExceeded",
        "message": "Key Quota Limit Exceeded",
        "path": "/x",
        "origin": "127.0.0.1",
        "key": "k&lt;1&gt;",
    }
    assert stub.state()["webhooks"]["delivered"] == 1


def test_what_is_only_on_disk_does_not_fire(stub, receiver):
    hook = webhook("http://%s/" % receiver.authority)
    add(stub, classic("a"))
    add(stub, classic("a", **events(QuotaExceeded=[hook])), reload=False)
    assert fire(stub, "a") == []
    stub.reload()
    assert [one["result"] for one in fire(stub, "a")] == ["sent"]
    received(receiver, 1)


def test_cooldown_is_by_request_and_not_by_api(stub, receiver):
    hook = webhook("http://%s/" % receiver.authority, event_timeout=1)
    add(stub, *[classic(name, **events(QuotaExceeded=[hook])) for name in "ab"])

    def results(**event):
        return [fire(stub, name, **event)[0]["result"] for name in "ab"]

    assert fire(stub, "a", key="k", path="/")[0]["result"] == "sent"
    received(receiver, 1)
    wire.wait_until(lambda: stub.state()["webhooks"]["delivered"] == 1, 2, "delivery noted")
    assert results(key="k", path="/") == ["held-back", "held-back"]
    assert results(key="other", path="/")[0] == "sent"
    wire.wait_until(lambda: results(key="k", path="/")[0] == "sent", 3, "the end of the cooldown")


def test_a_cooldown_of_zero_delivers_once_and_never_again(stub, receiver):
    hook = webhook("http://%s/" % receiver.authority, event_timeout=0)
    add(stub, classic("a", **events(QuotaExceeded=[hook])))
    assert fire(stub, "a")[0]["result"] == "sent"
    wire.wait_until(lambda: stub.state()["webhooks"]["delivered"] == 1, 2, "delivery noted")
    time.sleep(1.1)
    assert fire(stub, "a")[0]["result"] == "held-back"


def test_what_cannot_be_delivered(stub, receiver):
    port = receiver.port
    receiver.stop()
    urls = ["", "not a url", "https://secure.example/", "http://127.0.0.1:%d/" % port]
    add(stub, classic("a", **events(QuotaExceeded=[webhook(url) for url in urls])))
    results = [one["result"] for one in fire(stub, "a")]
    assert results == ["failed", "failed", "failed", "sent"]
    wire.wait_until(
        lambda: [one["result"] for one in fire(stub, "a")] == ["held-back"] * 4,
        3,
        "a cooldown in spite of the failure",
    )
    assert stub.state()["webhooks"]["delivered"] == 0


def test_fire_at_an_api_that_is_not_loaded(stub):
    body = json.dumps({"api": "nobody", "event": "QuotaExceeded"}).encode()
    assert wire.fetch(stub.host, stub.admin_port, "POST", "/__fire", {}, body).status == 404


def test_a_bad_key_fires_auth_failure_and_a_missing_one_does_not(stub, receiver):
    hook = webhook("http://%s/" % receiver.authority)
    add(stub, classic("a", use_keyless=False, **events(AuthFailure=[hook])))
    assert stub.call("GET", "/a/", auth=False).status == 401
    response = stub.call("GET", "/a/x", headers={"Authorization": "bad"}, auth=False)
    assert response.status == 403
    (delivery,) = received(receiver, 1)
    body = json.loads(delivery["body"])
    assert (body["event"], body["key"], body["path"]) == ("AuthFailure", "bad", "/a/x")


# Log and counters.


def test_log_and_counters(stub):
    add(stub, classic("a"), oas("b"))
    stub.call("GET", API + "/a")
    stub.call("GET", API + "/oas/b")
    stub.call("GET", API, auth=False)
    stub.call("GET", "/a/x?y=1", auth=False)
    stub.call("DELETE", API + "/a")
    state = stub.state()
    counted = {kind: count for kind, count in state["requests"].items() if count}
    assert counted == {
        "post": 1,
        "post_oas": 1,
        "reload": 1,
        "get": 1,
        "get_oas": 1,
        "list": 1,
        "traffic": 1,
        "delete": 1,
    }
    assert (state["refused"], state["reloads"]) == (1, 1)
    assert sorted(state["loaded"]) == ["a", "b"]
    assert sorted(state["files"]) == ["b-oas.json", "b.json"]
    lines = [json.loads(line) for line in stub.log.read_text().splitlines()]
    assert lines == stub.admin("GET", "/__requests")
    seen = [(line["method"], line["path"], line["id"], line["status"]) for line in lines]
    assert seen == [
        ("POST", "/tyk/apis", "a", 200),
        ("POST", "/tyk/apis/oas", "b", 200),
        ("GET", "/tyk/reload?block=true", "", 200),
        ("GET", "/tyk/apis/a", "a", 200),
        ("GET", "/tyk/apis/oas/b", "b", 200),
        ("GET", "/tyk/apis", "", 403),
        ("GET", "/a/x?y=1", "a", 200),
        ("DELETE", "/tyk/apis/a", "a", 200),
    ]
    assert lines[-1]["time"] <= time.time() + 1
    assert stub.admin("GET", "/__requests?since=%d" % lines[-2]["n"]) == lines[-1:]
    stub.admin("POST", "/__reset")
    assert sum(stub.state()["requests"].values()) == 0
    assert stub.admin("GET", "/__requests") == []


def test_state_is_on_the_main_listener_too_and_needs_no_secret(stub):
    response = stub.call("GET", "/__state?brief=1", auth=False)
    assert response.status == 200
    assert "loaded" not in json.loads(response.body)
    assert sum(stub.state()["requests"].values()) == 0


# What the scenarios leave open.


def test_lists_and_handlers_change_their_order(stub):
    add(stub, *[classic("c%d" % i) for i in range(6)])
    orders = {
        tuple(api["api_id"] for api in json.loads(stub.call("GET", API).body)) for _ in range(6)
    }
    assert len(orders) > 1 and {tuple(sorted(order)) for order in orders} == {
        tuple("c%d" % i for i in range(6))
    }


def test_a_renamed_oas_api_shows_its_new_path_among_many_handlers(stub):
    handlers = [
        {
            "enabled": True,
            "trigger": trigger,
            "type": "webhook",
            "id": trigger,
            "cooldownPeriod": "10s",
        }
        for trigger in ("QuotaExceeded", "AuthFailure", "KeyExpired")
    ]
    server = {"eventHandlers": handlers, "listenPath": {"value": "/same/"}}
    add(stub, oas("a", **server), oas("b", **server))
    seen = set()
    for _ in range(6):
        document = json.loads(stub.call("GET", API + "/oas/b").body)
        shown = document["x-tyk-api-gateway"]["server"]
        assert shown["listenPath"]["value"] == "/same/-b"
        seen.add(tuple(handler["trigger"] for handler in shown["eventHandlers"]))
    assert len(seen) == 3
    assert all(len(order) == 3 for order in seen)


def test_a_changed_listen_path_takes_its_servers_along(stub):
    add(stub, oas("a"))
    document = json.loads(stub.call("GET", API + "/oas/a").body)
    document["servers"].append({"url": "https://mine.example/", "description": "kept"})
    document["x-tyk-api-gateway"]["server"]["listenPath"]["value"] = "/moved/"
    add(stub, document)
    servers = json.loads(stub.call("GET", API + "/oas/a").body)["servers"]
    assert servers == [
        {"url": "http://%s/moved" % stub.authority},
        {"url": "/moved"},
        {"url": "https://mine.example/", "description": "kept"},
    ]


def test_large_answers_are_chunked_and_small_ones_are_not(stub):
    add(stub, classic("a"))
    assert stub.call("GET", API + "/a").headers["transfer-encoding"] == "chunked"
    assert "content-length" in stub.call("GET", API + "/x").headers


@pytest.mark.parametrize(
    "body",
    [
        b"[" * 200000,
        b'{"a":' * 9000 + b"1" + b"}" * 9000,
        b'{"api_id":"a\x00b"}',
        b'{"api_id":"\\ud800"}',
        b'{"api_id":"x","proxy":{"listen_path":"/\\u0000/"}}',
        b"\xff\xfe",
        b'{"api_id":"x","config_data":{"n":1e999}}',
        b'{"x-tyk-api-gateway":{"server":{"eventHandlers":[[[]]]},"info":{"dbId":7}}}',
        b'{"openapi":"3.0.3","paths":{"/a":{"$ref":"#/paths/~1a"}},"x-tyk-api-gateway":{}}',
        b'"' + b"\\u12" * 3,
    ],
    ids=range(10),
)
def test_bad_bodies_do_no_harm(stub, body):
    for path in (API, API + "/oas", API + "/x", API + "/oas/x"):
        for method in ("POST", "PUT", "PATCH"):
            try:
                stub.call(method, path, body)
            except wire.Closed:
                pass
    stub.reload()
    assert stub.call("GET", API).status == 200
    assert stub.call("GET", API + "/oas").status == 200


@pytest.mark.parametrize(
    "options, complaint",
    [
        (["--zzz"], "unknown option --zzz"),
        (["--listen"], "--listen needs a value"),
        (["--reload-interval", "0"], "--reload-interval: bad value 0"),
        (["--reload-time", "x"], "--reload-time: bad value x"),
        (["--listen", "nowhere:1"], "cannot listen on nowhere:1"),
        (["--log", "/nonexistent/log"], "cannot write /nonexistent/log"),
    ],
)
def test_bad_options(options, complaint):
    run = subprocess.run([stub_program()] + options, capture_output=True, text=True, timeout=20)
    assert run.returncode == 1
    assert complaint in run.stderr


def test_a_port_that_is_taken(stub, tmp_path):
    other = Stub("--listen", stub.authority, base=tmp_path / "other")
    assert other.exit_code == 1
    assert "cannot listen on" in other.stderr()


def test_receiver_writes_a_line_for_each_request(receiver):
    wire.fetch(receiver.address, receiver.port, "PUT", "/x?y=1", {"X-A": "1"}, b'"\xc3\xa9"\n')
    (one,) = receiver.received()
    assert (one["method"], one["path"], one["body"]) == ("PUT", "/x?y=1", '"é"\n')
    assert one["headers"]["X-A"] == "1"
    receiver.clear()
    assert receiver.received() == []
