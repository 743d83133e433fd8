"""A grade cannot be forged: each attack deceives a naive grader, and does nothing to ours.

What an attack does is observed by its effects: points, foreign files, connections, processes.
"""

import contextlib
import csv
import hashlib
import io
import json
import os
import re
import secrets
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import unicodedata
from collections import Counter
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import nbformat
import pytest

from coursehelpers.grading import feedback, isolation, load_results, reports
from coursehelpers.grading.judge import grade
from coursehelpers.lessons import notebooks
from tests.attacks import naive

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[1]
PATHS = sorted(Path(__file__).with_name("attacks").glob("*.ipynb"))
SOURCES = {path.stem: notebooks.read(path) for path in notebooks.find(ROOT / "notebooks")}
# What namespaces of the system keep apart, not the grader's own code.
KEPT_APART = ("file", "network", "process")

RIGHT = "def keras_l2(lambda_, m, convention):\n    return lambda_ / m if convention == 'lambda/m' else lambda_ / (2 * m)"


def facts(path):
    return nbformat.read(path, as_version=4).metadata["attack"]


def attacks(*marks):
    """Return all attacks as parameters; those that are slow to prove run with the others only."""
    return [
        pytest.param(path, id=path.stem, marks=[] if path.stem in FEW else marks) for path in PATHS
    ]


# One or two for each goal: what `make test` has time for.
FEW = (
    "always_equal",
    "channel_written",
    "daemon_left",
    "html_in_message",
    "network_tcp",
    "pickle_in_results",
    "secret_read",
)


@pytest.fixture(scope="module")
def isolated(request):
    return isolation.choose(required=request.config.getoption("--isolation") == "required")


