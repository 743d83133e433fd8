"""Part 1 of the regularization notebook: overfitting and smaller hypothesis spaces."""

from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from coursehelpers.checks.declared import exercise
from coursehelpers.checks.formula import Case, formula
from coursehelpers.checks.models import (
    NO_NUMBERS,
    are_probabilities,
    built,
    expect_outputs,
    expect_probabilities,
    predict,
)

if TYPE_CHECKING:  # for the solutions, which are read here, not run
    import keras
    from keras import layers

exercise = partial(exercise, notebook="regularization")
formula = partial(formula, notebook="regularization")

# The smaller hypothesis space has to be a good deal smaller than the notebook's 256-256 network.
MAX_PARAMETERS = 50_000

TWO_ERRORS = "the training error and the validation error"


def _histories(rng):
    # Gaps of both signs, the largest not always the last; a first minimum that is not the smallest;
    # and a best epoch that is the first, the last or the only one.
    templates = (
        ([2.0, 1.2, 1.0, 0.8, 0.4, 0.3, 0.1], [1.6, 1.15, 1.25, 0.9, 1.0, 1.5, 1.2]),
        ([1.2, 0.9, 0.7, 0.5], [1.0, 1.1, 1.3, 1.2]),
        ([1.5, 1.0, 0.9, 0.7, 0.75], [1.3, 1.05, 0.85, 0.8, 0.6]),
        ([0.8], [0.9]),
    )
    cases = []
    for template in map(np.array, templates):
        # More epochs, behind a best first one or before any other: no length tells which is best.
        more = np.linspace(0.1, 0.2, int(rng.integers(1, 6)))
        if template.shape[1] > 1 and template[1].argmin() == 0:
            template = np.hstack([template, template[:, -1:] + [-more, more]])
        elif template.shape[1] > 1:
            template = np.hstack([template[:, :1] + more[::-1], template])
        noisy = template + rng.uniform(-0.01, 0.01, size=template.shape)
        loss, val_loss = np.round(rng.uniform(1, 2) * noisy, 2)
        history = {"loss": loss.tolist(), "val_loss": val_loss.tolist()}
        cases.append(Case(f"For the history {history}", (history,)))
    yield cases


@formula(
    "1.1 Overfitting",
    points=3,
    cases=_histories,
    hints=[
        "history is a dictionary of two lists, as long as there were epochs.",
        "np.argmin tells where a list is smallest, counted from 0.",
        "The gap in epoch i is val_loss[i] - loss[i]; the last epoch has the index -1.",
    ],
    returns="the best epoch, the gap there and at the end",
    parts=[
        ("", "The first value should be the epoch with the smallest validation loss."),
        ("", "The second value should be the gap in the epoch of the best validation loss."),
        ("", "The third value should be the gap in the last epoch."),
    ],
    mistakes="""
counted from 1 | return best_epoch + 1, gap[best_epoch], gap[-1] | Epochs count from 0, as Keras counts them.
best training loss | argmin(val_loss) -> argmin(loss) | The best epoch is the one with the smallest validation loss.
smallest gap | argmin(val_loss) -> argmin(gap) | This is where the gap is smallest; find the smallest validation loss.
smallest gap | argmin(val_loss) -> argmin(abs(gap))
loss, not epoch | return val_loss[best_epoch], gap[best_epoch], gap[-1] | This is a loss; return the number of its epoch.
largest loss | argmin(val_loss) -> argmax(val_loss) | This is where the validation loss is largest; find the smallest.
first minimum | argmin(val_loss) -> argmax(np.append(np.diff(val_loss) > 0, True)) | After this epoch the validation loss rises, but later it gets smaller.
other sign | val_loss - loss -> loss - val_loss | The sign is the other one: the gap is validation loss minus training loss.
absolute gap | val_loss - loss -> abs(val_loss - loss) | A gap may be negative; do not take its absolute value.
validation loss | return best_epoch, val_loss[best_epoch], val_loss[-1] | This is the validation loss itself; subtract the training loss.
training loss | return best_epoch, loss[best_epoch], loss[-1] | This is the training loss itself; how far is the validation loss from it?
gap of other epochs | return best_epoch, val_loss.min() - loss.min(), val_loss.min() - loss.min() | Both losses of a gap belong to the same epoch.
gap of the best epoch | gap[-1] -> gap[best_epoch] | This is the gap of the best epoch; the last epoch is another one.
gap of the last epoch | gap[best_epoch] -> gap[-1] | This is the gap of the last epoch; the best epoch is another one.
largest gap | return best_epoch, gap.max(), gap.max() | This is the largest gap, wherever it is; which epoch is asked for?
ratio | val_loss - loss -> val_loss / loss | This is a ratio; a gap is a difference.
""",
)
def read_curves(history):
    """Return the epoch of the best validation loss, the gap of the losses there and at the end."""
    loss, val_loss = np.array(history["loss"]), np.array(history["val_loss"])
    gap = val_loss - loss
    best_epoch = np.argmin(val_loss)
    return best_epoch, gap[best_epoch], gap[-1]


