"""The program itself against the rehearsal's GitHub, so that everything it asks is
written down: its commands from the pull request to a second approval, and its screen."""

import fcntl
import json
import os
import pty
import struct
import subprocess
import tempfile
import termios
import threading
import time
from pathlib import Path

from worlds import PATIENCE, Rehearsal

# Pause between two looks at what takes its time.
PAUSE = 0.3


class Room:
    """An operator's machine, with a configuration that leads to a world."""

    def __init__(self, world: Rehearsal, tell):
        self.world, self.tell = world, tell
        self.home = tempfile.TemporaryDirectory()
        self.usual = self.configured("usual", "develop")
        # Where the releases come from another branch, this one may be deleted.
        self.other = self.configured("other", "release")
        # Nobody serves the database; the migrations' scripts are read all the same.
        database = '''
[database]
url = "postgresql://cutover@127.0.0.1:1/taxasge"
tls = false
migrations_in_repository = "alembic/versions"
'''
        self.listed = [
            self.configured(name, "develop", f'[checklist]\nname = "{name}"\n{database}')
            for name in ("production", "staging", "hotfix")
        ]

    def configured(self, name: str, head: str, more: str = "") -> str:
        urls, directory = self.world.urls, self.world.home.name
        path = Path(self.home.name) / f"{name}.toml"
        path.write_text(f"""
[environments.rehearsal.kubernetes]
kubeconfig = "{directory}/oncall.kubeconfig"
namespace = "{urls['namespace']}"
service = "{urls['service']}"
[environments.rehearsal.application]
url = "{urls['application']}"
[github]
repository = "taxasge/backend"
url = "{urls['github']}"
token_file = "{directory}/github.token"
head = "{head}"
interval = "1s"
{more}""")
        return str(path)

    def command(self, *arguments: str, config: str = "") -> list[str]:
        return [self.world.program, *arguments, "--config", config or self.usual]

    @property
    def environment(self):
        return {**os.environ, "XDG_STATE_HOME": self.home.name, "TERM": "xterm-256color", "LOGNAME": "ops1"}

    def run(self, *arguments: str, config: str = "") -> tuple[int, list[dict]]:
        """A command's exit status and the JSON objects that it printed."""
        command = self.command(*arguments, "--output", "json", config=config)
        done = subprocess.run(command, env=self.environment, capture_output=True, text=True, timeout=PATIENCE)
        events = [json.loads(line) for line in done.stdout.splitlines()]
        self.last = f"{' '.join(arguments)} ended with {done.returncode}: {done.stdout}{done.stderr}"
        return done.returncode, events

    def ok(self, *arguments: str, config: str = "") -> list[dict]:
        status, events = self.run(*arguments, config=config)
        assert status == 0, self.last
        return events

    def until(self, wanted, *arguments: str) -> list[dict]:
        """Runs a command again and again until it is as wanted; what the world only waits
        for is over at once."""
        end = time.monotonic() + PATIENCE
        while True:
            status, events = self.run(*arguments)
            if wanted(status, events):
                return events
            assert time.monotonic() < end, f"it never came to it: {self.last}"
            self.tell("POST", "/github/advance")
            time.sleep(PAUSE)

    def on_screen_until(self, wanted):
        """Has the full screen up until something is so."""
        terminal, line = pty.openpty()
        fcntl.ioctl(line, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 120, 0, 0))
        screen = subprocess.Popen(
            self.command(), env=self.environment, stdin=line, stdout=line, stderr=line, start_new_session=True
        )
        os.close(line)
        threading.Thread(target=drain, args=(terminal,), daemon=True).start()
        end = time.monotonic() + PATIENCE
        try:
            while not wanted():
                assert screen.poll() is None, f"the screen ended with {screen.returncode}"
                assert time.monotonic() < end, "the screen never asked for it"
                time.sleep(PAUSE)
        finally:
            screen.terminate()
            screen.wait(timeout=PATIENCE)


def drain(terminal: int):
    """Reads a terminal empty, so that who writes to it never waits."""
    try:
        while os.read(terminal, 65536):
            pass
    except OSError:
        pass  # Who wrote to it has ended.
    finally:
        os.close(terminal)


def waits(status, events) -> bool:
    return status == 0 and bool(events[0]["waiting"])


def failed(status, events) -> bool:
    return status == 0 and events[0]["state"] == "failed"


def carry_through(room: Room, record: Path):
    """Everything that the room does on GitHub. In the world's scenario a test of the
    release's run fails at first."""
    room.run("doctor")
    room.ok("pr", "--create", "--base", "main", "--yes")
    number = str(room.ok("pr")[0]["number"])
    room.until(lambda status, _: status == 0, "pr", "--merge", "--number", number, "--yes")
    room.ok("pr", "--release", "v1.1.0")
    for listed in room.listed:
        # Whatever is open on it: it is what was asked that counts.
        status, items = room.run("check", config=listed)
        assert items and status in (0, 3), room.last
    run = str(room.until(failed, "run", "show")[0]["number"])
    room.ok("run", "rerun", "--failed", "--number", run, "--yes")
    room.until(waits, "run", "show")
    production = ("--environment", "production", "--comment", "by the conformance checks", "--yes")
    room.ok("reject", *production)
    room.until(failed, "run", "show")
    room.ok("run", "rerun", "--number", run, "--yes")
    room.until(waits, "run", "show")
    room.ok("approve", *production)
    room.ok("run", "dispatch", "--workflow", "staging.yml", "--ref", "develop", "--yes")
    room.ok("run", "dispatch", "--ref", "main", "--yes")
    newest = next(run for run in room.ok("run", "list") if run["branch"] == "main")
    room.ok("run", "cancel", "--number", str(newest["number"]), "--yes")
    # How long things usually take is asked for once something is on the screen.
    room.on_screen_until(lambda: "status=success" in record.read_text())
    room.ok("pr", "--delete-branch", "--branch", "develop", "--yes", config=room.other)
