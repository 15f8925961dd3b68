# SPDX-License-Identifier: Apache-2.0
"""Waiting for an effect that happens elsewhere."""

import os
import time
from collections.abc import Callable
from typing import Any, TypeVar

T = TypeVar("T")

INTERVAL = 0.05
# For machines much slower than the ones that the timeouts were chosen on.
PATIENCE = float(os.environ.get("GRAPNEL_E2E_PATIENCE", "1"))


class NotYet(AssertionError):
    """What a condition raises while it does not hold; its text says why."""


def eventually(condition: Callable[[], T], timeout: float = 20, interval: float = INTERVAL) -> T:
    """Calls `condition` until it neither raises nor returns False, and returns its value.

    Assertions, refused connections and refused kubectl calls count as "not yet"; the last reason is in the message when
    the time is over. A condition is best written with assertions, which say what was seen.
    """
    timeout *= PATIENCE
    deadline = time.monotonic() + timeout
    while True:
        try:
            value = condition()
            if value is not False:
                return value
            reason = "returned False"
        except (AssertionError, OSError, LookupError, RuntimeError) as error:
            reason = f"{type(error).__name__}: {error}"
        if time.monotonic() >= deadline:
            name = getattr(condition, "__name__", repr(condition))
            raise AssertionError(f"{name}: not within {timeout} s; last: {reason}")
        time.sleep(interval)


def eventually_equal(read: Callable[[], Any], want: Any, timeout: float = 20) -> None:
    """Reads until the value is the wanted one; the message shows the last one seen."""

    def is_equal() -> None:
        seen = read()
        assert seen == want, f"want {want!r}, have {seen!r}"

    eventually(is_equal, timeout)


def throughout(condition: Callable[[], Any], seconds: float, interval: float = INTERVAL) -> None:
    """Checks that `condition` holds for a while: for what must *not* happen, where no event marks that it did not."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        assert condition() is not False, f"{getattr(condition, '__name__', condition)}: ceased to hold"
        time.sleep(interval)


def throughout_equal(read: Callable[[], Any], want: Any, seconds: float, interval: float = INTERVAL) -> None:
    """Reads for a while and checks that the value stays the wanted one; the message shows the one that was not."""

    def is_equal() -> None:
        seen = read()
        assert seen == want, f"did not stay {want!r}, became {seen!r}"

    throughout(is_equal, seconds, interval)


def until_stable(read: Callable[[], T], seconds: float = 1.5, timeout: float = 30) -> T:
    """Reads until the value has been the same for a while, and returns it: for "everything has settled"."""
    deadline = time.monotonic() + timeout * PATIENCE
    last, since = read(), time.monotonic()
    while time.monotonic() - since < seconds:
        assert time.monotonic() < deadline, f"still changes after {timeout} s: {last!r}"
        time.sleep(INTERVAL)
        seen = read()
        if seen != last:
            last, since = seen, time.monotonic()
    return last