def _four_points(rng):
    cases = []
    for degree, decimals in ((0, 2), (1, 2), (2, 2), (0, 0)):
        # Gaps of at least 1 keep the fit well conditioned; the order is not the one on the axis.
        x = np.sort(rng.uniform(-2, 2, size=4)) + np.arange(4)
        x = np.round(x[[2, 0, 3, 1]], decimals)
        y = np.round(rng.normal(1, size=4) * (1 if decimals else 3), decimals)
        # With signs that alternate, absolute errors differ from signed ones; none is small.
        too_low = np.polyval(np.polyfit(x[:3], y[:3], degree), x[3]) < y[3]
        y *= (-1) ** degree * (-1 if too_low else 1)
        y[3] -= (-1) ** degree
        y[0] += (1 - y[:3].sum()) % 3 * (decimals == 0)  # integers, too, but no integer for a mean
        x, y = (v if decimals else v.astype(int) for v in (x, y))
        given = f"For x = {x.tolist()}, y = {y.tolist()} and degree {degree}"
        cases.append(Case(given, (x, y, degree)))
    yield cases


@formula(
    "1.2 Four points",
    points=2,
    cases=_four_points,
    hints=[
        "Split first: x[:3] is what the model may see, x[3] is what it may not.",
        "np.polyfit(x[:3], y[:3], degree) gives the coefficients, np.polyval predicts with them.",
        "The training error is the mean of three squared differences, the validation error is "
        "one squared difference.",
    ],
    returns=TWO_ERRORS,
    parts=[
        ("", "The first value should be the mean squared error on the first three points."),
        ("", "The second value should be the squared error on the fourth point."),
    ],
    mistakes="""
sum, not mean | .mean() -> .sum() | Take the mean of the squared errors, not their sum.
root | return squared_errors[:3].mean() ** 0.5, squared_errors[3] ** 0.5 | This is an absolute error or a root; square the errors and take no root.
absolute error | = (np -> = abs(np; ** 2 -> | This is an absolute error or a root; square the errors and take no root.
signed error | ** 2 -> | Positive and negative errors cancel; square each one before averaging.
signed error | = (np -> = -(np; ** 2 ->
halved | return squared_errors[:3].mean() / 2, squared_errors[3] / 2 | This is half of the right number; leave out the factor 1/2.
fitted on all data | x[:3], y[:3] -> x, y | The validation data took part in the fit; fit training data alone.
fitted on all data | x[:3], y[:3] -> x, y; return squared_errors.mean(), squared_errors.mean()
averaged over all points | return squared_errors.mean(), squared_errors.mean() | Average over the first three points; the fourth stands alone.
degree too high | polyfit(x[:3], y[:3], degree) -> linalg.pinv(np.vander(x[:3], degree + 2)) @ y[:3] | The degree is one too high; degree 1 is a line.
degree ignored | degree) -> 1) | This is the error of a line; the degree is an argument.
degree too low | polyfit(x[:3], y[:3], degree) -> linalg.pinv(np.vander(x[:3], degree)) @ y[:3] | The degree is one too low; degree 1 is a line, with two coefficients.
swapped | return squared_errors[3], squared_errors[:3].mean() | The two values seem to be in the wrong order.
""",
    rtol=1e-3,
)
def four_point_errors(x, y, degree):
    """Train on three points, validate on the fourth; return both mean squared errors."""
    coefficients = np.polyfit(x[:3], y[:3], degree)
    squared_errors = (np.polyval(coefficients, x) - y) ** 2
    return squared_errors[:3].mean(), squared_errors[3]


