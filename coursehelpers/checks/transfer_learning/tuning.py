"""Part 2 of the transfer learning notebook: fine-tuning some or all of the backbone."""

from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from coursehelpers.checks.declared import exercise
from coursehelpers.checks.fixtures import layer_names
from coursehelpers.checks.models import built, expect_probabilities, predict
from coursehelpers.checks.transfer_learning.observed import (
    MISTAKES,
    WHILE_TRAINING,
    Watch,
    draw_fixture,
    draw_images,
    expect_pooled,
    expect_shape,
)

if TYPE_CHECKING:  # for the solutions, which are read here, not run
    import keras
    from keras import layers

exercise = partial(exercise, notebook="transfer_learning")


def _last_blocks_learn(answer, expect, rng):
    blocks = layer_names()
    n, each = len(blocks), list(range(len(blocks)))
    seen = {k: _what_learns(answer, expect, rng, blocks, k) for k in (2, 1, 0)}
    # With k = 2 alone it looks like one block too many.
    first_frozen = all(seen[k][0] == each[k:] for k in (2, 1))
    for k, points in ((2, 1), (1, 1), (0, 1), (n, 0)):
        if k not in seen:
            if expect.messages:
                break
            seen[k] = _what_learns(answer, expect, rng, blocks, k)
        learns, normalization = seen[k]
        names = ", ".join(blocks[i][0].partition("_")[0] for i in learns)
        expect.given = _asked(blocks, k)
        expect(
            learns == each[n - k :],
            points,
            f"The last {k} blocks should learn and no other.",
            {
                "all with 0": k == 0,
                "layers, not blocks": not learns and normalization,
                "nothing learns": not learns,
                "everything learns": learns == each,
                "other end": learns == each[:k],
                "last is frozen": learns == each[: n - k],
                "first are frozen": first_frozen,
                "one too many": learns == each[max(n - k - 1, 0) :],
                "one too few": learns == each[n - k + 1 :],
            },
            f"These learn: {names}." if learns else "",
        )
    expect.given = ""
    normalization = set().union(*(moved for _, moved in seen.values()))
    first = f"One of what moved is {min(normalization, default='')}."
    expect(not normalization, 1, "normalization learns", seen=first)


def _asked(blocks, k):
    return f"With {len(blocks)} blocks and k = {k}"


def _what_learns(answer, expect, rng, blocks, k):
    """Return which blocks learn, and what of normalization moves, in a model around the backbone.

    That is how a backbone is trained; on its own it would learn nothing while its flag says no.
    """
    expect.given = _asked(blocks, k)
    backbone = draw_fixture("frozen_backbone", rng)
    watch = Watch(answer, answer.weights(backbone), backbone)
    answer.call(backbone, blocks, k)
    expect.require(
        not any(watch.moved().values()),
        "Your function changed weights of the backbone; say which layers learn, no more.",
    )
    x, y = draw_images(rng, 6), rng.normal(size=(6, 4, 4, 8)).astype("float32")
    answer.train_step(x, y, model=backbone._replace(name="around_backbone"))
    moved = watch.moved()
    kernels = {path.partition("/")[0] for path in moved["kernels"]}
    learns = [i for i, (convolution, *_) in enumerate(blocks) if convolution in kernels]
    return learns, {*moved["normalization"], *moved["statistics"]}


