# SPDX-License-Identifier: Apache-2.0
"""Memory and speed with the objects in a real API server, beside a plain client-go informer. Run by kube.sh."""

import argparse
import json
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "e2e"))

from bench import (Bench, Grapnel, Stub, counts, is_ready, machine, plain_apis, say, sized, until, webhook,  # noqa: E402
                   write_folder)
from harness.api import ApiError  # noqa: E402
from harness.cluster import Cluster  # noqa: E402

LIST = "/apis/tyk.tyk.io/v1alpha1/apidefinitions"


def memory_of(pid):
    """RSS now and at its highest, MB."""
    fields = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines())
    return [int(fields[name].split()[0]) / 1024 for name in ("VmRSS", "VmHWM")]


class Scene:
    def __init__(self, options):
        self.options = options
        self.cluster = Cluster(options.programs, options.directory / "cluster")
        self.cluster.start()
        self.kubeconfig = self.cluster.kubeconfig("grapnel")
        crds = Path(__file__).resolve().parents[2] / "crds"
        self.cluster.kubectl.run("apply", "--server-side", "-f", str(crds))
        until(lambda: self.served(), 60)
        self.informer = options.directory / "informer"
        self.results = []

    def served(self):
        try:
            self.cluster.api.get(LIST, limit="1")
            return True
        except RuntimeError:
            return False

    def pages(self):
        token = ""
        while True:
            try:
                page = self.cluster.api.get(LIST, limit="100", **({"continue": token} if token else {}))
            except ApiError as error:
                # It takes longer than etcd keeps what was: the server says how to go on with what is.
                token = error.status.get("metadata", {}).get("continue", "")
                if error.code != 410 or not token:
                    raise
                continue
            yield from page["items"]
            token = page["metadata"].get("continue", "")
            if not token:
                return

    def measure_json(self):
        """MB of all objects as the server hands them out, and without managedFields."""
        whole = bare = 0
        for item in self.pages():
            whole += len(json.dumps(item, separators=(",", ":"), ensure_ascii=False).encode())
            item["metadata"].pop("managedFields", None)
            bare += len(json.dumps(item, separators=(",", ":"), ensure_ascii=False).encode())
        return whole / 1048576, bare / 1048576

    def fill(self, begin, end):
        began = time.monotonic()
        process = subprocess.Popen([self.informer, "fill", self.kubeconfig], stdin=subprocess.PIPE, text=True)
        for number, one in enumerate(plain_apis(end, 2500)):
            if number >= begin:
                process.stdin.write(json.dumps(one, separators=(",", ":")) + "\n")
        process.stdin.close()
        if process.wait():
            sys.exit("the objects cannot be made")
        say(f"    {end - begin} objects made in {time.monotonic() - began:.0f} s")

    def run_informer(self):
        process = subprocess.Popen([self.informer, "run", self.kubeconfig], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        told = json.loads(process.stdout.readline())
        time.sleep(3)
        rss, peak = memory_of(process.pid)
        process.stdin.close()
        process.wait()
        return told["seconds"], rss, peak

    def start(self, stub, folder, *more):
        folder.mkdir()
        grapnel = Grapnel(self.options.build / "grapnel", None, [stub], "--kubeconfig", self.kubeconfig, *more,
                          log=folder / "grapnel.log")
        until(lambda: is_ready(grapnel.port), 600, 0.005)
        return grapnel, time.monotonic() - grapnel.begin

    def record(self, name, value, target, good):
        self.results.append(f"{'ok ' if good else 'NOT'} {name}: {value} (target {target})")
        say(self.results[-1])

    def all_synced(self):
        return all(any(one["type"] == "Ready" and one["reason"] == "Synced" for one in item.get("status", {}).get("conditions", []))
                   for item in self.pages())

    def empty(self):
        stub = Stub(self.options.build / "tests/gateway/grapnel-stub-gateway", self.options.directory, 0)
        # The first makes the Secret for sealing and the lease.
        for attempt in range(2):
            grapnel, took = self.start(stub, self.options.directory / f"empty{attempt}")
            time.sleep(1)
            rss = grapnel.rss_mb()
            grapnel.stop()
        stub.stop()
        self.record("start to ready, empty cluster, s", round(took, 3), "<= 0.1", took <= 0.1)
        self.record("idle RSS, MB", round(rss, 1), "<= 12", rss <= 12)

    def settled(self, count=500):
        """Definitions that refer to one global: everything new, then a restart with nothing to do."""
        folder = self.options.directory / "settled"
        manifests = folder / "manifests"
        write_folder(manifests, [webhook("pager")] + [sized(number, "pager", 13000) for number in range(count)])
        raw = Bench(self.options.build, folder).raw(manifests)
        stub = Stub(self.options.build / "tests/gateway/grapnel-stub-gateway", folder, 0)
        self.cluster.kubectl.run("apply", "--server-side", "-f", str(manifests))

        def life(name):
            mark, began, known = self.cluster.audit_mark(), time.time(), len(stub.log())
            grapnel, _ = self.start(stub, folder / name, "--drift-interval", "1h")
            # What is measured stands in the logs: to look while it begins would only take time from it.
            time.sleep(5)
            until(self.all_synced, 600, 1)
            time.sleep(5)
            grapnel.stop()
            asked = [request for request in self.cluster.requests(mark, "grapnel") if request.resource not in ("events", "leases")]
            return began, asked, stub.log()[known:]

        _, asked, pushed = life("first")
        took = pushed[-1]["time"] - pushed[0]["time"]
        self.record(f"{count} new objects of 13 KB, {sum(request.is_write for request in asked)} writes to the API server: wall / raw",
                    round(took / raw["total"], 2), "told", True)
        began, asked, read = life("again")
        # Its watches end, and so are told, when it does.
        reads = [request.at for request in asked if request.verb != "watch"] + [one["time"] for one in read]
        writes = sum(request.is_write for request in asked) + sum(one["method"] != "GET" for one in read)
        self.record(f"restart with {count} settled objects: writes", writes, 0, writes == 0)
        last = max(reads) - began
        self.record(f"restart with {count} settled objects: last read after, s", round(last, 3), "<= 0.3", last <= 0.3)
        grapnel, _ = self.start(stub, folder / "end")
        self.cluster.kubectl.run("delete", "-f", str(manifests), "--wait=false")
        until(lambda: not list(self.pages()), 60, 1)
        grapnel.stop()
        stub.stop()

    def measure(self, count):
        folder = self.options.directory / f"with{count}"
        folder.mkdir()
        stub = Stub(self.options.build / "tests/gateway/grapnel-stub-gateway", folder, 0)
        figures = {}
        grapnel, _ = self.start(stub, folder / "first")
        until(lambda: counts(stub.state())["posts"] >= count, 3600, 1)
        # To ask the server for all of them again and again would be most of its work.
        until(lambda: grapnel.metric('grapnel_definitions{state="synced"}') >= count, 7200, 5)
        # Their statuses are written at the API server's pace, and come after.
        until(self.all_synced, 3600, 10)
        time.sleep(5)
        figures["first"] = (grapnel.rss_mb(), grapnel.peak_mb(), grapnel.cpu())
        grapnel.stop()
        whole, bare = self.measure_json()
        grapnel, ready = self.start(stub, folder / "again")
        time.sleep(10)
        figures["again"] = (grapnel.rss_mb(), grapnel.peak_mb(), grapnel.cpu())
        grapnel.stop()
        stub.stop()
        seconds, rss, peak = self.run_informer()
        slow = sum((folder / life / "grapnel.log").read_text().count("took long") for life in ("first", "again"))
        say(f"    {count} objects: JSON {whole:.1f} MB, without managedFields {bare:.1f} MB; ready in {ready:.2f} s; "
            + "; ".join(f"{life}: RSS {one[0]:.1f}, peak {one[1]:.1f} MB, CPU {one[2]:.1f} s" for life, one in figures.items())
            + f"; {slow} callbacks over 100 ms")
        say(f"    client-go informer: synced in {seconds:.2f} s, RSS {rss:.1f}, peak {peak:.1f} MB")
        highest = max(figures["first"][1], figures["again"][1])
        ratio = round((highest - 10) / bare, 2)
        if count >= 10000:  # below, the program itself is most of it
            self.record(f"{count} objects: peak RSS less 10 MB, against their JSON without managedFields", ratio, "<= 1.3", ratio <= 1.3)
        self.record(f"{count} objects: peak RSS against that of a client-go informer", round(highest / peak, 2), "< 1", highest < peak)
        if count >= 100000:
            self.record(f"{count} objects: peak RSS, MB", round(highest), "<= 350", highest <= 350)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", type=Path, required=True)
    parser.add_argument("--programs", type=Path, required=True)
    parser.add_argument("--directory", type=Path, required=True)
    parser.add_argument("counts", nargs="*", type=int, help="default: 1000 10000; 0: none")
    options = parser.parse_args()
    say(f"# {machine()}")
    scene = Scene(options)
    try:
        scene.empty()
        scene.settled()
        made = 0
        for count in sorted(count for count in options.counts or [1000, 10000] if count):
            scene.fill(made, count)
            made = count
            scene.measure(count)
    finally:
        scene.cluster.stop()
    return 0 if all(line.startswith("ok") for line in scene.results) else 1


if __name__ == "__main__":
    sys.exit(main())