def _samples(rng):
    def case(given, x_train, validation, **options):
        x_validation = rng.normal(size=(validation, x_train.shape[1]))
        train, validation = [(x, rng.normal(size=len(x))) for x in (x_train, x_validation)]
        return Case(given, (*train, *validation), **options)

    few = rng.normal(size=(2, 30, 8))  # twice: one error may by chance be what a mistake gives
    yield [case("With fewer features than examples", x, 12) for x in few]
    # With orthogonal columns or rows there is no matter of rounding, not even at the peak.
    square, tall = (np.linalg.qr(rng.normal(size=shape))[0] for shape in ((12, 12), (16, 8)))
    yield [
        case(
            "With as many features as examples, and one to validate",
            2 * square,
            1,
            points=(0, 1),  # no point for the training error, which is 0
            otherwise="Here weights can fit all labels; take those of smallest norm. X^T X may "
            "have no inverse; what solves least squares without one?",
        ),
        case("With more features than examples", tall.T * rng.uniform(2, 4, size=(8, 1)), 30),
    ]


@formula(
    "1.3 The ratio d/m",
    points=3,
    cases=_samples,
    hints=[
        "First the weights w from the training data alone, then both errors with the same w.",
        "With more features than examples X^T X has no inverse; np.linalg.lstsq and "
        "np.linalg.pinv give the solution of smallest norm in every case.",
        "Both errors are means of squared differences between x @ w and y.",
    ],
    returns=TWO_ERRORS,
    parts=[
        ("", "The first value should be the mean squared error of least squares on training data."),
        (
            "",
            "The second value should be the mean squared error of the same weights on the "
            "validation data.",
        ),
    ],
    mistakes="""
sum, not mean | np.mean( -> np.sum( | Take the mean of the squared errors, not their sum.
root | return train_error**0.5, validation_error**0.5 | This is an absolute error or a root; square the errors and take no root.
absolute error | np.mean( -> np.mean(abs; ) ** 2 -> ) | This is an absolute error or a root; square the errors and take no root.
signed error | ) ** 2 -> ) | Positive and negative errors cancel; square each one before averaging.
signed error | np.mean( -> -np.mean(; ) ** 2 -> )
halved | return train_error / 2, validation_error / 2 | This is half of the right number; leave out the factor 1/2.
divided by training examples | return train_error, validation_error * len(y_validation) / len(y_train) | Divide by the number of validation examples here.
fitted on validation data | lstsq(x_train, y_train -> lstsq(x_validation, y_validation | The weights fit the validation data; fit the training data.
fitted on all data | lstsq(x_train, y_train -> lstsq(np.vstack([x_train, x_validation]), np.append(y_train, y_validation) | The validation data took part in the fit; fit training data alone.
added an intercept | lstsq(x_train -> lstsq(x_train := np.insert(x_train, 0, 1, axis=1); (x_validation -> (np.insert(x_validation, 0, 1, axis=1) | There seems to be a column of ones; no constant belongs to the model.
swapped | return validation_error, train_error | The two values seem to be in the wrong order.
""",
)
def least_squares_errors(x_train, y_train, x_validation, y_validation):
    """Fit minimum-norm least squares; return training and validation mean squared error."""
    w = np.linalg.lstsq(x_train, y_train, rcond=None)[0]
    train_error = np.mean((x_train @ w - y_train) ** 2)
    validation_error = np.mean((x_validation @ w - y_validation) ** 2)
    return train_error, validation_error


