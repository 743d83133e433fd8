"""The answer bank: for each exercise the answers its check must accept and those it must refuse.

A folder for each notebook, a module for each exercise. Every answer is a function with the
exercise's name:

    @accepted("loop")
    def l2_penalty(weights, lambda_, m): ...

    @refused("no m", misconception="forgot m", says="Divide by the number of training examples")
    def l2_penalty(weights, lambda_, m): ...

To author a check: declare it in `coursehelpers/checks/`, then add its answers here, at least three
accepted ones that differ in kind and six refused ones that are real misconceptions.
"""

from typing import NamedTuple

BANK = []


class Variant(NamedTuple):
    """One answer of the bank, and what its check must say to it."""

    exercise: str
    name: str
    answer: object
    accepted: bool
    says: str = ""
    earned: int = 0
    misconception: str | None = None


def accepted(name):
    """Enter an answer that must get all points."""

    def enter(answer):
        BANK.append(Variant(answer.__name__, name, answer, accepted=True))
        return answer

    return enter


def refused(name, *, says, earned=0, misconception=None):
    """Enter an answer that must get exactly `earned` points and a message that contains `says`.

    `misconception` names the known mistake that must be recognized first, none by default.
    """

    def enter(answer):
        BANK.append(Variant(answer.__name__, name, answer, False, says, earned, misconception))
        return answer

    return enter


def source_of(variant):
    raise NotImplementedError
