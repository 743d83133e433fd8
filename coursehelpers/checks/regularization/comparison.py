"""Part 4 of the regularization notebook: what helps, and how far to trust it."""

import functools
from functools import partial

import numpy as np

from coursehelpers import data
from coursehelpers.checks.core import exercise, mistakes_from
from coursehelpers.checks.models import are_probabilities, built, expect_outputs, predict

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
        "sum over bins": "This adds up the distances; weight each by its share of the examples.",
        "logits, no softmax": "Some outputs are negative; which activation gives probabilities?",
        "learned nothing": "Even new images are hardly recognized; is it held back too much?",
        "memorized": "It reproduces most of the random labels; hold it back more.",
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
    for bins, n in ((5, 60), (10, 80), (15, 40)):
        expect.given = f"For {n} predictions and {bins} bins"
        y, p = _predictions(rng, n, bins)
        confidence, correct = p.max(axis=1), p.argmax(axis=1) == y
        share, gaps = _gaps(confidence, correct, bins)
        of_label = _gaps(p[np.arange(n), y], correct, bins)
        distance = np.abs(gaps)
        expect.close(
            answer.call(y, p, bins),
            share @ distance,
            points=1,
            otherwise="It should be the mean distance of accuracy and confidence over the bins, "
            "weighted by their size.",
            mistakes=known(
                ("not weighted", distance.mean()),
                ("not weighted", distance.sum() / bins),
                ("sum over bins", distance.sum()),
                ("signed", share @ gaps),
                ("signed", -share @ gaps),
                ("largest bin", distance.max()),
                ("squared", share @ gaps**2),
                ("squared", np.sqrt(share @ gaps**2)),
                ("label probability", of_label[0] @ np.abs(of_label[1])),
            ),
        )


def _predictions(rng, n, bins):
    """Draw labels and probabilities, too sure in some bins and not sure enough in others."""
    # Three classes leave the first bins empty. No confidence lies on an edge, and the probability
    # of the label would give another error.
    while True:
        p = rng.dirichlet([0.6, 0.6, 0.6], size=n)
        confidence, y = p.max(axis=1), rng.integers(3, size=n)
        sure = (confidence < 0.7) | (rng.uniform(size=n) < 0.3)
        y[sure] = p.argmax(axis=1)[sure]
        correct = p.argmax(axis=1) == y
        both = [_gaps(c, correct, bins) for c in (confidence, p[np.arange(n), y])]
        errors = [share @ np.abs(gaps) for share, gaps in both]
        places = confidence * bins
        if np.abs(places - np.round(places)).min() > 1e-3 and abs(np.diff(errors)) > 0.01:
            return y, p


def _gaps(confidence, correct, bins):
    """Return the share of the examples and accuracy minus confidence of each bin in use."""
    number = np.ceil(confidence * bins)
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
    for _ in range(EPOCHS):
        for batch in rng.permutation(EXAMPLES).reshape(-1, BATCH_SIZE):
            loss = answer.train_step(x[batch], given[batch], model=model)
    expect.that(np.isfinite(loss), "The loss got infinite in training; are the steps too large?")
    outputs = predict(answer, x, model, (len(x), 10))
    expect.that(
        are_probabilities(outputs),
        "The ten outputs for an image should be probabilities: not negative, with sum 1.",
        points=1,
        mistakes=known(("logits, no softmax", outputs.min() < 0)),
    )
    predicted = outputs.argmax(axis=1)
    new = np.mean(predicted[EXAMPLES:] == y[EXAMPLES:])
    expect.that(new > 0.5, "", points=1, mistakes=known(("learned nothing", True)))
    if new > 0.5:
        by_heart = np.mean(predicted[:WRONG] == given[:WRONG])
        expect.that(by_heart < 0.5, "", points=2, mistakes=known(("memorized", True)))


@functools.cache
def _images():
    return data.load_fashion_mnist()[0]
