"""The quizzes reply to every choice, and agree with the questions in the notebooks."""

import re
from pathlib import Path

import pytest

from coursehelpers.checks import quiz
from coursehelpers.checks.quiz import QUIZZES
from coursehelpers.lessons import notebooks

ROOT = Path(__file__).parents[1]

each_quiz = pytest.mark.parametrize("name", QUIZZES)


def cells(name):
    return {cell.id: cell.source for cell in notebooks.read(ROOT / f"notebooks/{name}.ipynb").cells}


def test_every_notebook_has_a_quiz():
    assert set(QUIZZES) == {path.stem for path in notebooks.find(ROOT / "notebooks")}


@each_quiz
def test_each_question_of_the_notebook_has_a_reply_to_each_choice(name):
    asked = re.split(r"^\*\*(\d+)\.\*\* ", cells(name)["quiz"], flags=re.M)[1:]
    numbers, texts = asked[::2], asked[1::2]
    assert numbers == [str(n) for n in range(1, len(QUIZZES[name]) + 1)]
    for text, question in zip(texts, QUIZZES[name], strict=True):
        assert re.findall(r"^- (\w)\) ", text, re.M) == list(question.replies)
        assert question.right in question.replies
        assert len(set(question.replies.values())) == len(question.replies)


@each_quiz
def test_nothing_is_chosen_in_the_notebook(name):
    source = cells(name)["quiz-check"]
    choices = ", ".join(f'{n}: ""' for n in range(1, len(QUIZZES[name]) + 1))
    assert f"{{{choices}}}" in source
    assert f'quiz("{name}", choices)' in source


@each_quiz
def test_right_choices_are_right_and_no_letter_wins_them_all(name):
    right = {n: question.right for n, question in enumerate(QUIZZES[name], 1)}
    answered = quiz(name, right)
    assert answered.right == answered.questions == len(right)
    for letter in "abc":
        assert 1 <= quiz(name, dict.fromkeys(right, letter)).right <= len(right) / 2


@each_quiz
def test_wrong_choice_is_told_why_and_not_what_is_right(name):
    for number, question in enumerate(QUIZZES[name], 1):
        for letter in set(question.replies) - {question.right}:
            answered = quiz(name, {number: letter})
            assert answered.right == 0
            assert "✗ wrong" in repr(answered)
            assert question.replies[letter] in repr(answered)
            assert question.replies[question.right] not in repr(answered)


@pytest.mark.parametrize("choice", ["", None, " ", "B", " b ", "b)", "(b)"])
def test_letters_are_read_as_they_are_written(choice):
    answered = quiz("regularization", {1: choice})
    letter = "b" if choice and choice.strip() else ""
    sign = "✓ right" if letter else "… open"
    assert answered.rows[0][:3] == (1, letter, sign)
    assert answered.right == bool(letter)


@pytest.mark.parametrize("choice", ["d", "ab", 2, ["b"], True, "<b>"])
def test_other_choices_are_no_answer(choice):
    answered = quiz("regularization", {1: choice})
    assert answered.right == 0
    assert "Choose a, b or c." in repr(answered)
    assert "<b>" not in answered._repr_html_().partition("</table>")[0]


@pytest.mark.parametrize(
    ("given", "says"),
    [
        (("physics", {}), r"no quiz 'physics'; there are: .*regularization"),
        (("regularization", "b"), r"should look like \{1: \"b\""),
        (("regularization", {9: "b"}), "no question 9; they go from 1 to 8"),
    ],
)
def test_wrong_calls_say_what_was_expected(given, says):
    with pytest.raises(ValueError, match=says):
        quiz(*given)