class Scene:
    """A folder with what is worth attacking, listening sockets, and words to be recognized by."""

    def __init__(self, path):
        self.facts = facts(path)
        self.token, self.mark = f"token-{secrets.token_hex(16)}", f"m{secrets.token_hex(7)}"
        self.place = Path(tempfile.mkdtemp(prefix="attacked-"))
        teacher = {"submitted/other.ipynb": RIGHT, "teacher/regularization.ipynb": RIGHT}
        for name, source in teacher.items():
            cell = nbformat.v4.new_code_cell(f"{source}  # {self.token}")
            self.place.joinpath(name).parent.mkdir()
            nbformat.write(nbformat.v4.new_notebook(cells=[cell]), self.place / name)
        folder = self.place / "results"
        folder.mkdir()
        folder.joinpath("secret").write_text(self.token)
        folder.joinpath("results.jsonl").write_text('{"grade": "another student\'s"}\n')
        with contextlib.closing(sqlite3.connect(folder / "gradebook.db")) as gradebook:
            gradebook.execute("CREATE TABLE grade (student TEXT, points INTEGER)")
            gradebook.execute("INSERT INTO grade VALUES ('another', 50)")
            gradebook.commit()
        self.listeners = [socket.create_server(("", 0)), *map(socket.socket, [socket.AF_UNIX] * 2)]
        for listener, address in zip(
            self.listeners[1:], (str(self.place / "socket"), f"\0{self.mark}"), strict=True
        ):
            listener.bind(address)
            listener.listen()
        self._open_to_all()
        self.before = self._hashes()

    def _open_to_all(self):
        """Let no permission of a file be what protects it."""
        for path in [self.place, *self.place.rglob("*")]:
            path.chmod(0o777)

    def _hashes(self):
        watched = [self.place / folder for folder in ("submitted", "teacher", "results")]
        return {
            path: hashlib.sha256(path.read_bytes()).hexdigest()
            for folder in watched
            for path in sorted(folder.iterdir())
        }

    def write(self, path, extra=()):
        """Write the attack as a submission, with what it has to know filled in."""
        text = path.read_text()
        port = str(self.listeners[0].getsockname()[1])
        for name, value in (("PLACE", str(self.place)), ("MARK", self.mark), ("PORT", port)):
            text = text.replace(f"@{name}@", value)
        notebook = nbformat.reads(text, as_version=4)
        notebook.cells[:0] = [nbformat.v4.new_code_cell(source) for source in extra]
        target = self.place / self.facts.get("file", path.name)
        if self.facts.get("link"):
            target.symlink_to(self.place / "submitted" / "other.ipynb")
        else:
            nbformat.write(notebook, target)
        return target

    def effects(self, told):
        """Return what of the goals was reached, by what is there and by what was told."""
        words = json.dumps(told)
        reached = {
            "file": self._hashes() != self.before or self.token in words,
            "network": any(map(_was_reached, self.listeners)),
            "process": bool(self.processes()),
            "run": (self.place / "ran").exists(),
            "report": is_spoiled(told),
        }
        # An attack whose success shows nowhere else tells its mark.
        own = {self.facts["goal"]} if self.mark in words else set()
        return own | {goal for goal in reached if reached[goal]}

    def processes(self):
        """Return the processes that carry the mark, or that stand in the folder."""
        found = []
        for process in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                shown = b"".join(
                    (process / part).read_bytes() for part in ("cmdline", "environ", "comm")
                )
                alive = (process / "stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
                here = os.readlink(process / "cwd").startswith(str(self.place))
                if alive and (here or self.mark.encode() in shown):
                    found.append(int(process.name))
        return found

    def clear(self):
        for pid in self.processes():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        for listener in self.listeners:
            listener.close()
        shutil.rmtree(self.place)


def _was_reached(listener):
    listener.setblocking(False)
    with contextlib.suppress(BlockingIOError):
        listener.accept()[0].close()
        return True
    return False


@pytest.fixture
def scene(path):
    scene = Scene(path)
    yield scene
    scene.clear()


def elements(page):
    """Return what a page is made of: its elements and their attributes, counted."""
    found = Counter()
    parser = HTMLParser()
    parser.handle_starttag = lambda tag, attributes: found.update([(tag, *map(str, attributes))])
    parser.feed(page)
    parser.close()
    return found


def is_spoiled(told):
    """Say whether something in a report does more than being read."""
    cells = [cell for row in csv.reader(io.StringIO(told.get("csv", ""))) for cell in row]
    terminal = told.get("terminal", "")
    return bool(
        elements(told.get("html", "")) != elements(told.get("harmless", ""))
        or any(cell.startswith(("=", "+", "-", "@", "\t", "\r")) for cell in cells)
        or any(unicodedata.category(c)[0] == "C" and c != "\n" for c in terminal)
        or any(re.match(r"\w+: \W*passed", line) for line in terminal.splitlines())
    )


GOALS = {"score", *KEPT_APART, "run", "report"}


def test_attacks_are_many_and_of_every_kind():
    found = {path.stem: nbformat.read(path, as_version=4) for path in PATHS}
    assert len(found) >= 100
    assert {notebook.metadata["attack"]["goal"] for notebook in found.values()} == GOALS
    assert {found[name].metadata["attack"]["goal"] for name in FEW} == GOALS
    for notebook in found.values():
        nbformat.validate(notebook)
        assert notebook.nbformat_minor == 5
        assert notebook.metadata["attack"].keys() >= {"what", "goal", "notebook", "honest"}


# the naive grader


@pytest.fixture(scope="module")
def naive_grader():
    """Call it with a notebook, a folder and a token: what `tests.attacks.naive` replies."""
    environment = {"MPLBACKEND": "agg", "TF_CPP_MIN_LOG_LEVEL": "2"}
    with subprocess.Popen(
        [sys.executable, "-m", "tests.attacks.naive"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        cwd=ROOT,
        env=os.environ | environment,
    ) as process:
        process.stdout.readline()

        def ask(path, place, token):
            job = {"path": str(path), "place": str(place), "token": token}
            print(json.dumps(job), file=process.stdin, flush=True)
            return json.loads(process.stdout.readline())

        yield ask
        process.stdin.close()


def run_naively(naive_grader, scene, target):
    reply = naive_grader(target, scene.place, scene.token)
    scores = reply["scores"]
    told = naive.report(target.name, scores.pop("messages", []))
    return scores, scene.effects(told) | ({"process"} if reply["status"] else set())


@pytest.mark.parametrize("path", attacks(pytest.mark.attack))
def test_attack_deceives_a_naive_grader(path, scene, naive_grader):
    scores, effects = run_naively(naive_grader, scene, scene.write(path))
    best = max(scores.values(), default=0)
    if scene.facts.get("allowed"):
        assert best == scene.facts["honest"]
    elif scene.facts["goal"] == "score":
        assert best > scene.facts["honest"], scores
    else:
        assert scene.facts["goal"] in effects, (scores, effects)


@pytest.mark.parametrize("path", PATHS[:1], ids=["honest"])
def test_naive_grader_knows_right_from_wrong(path, scene, naive_grader):
    right = "def l2_penalty(weights, lambda_, m):\n    return lambda_ / m * sum((w**2).sum() for w in weights)"
    wrong = "def l1_penalty(weights, lambda_, m):\n    return 0.0"
    target = scene.place / "honest.ipynb"
    cells = map(nbformat.v4.new_code_cell, (right, wrong))
    nbformat.write(nbformat.v4.new_notebook(cells=list(cells)), target)
    scores, effects = run_naively(naive_grader, scene, target)
    ways = ("channel", "metadata", "_pickled", "_json", "_printed")
    assert scores == {**dict.fromkeys(ways, 2), "_stored": 0}
    assert not effects


# ours


def told_by_us(result, folder):
    """Return all that our grader shows and writes of a grade."""
    reports.write_reports(folder, [result], "lesson")
    told = {
        "html": page_of(result, folder),
        "csv": (folder / reports.GRADES).read_text(encoding="utf-8-sig"),
        "frame": load_results(folder).to_json(),
    }
    messages = [message for outcome in result.outcomes for message in outcome["messages"]]
    shown = [reports.summary([result]), result.problem, *result.mentions, *messages]
    # The same page, of which the submission has written nothing.
    harmless = replace(
        result,
        submission="word.ipynb",
        outcomes=[o | {"messages": ["word"] * len(o["messages"])} for o in result.outcomes],
        mentions=["word"] * len(result.mentions),
        problem="word" * bool(result.problem),
    )
    reports.write_reports(folder, [harmless], "lesson")
    return told | {"terminal": "\n".join(shown), "harmless": page_of(harmless, folder)}


def page_of(result, folder):
    path = folder / feedback.FOLDER / feedback.page_name(result.submission)
    return path.read_text(encoding="utf-8")


@pytest.mark.parametrize("path", attacks(pytest.mark.attack))
def test_attack_does_nothing_to_ours(path, scene, isolated, tmp_path, monkeypatch):
    if scene.facts["goal"] in KEPT_APART and isolated.name != "bubblewrap":
        pytest.skip("bubblewrap is not installed, or not allowed here")
    source = SOURCES[scene.facts["notebook"]]
    # A right answer before the attack's cells shows that the kernel works, and keeps its points.
    ahead = "keras_l2" in notebooks.answers(source) and "keras_l2" not in path.read_text()
    target = scene.write(path, [RIGHT] if ahead else [])
    honest = scene.facts["honest"] + 2 * (ahead and not scene.facts.get("link"))
    monkeypatch.setenv("GRADER_TOKEN", scene.token)
    memory = bytearray(scene.token.encode())  # in the grader's, as a secret is
    with open(scene.place / "results" / "results.jsonl", "r+") as file:
        os.set_inheritable(file.fileno(), False)
        result = grade(target, source, bytes(memory), isolated, target.name)
    effects = scene.effects(told_by_us(result, tmp_path))
    given = {outcome["id"]: outcome for outcome in result.outcomes if outcome["earned"]}
    assert result.earned == honest, (given, result.outcomes, result.problem)
    assert not effects
