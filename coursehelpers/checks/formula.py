"""Declare an exercise whose answer is a formula, with the mistakes that its check recognizes.

The decorated function is the published solution. What is right, what a mistake would give instead,
the text of `solution()` and wrong answers for the tests all come from it:

    @formula(
        "2.4 Weight decay",
        notebook="regularization",
        points=2,
        cases=_steps,
        hints=["The step goes against the gradient of the loss plus that of the penalty."],
        otherwise="The weight should decay by its share and then go down the gradient.",
        mistakes='''
    no decay | (1 - learning_rate * lambda_ / m) * w -> w | The weight itself is not multiplied.
    uphill | - learning_rate * gradient -> + learning_rate * gradient | Go against the gradient.
    ''',
    )
    def decay_step(w, gradient, learning_rate, lambda_, m):
        ...
"""

import copy
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from coursehelpers.checks.answers import Answer
from coursehelpers.checks.core import Expect, Mistake
from coursehelpers.checks.declared import Declaration, Solution, declared_by


class Case(NamedTuple):
    """What an answer is asked.

    Attributes
    ----------
    given : str
        What it is asked, for the messages.
    arguments : tuple
        What the function gets.
    points : int or tuple, default 1
        With several values a number for each of them, or None where a value is not looked at. An
        expectation without points is a requirement: when it fails the check ends.
    otherwise : str, default ""
        What to tell the student here, in place of the declaration's texts.
    """

    given: str
    arguments: tuple[Any, ...]
    points: int | tuple[int | None, ...] = 1
    otherwise: str = ""


Cases = Callable[[np.random.Generator], Iterable[Case | list[Case]]]


@dataclass(frozen=True)
class Formula(Declaration):
    """What `formula` declares; see there."""

    cases: Cases
    otherwise: str
    returns: str
    parts: tuple[tuple[str, str], ...]
    rtol: float

    def specify(self, answer: Answer, expect: Expect, rng: np.random.Generator) -> None:
        """Ask all cases, and expect what the solution gives."""
        for asked in self.cases(rng):
            cases = asked if isinstance(asked, list) else [asked]
            wanted = [_value(self.solution, case) for case in cases]
            got = [self._reply(answer, expect, *pair) for pair in zip(cases, wanted, strict=True)]
            points, otherwise = cases[0].points, cases[0].otherwise or self.otherwise
            if not self.parts:
                self._expect(expect, cases, got, wanted, otherwise, points)
                continue
            points = points if isinstance(points, tuple) else (points,) * len(self.parts)
            for i, (where, text) in enumerate(self.parts):
                if points[i] is not None:
                    one, other = ([value[i] for value in values] for values in (got, wanted))
                    text = cases[0].otherwise or text
                    self._expect(expect, cases, one, other, text, points[i], i, where)

    def _reply(self, answer, expect, case, wanted):
        expect.given = case.given
        got = answer.call(*case.arguments)
        if got is None:
            silent = [slip for slip in self.slips if _value(slip.function, case) is None]
            expect.that(not silent, "", mistakes=[Mistake(s.name, True, s.message) for s in silent])
        if self.returns:
            require = {2: expect.pair, 3: expect.triple}[len(wanted)]
            require(got, self.returns)
        if self.parts:
            got = [
                expect.number(value) if np.ndim(right) == 0 else value
                for value, right in zip(got, wanted, strict=True)
            ]
        return got

    def _expect(self, expect, cases, got, wanted, otherwise, points, part=..., where=""):
        """Tell of the first case where something else came.

        One case may look like a mistake by chance: a mistake is known if it explains all of them.
        """
        wrong = [n for n in range(len(cases)) if not self._agree(got[n], wanted[n])]
        first = wrong[0] if wrong else 0
        known = []
        for slip in self.slips if wrong else ():
            values = [_value(slip.function, case, part) for case in cases]
            if all(map(self._agree, got, values)):
                known.append(Mistake(slip.name, values[first], slip.message))
        expect.given = cases[first].given + where
        # What should be zero may come as 1e-31; a message says zero.
        expect.close(got[first], np.round(wanted[first], 12), otherwise, points, known, self.rtol)

    def _agree(self, got, value):
        trial = Expect()
        trial.close(got, value, "", points=1, rtol=self.rtol)
        return not trial.messages


def _value(function, case, part=...):
    """Return what a function gives for a case, or one of its values; nan if it fails."""
    try:
        value = function(*copy.deepcopy(case.arguments))
        return value if part is ... else value[part]
    except Exception:  # an edit may suit other cases only
        return np.nan


def formula(
    section: str,
    *,
    cases: Cases,
    otherwise: str = "",
    mistakes: str = "",
    returns: str = "",
    parts: Sequence[tuple[str, str]] = (),
    rtol: float = 1e-4,
    **place: Any,
) -> Callable[[Solution], Solution]:
    """Declare an exercise about a formula; decorates its solution, which is returned unchanged.

    Parameters
    ----------
    section, **place
        As in `coursehelpers.checks.declared.exercise`.
    cases : callable
        From a random generator to what is asked: yields a `Case`, or a list of several that are
        worth the points of the first together.
    otherwise : str
        What to tell the student when the value is wrong and no mistake is recognized.
    mistakes : str
        One in each line, ``name | edit of the solution | what to tell who made it``; where a name
        comes again, without the last part. For the edits see `declared.edited`. The first one that
        explains what was seen is told.
    returns : str, default ""
        What the values of the function are, if it returns several.
    parts : sequence of tuple, default ()
        If they are judged one by one: for each value what to add to `Case.given`, and its own text
        in place of `otherwise`.
    rtol : float, default 1e-4
        Relative tolerance.
    """

    def declaration(solution):
        return Formula(solution, mistakes, cases, otherwise, returns, tuple(parts), rtol)

    return declared_by(declaration, section, place)
