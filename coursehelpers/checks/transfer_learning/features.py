"""Part 1 of the transfer learning notebook: what a pre-trained network is good for as it is."""

from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from coursehelpers.checks.declared import exercise
from coursehelpers.checks.models import are_probabilities, built, expect_probabilities, predict
from coursehelpers.checks.transfer_learning.observed import (
    MISTAKES,
    WHILE_TRAINING,
    Watch,
    are_scores,
    cross_entropy,
    draw_fixture,
    draw_images,
    expect_pooled,
    expect_shape,
)

if TYPE_CHECKING:  # for the solutions, which are read here, not run
    import keras
    from keras import layers

exercise = partial(exercise, notebook="transfer_learning")


def _frozen_with_a_new_head(answer, expect, rng):
    backbone, classes = draw_fixture("tiny_backbone", rng), int(rng.integers(3, 7))
    x = draw_images(rng, 64)
    pretrained = answer.weights(backbone)
    model = built(answer, expect, backbone, classes)
    outputs = expect_shape(answer, expect, model, x, classes)
    watch = Watch(answer, pretrained, model)
    expect.require(
        not watch.missing,
        "fresh weights",
        {"part of it": len(watch.missing) < len(pretrained)},
        f"{len(watch.missing)} of its {len(pretrained)} arrays are missing.",
    )
    right = are_probabilities(outputs)
    mistakes = {
        "logits, no softmax": not right and are_scores(answer, backbone, x, outputs),
        "sigmoid, not softmax": outputs.min() >= 0 and outputs.max() <= 1,
    }
    expect_probabilities(expect, outputs, f"For {len(x)} images", 1, mistakes)
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
    kernels, normalization = moved["kernels"], moved["normalization"]
    expect(
        not kernels and not normalization,
        1,
        "normalization not frozen",
        {"not frozen": kernels},
        f"{len(kernels)} kernels, {len(normalization)} scales and shifts moved.",
    )
    expect(not moved["statistics"], 1, "training mode")
    spoiled = are_probabilities(used) and not are_probabilities(trained)
    right, twice, seen = not spoiled, False, ""
    if are_probabilities(trained) and np.allclose(trained, again):  # no dropout, no augmentation
        softmax = np.exp(trained) / np.exp(trained).sum(axis=1, keepdims=True)
        wanted, doubled = (cross_entropy(y, p) for p in (trained, softmax))
        right, twice = (np.isclose(loss, value, rtol=2e-3) for value in (wanted, doubled))
        seen = f"For one batch it is {loss:.4g}, expected {wanted:.4g}."
    expect(
        moved["new"] and right,
        1,
        "The loss should be the cross-entropy of labels that are class numbers.",
        {
            "nothing learns": not moved["new"],
            "softmax twice": twice,
            "spoiled in training": spoiled,
        },
        seen if moved["new"] else "",
    )


