"""Part 2 of the transfer learning notebook: fine-tuning some or all of the backbone."""

from functools import partial

import numpy as np

from coursehelpers.checks.core import exercise, mistakes_from
from coursehelpers.checks.fixtures import layer_names
from coursehelpers.checks.models import are_probabilities, built, predict
from coursehelpers.checks.transfer_learning.observed import (
    WHILE_TRAINING,
    Watch,
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
        "nothing learns": "Nothing moved in a train step. A flag of the whole model overrules those of "
        "its layers; and the backbone itself should learn, not a copy.",
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
    for k, points in ((2, 1), (1, 1), (0, 1), (len(blocks), 0)):
        if expect.messages and not points:
            break
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
        names = ", ".join(blocks[i][0].partition("_")[0] for i in learns)
        expect.that(
            learns == each[len(blocks) - k :],
            f"The last {k} blocks should learn and no other.",
            points=points,
            mistakes=known(
                ("all with 0", k == 0),
                ("layers, not blocks", not learns and here),
                ("nothing learns", not learns),
                ("everything learns", learns == each),
                ("other end", learns == each[:k]),
                ("last is frozen", learns == each[: len(blocks) - k]),
                ("one too many", learns == each[max(len(blocks) - k - 1, 0) :]),
                ("one too few", learns == each[len(blocks) - k + 1 :]),
            ),
            seen=f"These learn: {names}." if learns else "",
        )
    expect.given = ""
    expect.that(
        not normalization,
        "",
        points=1,
        mistakes=known(("normalization learns", True)),
        seen=f"One of what moved is {min(normalization, default='')}.",
    )


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
    x, y = draw_images(rng, 64), rng.integers(classes, size=64)
    pretrained = answer.weights(backbone)
    model = built(answer, expect, backbone, classes, rate)
    outputs = expect_shape(answer, expect, model, x, classes)
    expect.that(
        are_probabilities(outputs),
        "The outputs for an image should be probabilities: not negative, with sum 1.",
        seen=describe_rows(outputs),
    )
    watch = Watch(answer, pretrained, model)
    expect.that(
        not watch.missing,
        "",
        mistakes=known(("fresh weights", True)),
        seen=f"{len(watch.missing)} of its {len(pretrained)} arrays are missing.",
    )
    at_zero = np.allclose(outputs, 1 / classes, rtol=0, atol=1e-6)
    if at_zero:  # then the head hands no gradient on to the backbone yet
        answer.train_step(x, y, model=model)
        watch.restart()
    else:
        expect_pooled(answer, expect, watch, backbone, x, outputs)
    among, again = (predict(answer, x, model, outputs.shape, training=True) for _ in range(2))
    expect.that(
        np.allclose(among, again, atol=1e-5),
        "",
        mistakes=known(("random", True)),
        seen=f"One differs by {np.abs(among - again).max():.2g}.",
    )
    alone = predict(answer, x[:3], model, (3, classes), training=True)

    expect.given = WHILE_TRAINING
    loss = answer.train_step(x, y, model=model)
    expect.given = ""
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
        seen=f"{len(moved['kernels'])} of {len(convolutions)} moved.",
    )
    expect.that(not moved["statistics"], "", 1, known(("statistics moved", True)))
    expect.that(
        np.allclose(among[:3], alone, rtol=1e-3, atol=1e-5),
        "",
        points=1,
        mistakes=known(("depends on the batch", True)),
        seen=f"A probability differs by {np.abs(among[:3] - alone).max():.2g}.",
    )
    # The first step of Adam is as long as the rate, in every array.
    steps = [*moved["new"].values()] + [*moved["kernels"].values()] * (not at_zero)
    least, most = min(steps, default=0), max(steps, default=0)
    expect.that(
        least / rate > 0.8 and most / rate < 1.25 and moved["new"],
        "In the first step Adam changes the weights by about the learning rate.",
        points=1,
        mistakes=known(
            ("head frozen", not moved["new"]), ("rate ignored", 0.8 < least / 1e-3 < 1.25)
        ),
        seen=f"With a rate of {rate:.2g} arrays changed by {least:.2g} to {most:.2g}."
        if moved["new"]
        else "",
    )
