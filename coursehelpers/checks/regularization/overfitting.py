"""Part 1 of the regularization notebook: overfitting and smaller hypothesis spaces."""

from functools import partial

import numpy as np

from coursehelpers.checks.core import exercise, mistakes_from
from coursehelpers.checks.models import (
    NO_NUMBERS,
    are_probabilities,
    built,
    expect_outputs,
    predict,
)
from coursehelpers.checks.regularization.cases import Case, expect_each

exercise = partial(exercise, notebook="regularization")

# The smaller hypothesis space has to be a good deal smaller than the notebook's 256-256 network.
MAX_PARAMETERS = 50_000

TWO_ERRORS = "the training error and the validation error"

# What to tell who made a known mistake: what is wrong, and where to look next.
known = mistakes_from(
    {
        "swapped": "The two values seem to be in the wrong order.",
        "fitted on all data": "The validation data took part in the fit; fit training data alone.",
        "fitted on validation data": "The weights fit the validation data; fit the training data.",
        "averaged over all points": "Average over the first three points; the fourth stands alone.",
        "sum, not mean": "Take the mean of the squared errors, not their sum.",
        "root": "This is an absolute error or a root; square the errors and take no root.",
        "absolute error": "This is an absolute error or a root; square the errors and take no root.",
        "signed error": "Positive and negative errors cancel; square each one before averaging.",
        "halved": "This is half of the right number; leave out the factor 1/2.",
        "degree ignored": "This is the error of a line; the degree is an argument.",
        "degree too high": "The degree is one too high; degree 1 is a line.",
        "degree too low": "The degree is one too low; degree 1 is a line, with two coefficients.",
        "added an intercept": "There seems to be a column of ones; no constant belongs to the model.",
        "divided by training examples": "Divide by the number of validation examples here.",
        "not flattened": "A dense layer acts on the last axis; where does an image become a vector?",
        "number of classes": "Each class needs one output; how many classes are there?",
        "logits, no softmax": "Some outputs are negative; which activation gives probabilities?",
        "sigmoid, not softmax": "The outputs do not add up to 1; what makes the classes compete?",
        "counted from 1": "Epochs count from 0, as Keras counts them.",
        "best training loss": "The best epoch is the one with the smallest validation loss.",
        "smallest gap": "This is where the gap is smallest; find the smallest validation loss.",
        "largest loss": "This is where the validation loss is largest; find the smallest.",
        "first minimum": "After this epoch the validation loss rises, but later it gets smaller.",
        "loss, not epoch": "This is a loss; return the number of its epoch.",
        "other sign": "The sign is the other one: the gap is validation loss minus training loss.",
        "absolute gap": "A gap may be negative; do not take its absolute value.",
        "validation loss": "This is the validation loss itself; subtract the training loss.",
        "training loss": "This is the training loss itself; how far is the validation loss from it?",
        "gap of other epochs": "Both losses of a gap belong to the same epoch.",
        "gap of the best epoch": "This is the gap of the best epoch; the last epoch is another one.",
        "gap of the last epoch": "This is the gap of the last epoch; the best epoch is another one.",
        "largest gap": "This is the largest gap, wherever it is; which epoch is asked for?",
        "ratio": "This is a ratio; a gap is a difference.",
        "training error": "This size fits best the data that its weights come from; fit on the "
        "training data, choose on the validation data.",
        "position": "This is a position in the list; return the size that stands there.",
        "largest error": "This size has the largest validation error; find the smallest.",
        "error, not size": "This is a validation error; return the size that it belongs to.",
        "only below m": "Sizes above the number of examples count, too; least squares of smallest "
        "norm has an answer for them.",
        "no hidden nonlinearity": "The model is linear in the image: halfway between two images "
        "its scores are halfway, too. Is there a hidden activation?",
    }
)


