"""Several cases for one point, and a message about the first that is wrong.

cases = [
    Case("With degree 0", 1.5, 1.0, [Mistake("halved", 0.5, "This is half of it.")]),
    Case("With degree 1", 0.4, 0.8, [Mistake("halved", 0.4, "This is half of it.")]),
]
expect_each(expect, cases, "Take the mean of the squares.")  # 1.5 is wrong, and not the half
"""

from typing import NamedTuple

from coursehelpers.checks.core import Expect


class Case(NamedTuple):
    """What was asked, what came, what is right, and what known mistakes give.

    The cases of a point have the same mistakes in the same order.
    """

    given: str
    got: object
    wanted: object
    mistakes: list


def expect_each(expect, cases, otherwise, points=1, rtol=1e-4):
    """Expect what is wanted in every case; tell of the first case where something else came.

    One case may look like a mistake by chance: a mistake is known if it explains all of them.
    """
    wrong = [case for case in cases if not _agree(case.got, case.wanted, rtol)]
    expect.given, got, wanted, mistakes = (wrong or cases)[0]
    columns = zip(*(case.mistakes for case in cases), strict=True)
    explain = [
        all(_agree(case.got, m.value, rtol) for case, m in zip(cases, column, strict=True))
        for column in columns
    ]
    known = [mistake for mistake, explains in zip(mistakes, explain, strict=True) if explains]
    expect.close(got, wanted, otherwise, points, known, rtol)


def _agree(got, value, rtol):
    trial = Expect()
    trial.close(got, value, "", points=1, rtol=rtol)
    return not trial.messages
