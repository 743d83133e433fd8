"""Part 4 of the regularization notebook: what helps, and how far to trust it."""

from functools import cache, partial
from typing import TYPE_CHECKING

import numpy as np

from coursehelpers import data
from coursehelpers.checks.core import EXERCISES
from coursehelpers.checks.declared import exercise
from coursehelpers.checks.formula import Case, formula
from coursehelpers.checks.models import built, expect_outputs, predict

if TYPE_CHECKING:  # for the solutions, which are read here, not run
    import keras
    from keras import layers

exercise = partial(exercise, notebook="regularization")
formula = partial(formula, notebook="regularization")


def _predictions(rng):
    for bins, n, draw, what in (
        (7, 40, _off_edges, ""),
        (12, 40, _off_edges, ""),
        (4, 60, _on_edges, ", some confidences on edges"),
    ):
        given = f"For {n} predictions and {bins} bins{what}"
        yield Case(given, _telling(rng, draw, n, bins))


def _telling(rng, draw, n, bins):
    """Draw labels and probabilities that tell all known mistakes and the right error apart."""
    functions = [("right", calibration_error)]
    for slip in reversed(
        EXERCISES["calibration_error"].declared.slips
    ):  # the most alike come first
        if draw is _on_edges or slip.name != "lower edges":  # off edges it makes no difference
            functions.append((slip.name, slip.function))
    while True:
        p = draw(rng, n, bins)
        # Not sure enough where the confidence is small, too sure where it is large.
        some = rng.integers(p.shape[1], size=n)
        y = np.where(rng.uniform(size=n) < 0.5, p.argmax(axis=1), some)
        values: list = []
        for name, function in functions:
            value = function(y, p, bins)
            if any(name != other and abs(value - seen) < 5e-4 for other, seen in values):
                break
            values.append((name, value))
        else:
            return y, p, bins


def _off_edges(rng, n, bins):
    # Three classes leave the first bins empty.
    p = rng.dirichlet([0.6, 0.6, 0.6], size=2 * n)
    places = p.max(axis=1) * bins
    return p[np.abs(places - np.round(places)) > 1e-3][:n]


