"""Conformance of the rehearsal's GitHub and of the room's requests to it: GitHub's own
description of its API, and a client that was not written for it.

    python tests/conformance/github --program target/release/cutover

Needs node and npm; installs what the scripts import into a directory of its own.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from room import Room, carry_through  # noqa: E402
from worlds import PATIENCE, Check, Rehearsal, checked  # noqa: E402


class Scripts:
    """The scripts, with what they import, in a directory of their own."""

    def __init__(self, directory: str):
        self.directory = Path(directory) / "github"
        shutil.copytree(HERE, self.directory, ignore=shutil.ignore_patterns("__pycache__", "node_modules"))
        subprocess.run(
            ["npm", "install", "--no-package-lock", "--no-audit", "--no-fund", "--loglevel=error"],
            cwd=self.directory, check=True, timeout=5 * PATIENCE,
        )

    def run(self, script: str, *arguments: str):
        # Everything is on loopback: no proxy has a part in it.
        env = {**os.environ, "NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1"}
        done = subprocess.run(
            ["node", script, *arguments], cwd=self.directory, env=env, capture_output=True, text=True, timeout=PATIENCE
        )
        print(done.stdout, end="")
        assert done.returncode == 0, f"{script} {' '.join(arguments)} ended with {done.returncode}\n{done.stderr}"


class Recorded(Rehearsal):
    """A world whose GitHub writes down what it is asked."""

    @property
    def record(self) -> Path:
        return Path(self.home.name) / "github-requests.jsonl"

    def tell(self, method: str, path: str):
        """Tells the game master something."""
        request = urllib.request.Request(self.urls["control"] + path, method=method)
        # Everything is on loopback: no proxy has a part in it.
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        opener.open(request, timeout=PATIENCE).close()

    def __enter__(self):
        super().__enter__()
        self.tell("PUT", "/github/record")
        return self


def answers(scripts: Scripts, program: str):
    with Rehearsal(program) as world:
        scripts.run("answers.mjs", world.urls["github"], world.urls["control"])


def walk(scripts: Scripts, program: str):
    """The walk, and whether what it asked is as described."""
    with Recorded(program) as world:
        scripts.run("walk.mjs", world.urls["github"], world.urls["control"])
        world.tell("DELETE", "/github/record")
        scripts.run("requests.mjs", str(world.record))


def room(scripts: Scripts, program: str):
    """All that the room does on GitHub, and whether what it asked is as described."""
    with Recorded(program, "ci-fails") as world:
        carry_through(Room(world, world.tell), world.record)
        world.tell("DELETE", "/github/record")
        scripts.run("requests.mjs", str(world.record), "operations.txt")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", required=True)
    program = os.path.abspath(parser.parse_args().program)
    with tempfile.TemporaryDirectory() as directory, ThreadPoolExecutor() as pool:
        scripts = Scripts(directory)
        bodies = {
            "the checks find what is wrong": lambda: scripts.run("wrongs.mjs"),
            "answers are as described": lambda: answers(scripts, program),
            "Octokit carries a release through": lambda: walk(scripts, program),
            "the room's requests are as described": lambda: room(scripts, program),
        }
        checks: list[Check] = list(pool.map(checked, bodies.keys(), bodies.values()))
    failed = [check for check in checks if check.wrong]
    for check in failed:
        print(f"FAILED {check.name}\n{check.wrong}\n")
    print(f"conformance of GitHub: {len(checks) - len(failed)} passed, {len(failed)} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
