"""Grade a submission: run its answers in a kernel apart, and judge here what it replies."""

import contextlib
import hashlib
import hmac
import struct
import time
import traceback
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from coursehelpers.checks.answers import AnswerTimedOut
from coursehelpers.checks.core import EXERCISES, Outcome, judge
from coursehelpers.grading import notebook as notebooks
from coursehelpers.grading.kernel import Kernel, KernelDied
from coursehelpers.grading.text import plain
from coursehelpers.lessons.notebooks import answers, lesson

SETUP_SECONDS = 120  # the teacher's cells, the start of the kernel included
MAX_MESSAGE = 2000  # characters: it may quote what an answer gave
NOT_GRADED = "It could not be graded; your teacher can see why."
CELL_SECONDS = 60
NOTEBOOK_SECONDS = 900
KERNELS = 6  # for one submission, each without the cell that ended the one before


class Stopped(Exception):
    """The grading was interrupted from outside."""


class LessonFailed(Exception):
    """A cell of the teacher's does not run here, which is no student's doing."""


@dataclass
class Grade:
    """What came of one submission.

    Attributes
    ----------
    submission, digest : str
        The file's name, and the hash of its content.
    outcomes : list of dict
        One for each exercise of the notebook, in the teacher's order.
    problem : str
        Why nothing could be graded, or which check could not be completed, if so.
    mentions : list of str
        What a teacher may want to know.
    isolation : str
    seconds : float
    final : bool
        False if the problem is not the submission's content, so that it has to be graded again.
    lesson : str
        The version of the lesson that the submission was made from, as it says itself.
    """

    submission: str
    digest: str
    outcomes: list[dict[str, Any]] = field(default_factory=list)
    problem: str = ""
    mentions: list[str] = field(default_factory=list)
    isolation: str = ""
    seconds: float = 0.0
    final: bool = True
    lesson: str = "unknown"

    @property
    def earned(self):
        """Points earned."""
        return sum(outcome["earned"] for outcome in self.outcomes)

    @property
    def possible(self):
        """Points possible."""
        return sum(outcome["possible"] for outcome in self.outcomes)


class Running:
    """The kernels that run, so that another thread can end all of them."""

    def __init__(self):
        self._kernels = set()
        self._stopped = False

    @contextlib.contextmanager
    def kernel(self, isolated, seconds):
        """Start a kernel, and stop it in the end."""
        kernel = Kernel(isolated, seconds)
        self._kernels.add(kernel)
        try:
            if self._stopped:
                raise Stopped
            yield kernel
        finally:
            self._kernels.discard(kernel)
            kernel.stop()

    def stop(self):
        """End all kernels, and let none start any more."""
        self._stopped = True
        for kernel in list(self._kernels):
            kernel.end("The grading was interrupted.")


def digest_of(path):
    """Return the SHA-256 of a submitted file, as far as it is read."""
    return hashlib.sha256(notebooks.load(path)).hexdigest()


def seed_of(secret, exercise, digest):
    """Return the seed of an exercise's random inputs: four numbers that only the grader knows."""
    key = hmac.digest(secret, f"{exercise} {digest}".encode(), "sha256")
    return struct.unpack("!4I", key[:16])


def grade(path, source, secret, isolated, name=None, private=(), running=None):
    """Grade a submitted notebook.

    Parameters
    ----------
    path : pathlib.Path
    source : nbformat.NotebookNode
        The teacher's notebook; its exercises are the ones that count.
    secret : bytes
    isolated : isolation.Isolation
    name : str, optional
        What to call the submission, by default the file's name.
    private : sequence of str, default ()
        Exercises that count besides.
    running : Running, optional
        Through which to end it early.

    Returns
    -------
    Grade
        Whatever the submission does; each exercise has exactly one outcome.

    Raises
    ------
    Stopped
        If it was ended early.
    """
    start = time.monotonic()
    result = Grade(name or path.name, "", isolation=isolated.name)
    exercises, outcomes = exercises_of(source, private), {}
    try:
        content = notebooks.load(path)
        result.digest = hashlib.sha256(content).hexdigest()
        submitted = notebooks.parse(content)
        result.lesson = notebooks.lesson_of(submitted)
        wanted = [exercise.id for exercise in exercises]
        steps, result.mentions = notebooks.rebuild(source, submitted, wanted)
        if result.lesson not in ("unknown", lesson(source)):
            result.mentions.append("The notebook was made from another version of the lesson.")
        outcomes = _Grading(result, secret, isolated, running or Running()).outcomes_of(steps)
    except notebooks.Unreadable as error:
        result.problem, result.final = str(error), bool(result.digest)
    except Stopped:
        raise
    except Exception as error:  # of the grader's own: the others are graded all the same
        result.problem = f"It could not be graded: {_told(error)}"
        result.final = False
    for exercise in exercises:
        outcome = outcomes.get(exercise.id) or _nothing(
            exercise.id,
            *(("not attempted", result.problem) if result.final else ("error", NOT_GRADED)),
        )
        messages = tuple(plain(message, MAX_MESSAGE) for message in outcome.messages)
        result.outcomes.append(asdict(replace(outcome, messages=messages)))
    result.problem = plain(result.problem, MAX_MESSAGE)
    result.mentions = [plain(mention, MAX_MESSAGE) for mention in result.mentions]
    result.seconds = round(time.monotonic() - start, 2)
    return result


