"""The exercises of the regularization notebook, each as a specification of what it expects."""

import numpy as np

from coursehelpers.checks.core import Mistake, describe, exercise

# The smaller hypothesis space has to be a good deal smaller than the notebook's 512-512 network.
MAX_PARAMETERS = 50_000


@exercise(
    "four_point_errors",
    notebook="regularization",
    section="1.2 Four points",
    points=2,
    hints=[
        "Split first: x[:3] is what the model may see, x[3] is what it may not.",
        "np.polyfit(x[:3], y[:3], degree) gives the coefficients, np.polyval predicts with them.",
        "The training error is the mean of three squared differences, the validation error is "
        "one squared difference.",
    ],
)
def four_point_errors(answer, expect, rng):
    got, wanted, leaked, steeper = [], [], [], []
    for degree in (0, 1, 2):
        # Gaps of at least 1 keep the fit well conditioned.
        x = rng.permutation(np.sort(rng.uniform(-2, 2, size=4)) + np.arange(4))
        y = rng.normal(size=4) + 1
        pair = expect.pair(
            answer.call(x, y, degree), "the training error and the validation error"
        )
        got.append([expect.number(pair[0]), expect.number(pair[1])])
        wanted.append(_polynomial_errors(x, y, degree, fitted=3))
        leaked.append(_polynomial_errors(x, y, degree, fitted=4))
        steeper.append(_polynomial_errors(x, y, min(degree + 1, 2), fitted=3))
    got, wanted, leaked, steeper = (np.transpose(a) for a in (got, wanted, leaked, steeper))
    train, validation = wanted
    leak = "The fourth point seems to have taken part in the fit; it should only validate."
    root = "This is the root of the mean squared error; leave the root out."
    degree = "The polynomial's degree is one too high: degree 1 is a line."
    expect.close(
        got[0],
        train,
        points=1,
        otherwise="The training error should be the mean of the squared errors on the first "
        "three points, for the degrees 0, 1 and 2.",
        mistakes=[
            Mistake("swapped", validation, "The two errors seem to be in the wrong order."),
            Mistake("fitted all points", leaked[0], leak),
            Mistake("sum, not mean", 3 * train, "Take the mean of the squares, not their sum."),
            Mistake("root", np.sqrt(train), root),
            Mistake("one degree too high", steeper[0], degree),
        ],
    )
    expect.close(
        got[1],
        validation,
        points=1,
        otherwise="The validation error should be the squared error on the fourth point, for the "
        "degrees 0, 1 and 2.",
        mistakes=[
            Mistake("swapped", train, "The two errors seem to be in the wrong order."),
            Mistake("fitted all points", leaked[1], leak),
            Mistake("root", np.sqrt(validation), root),
            Mistake("one degree too high", steeper[1], degree),
            Mistake(
                "validated on all points",
                (3 * train + validation) / 4,
                "Validate on the fourth point alone; the other three were trained on.",
            ),
        ],
    )


def _polynomial_errors(x, y, degree, fitted):
    coefficients = np.polyfit(x[:fitted], y[:fitted], degree)
    squared = (np.polyval(coefficients, x) - y) ** 2
    return squared[:3].mean(), squared[3]


