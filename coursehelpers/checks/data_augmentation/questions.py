"""The quiz of this notebook: what each choice is told. The questions stand in the notebook."""

from coursehelpers.checks.quiz import QUIZZES, Question

QUIZZES["data_augmentation"] = [
    Question(
        "b",
        {
            "a": "How many points were measured? A copy does not know what lies between them.",
            "b": "The noise adds its variance to the squares of the inputs, as an L2 penalty does.",
            "c": "The inputs stay the same in the mean, but their squares do not. What do these do "
            "in the normal equations?",
        },
    ),
    Question(
        "c",
        {
            "a": "True where all digits stand upright. What should be said to one upside down here?",
            "b": "A transformation that changes the label teaches wrong answers.",
            "c": "What keeps the label depends on the task. A 6 and a 9 then need another hint.",
        },
    ),
    Question(
        "a",
        {
            "a": "It is the same for every photo, in training and in use.",
            "b": "How many different versions of one photo does the network get to see?",
            "c": "When it is done is not the point. How many versions of a photo come out?",
        },
    ),
    Question(
        "b",
        {
            "a": "Then validation would be low as well. Where are the other patches of its photos?",
            "b": "Patches of one photo are on both sides of the split.",
            "c": "That is possible, but there is a likelier cause. Where are the other patches of a "
            "validation photo?",
        },
    ),
    Question(
        "c",
        {
            "a": "How many versions of each photo does it have to learn, and on which is it measured?",
            "b": "They may be, but this does not show it. What would validation tell?",
            "c": "More variety means that each photo is known less well, and new photos can gain from it.",
        },
    ),
    Question(
        "a",
        {
            "a": "With augmentation there is more to learn, and it takes longer.",
            "b": "There is more to learn with augmentation. How long does that take?",
            "c": "Stronger transformations leave more to learn, which takes still longer.",
        },
    ),
    Question(
        "c",
        {
            "a": "Confidence should be as high as the fraction of right answers. Which was it before?",
            "b": "It compares just these: the confidence, and the fraction of right answers.",
            "c": "It is right more often than it says.",
        },
    ),
    Question(
        "a",
        {
            "a": "Three points over a weak baseline may be none over a good one.",
            "b": "Perhaps it gains more still. But what of the three points is owed to augmentation?",
            "c": "A paper will mean test photos. Against what are the three points counted?",
        },
    ),
]
