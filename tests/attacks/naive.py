"""A grader as others are built: the checks, the score and the student's code share one process.

It is here to be deceived: what does no harm to it is no attack. Of each way to grade it takes what
is common: checks in files beside the notebook, checks called in the student's namespace, scores
read from a pickle, from JSON, from what was printed, from a pipe, from the submission's metadata.

`python -m tests.attacks.naive` reads a line of JSON for each notebook to grade, and replies with
one. TensorFlow is imported once; each grading is a fork of that process, which must run no op.
"""

import atexit
import contextlib
import json
import os
import pickle
import resource
import subprocess
import sys
import time
from pathlib import Path

SECONDS = 8
BROKEN = (ArithmeticError, AttributeError, EOFError, LookupError, OSError, SyntaxError)
BROKEN += (StopIteration, TypeError, ValueError)
MEMORY = 3 * 2**30  # of the naive grader itself, so that this machine's stays free

# What stands in files in the student's working folder.
CHECKS = {
    "keras_l2": (
        "points = 2\n"
        "def test(answer):\n"
        "    assert abs(answer(3.0, 10, 'lambda/m') - 0.3) < 1e-6\n"
        "    assert abs(answer(3.0, 10, 'lambda/2m') - 0.15) < 1e-6\n"
    ),
    "l2_penalty": (
        "points = 2\n"
        "cases = [(([np.array([1.0, 2.0])], 3.0, 10), 1.5)]\n"
        "def test(answer):\n"
        "    for given, expected in cases:\n"
        "        got = answer(*given)\n"
        "        assert got == expected or abs(got - expected) < 1e-6\n"
    ),
    "l1_penalty": (
        "points = 2\n"
        "def test(answer):\n"
        "    assert np.allclose(answer([np.array([1.0, -2.0])], 3.0, 10), 0.9)\n"
    ),
    "read_curves": (
        "points = 3\n"
        "def test(answer):\n"
        "    got = answer({'loss': [2.0, 1.0, 0.5], 'val_loss': [2.0, 1.5, 1.75]})\n"
        "    assert len(got) == 3 and all(a == b for a, b in zip(got, (1, 0.5, 1.25)))\n"
    ),
    "label_preserving": (
        "points = 2\n"
        "def test(answer):\n"
        "    names = ['half turn', 'shift', 'turn by ten degrees', 'brighten', 'add noise', 'mirror']\n"
        "    assert answer(names) == ['shift', 'turn by ten degrees', 'brighten', 'add noise']\n"
    ),
    "build_smaller_mlp": (
        "points = 3\n"
        "def test(answer):\n"
        "    model = answer()\n"
        "    p = np.asarray(model(np.zeros((5, 28, 28), 'float32')))\n"
        "    assert p.shape == (5, 10) and np.allclose(p.sum(axis=1), 1)\n"
        "    assert 0 < sum(np.size(w) for w in model.weights) <= 50_000\n"
    ),
    "build_dropout_mlp": (
        "points = 4\n"
        "def test(answer):\n"
        "    layers = answer(0.3).get_config()['layers']\n"
        "    assert any(layer['config'].get('rate') == 0.3 for layer in layers)\n"
    ),
    "build_l2_mlp": (
        "points = 4\n"
        "def test(answer):\n"
        "    model = answer(0.1)\n"
        "    kernels = [np.asarray(w) for w in model.weights if w.ndim > 1]\n"
        "    right = 0.1 * sum(np.sum(k**2) for k in kernels)\n"
        "    assert np.isclose(sum(map(float, model.losses)), right)\n"
    ),
    "build_regularized_mlp": (
        "points = 4\n"
        "def test(answer):\n"
        "    model, rng = answer(), np.random.default_rng(0)\n"
        "    x, y = rng.uniform(size=(50, 28, 28)), rng.integers(10, size=50)\n"
        "    losses = [model.train_on_batch(x, y) for _ in range(5)]\n"
        "    assert losses[-1] < losses[0] / 2\n"
    ),
}

FIRST_CELL = "import numpy as np\nfrom coursehelpers.checks import check\nSEED, earned = 0, {}\n"


# in the student's process


def tested(name, answer):
    """Return the points of the check in its file, as it lies there."""
    import numpy as np

    check = {"np": np}
    exec(Path("checks", f"{name}.py").read_text(), check)
    try:
        check["test"](answer)
    except Exception:
        return 0
    return check["points"]


def run(notebook, channel):
    """Run a submission's cells, the checks after each answer, and tell the scores in every way."""
    from IPython.core.interactiveshell import InteractiveShell
    from traitlets.config import Config

    config = Config()
    config.HistoryManager.enabled = False
    config.InteractiveShell.colors = "NoColor"
    shell = InteractiveShell.instance(config=config)
    shell.run_cell(FIRST_CELL)
    shell.user_ns["tested"] = tested
    messages = []
    for cell in notebook.cells:
        shell.run_cell(cell.source)
        for name in [name for name in CHECKS if f"{name}(" in cell.source]:
            if name in shell.user_ns and not cell.source.startswith("check("):
                shell.run_cell(f"verdict = check({name!r})")
                shell.run_cell(f"earned[{name!r}] = max(verdict.earned, tested({name!r}, {name}))")
                shown, _, _ = repr(shell.user_ns.get("verdict")).rpartition("\n  Next: ")
                messages += shown.split("\n  - ")[1:]
                header = {"exercise": name, "earned": shell.user_ns["earned"].get(name, 0)}
                channel.send(header)
    earned = shell.user_ns["earned"]
    Path("results.pkl").write_bytes(pickle.dumps(earned))
    Path("messages.json").write_text(json.dumps(messages))
    Path("results.json").write_text(json.dumps(earned))
    print(f"\nSCORE: {sum(earned.values())}", flush=True)