@exercise(
    "read_curves",
    section="1.1 Overfitting",
    points=3,
    hints=[
        "history is a dictionary of two lists, as long as there were epochs.",
        "np.argmin tells where a list is smallest, counted from 0.",
        "The gap in epoch i is val_loss[i] - loss[i]; the last epoch has the index -1.",
    ],
)
def read_curves(answer, expect, rng):
    # Gaps of both signs, the largest not always the last; a first minimum that is not the smallest;
    # and a best epoch that is the first, the last or the only one.
    templates = (
        ([2.0, 1.2, 1.0, 0.8, 0.4, 0.3, 0.1], [1.6, 1.15, 1.25, 0.9, 1.0, 1.5, 1.2]),
        ([1.2, 0.9, 0.7, 0.5], [1.0, 1.1, 1.3, 1.2]),
        ([1.5, 1.0, 0.9, 0.7, 0.75], [1.3, 1.05, 0.85, 0.8, 0.6]),
        ([0.8], [0.9]),
    )
    trials = []
    for template in templates:
        noisy = np.array(template) + rng.uniform(-0.01, 0.01, size=(2, len(template[0])))
        loss, val_loss = np.round(rng.uniform(1, 2) * noisy, 2)
        history = {"loss": loss.tolist(), "val_loss": val_loss.tolist()}
        expect.given = f"For the history {history}"
        reply = expect.triple(answer.call(history), "the best epoch, the gap there and at the end")
        trials.append((expect.given, [expect.number(v) for v in reply], loss, val_loss))

    epochs, best_gaps, last_gaps = [], [], []
    for given, (epoch, best_gap, last_gap), loss, val_loss in trials:
        best, gap = np.argmin(val_loss), val_loss - loss
        rises = np.flatnonzero(np.diff(val_loss) > 0)
        mistakes = known(
            ("counted from 1", best + 1),
            ("best training loss", np.argmin(loss)),
            ("smallest gap", np.argmin(gap)),
            ("smallest gap", np.argmin(np.abs(gap))),
            ("loss, not epoch", val_loss[best]),
            ("largest loss", np.argmax(val_loss)),
            ("first minimum", rises[0] if rises.size else len(loss) - 1),
        )
        epochs.append(Case(given, epoch, best, mistakes))
        for cases, value, at in ((best_gaps, best_gap, best), (last_gaps, last_gap, -1)):
            mistakes = known(
                ("other sign", -gap[at]),
                ("absolute gap", np.abs(gap[at])),
                ("validation loss", val_loss[at]),
                ("training loss", loss[at]),
                ("gap of other epochs", val_loss.min() - loss.min()),
                ("gap of the best epoch", gap[best]),
                ("gap of the last epoch", gap[-1]),
                ("largest gap", gap.max()),
                ("ratio", val_loss[at] / loss[at]),
            )
            cases.append(Case(given, value, gap[at], mistakes))
    for cases, otherwise in (
        (epochs, "The first value should be the epoch with the smallest validation loss."),
        (best_gaps, "The second value should be the gap in the epoch of the best validation loss."),
        (last_gaps, "The third value should be the gap in the last epoch."),
    ):
        expect_each(expect, cases, otherwise)