@exercise(
    "1.3 The workflow",
    points=5,
    seconds=60,
    requires=_frozen_with_a_new_head,
    hints=[
        "backbone.trainable = False freezes all of it, before the model is compiled.",
        "image = keras.Input(backbone.input_shape[1:]), then backbone(image), "
        "GlobalAveragePooling2D and Dense, each called on what came before.",
        "keras.Model(image, probabilities), compiled with an optimizer and with "
        '"sparse_categorical_crossentropy": labels are numbers.',
    ],
    mistakes=MISTAKES
    + """
flattened | 1 | GlobalAveragePooling2D -> Flatten
same for all | 4 | (features) -> (0.0 * features)
scaled twice | 4 | (image)) -> (layers.Rescaling(1 / 255)(image)))
scaled twice | 4 | (image)) -> (layers.Rescaling(1 / 127.5, offset=-1)(image)))
summed | 4 | layers.GlobalAveragePooling2D()(backbone(image)) -> keras.ops.sum(backbone(image), axis=(1, 2)); "softmax" -> "softmax", kernel_initializer="uniform"
more than a head | 4 | (features) -> (layers.BatchNormalization()(features))
more than a head | 4 | (features) -> (layers.Dense(64)(features))
fresh weights | 0 | backbone.trainable -> backbone = keras.models.clone_model(backbone);backbone.trainable | None of the backbone's weights is in the model as it was; was it copied without its weights?
part of it | 0 | backbone.trainable -> backbone = keras.Model(backbone.input, backbone.get_layer("block2_relu").output);backbone.trainable | Only a part of the backbone's weights is in the model; use all of it.
logits, no softmax | 4 | , activation="softmax" -> ; "sparse_categorical_crossentropy" -> keras.losses.SparseCategoricalCrossentropy(from_logits=True) | The outputs are scores; which activation makes probabilities of them?
sigmoid, not softmax | 4 | softmax -> sigmoid | The outputs lie between 0 and 1, but do not add up to 1.
not frozen | 3 | backbone.trainable = False -> pass | The backbone's kernels moved in a train step; it has to be frozen.
not frozen | 3 | backbone.trainable = False -> pass; backbone(image) -> backbone(image, training=False)
not frozen | 3 | return model -> backbone.trainable = True;return model
not frozen | 4 | backbone.trainable = False -> for layer in backbone.layers: layer.trainable = not layer.name.endswith("bn")
normalization not frozen | 3 | backbone.trainable = False -> for layer in backbone.layers: layer.trainable = "conv" not in layer.name | The backbone's batch normalization learned in a train step; it belongs to what has to be frozen.
training mode | - | The backbone's moving averages followed the batch in a train step: it normalizes as in training.
nothing learns | 4 | model.compile -> model.trainable = False;model.compile | Nothing moved in a train step, the head neither; what is frozen?
spoiled in training | 4 | (features) -> (features);probabilities = layers.Dropout(0.2)(probabilities) | In training the outputs are no probabilities; what comes after the softmax?
softmax twice | 4 | "sparse_categorical_crossentropy" -> lambda y, p: keras.losses.sparse_categorical_crossentropy(y, p + 0.0, from_logits=True) | The loss takes the probabilities for scores and applies softmax again.
""",
)
def build_transfer_model(backbone, classes):
    """Return a compiled classifier: the frozen backbone, pooled, and a new softmax head."""
    backbone.trainable = False
    image = keras.Input(backbone.input_shape[1:])
    features = layers.GlobalAveragePooling2D()(backbone(image))
    probabilities = layers.Dense(classes, activation="softmax")(features)
    model = keras.Model(image, probabilities)
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def _trained_on_features(answer, expect, rng):
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
    logistic = partial(_train, maps, y, rate)
    right = logistic(epochs)

    watch = Watch(answer, answer.weights(features), features)
    expect.given = f"For {n} images and {epochs} epochs" if n > 1 else "For one image and one epoch"
    got = answer.call(features, x, y, rate, epochs)
    moved = watch.moved()
    seen = moved["new"].get("counter/seen", 0)
    moved = {part for part, sizes in moved.items() if sizes}
    is_array = isinstance(got, np.ndarray)
    if is_array and got.shape == (maps.shape[1], 1):  # the kernel of a layer
        got = got[:, 0]
    # Features that were stored before need no image to be seen again.
    stored = not seen and is_array and got.shape == right.shape
    stored = stored and np.allclose(got, right, rtol=1e-3, atol=1e-4)
    expect(
        seen == n or stored,
        points,
        "some features",
        {
            "no features": seen == 0,
            "every epoch": epochs > 1 and seen >= n * epochs,
            "features twice": seen > n,
        },
        f"It saw {seen:.0f} images, expected {n}.",
    )
    whatever = got if is_array else np.nan
    expect.close(
        got,
        right,
        points=points,
        otherwise="The weights should be those of gradient descent on the mean cross-entropy, from "
        "zero on, with all images in each step.",
        mistakes=expect.mistakes(
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


@exercise(
    "1.4 Features, computed once",
    points=4,
    seconds=60,
    requires=_trained_on_features,
    hints=[
        "F = features.predict(x, verbose=0) comes before the loop, so that all epochs share it.",
        "In each epoch p = 1 / (1 + np.exp(-F @ w)) are the probabilities of class 1.",
        "The gradient of the mean cross-entropy is F.T @ (p - y) / len(y).",
    ],
    mistakes="""
no features | 0 | features.predict(x, verbose=0) -> x.mean(axis=(1, 2)) / 255 | No image went through the network of the features.
every epoch | 2 | p = -> computed = features.predict(x, verbose=0);p = | All images went through the network of the features in every epoch anew.
features twice | 2 | computed = -> features.predict(x, verbose=0);computed = | Some images went through the network of the features more than once.
features twice | 2 | computed = -> features(x[:1]);computed =
some features | 0 | computed = -> x, y = x[: len(x) // 2], y[: len(x) // 2];computed = | Not all images went through the network of the features.
features learn | - | The network of the features learned too; train nothing but the head.
features in training mode | 2 | features.predict(x, verbose=0) -> np.asarray(features(x, training=True)) | The network of the features worked in training mode, so that the features of an image depend on the other images.
one epoch only | 2 | range(epochs) -> range(1) | These are the weights after a single epoch.
one epoch off | 2 | range(epochs) -> range(epochs + 1) | There is one epoch too many or too few.
sum, not mean | 2 | / len(y) -> | The loss is a mean over the images, not a sum.
uphill | 2 | w - learning_rate -> w + learning_rate | The steps go uphill.
no sigmoid | 2 | 1 / (1 + np.exp(-computed @ w)) -> computed @ w | These are steps on squared errors; the outputs should be probabilities.
""",
)
def train_on_features(features, x, y, learning_rate, epochs):
    """Return the weights of a logistic head, trained on features that are computed once."""
    computed = features.predict(x, verbose=0)
    w = np.zeros(computed.shape[1])
    for _ in range(epochs):
        p = 1 / (1 + np.exp(-computed @ w))
        w = w - learning_rate * computed.T @ (p - y) / len(y)
    return w