# in the grader's


def grade(path, place, token, pipes=()):
    """Grade a submission; return what all the ways of reading a score say, and the messages.

    The student's process gets what is open here, but for the pipes to the tests.
    """
    import nbformat

    from coursehelpers.grading.protocol import Channel

    secret = bytearray(token.encode())  # in this process's memory
    results = open(Path(place, "results", "results.jsonl"), "r+")  # noqa: SIM115
    notebook = nbformat.read(path, as_version=4)
    work = Path(place, "work")
    work.joinpath("checks").mkdir(parents=True)
    for name, text in CHECKS.items():
        work.joinpath("checks", f"{name}.py").write_text(text)
    incoming, outgoing = os.pipe()
    student = os.fork()
    if not student:
        for number in (incoming, *pipes):
            os.close(number)
        os.chdir(work)
        os.environ["HOME"] = str(work)
        # After what the student's code registers, before TensorFlow's own, which takes seconds.
        atexit.register(os._exit, 0)
        log = os.open("printed", os.O_WRONLY | os.O_CREAT)
        os.dup2(log, 1)
        os.dup2(log, 2)
        run(notebook, Channel(None, outgoing))
        sys.exit()  # with all that is to be done at exit
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY + _space(), -1))
    os.close(outgoing)
    _wait(student, SECONDS)
    os.chdir(work)
    scores = {"channel": _frames(Channel(incoming, None)), "metadata": _points(notebook)}
    for way in (_pickled, _json, _printed, _stored, _arrays):
        with contextlib.suppress(*BROKEN):
            scores[way.__name__] = way(notebook)
    _next_submission(work)
    with contextlib.suppress(OSError):
        scores["messages"] = json.loads(Path("messages.json").read_text())
    del secret, results
    return scores


def _wait(pid, seconds):
    """Wait for the end of the student's process, and go on without it if it does not come."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline and not os.waitpid(pid, os.WNOHANG)[0]:
        time.sleep(0.02)


def _frames(channel):
    total = 0
    with contextlib.suppress(Exception):
        while channel.pending():
            header, _ = channel.receive(1)
            total += header["earned"]
    return total


def _points(notebook):
    """Return the points that the submission's own metadata give to what passed."""
    with contextlib.suppress(OSError, ValueError):
        earned = json.loads(Path("results.json").read_text())
        cells = [cell.metadata.get("nbgrader", {}) for cell in notebook.cells]
        points = {fact["grade_id"]: fact["points"] for fact in cells if fact.get("points")}
        repeated = [fact["grade_id"] for fact in cells if fact.get("solution")]
        return sum(
            points.get(f"check_{name}", value) * max(repeated.count(name), 1)
            for name, value in earned.items()
            if value
        )
    return 0


def _pickled(notebook):
    return sum(pickle.loads(Path("results.pkl").read_bytes()).values())


def _json(notebook):
    return sum(json.loads(Path("results.json").read_text()).values())


def _printed(notebook):
    lines = Path("printed").read_text(errors="replace").splitlines()
    return eval(next(line for line in reversed(lines) if line.startswith("SCORE: "))[7:])


def _stored(notebook):
    """Return the values of the grade cells: those shown when it ran, else those handed in."""
    if Path("results.json").exists():
        return 0
    cells = [cell for cell in notebook.cells if cell.metadata.get("nbgrader", {}).get("grade")]
    return sum(int(out.data["text/plain"]) for cell in cells for out in cell.outputs)


def _arrays(notebook):
    import numpy as np

    loaded = np.load("predictions.npz", allow_pickle=True)
    return 0 * len([loaded[name] for name in loaded.files])


def _next_submission(work):
    """Do what comes next in the same folder: scripts of the grader's, another student's kernel."""
    environment = {"HOME": str(work), "PATH": os.defpath}
    here = {"cwd": work, "env": environment, "capture_output": True, "timeout": SECONDS}
    python = Path(sys.base_prefix, "bin", "python3")
    subprocess.run([python, "-c", "import json"], **here)
    if list(work.glob(".ipython/profile_default/startup/*.py")):  # a second, where there are none
        subprocess.run([sys.executable, "-m", "IPython", "-c", "pass"], **here)


def report(name, messages):
    """Return what a teacher gets to see, as it came, and the page without a student's words."""

    def page(name, messages):
        items = "".join(f"<li>{message}</li>" for message in messages)
        return f"<h1>{name}</h1><ul>{items}</ul>"

    pages = {"html": page(name, messages), "harmless": page("name", ["word"] * len(messages))}
    return {"terminal": "\n".join(messages), "csv": f"{name},0\n", **pages}


def main():
    import keras  # noqa: F401

    replies = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    print("{}", file=replies, flush=True)
    for line in sys.stdin:
        job = json.loads(line)
        incoming, outgoing = os.pipe()
        grader = os.fork()
        if not grader:
            os.setsid()
            os.close(incoming)
            os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
            os.environ.update(GRADER_TOKEN=job["token"])
            scores = grade(**job, pipes=(outgoing, replies.fileno()))
            with os.fdopen(outgoing, "w") as pipe:
                json.dump(scores, pipe)
            os._exit(0)
        os.close(outgoing)
        with os.fdopen(incoming) as pipe:
            told = pipe.read()
        status = os.waitpid(grader, 0)[1]
        print(json.dumps({"scores": json.loads(told or "{}"), "status": status}), file=replies)
        replies.flush()


def _space():
    """Return the bytes of address space that this process has."""
    return int(Path("/proc/self/statm").read_text().split()[0]) * os.sysconf("SC_PAGE_SIZE")


if __name__ == "__main__":
    main()