@exercise(
    "least_squares_errors",
    notebook="regularization",
    section="1.3 The ratio d/m",
    points=3,
    hints=[
        "First the weights w from the training data alone, then both errors with the same w.",
        "With more features than examples X^T X has no inverse; np.linalg.lstsq and "
        "np.linalg.pinv give the solution of smallest norm in every case.",
        "Both errors are means of squared differences between x @ w and y.",
    ],
)
def least_squares_errors(answer, expect, rng):
    for m, d, points in ((30, 8, (1, 1)), (8, 20, (0, 1))):
        data = rng.normal(size=(m, d)), rng.normal(size=m), rng.normal(size=(12, d))
        data = (*data, rng.normal(size=12))
        train, validation = _linear_errors(*data)
        on_validation = _linear_errors(data[2], data[3], data[0], data[1])
        regime = "With more features than examples" if d > m else "With fewer features"
        got = expect.pair(answer.call(*data), "the training error and the validation error")
        known = "The weights seem to be fitted on the validation data; fit them on training data."
        mean = "Take the mean of the squared errors, not their sum."
        root = "This is the root of the mean squared error; leave the root out."
        expect.close(
            got[0],
            train,
            points=points[0],
            otherwise=f"{regime}, the training error is the mean squared error of the "
            "least-squares weights on the training data.",
            mistakes=[
                Mistake("swapped", validation, "The two errors seem to be in the wrong order."),
                Mistake("fitted on validation data", on_validation[1], known),
                Mistake("sum, not mean", m * train, mean),
                Mistake("root", np.sqrt(train), root),
            ],
        )
        expect.close(
            got[1],
            validation,
            points=points[1],
            otherwise=f"{regime}, the validation error is the mean squared error on the validation "
            "data of the weights fitted to the training data, those of smallest norm.",
            mistakes=[
                Mistake("fitted on validation data", on_validation[0], known),
                Mistake("sum, not mean", 12 * validation, mean),
                Mistake("root", np.sqrt(validation), root),
            ],
        )


def _linear_errors(x_train, y_train, x_validation, y_validation):
    w = np.linalg.pinv(x_train) @ y_train
    return np.mean((x_train @ w - y_train) ** 2), np.mean((x_validation @ w - y_validation) ** 2)


@exercise(
    "build_smaller_mlp",
    notebook="regularization",
    section="1.5 A smaller hypothesis space",
    points=3,
    hints=[
        "Start from the notebook's large network and take away: fewer layers, fewer units.",
        "A dense layer from 784 inputs to k units has 785 k parameters; how large may k be?",
        "Input((28, 28)), Flatten, one hidden Dense layer with an activation, and a Dense layer "
        "of 10 with softmax.",
    ],
    seconds=20,
)
def build_smaller_mlp(answer, expect, rng):
    model = answer.call()
    parameters = sum(w["value"].size for w in answer.weights(model))
    images = rng.uniform(size=(5, 28, 28)).astype("float32")
    outputs = answer.predict(images, model=model)
    expect.that(
        isinstance(outputs, np.ndarray) and outputs.shape == (5, 10),
        f"For five images the model should return an array of shape (5, 10), one row of ten "
        f"class probabilities each; it returned {describe(outputs)}.",
    )
    sums = outputs.sum(axis=1)
    expect.that(
        np.allclose(sums, 1, atol=1e-3) and outputs.min() >= 0,
        "The ten outputs for an image should be probabilities: not negative, with sum 1.",
        points=1,
        mistakes=[
            Mistake(
                "logits, no softmax",
                outputs.min() < 0,
                "The outputs are not probabilities: some are negative. Which activation turns ten "
                "numbers into probabilities?",
            ),
            Mistake(
                "sigmoid, not softmax",
                0 <= outputs.min() and outputs.max() <= 1,
                "Each output is between 0 and 1, but they do not add up to 1: the ten classes "
                "exclude each other.",
            ),
        ],
    )
    expect.that(
        parameters <= MAX_PARAMETERS,
        f"The model should have at most {MAX_PARAMETERS:,} parameters, it has {parameters:,}.",
        points=1,
    )
    # A network without hidden nonlinearity is linear up to the output's softmax: its log-odds are
    # an affine function of the image, so their second difference vanishes.
    steps = rng.uniform(size=(1, 28, 28)) * np.array([-1.0, 0.0, 1.0]).reshape(3, 1, 1) * 4
    log = np.log(np.clip(answer.predict(steps.astype("float32"), model=model), 1e-30, None))
    odds = log[:, 1:] - log[:, :1]
    bend = np.abs(odds[0] - 2 * odds[1] + odds[2]).max()
    expect.that(
        bend > 1e-3 * np.abs(odds).max(),
        "The model should have a hidden layer with a nonlinear activation.",
        points=1,
        mistakes=[
            Mistake(
                "no hidden nonlinearity",
                True,
                "Up to its last activation the model is a linear function of the image: "
                "is there a hidden layer, and does it have an activation?",
            )
        ],
    )


