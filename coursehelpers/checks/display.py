"""The student's four verbs: check, hint, solution and score, as text and as HTML."""

import difflib
import inspect
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from html import escape

from coursehelpers.checks.answers import LocalAnswer
from coursehelpers.checks.core import EXERCISES, Exercise, Outcome, describe, judge

# The status is told by a word and a sign, the colour only repeats it.
SIGNS = {
    "passed": ("✓", "#0072B2"),
    "partial": ("◐", "#E69F00"),
    "failed": ("✗", "#D55E00"),
    "not attempted": ("…", "#767676"),
    "error": ("!", "#D55E00"),
    "timed out": ("!", "#D55E00"),
}

# What this notebook has checked so far; `score` reads it.
_outcomes: dict[str, Outcome] = {}
_calls: Counter[str] = Counter()
_hints_shown: Counter[str] = Counter()


class Result:
    """What came of one check, already shown: points `earned` of those `possible`, and `status`."""

    def __init__(self, outcome: Outcome, text: str) -> None:
        self.earned = outcome.earned
        self.possible = outcome.possible
        self.status = outcome.status
        self._text = text

    def __repr__(self) -> str:
        return self._text

    def _ipython_display_(self):
        """Show nothing: `check` has shown the outcome already."""


class Table:
    """A table that shows itself as text and as HTML: rows below a head, and a last line.

    Parameters
    ----------
    rows : list of tuple
        With an entry for each column of ``head``, which a subclass names.
    last : str
        The line below the table.

    Examples
    --------
    >>> class Fruit(Table):
    ...     head = ("fruit", "how many")
    >>> Fruit([("pears", 2), ("figs", 10)], "12 in all")
    fruit  how many
    pears  2
    figs   10
    12 in all
    """

    head: tuple[str, ...] = ()

    def __init__(self, rows: Sequence[tuple[object, ...]], last: str) -> None:
        self.rows = rows
        self.last = last

    def __repr__(self) -> str:
        lines = [list(map(str, row)) for row in [self.head, *self.rows]]
        widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
        texts = ["  ".join(map(str.ljust, line, widths)).rstrip() for line in lines]
        return "\n".join([*texts, self.last])

    def _repr_html_(self):
        head = _html_row("th", self.head)
        body = "".join(_html_row("td", row) for row in self.rows)
        return (
            f"<table><thead>{head}</thead><tbody>{body}</tbody></table>"
            f"<p><b>{escape(self.last)}</b></p>"
        )


def _html_row(tag, entries):
    # Jupyter would align them to the right.
    cells = (f'<{tag} style="text-align: left">{escape(str(e))}</{tag}>' for e in entries)
    return f"<tr>{''.join(cells)}</tr>"


_LOOK_IT_UP = object()


def check(name: str, answer: object = _LOOK_IT_UP) -> Result:
    """Check an answer and show at once what came out.

    Each call draws other inputs, by the notebook's ``SEED``, the exercise and the count of calls.

    Parameters
    ----------
    name : str
        The exercise.
    answer : callable, optional
        The function you wrote; by default what the exercise's name stands for in your notebook.

    Returns
    -------
    Result
        With ``.earned``, ``.possible`` and ``.status``, one of those that `Outcome` names.

    Raises
    ------
    ValueError
        If there is no exercise of that name.

    Examples
    --------
    >>> check("l2_penalty", lambda weights, lambda_, m: 0.0).earned
    l2_penalty: ✗ failed, 0 of 2 points
      - For ...: The penalty should be lambda / m times the sum of the squared weights. For one ...
      Next: hint("l2_penalty"), or read section 2.1 The L2 penalty again.
    0
    """
    exercise = _find(name)
    defined = inspect.currentframe().f_back.f_globals  # type: ignore[union-attr]
    named = answer is _LOOK_IT_UP
    if named and name not in defined:
        outcome = Outcome(name, "not attempted", 0, exercise.points, (_undefined(name, defined),))
    else:
        answer = defined[name] if named else answer
        seed = defined.get("SEED")
        draw = (seed if isinstance(seed, int) and seed >= 0 else 0, _calls[name])
        _calls[name] += 1  # an answer that is fitted to one example does not last
        outcome = judge(exercise, lambda seconds: LocalAnswer(answer, seconds), seed=draw)
        if named and outcome.status not in ("passed", "not attempted"):
            messages = (*outcome.messages, *_overwritten(name, answer))
            outcome = replace(outcome, messages=messages)
    _outcomes[name] = outcome
    text, html = _text_and_html(outcome)
    _show(text, html)
    return Result(outcome, text)


def _undefined(name, defined):
    functions = [
        key for key, value in defined.items() if inspect.isfunction(value) and key not in EXERCISES
    ]
    close = difflib.get_close_matches(name, functions, n=1)
    return f"Nothing is named {name} yet: run the cell that defines it, then this one. " + (
        f"There is {close[0]}; is it meant to be this one?" if close else ""
    )


