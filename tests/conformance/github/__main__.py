"""Conformance of the rehearsal's GitHub: GitHub's own description of its API, and a client
that was not written for it.

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
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

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


def tell(method: str, url: str):
    urllib.request.urlopen(urllib.request.Request(url, method=method), timeout=PATIENCE).close()


def walk(scripts: Scripts, world: Rehearsal):
    """The walk, and whether what it asked is as described."""
    github, control = world.urls["github"], world.urls["control"]
    tell("PUT", f"{control}/github/record")
    scripts.run("walk.mjs", github, control)
    tell("DELETE", f"{control}/github/record")
    scripts.run("answers.mjs", "--requests", str(Path(world.home.name) / "github-requests.jsonl"))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", required=True)
    options = parser.parse_args()
    checks: list[Check] = []
    with tempfile.TemporaryDirectory() as directory:
        scripts = Scripts(directory)
        with Rehearsal(options.program) as world:
            arguments = (world.urls["github"], world.urls["control"])
            checks.append(checked("answers are as described", lambda: scripts.run("answers.mjs", *arguments)))
        with Rehearsal(options.program) as world:
            checks.append(checked("Octokit carries a release through", lambda: walk(scripts, world)))
    failed = [check for check in checks if check.wrong]
    for check in failed:
        print(f"FAILED {check.name}\n{check.wrong}\n")
    print(f"conformance of GitHub: {len(checks) - len(failed)} passed, {len(failed)} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
