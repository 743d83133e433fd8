"""The answer bank: for each exercise the answers its check must accept and those it must refuse.

A folder for each notebook, a module for each exercise. Every answer is a function with the
exercise's name:

    @accepted("loop")
    def l2_penalty(weights, lambda_, m): ...

    @refused("no m", misconception="forgot m", says="Divide by the number of training examples")
    def l2_penalty(weights, lambda_, m): ...

A wrong answer that is nearly the published solution takes a line, as an edit of it:

    refused_edits("build_l2_mlp", '''
    no penalty | 1 | , kernel_regularizer=penalty -> | model.losses holds []
    ''')

To author a check: declare it in `coursehelpers/checks/`, then add its answers here, at least three
accepted ones that differ in kind and six refused ones that are real misconceptions. The mistakes
that a declaration names as edits are in the bank by themselves, and of a formula the published
solution; that of a model has numbers that are free to choose, which would be mutated for nothing.
"""

import ast
import functools
import importlib
import inspect
from typing import NamedTuple

from coursehelpers.checks.answers import LocalAnswer
from coursehelpers.checks.core import EXERCISES, judge
from coursehelpers.checks.declared import edited, function_of
from coursehelpers.checks.formula import Formula

BANK = []


class Variant(NamedTuple):
    """One answer of the bank, and what its check must say to it."""

    exercise: str
    name: str
    answer: object
    accepted: bool
    says: str | set = ""
    earned: int = 0
    misconception: str | None = None
    source: str = ""  # of an answer that is derived from the published solution

    def is_told_in(self, messages):
        """Tell whether a message contains what must be said, or one of what may be."""
        texts = {self.says} if isinstance(self.says, str) else self.says
        return any(text in message for text in texts for message in messages)


def accepted(name):
    """Enter an answer that must get all points."""

    def enter(answer):
        BANK.append(Variant(answer.__name__, name, answer, accepted=True))
        return answer

    return enter


def refused(name, *, says, earned=0, misconception=None):
    """Enter an answer that must get exactly `earned` points and a message that contains `says`.

    Where the message hangs on what is drawn, `says` is the set of what it may contain.
    `misconception` names the known mistake that must be recognized first, none by default.
    """

    def enter(answer):
        BANK.append(Variant(answer.__name__, name, answer, False, says, earned, misconception))
        return answer

    return enter


def refused_edits(name, lines):
    """Enter edits of an exercise's published solution that must be refused.

    One in each line: ``name | points | edit | says | misconception``, the last if there is one. For
    the edits see `coursehelpers.checks.declared.edited`.
    """
    declared = EXERCISES[name].declared
    for line in filter(None, map(str.strip, lines.splitlines())):
        called, earned, edits, says, *misconception = line.split(" | ")
        answer, text = _answer(declared, edited(declared.source, edits))
        facts = False, says, int(earned), *(misconception or [None])
        BANK.append(Variant(name, called, answer, *facts, text))


def _answer(declared, source):
    """Return an answer that is defined when it is called, and its whole text."""

    def answer(*given):
        return function_of(source, declared.imports)(*given)

    return answer, f"{declared.imports}\n\n\n{source}\n"


@functools.cache
def load():
    """Return all answers of the bank, those of every exercise that is declared."""
    for exercise in EXERCISES.values():
        importlib.import_module(f"{__name__}.{exercise.notebook}.{exercise.id}")
        BANK.extend(_declared(exercise))
    return BANK


def _declared(exercise):
    """Return the published solution of a formula, and the known mistakes of any exercise."""
    declared = exercise.declared
    if isinstance(declared, Formula):
        answer, text = _answer(declared, declared.source)
        yield Variant(exercise.id, "published", answer, True, source=text)
    for number, slip in enumerate(declared.slips):
        answer, text = _answer(declared, slip.source)
        earned = slip.earned
        if earned is None:
            earned = judge(exercise, lambda seconds, a=answer: LocalAnswer(a, seconds)).earned
        facts = False, slip.message, earned, slip.name, text
        yield Variant(exercise.id, f"{slip.name}, mistake {number}", answer, *facts)


def published(name):
    """Return the published solution of an exercise, a function."""
    declared = EXERCISES[name].declared
    if isinstance(declared, Formula):
        return declared.solution
    return function_of(declared.source, declared.imports)


def source_of(variant):
    """Return an answer of the bank as text that needs nothing else of the bank.

    Parameters
    ----------
    variant : Variant

    Returns
    -------
    str
        The imports and helpers of the answer's module, then the function without its decorator.
        Executed anywhere, it defines a function of the exercise's name that does the same.
    """
    if variant.source:
        return variant.source
    helpers, answers = _parts_of(variant.answer.__module__)
    return f"{helpers}\n\n\n{answers[variant.answer.__code__.co_firstlineno]}\n"


@functools.cache
def _parts_of(module):
    """Return a module's imports and helpers, and by first line the answers, without decorator."""
    source = inspect.getsource(importlib.import_module(module))
    helpers, answers = [], {}
    for node in ast.parse(source).body:
        match node:
            case ast.FunctionDef(decorator_list=[ast.Call(func=ast.Name("accepted" | "refused"))]):
                answers[node.decorator_list[0].lineno] = ast.get_source_segment(source, node)
            case ast.ImportFrom(module=str(other)) if other.startswith(f"{__name__}."):
                helpers.append(_parts_of(other)[0])
            case ast.ImportFrom(module=other) if other == __name__:
                pass
            case ast.Expr(ast.Constant() | ast.Call(func=ast.Name("refused_edits"))):
                pass
            case _:
                helpers.append(ast.get_source_segment(source, node))
    return "\n\n\n".join(helpers).strip(), answers
