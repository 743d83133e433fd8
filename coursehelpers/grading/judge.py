"""Grade a submission: run its answers in a kernel apart, and judge here what it replies."""

import hashlib
import hmac
import struct
import time
from dataclasses import asdict, dataclass, field, replace

from coursehelpers.checks.answers import AnswerTimedOut
from coursehelpers.checks.core import EXERCISES, Outcome, judge
from coursehelpers.execution.notebooks import answers
from coursehelpers.grading import notebook as notebooks
from coursehelpers.grading.kernel import Kernel, KernelDied
from coursehelpers.grading.protocol import plain

MAX_MESSAGE = 2000
CELL_SECONDS = 60


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
        Why nothing could be graded, if so.
    mentions : list of str
        What a teacher may want to know.
    isolation : str
    seconds : float
    """

    submission: str
    digest: str
    outcomes: list = field(default_factory=list)
    problem: str = ""
    mentions: list = field(default_factory=list)
    isolation: str = ""
    seconds: float = 0.0

    @property
    def earned(self):
        """Points earned."""
        return sum(outcome["earned"] for outcome in self.outcomes)

    @property
    def possible(self):
        """Points possible."""
        return sum(outcome["possible"] for outcome in self.outcomes)


def digest_of(path):
    """Return the SHA-256 of a file."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def seed_of(secret, exercise, digest):
    """Return the seed of an exercise's random inputs: four numbers that only the grader knows."""
    key = hmac.digest(secret, f"{exercise} {digest}".encode(), "sha256")
    return struct.unpack("!4I", key[:16])


def grade(path, source, secret, isolated, name=None):
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

    Returns
    -------
    Grade
        Whatever the submission does; each exercise has exactly one outcome.
    """
    start = time.monotonic()
    result = Grade(name or path.name, digest_of(path), isolation=isolated.name)
    outcomes = {}
    try:
        steps, result.mentions = notebooks.rebuild(source, notebooks.read(path))
        outcomes = _outcomes(steps, secret, result.digest, isolated)
    except notebooks.Unreadable as error:
        result.problem = str(error)
    for exercise in exercises_of(source):
        outcome = outcomes.get(exercise.id) or _nothing(
            exercise, "not attempted", result.problem or "There is no answer."
        )
        result.outcomes.append(asdict(outcome))
    result.seconds = round(time.monotonic() - start, 2)
    return result


def exercises_of(source):
    """Return the exercises that a teacher's notebook asks, in its order."""
    return [EXERCISES[name] for name in answers(source)]


def _outcomes(steps, secret, digest, isolated):
    outcomes, raised, kernel = {}, {}, Kernel(isolated)
    try:
        for step in steps:
            if step.kind == "ask":
                outcomes[step.name] = _ask(kernel, step.name, secret, digest, raised)
            else:
                raised[step.name] = kernel.run(step.source, CELL_SECONDS)
    except (KernelDied, AnswerTimedOut) as error:
        # What has been judged stays; the rest gives no answer any more.
        status = "timed out" if isinstance(error, AnswerTimedOut) else "error"
        for step in steps:
            if step.kind == "ask" and step.name not in outcomes:
                outcomes[step.name] = _nothing(EXERCISES[step.name], status, str(error))
    finally:
        kernel.stop()
    return outcomes


def _ask(kernel, name, secret, digest, raised):
    exercise = EXERCISES[name]
    try:
        outcome = judge(
            exercise,
            lambda seconds: kernel.ask(name, seconds),
            seed=seed_of(secret, name, digest),
        )
    except KernelDied:
        raise
    except Exception as error:  # a reply that no check is prepared for gets no points
        why = f"The check could not judge the answer ({type(error).__name__})."
        return _nothing(exercise, "error", why)
    # They may quote what the answer gave.
    outcome = replace(outcome, messages=tuple(plain(m, MAX_MESSAGE) for m in outcome.messages))
    if raised.get(name) and outcome.status == "not attempted":
        text = f"The answer's cell raised {raised[name]}."
        return replace(outcome, status="error", messages=(text,))
    return outcome


def _nothing(exercise, status, why):
    return Outcome(exercise.id, status, 0, exercise.points, (why,))
