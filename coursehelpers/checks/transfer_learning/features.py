"""Part 1 of the transfer learning notebook: what a pre-trained network is good for as it is."""

from functools import partial

import numpy as np

from coursehelpers.checks.core import describe, exercise, mistakes_from
from coursehelpers.checks.transfer_learning.observed import (
    Watch,
    are_probabilities,
    cross_entropy,
    draw_fixture,
    draw_images,
    explained,
    scores,
)

exercise = partial(exercise, notebook="transfer_learning")

# What to tell who made a known mistake: what is wrong, and where to look next.
known = mistakes_from(
    {
        "not pooled": "There is an output for every position of the feature map; pool it first.",
        "flattened": "Each position of the feature map has weights of its own; pool it instead.",
        "no head": "These are the features of the backbone; where is the head?",
        "number of classes": "The head has another number of outputs than there are classes.",
        "logits, no softmax": "Some outputs are negative; which activation gives probabilities?",
        "sigmoid, not softmax": "The outputs lie between 0 and 1, but do not add up to 1.",
        "fresh weights": "Nothing of what the backbone has learned is in the model; was it copied "
        "without its weights?",
        "part of it": "Only a part of the backbone's weights is in the model; use all of it.",
        "same for all": "All images get the same probabilities, even after a train step.",
        "scaled twice": "The images get to the backbone too dark: it scales them itself.",
        "not frozen": "The backbone's kernels moved in a train step; it has to be frozen.",
        "normalization not frozen": "The backbone's batch normalization learned in a train step; it "
        "belongs to what has to be frozen.",
        "training mode": "The backbone's moving averages followed the batch in a train step: it "
        "normalizes as in training.",
        "nothing learns": "Nothing moved in a train step, the head neither; what is frozen?",
        "softmax twice": "The loss takes the probabilities for scores and applies softmax again.",
    }
)

# The share of the scores that a linear head explains, but for rounding.
LINEAR = 1 - 1e-5


@exercise(
    "build_transfer_model",
    section="1.3 The workflow",
    points=5,
    hints=[
        "backbone.trainable = False freezes all of it, before the model is compiled.",
        "image = keras.Input(backbone.input_shape[1:]), then backbone(image, training=False), "
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
    model = answer.call(backbone, classes)
    expect.that(model is not None, "Your function returned nothing; is there a `return`?")
    outputs = answer.predict(x, model=model)
    shape = np.shape(outputs)
    expect.that(
        shape == (64, classes),
        f"For 64 images and {classes} classes the model should return shape {(64, classes)}; it "
        f"gives {describe(outputs)}.",
        mistakes=known(
            ("no head", shape == (64, 4, 4, 8)),
            ("not pooled", len(shape) > 2),
            ("number of classes", len(shape) == 2),
        ),
    )
    watch = Watch(answer, pretrained, model)
    expect.that(
        not watch.missing,
        "",
        mistakes=known(("part of it", len(watch.missing) < len(pretrained)), ("fresh weights", 1)),
    )
    flat = any(shape[:1] == (4 * 4 * 8,) for shape in watch.new_shapes)
    expect.that(not flat, "", mistakes=known(("flattened", True)))
    expect.that(
        are_probabilities(outputs),
        "The outputs for an image should be probabilities: not negative, with sum 1.",
        points=1,
        mistakes=known(
            ("logits, no softmax", outputs.min() < 0),
            ("sigmoid, not softmax", outputs.min() >= 0 and outputs.max() <= 1),
        ),
    )
    _expect_pooled_features(answer, expect, (backbone, model), x, outputs)

    trained, again = (answer.predict(x, training=True, model=model) for _ in range(2))
    # Labels that tell one loss from another; Keras may bound very small probabilities.
    y = np.where(trained > 1e-4, trained, np.inf).argmin(axis=1)
    penalty = sum(answer.penalties(model))
    step = watch.train(x, y)
    kernels, normalization = step.moved("kernels"), step.moved("normalization")
    expect.that(
        not kernels and not normalization,
        "",
        points=1,
        mistakes=known(("not frozen", kernels), ("normalization not frozen", True)),
    )
    expect.that(not step.moved("statistics"), "", points=1, mistakes=known(("training mode", True)))
    learns, right, twice = step.moved("new"), True, False
    if are_probabilities(outputs) and np.allclose(trained, again):  # no dropout, no augmentation
        loss = step.loss - penalty
        softmax = np.exp(trained) / np.exp(trained).sum(axis=1, keepdims=True)
        right, twice = (
            np.isclose(loss, cross_entropy(y, p), rtol=2e-3) for p in (trained, softmax)
        )
    expect.that(
        learns and right,
        "The loss should be the cross-entropy of labels that are class numbers.",
        points=1,
        mistakes=known(("nothing learns", not learns), ("softmax twice", twice)),
    )


def _expect_pooled_features(answer, expect, models, x, outputs):
    """Expect scores that are a linear function of the backbone's pooled feature maps."""
    backbone, model = models
    if np.ptp(outputs, axis=0).max() < 1e-6:  # a head may start at zero
        answer.train_step(x, np.arange(len(x)) % 2, model=model)
        outputs = answer.predict(x, model=model)
    seen, constant = scores(outputs), np.ptp(outputs, axis=0).max() < 1e-6
    share, *dark = (
        0 if constant else explained(seen, answer.predict(images, model=backbone))
        for images in (x, x / 255, x / 127.5 - 1)
    )
    expect.that(
        share > LINEAR,
        "The scores of a linear head should follow from the pooled features of the backbone; what "
        "happens to the images before it, or to the features behind it?",
        points=1,
        mistakes=known(("same for all", constant), ("scaled twice", max(dark) > LINEAR)),
    )