def _sizes(rng):
    m = int(rng.integers(18, 23))  # examples, so that just below lies the peak of the error
    # The right number of features wins, by one. No size is a position in a list of sizes.
    few = int(rng.integers(8, 11))
    near = few + rng.choice([-2, 1, 2], size=2, replace=False)
    sizes = [few - 1, few, *near, m - 1, rng.integers(50, 70)]
    yield [_choice(rng, m, few, 0.5, sizes, few, few)]
    # One beyond the peak wins, because the right one is too close to it.
    some, many = int(rng.integers(4, 7)), int(rng.integers(36, 48))
    yield [_choice(rng, m, int(rng.integers(14, 18)), 0.5, [some, m - 1, many], many, many)]
    # One feature wins, though not for the sum of both errors; and there is no choice.
    many, only = int(rng.integers(60, 80)), int(rng.integers(8, 15))
    yield [
        _choice(rng, m, 1, 1.5, [1, m - 1, many], 1, many),
        _with_sizes([only], *_linear(rng, m, 50, only, 0.5)),
    ]


def _choice(rng, m, relevant, noise, sizes, winner, winner_of_sum):
    """Draw data where a size wins, not by chance, and of other rules it is known where they lead."""
    beyond = winner > m
    while True:
        sizes = sorted(sizes) if beyond else rng.permutation(sizes).tolist()
        train, validation = _linear(rng, m, max(sizes), relevant, noise)
        train_errors, errors = np.transpose([_errors_of(d, train, validation) for d in sizes])
        more = [_errors_of(d + 1, train, validation)[1] for d in sizes]  # one feature too many
        winners = [sizes[np.argmin(e)] for e in (errors, more, -errors, train_errors + errors)]
        # Where the error rises first, in the given order and in ascending order.
        orders = np.array([np.arange(len(sizes)), np.argsort(sizes)])
        stops = [sizes[o[np.argmax(np.append(np.diff(errors[o]) > 0, True))]] for o in orders]
        if (
            winners == [winner, winner - (winner - 1 in sizes), m - 1, winner_of_sum]
            and all((stop != winner) == beyond for stop in stops)
            and np.sum(errors < 1.05 * errors.min()) == 1
        ):
            return _with_sizes(sizes, train, validation)


def _linear(rng, m, features, relevant, noise):
    w = (np.arange(features) < relevant) * rng.choice([-1, 1], size=features) / np.sqrt(relevant)
    x = rng.normal(size=(m + 200, features))
    y = x @ w + noise * rng.normal(size=m + 200)
    return (x[:m], y[:m]), (x[m:], y[m:])


def _errors_of(d, *sets):
    return least_squares_errors(*(a for x, y in sets for a in (x[:, :d], y)))


def _with_sizes(sizes, train, validation):
    m, features = train[0].shape
    given = f"With {m} examples, {features} features and the sizes {sizes}"
    return Case(given, (*train, *validation, sizes))


@formula(
    "1.3 The ratio d/m",
    points=3,
    cases=_sizes,
    hints=[
        "For one size d: fit on x_train[:, :d], then predict for x_validation[:, :d].",
        "Loop over the sizes, keep the validation error of each, and take the smallest.",
        "min(errors, key=errors.get) returns the key of the smallest value of a dictionary.",
    ],
    otherwise="Return the size with the smallest validation error.",
    mistakes="""
training error | x_validation -> x_train; y_validation -> y_train | This size fits best the data that its weights come from; fit on the training data, choose on the validation data.
largest error | min( -> max( | This size has the largest validation error; find the smallest.
only below m | in sizes -> in (d for d in sizes if d < len(y_train)) | Sizes above the number of examples count, too; least squares of smallest norm has an answer for them.
position | return list(errors).index(min(errors, key=errors.get)) | This is a position in the list; return the size that stands there.
error, not size | return min(errors.values()) | This is a validation error; return the size that it belongs to.
""",
)
def choose_size(x_train, y_train, x_validation, y_validation, sizes):
    """Return the size d whose minimum-norm least squares has the smallest validation error."""
    errors = {}
    for d in sizes:
        w = np.linalg.lstsq(x_train[:, :d], y_train, rcond=None)[0]
        errors[d] = np.mean((x_validation[:, :d] @ w - y_validation) ** 2)
    return min(errors, key=errors.get)


