"""Declare an exercise by its solution, its known mistakes, and what is required of an answer.

The decorated function is the published solution. It is read, not run: what it calls, such as Keras,
is imported only where a test runs it. A check reads as a specification that a teacher can say aloud:

    @exercise(
        "1.4 A smaller hypothesis space",
        notebook="regularization",
        points=1,
        requires=_small,
        hints=["A dense layer from 784 inputs to k units has 785 k parameters."],
        mistakes='''
    too large | 0 | Dense(32 -> Dense(512 | Which layer has most parameters?
    ''',
    )
    def build_smaller_mlp():
        ...

    def _small(answer, expect, rng):
        model = built(answer, expect)
        parameters = sum(w["value"].size for w in answer.weights(model))
        expect(parameters <= 50_000, 1, "too large")

A mistake is recognized by its name. Its message, the text of `solution()` and wrong answers for the
tests all come from the declaration.
"""

import ast
import inspect
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar, TypeVar, cast

from coursehelpers.checks import core

Solution = TypeVar("Solution", bound=Callable[..., Any])


@dataclass(frozen=True)
class Slip:
    """A known mistake, as an edit of the solution; `earned` are the points that it gets."""

    name: str
    message: str
    source: str
    imports: str
    earned: int | None

    @cached_property
    def function(self):
        """The wrong answer."""
        return function_of(self.source, self.imports)


@dataclass(frozen=True)
class Declaration:
    """A solution, and one in each line its known mistakes; see `exercise`."""

    solution: Callable[..., Any]
    mistakes: str

    imports: ClassVar[str] = "import numpy as np"  # what the solution needs

    @cached_property
    def source(self) -> str:
        """The text of the solution, without its decorator."""
        text = inspect.getsource(self.solution)
        return cast(str, ast.get_source_segment(text, ast.parse(text).body[0]))

    @cached_property
    def rows(self):
        """The lines of the mistakes, as lists of name, points, edit and message."""
        rows: list[list[Any]] = []
        for line in filter(None, map(str.strip, self.mistakes.splitlines())):
            name, *columns = line.split(" | ")
            earned = int(columns.pop(0)) if columns[0].isdigit() else None
            edits, *message = columns
            rows.append([name, earned, edits, *message])
        return rows

    @property
    def messages(self):
        """What to tell who made a known mistake, by its name."""
        return {name: message[0] for name, _, _, *message in self.rows if message}

    @cached_property
    def slips(self) -> tuple[Slip, ...]:
        """The known mistakes that are edits of the solution."""
        return tuple(
            Slip(name, self.messages[name], edited(self.source, edits), self.imports, earned)
            for name, earned, edits, *_ in self.rows
            if edits != "-"
        )

    def __getstate__(self):
        # Without what is derived: functions that bear the solution's name cannot be pickled by it.
        return {name: value for name, value in vars(self).items() if name != "slips"}


@dataclass(frozen=True)
class Specified(Declaration):
    """A declaration with what is required of an answer, ``(answer, expect, rng) -> None``."""

    requires: core.Specification

    imports: ClassVar[str] = "import keras\nimport numpy as np\nfrom keras import layers"

    def specify(self, answer, expect, rng):
        """Require it of an answer."""
        expect.known = self.messages
        self.requires(answer, expect, rng)


def exercise(
    section: str, *, requires: core.Specification, mistakes: str = "", **place: Any
) -> Callable[[Solution], Solution]:
    """Declare an exercise; decorates its solution, which is returned unchanged.

    Parameters
    ----------
    section : str
        The heading that it stands under.
    requires : callable
        What is required of an answer: ``(answer, expect, rng) -> None``.
    mistakes : str
        One in each line, ``name | points | edit of the solution | what to tell who made it``. The
        points are what such an answer earns all the same. For the edits see `edited`; a mistake that
        is none has ``-`` in place of points and edit. Where a name comes again, without the last.
    **place
        ``notebook``, ``points``, ``hints`` and ``seconds``, as in `coursehelpers.checks.core.exercise`;
        the exercise's name is the function's.
    """
    return declared_by(lambda solution: Specified(solution, mistakes, requires), section, place)


def declared_by(declaration, section, place):
    """Return a decorator that registers what a function makes of a solution."""

    def declare(solution):
        declared = declaration(solution)
        register = core.exercise(solution.__name__, section=section, declared=declared, **place)
        register(declared.specify)
        return solution

    return declare


def function_of(source: str, imports: str) -> Any:
    """Return the function that a text defines, after some imports."""
    scope: dict[str, Any] = {}
    exec(compile(f"{imports}\n\n\n{source}\n", "<answer>", "exec"), scope)
    function: Any = ast.parse(source).body[0]
    return scope[function.name]


def edited(source: str, edits: str) -> str:
    """Return a function's text after some edits of what follows its docstring.

    Parameters
    ----------
    source : str
    edits : str
        One or more of ``old -> new``, joined by semicolons, each for every place where the old text
        stands; or a statement ``return ...`` in place of the last one.

    Raises
    ------
    ValueError
        If the old text is not there.

    Examples
    --------
    >>> edited("def half(x):\\n    return x / 2", "2 -> 4")
    'def half(x):\\n    return x / 4'
    """
    function: Any = ast.parse(source).body[0]
    start = function.body[ast.get_docstring(function) is not None].lineno - 1
    lines = source.splitlines(keepends=True)
    head, source = "".join(lines[:start]), "".join(lines[start:])
    for edit in edits.split("; "):
        old, *new = re.split(r" -> ?", edit, maxsplit=1)
        if not new:
            old, new = source[source.rindex("return ") :], [edit]
        if old not in source:
            raise ValueError(f"There is no {old!r} to be edited in\n{source}")
        source = source.replace(old, new[0])
    return head + source