@exercise(
    "early_stopping",
    notebook="regularization",
    section="1.7 Early stopping",
    points=4,
    hints=[
        "Keep the best epoch so far; an epoch improves only if its loss is strictly smaller.",
        "After each epoch ask: how many epochs ago was the best one? Is that the patience?",
        "If the patience never runs out, the last epoch trained is the last of the list.",
    ],
)
def early_stopping(answer, expect, rng):
    curves = [
        # stops in the middle; a better loss after the stop must not be seen
        (np.array([9, 7, 5, 6, 6.5, 7, 8, 4, 3]) + rng.uniform(0, 0.4), 3),
        # recovers within its patience, then stops
        (np.array([9, 7, 8, 8.5, 6, 7, 6.9, 7.7, 9, 5]) * rng.uniform(0.5, 2), 3),
        # an equal loss is no improvement
        (np.array([4, 3, 2, 2, 2, 1]) * rng.uniform(0.5, 2), 2),
        # the patience never runs out
        (np.array([4, 3, 2, 3, 2.5]) * rng.uniform(0.5, 2), 4),
    ]
    for val_losses, patience in curves:
        got = expect.pair(
            answer.call(val_losses, patience), "the last epoch that is trained and the best epoch"
        )
        expect.close(
            got,
            _stopping(val_losses, patience),
            points=1,
            otherwise=f"For the losses {np.round(val_losses, 2).tolist()} and patience {patience}: "
            f"training ends with the epoch that is the {patience}th in a row without a new best "
            "loss, or with the last one; the best epoch is the one with the smallest loss by then.",
            mistakes=_stopping_mistakes(val_losses, patience),
        )


def _stopping_mistakes(val_losses, patience):
    stopped, best = _stopping(val_losses, patience)
    last, best_of_all = len(val_losses) - 1, int(np.argmin(val_losses))
    one_early, one_late = _stopping(val_losses, patience - 1), _stopping(val_losses, patience + 1)
    return [
        Mistake(
            "looked beyond the stop",
            [stopped, best_of_all],
            "The best epoch lies after the stop: training never gets to see that loss.",
        ),
        Mistake("swapped", [best, stopped], "The two epochs seem to be in the wrong order."),
        Mistake(
            "counted from 1",
            [stopped + 1, best + 1],
            "Both epochs are one too large: count epochs from 0, as Keras does.",
        ),
        Mistake(
            "never stopped",
            [last, best_of_all],
            "Training runs to the end here, although the patience ran out before.",
        ),
        Mistake("stopped too early", one_early, "Training stops one epoch too early."),
        Mistake("stopped too late", one_late, "Training stops one epoch too late."),
        Mistake(
            "compared with the epoch before",
            _stopping(val_losses, patience, against="previous"),
            "Compare each loss with the best one so far, not with the one before it.",
        ),
        Mistake(
            "counted an equal loss as an improvement",
            _stopping(val_losses, patience, tie_improves=True),
            "An equal loss is not an improvement: it has to be strictly smaller.",
        ),
        Mistake(
            "never reset the count",
            _stopping(val_losses, patience, reset=False),
            "Start counting anew after every improvement.",
        ),
    ]


def _stopping(val_losses, patience, against="best", tie_improves=False, reset=True):
    """Apply the rule of `keras.callbacks.EarlyStopping`, or a known misreading of it."""
    best, wait, reference = 0, 0, np.inf
    for epoch, val_loss in enumerate(val_losses):
        improved = val_loss <= reference if tie_improves else val_loss < reference
        wait = 0 if improved and (reset or epoch == 0) else wait + (not improved)
        if improved or against == "previous":
            reference = val_loss
        if val_loss < val_losses[best] or (tie_improves and val_loss <= val_losses[best]):
            best = epoch
        if wait >= patience and not improved:
            break
    return [epoch, best]


_PENALTY_HINTS = [
    "The penalty adds up over all entries of all arrays in the list, then comes the factor.",
    "A loop over the arrays and np.sum of {} of each is all it takes.",
]


