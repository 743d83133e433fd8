"""Part 1 of the transfer learning notebook: what a pre-trained network is good for as it is."""

from functools import partial

import numpy as np

from coursehelpers.checks.core import exercise, mistakes_from
from coursehelpers.checks.models import are_probabilities, built, predict
from coursehelpers.checks.transfer_learning.observed import (
    WHILE_TRAINING,
    Watch,
    are_scores,
    cross_entropy,
    describe_rows,
    draw_fixture,
    draw_images,
    expect_pooled,
    expect_shape,
)

exercise = partial(exercise, notebook="transfer_learning")

# What to tell who made a known mistake: what is wrong, and where to look next.
known = mistakes_from(
    {
        "logits, no softmax": "The outputs are scores; which activation makes probabilities of them?",
        "sigmoid, not softmax": "The outputs lie between 0 and 1, but do not add up to 1.",
        "fresh weights": "Nothing of what the backbone has learned is in the model; was it copied "
        "without its weights?",
        "part of it": "Only a part of the backbone's weights is in the model; use all of it.",
        "not frozen": "The backbone's kernels moved in a train step; it has to be frozen.",
        "normalization not frozen": "The backbone's batch normalization learned in a train step; it "
        "belongs to what has to be frozen.",
        "training mode": "The backbone's moving averages followed the batch in a train step: it "
        "normalizes as in training.",
        "nothing learns": "Nothing moved in a train step, the head neither; what is frozen?",
        "spoiled in training": "In training the outputs are no probabilities; what comes after the "
        "softmax?",
        "softmax twice": "The loss takes the probabilities for scores and applies softmax again.",
        "every epoch": "All images went through the network of the features in every epoch anew.",
        "features twice": "Some images went through the network of the features more than once.",
        "no features": "No image went through the network of the features.",
        "some features": "Not all images went through the network of the features.",
        "features learn": "The network of the features learned too; train nothing but the head.",
        "features in training mode": "The network of the features worked in training mode, so that "
        "the features of an image depend on the other images.",
        "one epoch only": "These are the weights after a single epoch.",
        "one epoch off": "There is one epoch too many or too few.",
        "sum, not mean": "The loss is a mean over the images, not a sum.",
        "uphill": "The steps go uphill.",
        "no sigmoid": "These are steps on squared errors; the outputs should be probabilities.",
    }
)


@exercise(
    "build_transfer_model",
    section="1.3 The workflow",
    points=5,
    hints=[
        "backbone.trainable = False freezes all of it, before the model is compiled.",
        "image = keras.Input(backbone.input_shape[1:]), then backbone(image), "
        "GlobalAveragePooling2D and Dense, each called on what came before.",
        "keras.Model(image, probabilities), compiled with an optimizer and with "
        '"sparse_categorical_crossentropy": labels are numbers.',
    ],
    seconds=60,
)
def build_transfer_model(answer, expect, rng):
    backbone, classes = draw_fixture("tiny_backbone", rng), int(rng.integers(3, 7))
    x = draw_images(rng, 64)
    pretrained = answer.weights(backbone)
    model = built(answer, expect, backbone, classes)
    outputs = expect_shape(answer, expect, model, x, classes)
    watch = Watch(answer, pretrained, model)
    expect.that(
        not watch.missing,
        "",
        mistakes=known(("part of it", len(watch.missing) < len(pretrained)), ("fresh weights", 1)),
        seen=f"{len(watch.missing)} of its {len(pretrained)} arrays are missing.",
    )
    right = are_probabilities(outputs)
    expect.that(
        right,
        "The outputs for an image should be probabilities: not negative, with sum 1.",
        points=1,
        mistakes=known(
            ("logits, no softmax", not right and are_scores(answer, backbone, x, outputs)),
            ("sigmoid, not softmax", outputs.min() >= 0 and outputs.max() <= 1),
        ),
        seen=describe_rows(outputs),
    )
    expect_pooled(answer, expect, watch, backbone, x, outputs, points=1)
    _expect_head_alone_to_learn(answer, expect, watch, x, outputs)


