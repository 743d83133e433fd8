"""Register an exercise, judge an answer to it, and say what came out.

An exercise is declared by its solution: see `coursehelpers.checks.declared` for what a check requires
of an answer in words, and `coursehelpers.checks.formula` for what is about a formula.

It never knows where the answer lives: it asks an `Answer` and expects things of the replies.
"""

import zlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from coursehelpers.checks.answers import Answer, AnswerError
from coursehelpers.checks.values import Fixture, Handle

EXERCISES: dict[str, "Exercise"] = {}
Specification = Callable[[Answer, "Expect", np.random.Generator], None]


@dataclass(frozen=True)
class Exercise:
    """A declared exercise: its place, its worth and its specification."""

    id: str  # its name, and that of the function the student writes
    notebook: str
    section: str  # the heading to go back to
    points: int  # what its expectations offer together
    seconds: float  # time limit for all questions to an answer together
    hints: tuple[str, ...]  # from a nudge to nearly the answer
    specification: Specification
    declared: Any = None  # its `coursehelpers.checks.declared.Declaration`


@dataclass(frozen=True)
class Outcome:
    """What came of one answer; plain values only, so that it can travel as JSON."""

    id: str  # of the exercise
    status: str  # "passed", "partial", "failed", "not attempted", "error" or "timed out"
    earned: int  # points
    possible: int
    messages: tuple[str, ...] = ()  # what to tell the student, most important first
    misconception: str | None = None  # the name of the known wrong answer that was recognized


class Mistake(NamedTuple):
    """A known wrong answer: its name, the value it gives, and what to tell who gave it."""

    name: str
    value: Any
    message: str


class _Refused(Exception):
    """A requirement does not hold: nothing after it can be judged."""


def exercise(
    id: str,
    *,
    notebook: str,
    section: str,
    points: int,
    hints: Iterable[str],
    seconds: float = 5.0,
    declared: Any = None,
) -> Callable[[Specification], Specification]:
    """Declare an `Exercise`: decorates its specification, which is returned unchanged.

    Raises
    ------
    ValueError
        If the id is taken.
    """

    def declare(specification):
        if id in EXERCISES:
            raise ValueError(f"An exercise named {id!r} exists already; choose another id.")
        EXERCISES[id] = Exercise(
            id, notebook, section, points, seconds, tuple(hints), specification, declared
        )
        return specification

    return declare