@exercise(
    "l2_penalty",
    notebook="regularization",
    section="1.8 The L2 penalty",
    points=2,
    hints=[_PENALTY_HINTS[0], _PENALTY_HINTS[1].format("the squares")],
)
def l2_penalty(answer, expect, rng):
    _judge_penalty(answer, expect, rng, "squared", np.square)


@exercise(
    "l1_penalty",
    notebook="regularization",
    section="1.9 The L1 penalty",
    points=2,
    hints=[_PENALTY_HINTS[0], _PENALTY_HINTS[1].format("the absolute values")],
)
def l1_penalty(answer, expect, rng):
    _judge_penalty(answer, expect, rng, "absolute", np.abs)


def _judge_penalty(answer, expect, rng, word, measure):
    def total(weights, function):
        return sum(np.sum(function(w)) for w in weights)

    several = [rng.normal(size=(4, 3)), rng.normal(size=5) - 1, rng.normal(size=(2, 2, 3))]
    for weights, points in (([rng.normal(size=(3, 2)) * 2], 1), (several, 1), ([np.zeros(1)], 0)):
        lambda_, m = rng.uniform(0.5, 3), int(rng.integers(20, 200))
        right, entries = total(weights, measure), sum(w.size for w in weights)
        other, other_name = (
            (total(weights, np.abs), "took absolute values")
            if word == "squared"
            else (total(weights, np.square), "squared the weights")
        )
        norm = np.sqrt(total(weights, np.square))
        mistakes = [
            ("forgot to divide by m", right * m, "Divide by the number of training examples m."),
            ("multiplied by m", right * m**2, "Divide by m instead of multiplying by it."),
            ("divided by 2m", right / 2, "This is half of it: the convention here is lambda / m."),
            ("forgot lambda", right / lambda_, "The factor lambda is missing."),
            (
                "averaged over the weights",
                right / entries,
                "Take the sum over the weights, not their mean.",
            ),
            (
                "summed without a measure",
                total(weights, np.positive),
                f"You seem to add up the weights themselves: positive and negative ones cancel. "
                f"Add up the {word} weights.",
            ),
            (other_name, other, f"You {other_name}; this penalty takes the {word} weights."),
            ("took the norm", norm, "Leave the root out: the sum of the squares, not their norm."),
            (
                "used the first array only",
                total(weights[:1], measure),
                "Only the first array of the list seems to count; add up all of them.",
            ),
            (
                "squared the sum",
                sum(np.sum(w) ** 2 for w in weights),
                "Square each weight before adding, not the sum after it.",
            ),
        ]
        expect.close(
            answer.call(weights, lambda_, m),
            lambda_ / m * right,
            points=points,
            otherwise=f"The penalty should be lambda / m times the sum of the {word} weights.",
            mistakes=[Mistake(name, lambda_ / m * v, message) for name, v, message in mistakes],
        )


@exercise(
    "keras_l2",
    notebook="regularization",
    section="1.10 Three conventions, one penalty",
    points=2,
    hints=[
        "Keras adds l2 * sum(w**2) to the loss, with no m and no 2. Set that equal to the "
        "convention's penalty and solve for l2.",
        'For "lambda/2m" the penalty is lambda / (2 m) times the sum of the squares.',
    ],
)
def keras_l2(answer, expect, rng):
    for convention, half in (("lambda/m", 1), ("lambda/2m", 2)):
        lambda_, m = rng.uniform(0.5, 3), int(rng.integers(20, 200))
        right = lambda_ / (half * m)
        expect.close(
            answer.call(lambda_, m, convention),
            right,
            points=1,
            otherwise=f'In the convention "{convention}" l2 should make l2 * sum(w**2) equal to '
            "the convention's penalty.",
            mistakes=[
                Mistake("forgot m", lambda_ / half, "Keras does not divide by m: do it here."),
                Mistake("returned lambda", lambda_, "Keras divides by neither m nor 2 itself."),
                Mistake(
                    "other convention",
                    lambda_ / ((3 - half) * m),
                    f'This is off by a factor of 2 for "{convention}".',
                ),
                Mistake("multiplied by 2", 2 * right, "Off by a factor of 2: Keras has no 1/2."),
                Mistake("inverted", 1 / right, "This is the inverse of the right number."),
            ],
        )