def _expect_head_alone_to_learn(answer, expect, watch, x, used):
    model, shape = watch.model, used.shape
    trained, again = (predict(answer, x, model, shape, training=True) for _ in range(2))
    # Labels that tell one loss from another; Keras may bound very small probabilities.
    y = np.where(trained > 1e-4, trained, np.inf).argmin(axis=1)
    penalty = sum(answer.penalties(model))
    expect.given = WHILE_TRAINING
    loss = answer.train_step(x, y, model=model) - penalty
    expect.given = ""
    moved = watch.moved()
    expect.that(
        not moved["kernels"] and not moved["normalization"],
        "",
        points=1,
        mistakes=known(("not frozen", moved["kernels"]), ("normalization not frozen", True)),
        seen=f"{len(moved['kernels'])} kernels, {len(moved['normalization'])} scales and shifts "
        "moved.",
    )
    expect.that(not moved["statistics"], "", points=1, mistakes=known(("training mode", True)))
    spoiled = are_probabilities(used) and not are_probabilities(trained)
    right, twice, seen = not spoiled, False, ""
    if are_probabilities(trained) and np.allclose(trained, again):  # no dropout, no augmentation
        softmax = np.exp(trained) / np.exp(trained).sum(axis=1, keepdims=True)
        wanted, doubled = (cross_entropy(y, p) for p in (trained, softmax))
        right, twice = (np.isclose(loss, value, rtol=2e-3) for value in (wanted, doubled))
        seen = f"For one batch it is {loss:.4g}, expected {wanted:.4g}."
    expect.that(
        moved["new"] and right,
        "The loss should be the cross-entropy of labels that are class numbers.",
        points=1,
        mistakes=known(
            ("nothing learns", not moved["new"]),
            ("softmax twice", twice),
            ("spoiled in training", spoiled),
        ),
        seen=seen if moved["new"] else "",
    )


@exercise(
    "train_on_features",
    section="1.4 Features, computed once",
    points=4,
    hints=[
        "F = features.predict(x, verbose=0) comes before the loop, so that all epochs share it.",
        "In each epoch p = 1 / (1 + np.exp(-F @ w)) are the probabilities of class 1.",
        "The gradient of the mean cross-entropy is F.T @ (p - y) / len(y).",
    ],
    seconds=60,
)
def train_on_features(answer, expect, rng):
    _expect_head(answer, expect, rng, n=40, epochs=int(rng.integers(4, 9)), points=2)
    if not expect.messages:
        _expect_head(answer, expect, rng, n=1, epochs=1, points=0)


def _expect_head(answer, expect, rng, n, epochs, points):
    """Expect a head that was trained on features, for each of which an image was seen once."""
    features = draw_fixture("tiny_features", rng)
    x = draw_images(rng, n)
    maps = predict(answer, x, features, (n, 8)).astype(float)
    y = (maps @ rng.normal(size=maps.shape[1]) > 0).astype(int)
    y[:3] = 1 - y[:3]
    # Steps that are large, and yet too small for the rounding of single precision to grow.
    rate = rng.uniform(2, 4) / np.linalg.eigvalsh(maps.T @ maps / n)[-1]

    watch = Watch(answer, answer.weights(features), features)
    expect.given = f"For {n} images and {epochs} epochs" if n > 1 else "For one image and one epoch"
    got = answer.call(features, x, y, rate, epochs)
    moved = watch.moved()
    seen = moved["new"].get("counter/seen", 0)
    moved = {part for part, sizes in moved.items() if sizes}
    expect.that(
        seen == n,
        "",
        points=points,
        mistakes=known(
            ("no features", seen == 0),
            ("every epoch", seen >= n * epochs),
            ("features twice", seen > n),
            ("some features", True),
        ),
        seen=f"It saw {seen:.0f} images, expected {n}.",
    )
    is_array = isinstance(got, np.ndarray)
    if is_array and got.shape == (maps.shape[1], 1):  # the kernel of a layer
        got = got[:, 0]
    whatever = got if is_array else np.nan
    logistic = partial(_train, maps, y, rate)
    expect.close(
        got,
        logistic(epochs),
        points=points,
        otherwise="The weights should be those of gradient descent on the mean cross-entropy, from "
        "zero on, with all images in each step.",
        mistakes=known(
            ("features learn", whatever if "kernels" in moved else np.nan),
            ("features in training mode", whatever if "statistics" in moved else np.nan),
            ("one epoch only", logistic(1)),
            ("one epoch off", logistic(epochs - 1)),
            ("one epoch off", logistic(epochs + 1)),
            ("sum, not mean", _train(maps, y, rate * n, epochs)),
            ("uphill", _train(maps, y, -rate, epochs)),
            ("no sigmoid", _train(maps, y, rate, epochs, lambda z: z)),
            ("no sigmoid", _train(maps, y, 2 * rate, epochs, lambda z: z)),
        ),
        rtol=1e-3,
        atol=1e-4,
    )


def _train(maps, y, rate, epochs, activation=lambda z: 1 / (1 + np.exp(-z))):
    w = np.zeros(maps.shape[1])
    for _ in range(epochs):
        w = w - rate * maps.T @ (activation(maps @ w) - y) / len(y)
    return w
