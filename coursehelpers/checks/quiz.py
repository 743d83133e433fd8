"""The quiz at the end of each notebook: a reply to every choice, and no points."""

import re
from collections.abc import Sequence
from typing import NamedTuple

from coursehelpers.checks.display import Table

RIGHT, WRONG, OPEN = "✓ right", "✗ wrong", "… open"


class Answered(Table):
    """A table of the replies: how many answers are `right`, of how many `questions`."""

    head = ("question", "your choice", "", "why")

    def __init__(self, rows: Sequence[tuple[object, ...]]) -> None:
        self.right = sum(row[2] == RIGHT for row in rows)
        self.questions = len(rows)
        super().__init__(rows, f"{self.right} of {self.questions} right")


def quiz(notebook: str, choices: dict[int, str]) -> Answered:
    """Say of each answer to a notebook's quiz whether it is right, and why.

    Parameters
    ----------
    notebook : str
        Its name, such as "regularization".
    choices : dict
        For the number of each question the letter of your choice; empty if you have none yet.

    Returns
    -------
    Answered
        A table, with ``.right`` and ``.questions``. It tells why a choice is wrong, not which one
        is right.

    Raises
    ------
    ValueError
        If there is no such quiz or no such question, or if `choices` is no dict.

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
    for number in choices:
        if number not in questions:
            raise ValueError(
                f"There is no question {number!r}; they go from 1 to {len(questions)}."
            )
    return Answered(
        [_row(number, question, choices.get(number)) for number, question in questions.items()]
    )


def _row(number, question, choice):
    choice = choice.strip(" ().").lower() if isinstance(choice, str) else choice
    if choice in ("", None):
        return number, "", OPEN, ""
    if choice not in ("a", "b", "c"):
        return number, f"{choice}", OPEN, "Choose a, b or c."
    sign = RIGHT if choice == question.right else WRONG
    return number, choice, sign, question.replies[choice]


class Question(NamedTuple):
    """The letter of the right choice, and for each letter the reply to it."""

    right: str
    replies: dict[str, str]


def _questions(text):
    """Read the replies to the choices a, b and c of each question; a star marks the right one."""
    questions = []
    for paragraph in text.split("\n\n"):
        choices = re.findall(r"^ *(\*?)([abc])\) (.+(?:\n      +.+)*)", paragraph, re.M)
        (right,) = (letter for star, letter, _ in choices if star)
        replies = {letter: " ".join(reply.split()) for _, letter, reply in choices}
        questions.append(Question(right, replies))
    return questions


# The questions stand in the notebooks.
QUIZZES = {
    "data_augmentation": _questions(
        """
     a) How many points were measured? A copy does not know what lies between them.
    *b) The noise adds its variance to the squares of the inputs, as an L2 penalty does.
     c) The inputs stay the same in the mean, but their squares do not. What do these do in the
        normal equations?

     a) True where all digits stand upright. What should be said to one upside down here?
     b) A transformation that changes the label teaches wrong answers.
    *c) What keeps the label depends on the task. A 6 and a 9 then need another hint.

    *a) It is the same for every photo, in training and in use.
     b) How many different versions of one photo does the network get to see?
     c) When it is done is not the point. How many versions of a photo come out?

     a) Then validation would be low as well. Where are the other patches of its photos?
    *b) Patches of one photo are on both sides of the split.
     c) That is possible, but there is a likelier cause. Where are the other patches of a
        validation photo?

     a) How many versions of each photo does it have to learn, and on which is it measured?
     b) They may be, but this does not show it. What would validation tell?
    *c) More variety means that each photo is known less well, and new photos can gain from it.

    *a) With augmentation there is more to learn, and it takes longer.
     b) There is more to learn with augmentation. How long does that take?
     c) Stronger transformations leave more to learn, which takes still longer.

     a) Confidence should be as high as the fraction of right answers. Which was it before?
     b) It compares just these: the confidence, and the fraction of right answers.
    *c) It is right more often than it says.

    *a) Three points over a weak baseline may be none over a good one.
     b) Perhaps it gains more still. But what of the three points is owed to augmentation?
     c) A paper will mean test photos. Against what are the three points counted?
    """
    ),
    "regularization": _questions(
        """
     a) It fits its training images already. What does more freedom do to the gap?
    *b) The gap is overfitting: d/m is too large, and both levers lower it.
     c) That memorizes the last training images, too. Which number should rise?

     a) Not always: draw again in 1.2, and see which one wins.
     b) Any model has an error on any point. What kind of number is it, if that is drawn?
    *c) In one draw luck decides; over many draws the medians tell.

    *a) At d = m there is a single one, however long it has to be.
     b) It stays at zero. What is left to choose among the weights that fit?
     c) The number of examples m stays as it is; only d grows.

     a) That is lambda / m. By what else does this convention divide?
     b) Keras multiplies the sum of squares by l2 and divides by nothing.
    *c) 5 / (2 x 50,000): Keras divides by nothing, so you do.

    *a) Adam divides the penalty's gradient, weight by weight; decoupled decay shrinks all
        weights alike.
     b) The loss is the same, the steps are not. By what does Adam divide each gradient, the
        penalty's part included?
     c) One factor cannot do it: Adam divides by another number for each weight.

     a) That would be a rare accident. With what network is each of the losses measured?
    *b) The validation loss is measured with all units.
     c) It may be too high, but this does not show it. With what network is each of the losses
        measured?

     a) They took part in a choice. Is the best of many measured values a fair one?
    *b) The best of many validation losses is too good.
     c) Data that took part in training or in a choice do not get honest by their number.

     a) Both claims are about the difference to none. Which difference is asked for here?
     b) Undecided does not mean no effect: its estimate may even be the larger one.
    *c) They have to be compared with each other, on the same draws.
    """
    ),
    "transfer_learning": _questions(
        """
     a) With 200 pictures? Edges and textures are in X-rays as well as in photos.
    *b) The earlier, the less a stage belongs to the classes of ImageNet; which is best, your
        validation data tell.
     c) The top is nearest to the classes of ImageNet. How near are X-rays to these?

     a) The attribute says so, the steps do not. When was the list of weights made?
     b) No error comes, which is what makes it a trap. What did you see in 2.2?
    *c) The training step keeps its list of weights until the next compile.

    *a) With shifts each epoch has new pictures; without, the features stay the same.
     b) What a frozen backbone gives for the same image, does it change from one epoch to the
        next?
     c) A shifted photo is another input. How many different ones are there in 50 epochs?

     a) More of the same widens the gap. What is computed otherwise in training than in
        validation?
    *b) Statistics of four photos are noise, and the moving ones may not have followed.
     c) A head has few weights. What does a batch of four photos have to do with it?

     a) Freezing does, a small learning rate does the opposite.
     b) Freezing may, the other two do not look at it. What do all three hold on to?
    *c) They differ in which directions are held, and how firmly.

    *a) The other problem had no use for what yours needs: negative transfer.
     b) A frozen backbone cannot learn what it has thrown away. Look at 2.1 again.
     c) Look for one, but it may all be right: see what the unrelated base did in 2.1.

     a) It matters less. What was measured in the grid depends on two other things.
    *b) And over how many seeds was that measured?
     c) In the table of 3.4, which strategies have no star, in which of the four cells?

     a) One of them was seen. Do you know how many more?
     b) It is not worthless. In which direction may it be off?
    *c) Leakage reaches through weights, too.
    """
    ),
}
