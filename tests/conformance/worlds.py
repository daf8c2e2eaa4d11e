"""The worlds, and kubectl in them."""

import json
import os
import signal
import subprocess
import tempfile
import traceback
from dataclasses import dataclass
from pathlib import Path

NAMESPACE = "taxasge"
# Longer than anything here takes on a slow machine.
PATIENCE = 120


@dataclass
class Check:
    """One thing that was looked at; `wrong` says why it is not as it should be."""

    name: str
    wrong: str = ""


def checked(name, body) -> Check:
    """Runs a body of assertions as one check."""
    try:
        body()
        return Check(name)
    except Exception:  # Whatever goes wrong is what the check found.
        return Check(name, traceback.format_exc(limit=3))


class Rehearsal:
    """A world that the program serves until the end of the `with`."""

    def __init__(self, program: str, scenario: str = "release"):
        self.program = program
        self.scenario = scenario

    def __enter__(self):
        self.home = tempfile.TemporaryDirectory()
        command = [self.program, "rehearse", self.scenario, "--serve", "--output", "json", "--seed", "1", "--dir", self.home.name]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        self.urls = json.loads(self.process.stdout.readline())
        return self

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGTERM)
        status = self.process.wait(timeout=10)
        self.home.cleanup()
        assert status == 0, f"the world ended with {status}"

    def kubeconfig(self, user: str = "") -> str:
        return str(Path(self.home.name) / (f"{user}.kubeconfig" if user else "kubeconfig"))


@dataclass
class Said:
    """What a run of kubectl said."""

    status: int
    out: str
    err: str

    @property
    def words(self) -> str:
        return self.out + self.err


class Kubectl:
    """kubectl for one user of one world, with a cache of its own."""

    def __init__(self, binary: str, kubeconfig: str):
        self.binary = binary
        self.cache = tempfile.TemporaryDirectory()
        self.env = {**os.environ, "KUBECONFIG": kubeconfig, "HOME": self.cache.name}

    def command(self, *arguments: str) -> list[str]:
        return [self.binary, "-n", NAMESPACE, *arguments]

    def __call__(self, *arguments: str, stdin: str = "") -> Said:
        done = subprocess.run(
            self.command(*arguments), env=self.env, input=stdin, capture_output=True, text=True, timeout=PATIENCE
        )
        return Said(done.returncode, done.stdout, done.stderr)

    def ok(self, *arguments: str, stdin: str = "") -> str:
        """A run that must succeed; what it printed."""
        said = self(*arguments, stdin=stdin)
        assert said.status == 0, f"kubectl {' '.join(arguments)}: {said.words}"
        return said.out

    def refused(self, words: str, *arguments: str, stdin: str = "") -> Said:
        """A run that must fail, with these words."""
        said = self(*arguments, stdin=stdin)
        assert said.status != 0, f"kubectl {' '.join(arguments)} was not refused: {said.words}"
        assert words in said.words, f"kubectl {' '.join(arguments)}: `{words}` is not in: {said.words}"
        return said

    def read(self, *what: str):
        return json.loads(self.ok("get", *what, "-o", "json"))

    def start(self, *arguments: str) -> subprocess.Popen:
        return subprocess.Popen(
            self.command(*arguments), env=self.env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