@exercise(
    "2.2 Layer by layer",
    points=4,
    seconds=20,
    requires=_last_blocks_learn,
    hints=[
        "backbone.trainable = True sets the flags of all its layers, so it comes first; then decide "
        "for each layer of backbone.layers.",
        "The last k blocks are blocks[len(blocks) - k:], which is right for k = 0, too.",
        "A layer learns if its name is in one of them and it is no keras.layers.BatchNormalization.",
    ],
    mistakes="""
all with 0 | 3 | len(blocks) - k : -> -k : | Blocks moved in a train step, though none is to learn; what does your slice give for 0?
nothing learns | 2 | learning = -> backbone = keras.models.clone_model(backbone);learning = | Nothing moved in a train step of a model around the backbone. Which flags did you set, and are they those of the backbone itself, not of a copy?
everything learns | 0 | = layer.name in learning and not normalizes -> = True | All blocks moved in a train step; freeze layers of the backbone itself.
other end | 2 | len(blocks) - k : -> : k | The wrong end learns: blocks[0] is the one next to the image.
last is frozen | 1 | layer.name in learning -> layer.name not in learning | It is the other way round: what should learn is frozen.
first are frozen | 1 | len(blocks) - k : -> k : | All but the first k blocks learn; count from the end.
one too many | 1 | len(blocks) - k : -> max(len(blocks) - k - 1, 0) : | One block too many learns.
one too few | 3 | len(blocks) - k : -> len(blocks) - min(k, 1) : | One block too few learns.
layers, not blocks | 1 | [name for block in blocks[len(blocks) - k :] for name in block] -> [layer.name for layer in backbone.layers][-k:] if k else []; and not normalizes -> | Only batch normalization moved. Did you take the last k layers? They are no blocks: a block has several.
normalization learns | 3 | and not normalizes -> | Batch normalization moved in a train step; it should stay as it is in the blocks that learn, too.
normalization learns | 3 | and not normalizes -> or normalizes
""",
)
def unfreeze_last(backbone, blocks, k):
    """Let the last k blocks of a backbone learn, but for their batch normalization."""
    learning = [name for block in blocks[len(blocks) - k :] for name in block]
    backbone.trainable = True
    for layer in backbone.layers:
        normalizes = isinstance(layer, layers.BatchNormalization)
        layer.trainable = layer.name in learning and not normalizes


def _fine_tuned(answer, expect, rng):
    backbone, classes = draw_fixture("frozen_backbone", rng), int(rng.integers(3, 7))
    rate = float(10 ** rng.uniform(-5, -4))
    x, y = draw_images(rng, 64), rng.integers(classes, size=64)
    pretrained = answer.weights(backbone)
    model = built(answer, expect, backbone, classes, rate)
    outputs = expect_shape(answer, expect, model, x, classes)
    expect_probabilities(expect, outputs, f"For {len(x)} images")
    watch = Watch(answer, pretrained, model)
    seen = f"{len(watch.missing)} of its {len(pretrained)} arrays are missing."
    expect.require(not watch.missing, "fresh weights", seen=seen)
    at_zero = np.allclose(outputs, 1 / classes, rtol=0, atol=1e-6)
    if at_zero:  # then the head hands no gradient on to the backbone yet
        expect.require(watch.has_one_new_layer(classes), "more than a head")
        answer.train_step(x, y, model=model)
        watch.restart()
    else:
        expect_pooled(answer, expect, watch, backbone, x, outputs)
    among, again = (predict(answer, x, model, outputs.shape, training=True) for _ in range(2))
    seen = f"One differs by {np.abs(among - again).max():.2g}."
    expect.require(np.allclose(among, again, atol=1e-5), "random", seen=seen)
    alone = predict(answer, x[:3], model, (3, classes), training=True)

    expect.given = WHILE_TRAINING
    loss = answer.train_step(x, y, model=model)
    expect.given = ""
    expect.require(
        np.isfinite(loss), f"The loss of the first train step is {loss}; is it a sound one?"
    )
    moved = watch.moved()
    convolutions = [w["path"] for w in pretrained if w["path"].endswith("conv/kernel")]
    expect(
        len(moved["kernels"]) == len(convolutions),
        1,
        "part frozen",
        {"still frozen": not moved["kernels"]},
        f"{len(moved['kernels'])} of {len(convolutions)} moved.",
    )
    expect(not moved["statistics"], 1, "statistics moved")
    expect(
        np.allclose(among[:3], alone, rtol=1e-3, atol=1e-5),
        1,
        "depends on the batch",
        seen=f"A probability differs by {np.abs(among[:3] - alone).max():.2g}.",
    )
    # The first step of Adam is as long as the rate, in every array.
    steps = [*moved["new"].values()] + [*moved["kernels"].values()] * (not at_zero)
    least, most = min(steps, default=0), max(steps, default=0)
    expect(
        least / rate > 0.8 and most / rate < 1.25 and moved["new"],
        1,
        "In the first step Adam changes the weights by about the learning rate.",
        {"head frozen": not moved["new"], "rate ignored": 0.8 < least / 1e-3 < 1.25},
        f"With a rate of {rate:.2g} arrays changed by {least:.2g} to {most:.2g}."
        if moved["new"]
        else "",
    )


