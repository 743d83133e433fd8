"""The quiz of this notebook: what each choice is told. The questions stand in the notebook."""

from coursehelpers.checks.quiz import QUIZZES, Question

QUIZZES["regularization"] = [
    Question(
        "b",
        {
            "a": "It fits its training images already. What does more freedom do to the gap?",
            "b": "The gap is overfitting: d/m is too large, and both levers lower it.",
            "c": "That memorizes the last training images, too. Which number should rise?",
        },
    ),
    Question(
        "c",
        {
            "a": "Not always: draw again in 1.2, and see which one wins.",
            "b": "Any model has an error on any point. What kind of number is it, if that is drawn?",
            "c": "In one draw luck decides; over many draws the medians tell.",
        },
    ),
    Question(
        "a",
        {
            "a": "At d = m there is a single one, however long it has to be.",
            "b": "It stays at zero. What is left to choose among the weights that fit?",
            "c": "The number of examples m stays as it is; only d grows.",
        },
    ),
    Question(
        "c",
        {
            "a": "That is lambda / m. By what else does this convention divide?",
            "b": "Keras multiplies the sum of squares by l2 and divides by nothing.",
            "c": "5 / (2 x 50,000): Keras divides by nothing, so you do.",
        },
    ),
    Question(
        "a",
        {
            "a": "Adam divides the penalty's gradient, weight by weight; decoupled decay shrinks "
            "all weights alike.",
            "b": "The loss is the same, the steps are not. By what does Adam divide each gradient, "
            "the penalty's part included?",
            "c": "One factor cannot do it: Adam divides by another number for each weight.",
        },
    ),
    Question(
        "b",
        {
            "a": "That would be a rare accident. With what network is each of the losses measured?",
            "b": "The validation loss is measured with all units.",
            "c": "It may be too high, but this does not show it. With what network is each of the "
            "losses measured?",
        },
    ),
    Question(
        "b",
        {
            "a": "They took part in a choice. Is the best of many measured values a fair one?",
            "b": "The best of many validation losses is too good.",
            "c": "Data that took part in training or in a choice do not get honest by their number.",
        },
    ),
    Question(
        "c",
        {
            "a": "Both claims are about the difference to none. Which difference is asked for here?",
            "b": "Undecided does not mean no effect: its estimate may even be the larger one.",
            "c": "They have to be compared with each other, on the same draws.",
        },
    ),
]
