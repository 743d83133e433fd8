"""Part 2 of the transfer learning notebook: fine-tuning some or all of the backbone."""

from functools import partial

import numpy as np

from coursehelpers.checks.core import exercise, mistakes_from
from coursehelpers.checks.fixtures import layer_names
from coursehelpers.checks.models import are_probabilities, built, predict
from coursehelpers.checks.transfer_learning.observed import (
    Watch,
    draw_fixture,
    draw_images,
    expect_shape,
)

exercise = partial(exercise, notebook="transfer_learning")

# What to tell who made a known mistake: what is wrong, and where to look next.
known = mistakes_from(
    {
        "nothing learns": "Nothing moved in a train step; a flag of the whole model overrules those "
        "of its layers.",
        "everything learns": "All blocks moved in a train step; freeze layers of the backbone itself.",
        "all with 0": "Blocks moved in a train step, though none is to learn; what does your slice "
        "give for 0?",
        "other end": "The wrong end learns: blocks[0] is the one next to the image.",
        "last is frozen": "It is the other way round: what should learn is frozen.",
        "one too many": "One block too many learns.",
        "one too few": "One block too few learns.",
        "layers, not blocks": "These are layers; a block has several of them.",
        "normalization learns": "Batch normalization moved in a train step; it should stay as it is "
        "in the blocks that learn, too.",
        "fresh weights": "Not all of what the backbone has learned is in the model; use it itself, or "
        "copy its weights too.",
        "random": "Twice the same images give different outputs in training; add nothing random "
        "here, no dropout and no augmentation.",
        "still frozen": "No convolution of the backbone moved in a train step; is it still frozen?",
        "part frozen": "Some blocks of the backbone did not move in a train step; all should learn.",
        "statistics moved": "The moving statistics changed in a train step: batch normalization works "
        "in training mode.",
        "depends on the batch": "In training the outputs for an image depend on the other images of "
        "its batch.",
        "rate ignored": "The size of a step does not follow from learning_rate; is it used?",
        "head frozen": "The new layers did not move in a train step.",
    }
)


@exercise(
    "unfreeze_last",
    section="2.2 Layer by layer",
    points=4,
    hints=[
        "First backbone.trainable = True, because nothing in a frozen model learns; then decide for "
        "each layer of backbone.layers.",
        "The last k blocks are blocks[len(blocks) - k:], which is right for k = 0, too.",
        "A layer learns if its name is in one of them and it is no keras.layers.BatchNormalization.",
    ],
    seconds=20,
)
def unfreeze_last(answer, expect, rng):
    blocks = layer_names()
    normalization = set()
    for k in (2, 1, 0):
        expect.given = f"With {len(blocks)} blocks and k = {k}"
        backbone = draw_fixture("frozen_backbone", rng)
        watch = Watch(answer, answer.weights(backbone), backbone)
        answer.call(backbone, blocks, k)
        expect.that(
            not any(watch.moved().values()),
            "Your function changed weights of the backbone; say which layers learn, no more.",
        )
        x, y = draw_images(rng, 6), rng.normal(size=(6, 4, 4, 8)).astype("float32")
        answer.train_step(x, y, model=backbone)
        moved = watch.moved()
        here = {*moved["normalization"], *moved["statistics"]}
        normalization |= here
        kernels = {path.partition("/")[0] for path in moved["kernels"]}
        learns = [i for i, (convolution, *_) in enumerate(blocks) if convolution in kernels]
        each = list(range(len(blocks)))
        expect.that(
            learns == each[len(blocks) - k :],
            f"The last {k} blocks should learn and no other; in a train step "
            f"{len(learns)} blocks moved.",
            points=1,
            mistakes=known(
                ("all with 0", k == 0),
                ("layers, not blocks", not learns and here),
                ("nothing learns", not learns),
                ("everything learns", learns == each),
                ("other end", learns == each[:k]),
                ("last is frozen", learns == each[: len(blocks) - k]),
                ("one too many", learns == each[len(blocks) - k - 1 :]),
                ("one too few", learns == each[len(blocks) - k + 1 :]),
            ),
        )
    expect.given = ""
    expect.that(not normalization, "", points=1, mistakes=known(("normalization learns", True)))


@exercise(
    "build_fine_tuning_model",
    section="2.3 Batch normalization",
    points=4,
    hints=[
        "A frozen BatchNormalization works in inference mode, whatever the model around it does.",
        "First backbone.trainable = True, which sets all layers; then freeze those that are a "
        "keras.layers.BatchNormalization.",
        "Pool, add the head, and compile with keras.optimizers.Adam(learning_rate) and "
        '"sparse_categorical_crossentropy".',
    ],
    seconds=60,
)
def build_fine_tuning_model(answer, expect, rng):
    backbone, classes = draw_fixture("frozen_backbone", rng), int(rng.integers(3, 7))
    rate = float(10 ** rng.uniform(-5, -4))
    x, y = draw_images(rng, 16), rng.integers(classes, size=16)
    pretrained = answer.weights(backbone)
    model = built(answer, expect, backbone, classes, rate)
    outputs = expect_shape(answer, expect, model, x, classes)
    expect.that(
        are_probabilities(outputs),
        "The outputs for an image should be probabilities: not negative, with sum 1.",
    )
    watch = Watch(answer, pretrained, model)
    expect.that(not watch.missing, "", mistakes=known(("fresh weights", True)))
    among, again = (predict(answer, x, model, outputs.shape, training=True) for _ in range(2))
    expect.that(np.allclose(among, again, atol=1e-5), "", mistakes=known(("random", True)))
    alone = predict(answer, x[:3], model, (3, classes), training=True)

    loss = answer.train_step(x, y, model=model)
    expect.that(
        np.isfinite(loss), f"The loss of the first train step is {loss}; is it a sound one?"
    )
    moved = watch.moved()
    convolutions = [w["path"] for w in pretrained if w["path"].endswith("conv/kernel")]
    expect.that(
        len(moved["kernels"]) == len(convolutions),
        "",
        points=1,
        mistakes=known(("still frozen", not moved["kernels"]), ("part frozen", True)),
    )
    expect.that(not moved["statistics"], "", 1, known(("statistics moved", True)))
    same = np.allclose(among[:3], alone, rtol=1e-3, atol=1e-5)
    expect.that(same, "", points=1, mistakes=known(("depends on the batch", True)))
    largest = max([*moved["kernels"].values(), *moved["new"].values()], default=0)
    expect.that(
        0.5 < largest / rate < 2 and moved["new"],
        f"The first step of Adam changes a weight by about the learning rate, {rate:.2g}; here the "
        f"largest change was {largest:.2g}.",
        points=1,
        mistakes=known(
            ("head frozen", not moved["new"]), ("rate ignored", 0.5 < largest / 1e-3 < 2)
        ),
    )