def _small_and_nonlinear(answer, expect, rng):
    model = built(answer, expect)
    images = rng.uniform(-1, 1, size=(5, 28, 28)).astype("float32")  # logits of both signs
    outputs = expect_outputs(
        answer,
        expect,
        images,
        model,
        (5, 10),
        "For five images",
        mistakes=lambda shape: {
            "not flattened": len(shape) > 2,
            "number of classes": len(shape) == 2 and shape[1] != 10,
        },
    )
    alone = predict(answer, images[:1], model, (1, 10))
    expect.require(
        np.allclose(alone, outputs[:1], rtol=1e-3, atol=1e-4),
        "The outputs for an image change with the other images of its batch; over which axis do "
        "the classes compete?",
    )
    mistakes = {
        "logits, no softmax": outputs.min() < 0,
        "sigmoid, not softmax": outputs.min() > 0 and outputs.max() < 1,
    }
    expect_probabilities(expect, outputs, "For five images", 1, mistakes)
    # A model that is not told its input shape has weights only after it has been called.
    parameters = sum(w["value"].size for w in answer.weights(model))
    expect(
        parameters <= MAX_PARAMETERS,
        1,
        f"The model has {parameters:,} parameters, over {MAX_PARAMETERS:,}; which layer has most?",
    )
    # Without hidden nonlinearity the scores under the last activation are linear: halfway between
    # two images they are halfway too. The sizes suit inputs scaled to 1 as well as to 255.
    ends = rng.uniform(-1, 1, size=(2, 16, 28, 28)) * np.geomspace(0.1, 255, 16).reshape(16, 1, 1)
    images = np.concatenate([*ends, ends.mean(axis=0)]).astype("float32")
    # Images as bright as these may be too much for a model that suits others.
    outputs = predict(answer, images, model, (48, 10), finite=False)
    expect.require(np.isfinite(outputs).any(), NO_NUMBERS)
    one, other, halfway = _scores(outputs).reshape(3, 16, 10)
    bend = np.abs((one + other) / 2 - halfway).max(axis=1)
    bent = np.any(bend > 1e-4 + 1e-3 * np.abs(one - other).max(axis=1))
    expect(bent, 1, "no hidden nonlinearity")


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


@exercise(
    "1.4 A smaller hypothesis space",
    points=3,
    seconds=20,
    requires=_small_and_nonlinear,
    hints=[
        "Start from the notebook's large network and take away: fewer layers, fewer units.",
        "A dense layer from 784 inputs to k units has 785 k parameters; how large may k be?",
        "Input((28, 28)), Flatten, one hidden Dense layer with an activation, and a Dense layer "
        "of 10 with softmax.",
    ],
    mistakes="""
not flattened | 0 | layers.Flatten(), -> | A dense layer acts on the last axis; where does an image become a vector?
number of classes | 0 | 10, activation="softmax" -> 1, activation="sigmoid" | Each class needs one output; how many classes are there?
logits, no softmax | 2 | 10, activation="softmax" -> 10 | Some outputs are negative; which activation gives probabilities?
logits, no softmax | 2 | "softmax" -> "log_softmax"
logits, no softmax | 1 | 10, activation="softmax" -> 10; , activation="relu" ->
sigmoid, not softmax | 2 | "softmax" -> "sigmoid" | The outputs do not add up to 1; what makes the classes compete?
sigmoid, not softmax | 1 | "softmax" -> "sigmoid"; layers.Dense(32, activation="relu"), ->
no hidden nonlinearity | 2 | , activation="relu" -> | The model is linear in the image: halfway between two images its scores are halfway, too. Is there a hidden activation?
no hidden nonlinearity | 2 | layers.Dense(32, activation="relu"), -> layers.Rescaling(1 / 255),
no hidden nonlinearity | 2 | , activation="relu" -> ; layers.Dense(10 -> layers.BatchNormalization(), layers.Dropout(0.5), layers.Dense(10
""",
)
def build_smaller_mlp():
    """Return an untrained MLP for 28 x 28 images with at most 50,000 parameters."""
    return keras.Sequential(
        [
            layers.Input((28, 28)),
            layers.Flatten(),
            layers.Dense(32, activation="relu"),
            layers.Dense(10, activation="softmax"),
        ]
    )
