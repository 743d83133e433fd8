"""The quiz at the end of each notebook: a reply to every choice, and no points."""

from typing import NamedTuple

from coursehelpers.checks.table import Table

QUIZZES = {}
RIGHT, WRONG, OPEN = "✓ right", "✗ wrong", "… open"


class Question(NamedTuple):
    """The right choice among several, and what to tell who takes each of them."""

    right: str
    replies: dict[str, str]


class Answered(Table):
    """A table of the questions, what was chosen, and what that is told.

    Attributes
    ----------
    right, questions : int
        How many answers are right, and how many questions there are.
    """

    head = ("question", "your choice", "", "why")

    def __init__(self, rows):
        self.right = sum(row[2] == RIGHT for row in rows)
        self.questions = len(rows)
        super().__init__(rows, f"{self.right} of {self.questions} right")


def quiz(notebook, choices):
    """Say of each answer to a notebook's quiz whether it is right, and why.

    Parameters
    ----------
    notebook : str
        Its name, such as "regularization".
    choices : mapping of int to str
        For the number of each question the letter of your choice; empty if you have none yet.

    Returns
    -------
    Answered
        A table, with ``.right`` and ``.questions``. What is wrong is told why, not what is right.

    Raises
    ------
    ValueError
        If there is no such quiz or no such question, or if `choices` is no mapping.

    Examples
    --------
    >>> quiz("regularization", {1: "b", 2: "a"}).right
    1
    """
    if notebook not in QUIZZES:
        raise ValueError(f"There is no quiz {notebook!r}; there are: {', '.join(QUIZZES)}.")
    questions = dict(enumerate(QUIZZES[notebook], 1))
    if not isinstance(choices, dict):
        raise ValueError(f'The choices should look like {{1: "b", 2: "a"}}, got {choices!r}.')
    unknown = [number for number in choices if number not in questions]
    if unknown:
        raise ValueError(
            f"There is no question {unknown[0]!r}; they go from 1 to {len(questions)}."
        )
    return Answered(
        [_row(number, question, choices.get(number)) for number, question in questions.items()]
    )


def _row(number, question, choice):
    choice = choice.strip(" ().").lower() if isinstance(choice, str) else choice
    if choice in ("", None):
        return number, "", OPEN, ""
    if not isinstance(choice, str) or choice not in question.replies:
        *first, last = question.replies
        return number, f"{choice}", OPEN, f"Choose {', '.join(first)} or {last}."
    sign = RIGHT if choice == question.right else WRONG
    return number, choice, sign, question.replies[choice]