@exercise(
    "four_point_errors",
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
    trials = []
    for degree, decimals in ((0, 2), (1, 2), (2, 2), (0, 0)):
        # Gaps of at least 1 keep the fit well conditioned; the order is not the one on the axis.
        x = np.sort(rng.uniform(-2, 2, size=4)) + np.arange(4)
        x = np.round(x[[2, 0, 3, 1]], decimals)
        y = np.round(rng.normal(1, size=4) * (1 if decimals else 3), decimals)
        # With signs that alternate, absolute errors differ from signed ones; none is small.
        y *= (-1) ** degree * np.where(_polynomial_residuals(x, y, degree, 3)[3] < 0, -1, 1)
        y[3] -= (-1) ** degree
        y[0] += (1 - y[:3].sum()) % 3 * (decimals == 0)  # integers, too, but no integer for a mean
        x, y = (v if decimals else v.astype(int) for v in (x, y))
        expect.given = f"For x = {x.tolist()}, y = {y.tolist()} and degree {degree}"
        got = [expect.number(e) for e in expect.pair(answer.call(x, y, degree), TWO_ERRORS)]
        fits = ((degree, 3), (degree, 4), (degree + 1, 3), (degree - 1, 3), (1, 3))
        right, leaked, steeper, flatter, line = (_polynomial_residuals(x, y, *fit) for fit in fits)
        wrong_fits = [
            ("fitted on all data", (_mean_square(leaked[:3]), leaked[3] ** 2)),
            ("fitted on all data", [_mean_square(leaked)] * 2),
            ("averaged over all points", [_mean_square(right)] * 2),
            ("degree too high", (_mean_square(steeper[:3]), steeper[3] ** 2)),
            ("degree ignored", (_mean_square(line[:3]), line[3] ** 2)),
            ("degree too low", (_mean_square(flatter[:3]), flatter[3] ** 2)),
        ]
        trials.append((expect.given, got, (right[:3], right[3:]), wrong_fits))
    for i, otherwise in enumerate(
        (
            "The first value should be the mean squared error on the first three points.",
            "The second value should be the squared error on the fourth point.",
        )
    ):
        expect_each(expect, [_case(*trial, i) for trial in trials], otherwise, rtol=1e-3)


def _case(given, got, residuals, wrong_fits, i):
    """Compare the training error (i = 0) or the validation error (i = 1) with the right one."""
    right = [np.round(_mean_square(r), 12) for r in residuals]
    r = residuals[i]
    mistakes = known(
        ("sum, not mean", np.sum(r**2)),
        ("root", np.sqrt(right[i])),
        ("absolute error", np.mean(np.abs(r))),
        ("signed error", np.mean(r)),
        ("signed error", np.mean(-r)),
        ("halved", right[i] / 2),
        *((name, values[i]) for name, values in wrong_fits),
        ("swapped", right[1 - i]),
    )
    return Case(given, got[i], right[i], mistakes)


def _mean_square(residuals):
    return np.mean(residuals**2, axis=-1)


def _polynomial_residuals(x, y, degree, fitted):
    """Fit a polynomial to the first points; return what remains at all of them."""
    powers = np.vander(x, degree + 1)
    return _residuals((powers[:fitted], y[:fitted]), (powers, y))[0]


def _residuals(fit, *others):
    """Fit least-squares weights of smallest norm to one (x, y); return what remains of others."""
    w = np.linalg.pinv(fit[0]) @ fit[1]
    return [x @ w - y for x, y in others]


@exercise(
    "least_squares_errors",
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
    def trial(regime, m, x_train, validation):
        expect.given = regime
        x_validation = rng.normal(size=(validation, x_train.shape[1]))
        train, validation = [(x, rng.normal(size=len(x))) for x in (x_train, x_validation)]
        both = [np.concatenate(arrays) for arrays in zip(train, validation, strict=True)]
        affine = [(np.column_stack([x, np.ones(len(x))]), y) for x, y in (train, validation)]

        def errors(fit, *sets):
            return [_mean_square(r) for r in _residuals(fit, *sets)]

        residuals = _residuals(train, train, validation)
        wrong_fits = [
            ("divided by training examples", [_mean_square(r) * len(r) / m for r in residuals]),
            ("fitted on validation data", errors(validation, train, validation)),
            ("fitted on all data", errors(both, train, validation)),
            ("added an intercept", errors(affine[0], *affine)),
        ]
        got = expect.pair(answer.call(*train, *validation), TWO_ERRORS)
        return [_case(regime, got, residuals, wrong_fits, i) for i in (0, 1)]

    few = rng.normal(size=(2, 30, 8))  # twice: one error may by chance be what a mistake gives
    for cases, otherwise in zip(
        zip(*(trial("With fewer features than examples", 30, x, 12) for x in few), strict=True),
        (
            "The first value should be the mean squared error of least squares on training data.",
            "The second value should be the mean squared error of the same weights on the "
            "validation data.",
        ),
        strict=True,
    ):
        expect_each(expect, cases, otherwise)

    # With orthogonal columns or rows there is no matter of rounding, not even at the peak.
    square, tall = (np.linalg.qr(rng.normal(size=shape))[0] for shape in ((12, 12), (16, 8)))
    cases = zip(
        trial("With as many features as examples, and one to validate", 12, 2 * square, 1),
        trial("With more features than examples", 8, tall.T * rng.uniform(2, 4, size=(8, 1)), 30),
        strict=True,
    )
    otherwise = (
        "Here weights can fit all labels; take those of smallest norm. X^T X may have no inverse; "
        "what solves least squares without one?"
    )
    for points, both in enumerate(cases):  # no point for the training error, which is 0
        expect_each(expect, both, otherwise, points)


@exercise(
    "choose_size",
    section="1.3 The ratio d/m",
    points=3,
    hints=[
        "For one size d: fit on x_train[:, :d], then predict for x_validation[:, :d].",
        "Loop over the sizes, keep the validation error of each, and take the smallest.",
        "min(errors, key=errors.get) returns the key of the smallest value of a dictionary.",
    ],
)
def choose_size(answer, expect, rng):
    # The right number of features wins, by one; a size beyond the number of examples does, because
    # the right one is too close to it; one feature does.
    for problems in (
        [(60, 6, [15, 7, 6, 5, 60], 6)],
        [(40, 15, [19, 40, 3], 40)],
        [(30, 1, [19, 1, 30], 1), (50, 12, [12], 12)],
    ):
        cases = [_choice(answer, expect, rng, *problem) for problem in problems]
        expect_each(expect, cases, "Return the size with the smallest validation error.")


def _choice(answer, expect, rng, n, relevant, sizes, winner):
    while True:
        w = (np.arange(n) < relevant) * rng.choice([-1, 1], size=n) / np.sqrt(relevant)
        x = rng.normal(size=(220, n))
        y = x @ w + 0.5 * rng.normal(size=220)
        train, validation = (x[:20], y[:20]), (x[20:], y[20:])
        train_errors, errors = np.transpose([_errors_of_size(train, validation, d) for d in sizes])
        lowest, *others = np.sort(errors)
        wins = sizes[np.argmin(errors)] == winner and (not others or others[0] > 1.05 * lowest)
        more = [_errors_of_size(train, validation, d + 1)[1] for d in sizes]  # one feature too many
        wins &= sizes[np.argmin(more)] == winner - (winner - 1 in sizes)
        if wins and np.argmax(errors) == 0:  # the first is the worst, so that mistakes differ
            break
    below = [error if d < 20 else np.inf for d, error in zip(sizes, errors, strict=True)]
    expect.given = f"With 20 examples, {n} features and the sizes {sizes}"
    mistakes = known(
        ("training error", sizes[np.argmin(train_errors)]),
        ("largest error", sizes[np.argmax(errors)]),
        ("only below m", sizes[np.argmin(below)]),
        ("position", sizes.index(winner)),
        ("error, not size", lowest),
    )
    got = answer.call(*train, *validation, list(sizes))
    return Case(expect.given, got, winner, mistakes)


def _errors_of_size(train, validation, d):
    parts = [(x[:, :d], y) for x, y in (train, validation)]
    return [_mean_square(r) for r in _residuals(parts[0], *parts)]


@exercise(
    "build_smaller_mlp",
    section="1.4 A smaller hypothesis space",
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
    model = built(answer, expect)
    images = rng.uniform(-1, 1, size=(5, 28, 28)).astype("float32")  # logits of both signs
    outputs = expect_outputs(
        answer,
        expect,
        images,
        model,
        (5, 10),
        "For five images",
        mistakes=lambda shape: known(
            ("not flattened", len(shape) > 2),
            ("number of classes", len(shape) == 2 and shape[1] != 10),
        ),
    )
    alone = predict(answer, images[:1], model, (1, 10))
    expect.that(
        np.allclose(alone, outputs[:1], rtol=1e-3, atol=1e-4),
        "The outputs for an image change with the other images of its batch; over which axis do "
        "the classes compete?",
    )
    sums = outputs.sum(axis=1)
    expect.that(
        are_probabilities(outputs),
        "The ten outputs for an image should be probabilities: not negative, with sum 1.",
        points=1,
        mistakes=known(
            ("logits, no softmax", outputs.min() < 0),
            ("sigmoid, not softmax", outputs.min() > 0 and outputs.max() < 1),
        ),
        seen=f"For five images the smallest output is {outputs.min():.3g}, and the sums go from "
        f"{sums.min():.3g} to {sums.max():.3g}.",
    )
    # A model that is not told its input shape has weights only after it has been called.
    parameters = sum(w["value"].size for w in answer.weights(model))
    expect.that(
        parameters <= MAX_PARAMETERS,
        f"The model has {parameters:,} parameters, over {MAX_PARAMETERS:,}; which layer has most?",
        points=1,
    )
    # Without hidden nonlinearity the scores under the last activation are linear: halfway between
    # two images they are halfway too. The sizes suit inputs scaled to 1 as well as to 255.
    ends = rng.uniform(-1, 1, size=(2, 16, 28, 28)) * np.geomspace(0.1, 255, 16).reshape(16, 1, 1)
    images = np.concatenate([*ends, ends.mean(axis=0)]).astype("float32")
    # Images as bright as these may be too much for a model that suits others.
    outputs = predict(answer, images, model, (48, 10), finite=False)
    expect.that(np.isfinite(outputs).any(), NO_NUMBERS)
    one, other, halfway = _scores(outputs).reshape(3, 16, 10)
    bend = np.abs((one + other) / 2 - halfway).max(axis=1)
    bent = np.any(bend > 1e-4 + 1e-3 * np.abs(one - other).max(axis=1))
    expect.that(bent, "", points=1, mistakes=known(("no hidden nonlinearity", True)))


def _scores(outputs):
    """Undo softmax or sigmoid; nan where float32 has lost the score."""
    outputs = outputs.astype(float)
    if are_probabilities(outputs):
        kept = np.where(outputs > 1e-30, outputs, np.nan)
        return np.log(kept) - np.log(kept[:, :1])
    if outputs.min() >= 0 and outputs.max() <= 1:
        kept = np.where(np.abs(outputs - 0.5) < 0.499, outputs, np.nan)
        return np.log(kept) - np.log(1 - kept)
    return outputs
