"""Part 4 of the regularization notebook: what helps, and how far to trust it."""

import functools
from functools import partial
from itertools import combinations

import numpy as np

from coursehelpers import data
from coursehelpers.checks.core import exercise, mistakes_from
from coursehelpers.checks.models import built, expect_outputs, predict

exercise = partial(exercise, notebook="regularization")

# What to tell who made a known mistake: what is wrong, and where to look next.
known = mistakes_from(
    {
        "not weighted": "Each bin counts by its share of the examples, not each the same.",
        "signed": "Bins that are too sure and bins that are not sure enough cancel; take the "
        "distance in each bin.",
        "largest bin": "This is the largest distance of all bins; average them.",
        "squared": "Take the distances as they are, without squares.",
        "label probability": "The confidence is the largest probability, not that of the label.",
        "last bin left out": "The last bin seems to be left out; count the bins from first to last.",
        "rounded": "Rounding places each confidence at the nearest edge; a bin lies between two edges.",
        "other bins": "This is the error for another number of bins; there should be `bins` of them.",
        "bins of equal size": "These bins are equally full; they should be equally wide.",
        "lower edges": "A confidence on an edge belongs to the bin below it, 1 to the last bin.",
        "sum over bins": "This adds up the distances; weight each by its share of the examples.",
        "logits, no softmax": "Some outputs are negative, so they are no probabilities; does the loss "
        "know that?",
        "learned nothing": "It does not learn enough; is it held back too much, are its steps too small "
        "or too large, does its loss fit?",
        "memorized": "It reproduces most of the wrong labels; hold it back more.",
    }
)


@exercise(
    "calibration_error",
    section="4.3 Calibration",
    points=3,
    hints=[
        "For each example two numbers: the largest probability, and whether that class is right.",
        "np.ceil(confidence * bins) numbers the bins; an empty one adds nothing.",
        "A bin adds its share of the examples times |accuracy - confidence|.",
    ],
)
def calibration_error(answer, expect, rng):
    for bins, n, draw, what in (
        (5, 60, _off_edges, ""),
        (15, 40, _off_edges, ""),
        (4, 60, _on_edges, ", some confidences on edges"),
    ):
        y, p, right, mistakes = _predictions(rng, draw, n, bins)
        expect.given = f"For {n} predictions and {bins} bins{what}"
        expect.close(
            answer.call(y, p, bins),
            right,
            points=1,
            otherwise="It should be the mean distance of accuracy and confidence over the bins, "
            "weighted by their size; empty bins add nothing.",
            mistakes=known(*mistakes),
        )


def _predictions(rng, draw, n, bins):
    """Draw labels and probabilities that tell all known mistakes and the right error apart."""
    while True:
        p = draw(rng, n, bins)
        # Not sure enough where the confidence is small, too sure where it is large.
        some = rng.integers(p.shape[1], size=n)
        y = np.where(rng.uniform(size=n) < 0.5, p.argmax(axis=1), some)
        right, mistakes = _errors(y, p, bins)
        if draw is _off_edges:  # where it does not matter to which bin they belong
            mistakes = [(name, value) for name, value in mistakes if name != "lower edges"]
        pairs = combinations([("right", right), *mistakes], 2)
        if all(name == other or abs(a - b) > 1e-3 for (name, a), (other, b) in pairs):
            return y, p, right, mistakes


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


def _errors(y, p, bins):
    """Return the calibration error, and what known mistakes make of it."""
    confidence, correct = p.max(axis=1).astype(float), p.argmax(axis=1) == y
    of_label = p[np.arange(len(y)), y].astype(float)
    places = confidence * bins
    share, gaps = _gaps(np.ceil(places), confidence, correct)
    distance = np.abs(gaps)

    def error(number, confidence=confidence, last=bins):
        kept = np.unique(number) <= last
        share, gaps = _gaps(number, confidence, correct)
        return share[kept] @ np.abs(gaps[kept])

    return share @ distance, [
        ("not weighted", distance.mean()),
        ("not weighted", distance.sum() / bins),
        ("sum over bins", distance.sum()),
        ("signed", share @ gaps),
        ("signed", -share @ gaps),
        ("largest bin", distance.max()),
        ("squared", share @ gaps**2),
        ("squared", np.sqrt(share @ gaps**2)),
        ("label probability", error(np.ceil(of_label * bins), of_label)),
        ("last bin left out", error(np.ceil(places), last=bins - 1)),
        ("rounded", error(np.round(places))),
        *(
            ("other bins", error(np.ceil(confidence * other), last=other))
            for other in {10, 15, bins - 1, bins + 1} - {bins}
        ),
        ("bins of equal size", error(confidence.argsort().argsort() * bins // len(y))),
        ("lower edges", error(np.floor(places))),
        ("lower edges", error(np.minimum(np.floor(places), bins - 1))),
        ("lower edges", error(np.floor(places), last=bins - 1)),
    ]


def _gaps(number, confidence, correct):
    """Return the share of the examples and accuracy minus confidence of each bin in use."""
    used = [number == b for b in np.unique(number)]
    gaps = [correct[of].mean() - confidence[of].mean() for of in used]
    return np.array([of.mean() for of in used]), np.array(gaps)


# How the check trains: small enough for seconds, long enough for a network to learn by heart.
EXAMPLES, WRONG, EPOCHS, BATCH_SIZE = 500, 200, 30, 50


@exercise(
    "build_regularized_mlp",
    section="4.5 Your turn",
    points=4,
    hints=[
        "Which methods of 4.2 helped most? Two of them together may do more.",
        "Dropout behind each hidden layer, an L2 penalty on each kernel, or few units.",
        "Compile with an optimizer and with sparse_categorical_crossentropy: labels are numbers.",
    ],
    seconds=60,
)
def build_regularized_mlp(answer, expect, rng):
    x, y = _images()
    chosen = rng.choice(len(x), size=EXAMPLES + 500, replace=False)
    x, y = (x[chosen] / 255).astype("float32"), y[chosen].astype(int)
    given = y.copy()
    given[:WRONG] = (y[:WRONG] + rng.integers(1, 10, size=WRONG)) % 10

    model = built(answer, expect)
    expect_outputs(answer, expect, x[:5], model, (5, 10), "For five images")
    expect.given = "In training, with class numbers as labels"
    for _ in range(EPOCHS):
        for batch in rng.permutation(EXAMPLES).reshape(-1, BATCH_SIZE):
            loss = answer.train_step(x[batch], given[batch], model=model)
    expect.that(np.isfinite(loss), "The loss is no number any more; are the steps too large?")
    expect.given = ""
    outputs = predict(answer, x, model, (len(x), 10))
    predicted = outputs.argmax(axis=1)
    new = np.mean(predicted[EXAMPLES:] == y[EXAMPLES:])
    by_heart = np.mean(predicted[:WRONG] == given[:WRONG])
    seen = (
        f"It recognizes {new:.0%} of new images, expected more than 50%, and reproduces "
        f"{by_heart:.0%} of the wrong labels, expected less than 50%."
    )
    # What learns by heart does learn, though new images may suffer.
    learned = new > 0.5 or by_heart >= 0.5
    expect.that(
        learned,
        "",
        points=2,
        mistakes=known(("logits, no softmax", outputs.min() < 0), ("learned nothing", True)),
        seen=seen,
    )
    if learned:
        expect.that(by_heart < 0.5, "", points=2, mistakes=known(("memorized", True)), seen=seen)


@functools.cache
def _images():
    return data.load_fashion_mnist()[0]
