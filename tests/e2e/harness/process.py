# SPDX-License-Identifier: Apache-2.0
"""A program that a test started, with its log."""

import signal
import subprocess
from pathlib import Path

from .wait import PATIENCE


class Ended(Exception):
    """A program is gone that should be there. Not one of the errors that `eventually` takes for "not yet"."""


class Process:
    """Runs one program at a time; its output is appended to one log over all its lives."""

    def __init__(self, name: str, argv: list[str], log: Path,
                 replace_env: dict[str, str] | None = None):
        self.name = name
        self.argv = [str(arg) for arg in argv]
        self.log = log
        self.env = replace_env  # None: the caller's
        self.child: subprocess.Popen | None = None

    def start(self) -> None:
        assert not self.is_running(), f"{self.name} runs already"
        with open(self.log, "ab") as log:
            # A session of its own: an interrupt on the terminal is for pytest, which then stops all in order.
            self.child = subprocess.Popen(
                self.argv, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT,
                env=self.env, start_new_session=True)

    def is_running(self) -> bool:
        return self.child is not None and self.child.poll() is None

    @property
    def pid(self) -> int:
        assert self.child is not None, f"{self.name} was not started"
        return self.child.pid

    @property
    def exit_code(self) -> int | None:
        return None if self.child is None else self.child.poll()

    def expect_running(self) -> None:
        """Raises when the program ended by itself; used while waiting for it, so that nobody waits in vain."""
        if not self.is_running():
            raise Ended(f"{self.name} ended with {self.exit_code} instead of coming up\n"
                        f"{' '.join(self.argv)}\n{self.tail(40)}")

    def signal(self, number: int) -> None:
        assert self.child is not None
        self.child.send_signal(number)

    def kill(self) -> None:
        """SIGKILL, and wait until it is gone. Fine with one that is not running."""
        if self.child is not None:
            self.child.kill()
            self.child.wait()

    def terminate(self, timeout: float = 10) -> int:
        """SIGTERM, and the exit code. One that does not end in time is killed, and that is a failure."""
        assert self.child is not None
        self.child.terminate()
        return self.await_exit(timeout)

    def await_exit(self, timeout: float = 10) -> int:
        assert self.child is not None
        timeout *= PATIENCE
        try:
            return self.child.wait(timeout)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"{self.name} did not end within {timeout} s\n{self.tail(40)}") from None

    def pause(self) -> None:
        self.signal(signal.SIGSTOP)

    def resume(self) -> None:
        self.signal(signal.SIGCONT)

    def output(self) -> str:
        return self.log.read_text(errors="replace") if self.log.exists() else ""

    def tail(self, lines: int = 100) -> str:
        return "\n".join(self.output().splitlines()[-lines:])