class Expect:
    """Collects what was expected of an answer, which of it held, and why the rest did not.

    An expectation with points adds them when it holds, and the check goes on when it does not.
    One without points is a requirement: when it fails the check ends.

    Attributes
    ----------
    given : str
        What the answer is asked just now, for the messages; a specification sets it.
    known : dict of str to str
        What to tell who made a known mistake, by the mistake's name.
    """

    def __init__(self) -> None:
        self.given = ""
        self.known: Mapping[str, str] = {}
        self.earned = 0
        self.offered = 0
        self.misconception: str | None = None
        self._messages: dict[str, str] = {}

    def that(
        self,
        condition: bool | np.bool_,
        otherwise: str,
        points: int = 0,
        mistakes: Iterable[Mistake] = (),
        seen: str = "",
    ) -> None:
        """Expect a condition to hold.

        Parameters
        ----------
        condition : bool
        otherwise : str
            What to tell the student when it does not.
        points : int, default 0
            Without any it is a requirement.
        mistakes : iterable of Mistake
            Each with a boolean ``value``; the message of the first true one replaces `otherwise`.
        seen : str, default ""
            What was seen instead, a sentence that is added to either message.
        """
        self.offered += points
        if condition:
            self.earned += points
            return
        known = next((mistake for mistake in mistakes if mistake.value), None)
        if known:
            self.misconception = self.misconception or known.name
        self.tell(known.message if known else otherwise, seen)
        if not points:
            raise _Refused

    def __call__(
        self,
        condition: bool | np.bool_,
        points: int,
        otherwise: str,
        mistakes: Mapping[str, bool] | None = None,
        seen: str = "",
    ) -> None:
        """Expect a condition for some points, and go on when it does not hold.

        Parameters
        ----------
        condition : bool
        points : int
        otherwise : str
            What to tell the student when it does not, or the name of the known mistake that it is.
        mistakes : dict of str to bool, optional
            Names of known mistakes; the first one that was made is told in place of `otherwise`.
        seen : str, default ""
            As in `that`.
        """
        mistakes = {**(mistakes or {}), otherwise: otherwise in self.known}
        made = [Mistake(name, True, self.known[name]) for name, true in mistakes.items() if true]
        self.that(condition, otherwise, points, made, seen)

    def require(
        self,
        condition: bool | np.bool_,
        otherwise: str,
        mistakes: Mapping[str, bool] | None = None,
        seen: str = "",
    ) -> None:
        """Require a condition: when it does not hold, nothing after it can be judged."""
        self(condition, 0, otherwise, mistakes, seen)

    def mistakes(self, *rows: tuple[str, Any]) -> list[Mistake]:
        """Return known mistakes for `close`, of pairs of a name and the value that it gives."""
        return [Mistake(name, value, self.known[name]) for name, value in rows]

    def tell(self, message: str, seen: str = "") -> None:
        """Add a message, with what was given and seen when it came up first."""
        text = f"{self.given}: {message}" if self.given else message
        self._messages.setdefault(message, f"{text} {seen}".rstrip())

    @property
    def messages(self) -> tuple[str, ...]:
        """What to tell the student, each thing once."""
        return tuple(self._messages.values())

    def close(
        self,
        got: object,
        wanted: ArrayLike,
        otherwise: str,
        points: int = 0,
        mistakes: Iterable[Mistake] = (),
        rtol: float = 1e-4,
        atol: float = 1e-6,
    ) -> None:
        """Expect numbers to agree with the wanted ones, whatever their float type.

        Parameters
        ----------
        got, wanted : array-like of numbers
        otherwise, points
            As in `that`; what was seen is added to the text.
        mistakes : iterable of Mistake
            Wrong values that are recognized; ones that equal `wanted` here are skipped.
        rtol, atol : float
            Relative and absolute tolerance, as in `numpy.allclose`.
        """
        wanted = np.asarray(wanted, float)
        seen, problem = _numbers_of(got, wanted.shape)

        def agrees(value):
            return np.allclose(seen, value, rtol=rtol, atol=atol)

        if problem or agrees(wanted):
            self.that(not problem, otherwise, points, seen=problem or "")
            return
        known = [
            mistake._replace(value=agrees(mistake.value))
            for mistake in mistakes
            if np.shape(mistake.value) == wanted.shape
            and not np.allclose(mistake.value, wanted, rtol=rtol, atol=atol)
        ]
        self.that(False, otherwise, points, known, _difference(seen, wanted))

    def pair(self, got: object, names: str) -> Any:
        """Require two entries (of a tuple, list or array) and return them; `names` says of what."""
        return self._entries(got, 2, f"two values, {names}")

    def triple(self, got: object, names: str) -> Any:
        """Require three entries, as `pair` requires two, and return them."""
        return self._entries(got, 3, f"three values, {names}")

    def _entries(self, got, count, wanted):
        several = isinstance(got, list) or (isinstance(got, np.ndarray) and got.ndim > 0)
        self.that(
            several and len(got) == count,
            f"Return {wanted}. Your function returned {describe(got)}.",
        )
        return got

    def number(self, got: object) -> float:
        """Require a single number and return it as a float."""
        seen, problem = _numbers_of(got, ())
        self.that(problem is None, f"Each value should be a number. {problem}")
        return float(seen)


def _numbers_of(got, shape):
    """Return the numbers in a reply and None, or None and what is wrong with it."""
    if got is None:
        return None, "Your function returned nothing; is there a `return`?"
    seen = as_numbers(got)
    if seen is not None and seen.size == 1 and shape == ():
        seen = seen.reshape(())
    if seen is None or seen.shape != shape:
        wanted = f"an array of shape {shape}" if shape else "one number"
        return None, f"Your answer is {describe_numbers(got)}, expected {wanted}."
    return seen.astype(float), None