@exercise(
    "2.3 Batch normalization",
    points=4,
    seconds=60,
    requires=_fine_tuned,
    hints=[
        "A frozen BatchNormalization works in inference mode, whatever the model around it does.",
        "First backbone.trainable = True, which sets all layers; then freeze those that are a "
        "keras.layers.BatchNormalization.",
        "Pool, add the head, and compile with keras.optimizers.Adam(learning_rate) and "
        '"sparse_categorical_crossentropy".',
    ],
    mistakes=MISTAKES
    + """
flattened | 0 | GlobalAveragePooling2D -> Flatten
scaled twice | 0 | (image)) -> (layers.Rescaling(1 / 255)(image)))
more than a head | 0 | (features) -> (layers.Dense(64)(features))
fresh weights | 0 | backbone.trainable -> backbone = keras.models.clone_model(backbone);backbone.trainable | Not all of what the backbone has learned is in the model; use it itself, or copy its weights too.
random | 0 | (features) -> (layers.Dropout(0.5)(features)) | Twice the same images give different outputs in training; add nothing random here, no dropout and no augmentation.
still frozen | 3 | backbone.trainable = True -> pass; layer.trainable = not isinstance(layer, layers.BatchNormalization) -> pass | No convolution of the backbone moved in a train step; is it still frozen?
still frozen | 2 | model.compile -> model.trainable = False;model.compile
part frozen | 3 | not isinstance(layer, layers.BatchNormalization) -> layer.name == "block4_conv" | Some blocks of the backbone did not move in a train step; all should learn.
statistics moved | 2 | layer.trainable = not isinstance(layer, layers.BatchNormalization) -> pass | The moving statistics changed in a train step: batch normalization works in training mode.
statistics moved | 2 | backbone.trainable = True -> pass; image = -> backbone.trainable = True;image =
statistics moved | 2 | layer.trainable = not isinstance(layer, layers.BatchNormalization) -> pass; backbone(image) -> backbone(image, training=False)
statistics moved | 2 | isinstance(layer, layers.BatchNormalization) -> layer.name == "batch_normalization"
depends on the batch | 3 | layer.trainable = not isinstance(layer, layers.BatchNormalization) -> layer.momentum = 1.0 | In training the outputs for an image depend on the other images of its batch.
rate ignored | 3 | keras.optimizers.Adam(learning_rate) -> "adam" | The size of a step does not follow from learning_rate; is it used?
head frozen | 3 | model.compile -> model.layers[-1].trainable = False;model.compile | The new layers did not move in a train step.
""",
)
def build_fine_tuning_model(backbone, classes, learning_rate):
    """Return a compiled classifier that learns all but the batch normalization of its backbone."""
    backbone.trainable = True
    for layer in backbone.layers:
        layer.trainable = not isinstance(layer, layers.BatchNormalization)
    image = keras.Input(backbone.input_shape[1:])
    features = layers.GlobalAveragePooling2D()(backbone(image))
    probabilities = layers.Dense(classes, activation="softmax")(features)
    model = keras.Model(image, probabilities)
    model.compile(keras.optimizers.Adam(learning_rate), "sparse_categorical_crossentropy")
    return model