def _on_edges(rng, n, bins):
    # Ten classes leave no bin empty, and an edge in four bins is exact in float32, too.
    confidence = rng.uniform(0.11, 1, size=n)
    confidence[::2] = rng.integers(1, bins + 1, size=n // 2) / bins
    p = np.repeat((1 - confidence)[:, None] / 9, 10, axis=1)
    p[np.arange(n), rng.integers(10, size=n)] = confidence
    return p.astype("float32")


@formula(
    "4.3 Calibration",
    points=3,
    cases=_predictions,
    hints=[
        "For each example two numbers: the largest probability, and whether that class is right.",
        "np.ceil(confidence * bins) numbers the bins; an empty one adds nothing.",
        "A bin adds its share of the examples times |accuracy - confidence|.",
    ],
    otherwise="It should be the mean distance of accuracy and confidence over the bins, weighted by "
    "their size; empty bins add nothing.",
    mistakes="""
not weighted | np.mean(number == b) -> 1 / len(np.unique(number)) | Each bin counts by its share of the examples, not each the same.
not weighted | np.mean(number == b) -> 1 / bins
sum over bins | np.mean(number == b) * -> | This adds up the distances; weight each by its share of the examples.
signed | abs( -> ( | Bins that are too sure and bins that are not sure enough cancel; take the distance in each bin.
signed | abs( -> -(
largest bin | sum( -> max(; np.mean(number == b) * -> | This is the largest distance of all bins; average them.
squared | .mean()) -> .mean()) ** 2 | Take the distances as they are, without squares.
squared | .mean()) -> .mean()) ** 2; sum( -> np.sqrt(sum(; np.unique(number) -> np.unique(number))
label probability | probabilities.max(axis=1) -> probabilities[np.arange(len(y)), y] | The confidence is the largest probability, not that of the label.
last bin left out | np.unique(number) -> np.unique(number[number < bins]) | The last bin seems to be left out; count the bins from first to last.
rounded | np.ceil( -> np.round( | Rounding places each confidence at the nearest edge; a bin lies between two edges.
other bins | confidence * bins -> confidence * 10 | This is the error for another number of bins; there should be `bins` of them.
other bins | confidence * bins -> confidence * 15
other bins | confidence * bins -> confidence * (bins - 1)
other bins | confidence * bins -> confidence * (bins + 1)
bins of equal size | np.ceil(confidence * bins) -> confidence.argsort().argsort() * bins // len(y) | These bins are equally full; they should be equally wide.
lower edges | np.ceil( -> np.floor( | A confidence on an edge belongs to the bin below it, 1 to the last bin.
lower edges | np.ceil(confidence * bins) -> np.minimum(np.floor(confidence * bins), bins - 1)
lower edges | np.ceil( -> np.floor(; np.unique(number) -> np.unique(number[number < bins])
""",
)
def calibration_error(y, probabilities, bins):
    """Return the expected calibration error over bins of equal width."""
    confidence = probabilities.max(axis=1)
    correct = probabilities.argmax(axis=1) == y
    number = np.ceil(confidence * bins)  # bins 1, 2, ..., each with its upper edge
    return sum(
        np.mean(number == b) * abs(correct[number == b].mean() - confidence[number == b].mean())
        for b in np.unique(number)
    )


# How the check trains: small enough for seconds, long enough for a network to learn by heart.
EXAMPLES, WRONG, EPOCHS, BATCH_SIZE = 500, 200, 30, 50


def _learns_without_the_noise(answer, expect, rng):
    x, y = _images()
    chosen = rng.choice(len(x), size=EXAMPLES + 500, replace=False)
    x, y = (x[chosen] / 255).astype("float32"), y[chosen].astype(int)
    given = y.copy()
    given[:WRONG] = (y[:WRONG] + rng.integers(1, 10, size=WRONG)) % 10

    def recognized(outputs):
        return np.mean(outputs[EXAMPLES:].argmax(axis=1) == y[EXAMPLES:])

    model = built(answer, expect)
    expect_outputs(answer, expect, x[:5], model, (5, 10), "For five images")
    before = recognized(predict(answer, x, model, (len(x), 10)))
    expect.require(before <= 0.5, "trained before", seen=f"It recognizes {before:.0%} of them.")
    expect.given = "In training, with class numbers as labels"
    for _ in range(EPOCHS):
        for batch in rng.permutation(EXAMPLES).reshape(-1, BATCH_SIZE):
            loss = answer.train_step(x[batch], given[batch], model=model)
    expect.require(np.isfinite(loss), "The loss is no number any more; are the steps too large?")
    expect.given = ""
    outputs = predict(answer, x, model, (len(x), 10))
    new = recognized(outputs)
    by_heart = np.mean(outputs[:WRONG].argmax(axis=1) == given[:WRONG])
    seen = (
        f"It recognizes {new:.0%} of new images, expected more than 50%, and reproduces "
        f"{by_heart:.0%} of the wrong labels, expected less than 50%."
    )
    # What learns by heart does learn, though new images may suffer.
    learned = new > 0.5 or by_heart >= 0.5
    logits = {"logits, no softmax": outputs.min() < 0}
    expect(learned, 2, "learned nothing", logits, seen)
    if learned:
        expect(by_heart < 0.5, 2, "memorized", seen=seen)


@cache
def _images():
    return data.load_fashion_mnist()[0]


@exercise(
    "4.5 Your turn",
    points=4,
    seconds=60,
    requires=_learns_without_the_noise,
    hints=[
        "Which methods of 4.2 helped most? Two of them together may do more.",
        "Dropout behind each hidden layer, an L2 penalty on each kernel, or few units.",
        "Compile with an optimizer and with sparse_categorical_crossentropy: labels are numbers.",
    ],
    mistakes="""
trained before | - | Before the check trains it, it recognizes new photos already; hand in a network that still has to learn.
logits, no softmax | 0 | , kernel_regularizer=keras.regularizers.L2(0.01) -> ; layers.Dropout(0.5), -> ; 10, activation="softmax" -> 10; "adam" -> "sgd"; 64 -> 16 | Some outputs are negative, so they are no probabilities; does the loss know that?
learned nothing | 0 | L2(0.01) -> L2(1.0) | It does not learn enough; is it held back too much, are its steps too small or too large, does its loss fit?
learned nothing | 0 | Dropout(0.5) -> Dropout(0.98)
learned nothing | 0 | "adam" -> keras.optimizers.Adam(3.0)
learned nothing | 0 | "adam" -> keras.optimizers.SGD(0.0)
memorized | 2 | Dense(64 -> Dense(512; L2(0.01) -> L2(1e-5); layers.Dropout(0.5), -> layers.Dense(512, activation="relu"), | It reproduces most of the wrong labels; hold it back more.
""",
)
def build_regularized_mlp():
    """Return a compiled MLP that learns from noisy labels without learning the noise."""
    model = keras.Sequential(
        [
            layers.Input((28, 28)),
            layers.Flatten(),
            layers.Dense(64, activation="relu", kernel_regularizer=keras.regularizers.L2(0.01)),
            layers.Dropout(0.5),
            layers.Dense(10, activation="softmax", kernel_regularizer=keras.regularizers.L2(0.01)),
        ]
    )
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model