def as_numbers(value: Any) -> np.ndarray | None:
    """Return a reply as an array of numbers, or None if it is not one.

    Examples
    --------
    >>> as_numbers([1, 2])
    array([1, 2])
    >>> as_numbers(["1", "2"])
    """
    # NumPy would read numbers in texts, in None and in the number of a model's handle.
    if _holds_model(value):
        return None
    try:
        array = np.asarray(value)
    except ValueError:  # a list of entries of different lengths
        return None
    return array if array.dtype.kind in "biuf" else None


def _holds_model(value):
    return isinstance(value, Handle) or (isinstance(value, list) and any(map(_holds_model, value)))


def _difference(seen, wanted):
    if seen.ndim == 0:
        return f"For one example your answer is {seen:.6g}, expected {wanted:.6g}."
    off = np.nan_to_num(np.abs(seen - wanted), nan=np.inf)
    worst = np.unravel_index(np.argmax(off), off.shape)
    where = ", ".join(map(str, worst))
    return f"For one example entry [{where}] is {seen[worst]:.6g}, expected {wanted[worst]:.6g}."


def describe(value: object) -> str:
    """Say in a few words what a reply is, for messages.

    Examples
    --------
    >>> describe([1, 2, 3])
    'a list of 3 entries'
    """
    if value is None:
        return "nothing (None)"
    if isinstance(value, Handle | Fixture):
        return "a Keras model"
    if isinstance(value, np.ndarray) and value.ndim:
        return f"an array of shape {value.shape}"
    if isinstance(value, list | dict):
        return f"a {type(value).__name__} of {len(value)} entries"
    if isinstance(value, str):
        return "a text"
    if isinstance(value, bool | int | float | np.generic | np.ndarray):
        return f"the number {float(value):.6g}"
    return f"a {type(value).__name__}"


def describe_numbers(value: object) -> str:
    """Say what a reply is where an array of numbers is expected.

    Examples
    --------
    >>> describe_numbers([[1, 2], [3]])
    'a list of 2 entries that make no array of numbers'
    """
    if not isinstance(value, list):
        return describe(value)
    array = as_numbers(value)
    if array is None:
        return f"{describe(value)} that make no array of numbers"
    return describe(value) + (f" that make an array of shape {array.shape}" * (array.ndim > 1))


def judge(
    exercise: Exercise, answer: Callable[[float], Answer], seed: Sequence[int] = ()
) -> Outcome:
    """Judge an answer to an exercise.

    Parameters
    ----------
    exercise : Exercise
    answer : callable
        Called with the time limit in seconds, returns the `Answer` to ask.
    seed : sequence of int, default ()
        Seeds the random inputs, together with the exercise's id.

    Returns
    -------
    Outcome
        Whatever the answer does; no exception of the answer's passes.

    Raises
    ------
    ValueError
        If everything held but the expectations' points do not add up to the exercise's.
    """
    expect = Expect()
    rng = np.random.default_rng([zlib.crc32(exercise.id.encode()), *seed])
    trouble = "failed"
    try:
        with np.errstate(all="ignore"):  # what an answer's inf and nan lead to is no warning
            exercise.specification(answer(exercise.seconds), expect, rng)
    except _Refused:
        pass
    except AnswerError as error:
        trouble = error.status
        if trouble == "not attempted":
            expect.given = ""
        expect.tell(str(error))
    messages = expect.messages
    if messages:
        # Whatever a message is about costs a point, even a requirement that comes last.
        earned = min(expect.earned, exercise.points - 1)
        status = "partial" if earned else trouble
        return Outcome(exercise.id, status, earned, exercise.points, messages, expect.misconception)
    if expect.offered != exercise.points:
        raise ValueError(
            f"The expectations of {exercise.id!r} offer {expect.offered} points, "
            f"its declaration {exercise.points}."
        )
    return Outcome(exercise.id, "passed", expect.earned, exercise.points)