def _overwritten(name, answer):
    """Return a message if a name no longer stands for what the exercise's cell defines."""
    called = getattr(answer, "__name__", None)
    if callable(answer) and called in (name, "<lambda>", None):
        return []
    return [
        f"The name {name} stands for {called if callable(answer) else describe(answer)} now. If "
        "another cell has overwritten your function, run the one that defines it again."
    ]


def hint(name: str) -> None:
    """Show the next hint for an exercise; each call tells a little more, the last one stays.

    Examples
    --------
    >>> hint("l1_penalty")
    Hint 1 of 2 for l1_penalty: ...
    """
    hints = _find(name).hints
    number = min(_hints_shown[name], len(hints) - 1)
    _hints_shown[name] += 1
    title = f"Hint {number + 1} of {len(hints)} for {name}:"
    _show(f"{title} {hints[number]}", _box("#0072B2", title, [hints[number]]))


def solution(name: str) -> None:
    """Show the published solution of an exercise, as `solution_source` returns it.

    Examples
    --------
    >>> solution("l1_penalty")
    def l1_penalty(weights, lambda_, m):
    ...
    """
    source = solution_source(name)
    _show(source, f"<pre><code>{escape(source)}</code></pre>")


def solution_source(name: str) -> str:
    """Return the source of an exercise's published solution, a function, as text."""
    return _find(name).declared.source


class Score(Table):
    """A table of the exercises: points `earned` of those `possible`, and where to go back to."""

    head = ("exercise", "status", "points", "go back to")

    def __init__(self, outcomes: Sequence[Outcome]) -> None:
        self.earned = sum(outcome.earned for outcome in outcomes)
        self.possible = sum(outcome.possible for outcome in outcomes)
        missing = sum(outcome.status != "passed" for outcome in outcomes)
        todo = f"; not done yet: {missing} of {len(outcomes)} exercises" if missing else ""
        rows = [
            (
                outcome.id,
                f"{SIGNS[outcome.status][0]} {outcome.status}",
                f"{outcome.earned} of {outcome.possible}",
                "" if outcome.status == "passed" else EXERCISES[outcome.id].section,
            )
            for outcome in outcomes
        ]
        super().__init__(rows, f"{self.earned} of {self.possible} points{todo}")


def score(part: int | None = None) -> Score:
    """Return a table of all exercises of this notebook and what they have earned so far.

    Parameters
    ----------
    part : int, optional
        Only the exercises of this part: those in a section such as "2.1 The L2 penalty" for part 2.

    Returns
    -------
    Score
        With ``.earned`` and ``.possible``, in the order of the sections. Before the first check it
        lists the exercises of all notebooks.

    Raises
    ------
    ValueError
        If there is no such part.
    """
    notebooks = {EXERCISES[name].notebook for name in _outcomes}
    exercises = [e for e in EXERCISES.values() if not notebooks or e.notebook in notebooks]
    exercises.sort(key=lambda exercise: (exercise.notebook, _section(exercise)))
    parts = sorted({_section(exercise)[0] for exercise in exercises})
    if part is not None and part not in parts:
        raise ValueError(f"There is no part {part!r}; there are: {', '.join(map(str, parts))}.")
    return Score(
        [
            _outcomes.get(e.id, Outcome(e.id, "not attempted", 0, e.points))
            for e in exercises
            if part in (None, _section(e)[0])
        ]
    )


def _section(exercise):
    """Return the numbers of the section, such as [2, 1] for "2.1 The L2 penalty"."""
    number, _, _ = exercise.section.partition(" ")
    return [int(digits) for digits in number.split(".")]


def _find(name: str) -> Exercise:
    if isinstance(name, str) and name in EXERCISES:
        return EXERCISES[name]
    close = difflib.get_close_matches(str(name), EXERCISES, n=1)
    known = f"Did you mean {close[0]!r}?" if close else f"There are: {', '.join(EXERCISES)}."
    raise ValueError(f"There is no exercise named {name!r}. {known}")


def _text_and_html(outcome):
    sign, colour = SIGNS[outcome.status]
    points = f"{outcome.earned} of {outcome.possible} point{'s' if outcome.possible > 1 else ''}"
    title = f"{outcome.id}: {sign} {outcome.status}, {points}"
    lines = [title, *(f"  - {message}" for message in outcome.messages)]
    last = ""
    if outcome.status != "passed":
        section = EXERCISES[outcome.id].section
        last = f'Next: hint("{outcome.id}"), or read section {section} again.'
        lines.append(f"  {last}")
    return "\n".join(lines), _box(colour, title, outcome.messages, last)


def _box(colour, title, lines, last=""):
    items = "".join(f"<li>{escape(line)}</li>" for line in lines)
    return (
        f'<div style="border-left: 6px solid {colour}; padding: 0.3em 0.8em">'
        f"<b>{escape(title)}</b>{f'<ul>{items}</ul>' if items else ''}{escape(last)}</div>"
    )


def _show(text, html):
    """Show HTML in a notebook, text anywhere else."""
    from IPython import get_ipython
    from IPython.display import display

    if get_ipython() is None:
        print(text)
    else:
        display({"text/plain": text, "text/html": html}, raw=True)