def exercises_of(source, private=()):
    """Return the exercises that a teacher's notebook asks, in its order, then private ones."""
    return [EXERCISES[name] for name in dict.fromkeys([*answers(source), *private])]


class _Grading:
    """One submission on its way through its kernels."""

    def __init__(self, result, secret, isolated, running):
        self._result = result
        self._secret = secret
        self._isolated = isolated
        self._running = running
        self._outcomes = {}
        self._left_out = set()
        self._end = time.monotonic() + NOTEBOOK_SECONDS

    def outcomes_of(self, steps):
        """Return the outcomes by exercise; what ends a kernel costs no more than itself."""
        wanted = [step.name for step in steps if step.kind == "ask"]
        if all(step.kind in ("setup", "ask") for step in steps):
            for name in wanted:
                text = f"The notebook defines no {name}."
                self._outcomes[name] = _nothing(name, "not attempted", text)
        status, why = "error", "The notebook ended too many kernels."
        for _ in range(KERNELS):
            if self._outcomes.keys() >= set(wanted):
                break
            if time.monotonic() > self._end:
                status, why = "timed out", "The notebook took too long, all cells together."
                break
            with self._running.kernel(self._isolated, self._end - time.monotonic()) as kernel:
                self._go_through(steps, kernel)
        for name in wanted:
            self._outcomes.setdefault(name, _nothing(name, status, why))
        return self._outcomes

    def _go_through(self, steps, kernel):
        """Take the steps, as far as one kernel goes."""
        raised: dict[str, str] = {}
        left = [n for n, s in enumerate(steps) if s.kind == "ask" and s.name not in self._outcomes]
        for number, step in enumerate(steps[: left[-1] + 1]):  # what comes later matters no more
            if time.monotonic() > self._end:
                return
            try:
                if step.kind == "ask":
                    if step.name not in self._outcomes:
                        self._outcomes[step.name] = self._ask(kernel, step.name, raised)
                    if kernel.ended:  # the answer took too long, which is an outcome
                        return
                elif number not in self._left_out:
                    error = self._run(kernel, step)
                    if step.kind == "answer":
                        raised |= dict.fromkeys(step.name.split(), error)
            except (KernelDied, AnswerTimedOut) as error:
                self._left_out.add(number)
                self._leave_out(step, error)
                return

    def _run(self, kernel, step):
        """Run a cell; return what it raised, or None."""
        if step.kind != "setup":
            return kernel.run(step.source, CELL_SECONDS)
        try:
            error = kernel.run(step.source, SETUP_SECONDS)
        except (KernelDied, AnswerTimedOut) as trouble:
            error = trouble
        if error:
            # No code of the student's has run yet, so this is for the teacher to read.
            printed = plain(kernel.printed[-MAX_MESSAGE:].decode(errors="replace"), MAX_MESSAGE)
            told = f" It printed: {printed}" if printed else ""
            raise LessonFailed(f"The lesson's own cell {step.name} failed: {error}{told}")
        return None

    def _leave_out(self, step, error):
        """Say what came of a step that ended its kernel."""
        if step.kind == "extra":
            self._result.mentions.append(f"{step.name} was left out: {error}")
            return
        status = "timed out" if isinstance(error, AnswerTimedOut) else "error"
        for name in step.name.split():
            self._outcomes.setdefault(name, _nothing(name, status, str(error)))

    def _ask(self, kernel, name, raised):
        exercise = EXERCISES[name]
        seed = seed_of(self._secret, name, self._result.digest)
        try:
            outcome = judge(exercise, lambda seconds: kernel.ask(name, seconds), seed=seed)
        except KernelDied:
            raise
        except Exception as error:  # a mistake in the check, which costs no other exercise
            told = f"The check of {name} could not be completed: {_told(error)}"
            self._result.problem, self._result.final = told, False
            return _nothing(name, "error", NOT_GRADED)
        if raised.get(name) and outcome.status == "not attempted":
            text = f"The answer's cell raised {raised[name]}."
            return replace(outcome, status="error", messages=(text,))
        return outcome


def _nothing(name, status, why):
    return Outcome(name, status, 0, EXERCISES[name].points, (why,))


def _told(error):
    """Return what an error of the grader's own is, and where it came up."""
    place = traceback.extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__}: {error} ({place.filename}, line {place.lineno})"
