"""Right and wrong answers to the exercise unfreeze_last."""

from tests.answers import accepted, refused


def learn(backbone, names, *, normalization=False):
    """Let the layers of these names learn, by default not those that normalize."""
    backbone.trainable = True
    for layer in backbone.layers:
        layer.trainable = layer.name in names and (normalization or "bn" not in layer.name)


def flat(blocks):
    return [name for block in blocks for name in block]


@accepted("layer by layer")
def unfreeze_last(backbone, blocks, k):
    from keras import layers

    backbone.trainable = True
    last = flat(blocks[len(blocks) - k :])
    for layer in backbone.layers:
        if layer.name not in last or isinstance(layer, layers.BatchNormalization):
            layer.trainable = False


@accepted("those that are frozen, by name")
def unfreeze_last(backbone, blocks, k):
    backbone.trainable = True
    for number, block in enumerate(blocks):
        for name in block:
            frozen = number < len(blocks) - k or name.endswith("_bn")
            backbone.get_layer(name).trainable = not frozen


@accepted("the function of the course")
def unfreeze_last(backbone, blocks, k):
    from coursehelpers.models import freeze

    return freeze(backbone, keep_last=k)


@accepted("from the end, returned")
def unfreeze_last(backbone, blocks, k):
    backbone.trainable = True
    for layer in backbone.layers:
        layer.trainable = False
    for block in list(reversed(blocks))[:k]:
        for name in block:
            backbone.get_layer(name).trainable = "conv" in name
    return backbone


@refused("slice from -k", says="your slice", earned=3, misconception="all with 0")
def unfreeze_last(backbone, blocks, k):
    learn(backbone, flat(blocks[-k:]))


@refused(
    "the model stays frozen",
    says="flag of the whole model",
    earned=2,
    misconception="nothing learns",
)
def unfreeze_last(backbone, blocks, k):
    for layer in backbone.layers:
        layer.trainable = layer.name in flat(blocks[len(blocks) - k :]) and "bn" not in layer.name


@refused("the model last", says="All blocks moved", misconception="everything learns")
def unfreeze_last(backbone, blocks, k):
    for name in flat(blocks[: len(blocks) - k]):
        backbone.get_layer(name).trainable = False
    backbone.trainable = True


@refused("all of it", says="All blocks moved", misconception="everything learns")
def unfreeze_last(backbone, blocks, k):
    backbone.trainable = True


@refused("a copy", says="Nothing moved", earned=2, misconception="nothing learns")
def unfreeze_last(backbone, blocks, k):
    import keras

    copy = keras.models.clone_model(backbone)
    copy.set_weights(backbone.get_weights())
    learn(copy, flat(blocks[len(blocks) - k :]))
    return copy


@refused("the first blocks", says="next to the image", earned=2, misconception="other end")
def unfreeze_last(backbone, blocks, k):
    learn(backbone, flat(blocks[:k]))


@refused("frozen instead", says="what should learn is frozen", misconception="last is frozen")
def unfreeze_last(backbone, blocks, k):
    backbone.trainable = True
    for name in flat(blocks[len(blocks) - k :]):
        backbone.get_layer(name).trainable = False


@refused("one block more", says="too many", earned=1, misconception="one too many")
def unfreeze_last(backbone, blocks, k):
    learn(backbone, flat(blocks[len(blocks) - k - 1 :]))


@refused("one block only", says="too few", earned=3, misconception="one too few")
def unfreeze_last(backbone, blocks, k):
    learn(backbone, flat(blocks[-1:] if k else []))


@refused(
    "the last k layers", says="a block has several", earned=1, misconception="layers, not blocks"
)
def unfreeze_last(backbone, blocks, k):
    names = [layer.name for layer in backbone.layers]
    learn(backbone, names[len(names) - k :], normalization=True)


@refused("normalization too", says="stay as it is", earned=3, misconception="normalization learns")
def unfreeze_last(backbone, blocks, k):
    learn(backbone, flat(blocks[len(blocks) - k :]), normalization=True)


@refused(
    "normalization of all", says="stay as it is", earned=3, misconception="normalization learns"
)
def unfreeze_last(backbone, blocks, k):
    last = flat(blocks[len(blocks) - k :])
    learn(backbone, last + [n for n in flat(blocks) if "bn" in n], normalization=True)


@refused("blocks as names", says="raised")
def unfreeze_last(backbone, blocks, k):
    for block in blocks[:k]:
        backbone.get_layer(block).trainable = False


@refused("at most three", says="k = 5", earned=3)
def unfreeze_last(backbone, blocks, k):
    learn(backbone, flat(blocks[len(blocks) - min(k, 3) :]))


@refused("never the stem", says="k = 5", earned=3, misconception="one too few")
def unfreeze_last(backbone, blocks, k):
    learn(backbone, flat(blocks[1:][max(len(blocks) - 1 - k, 0) :]))


@refused(
    "the first layer of each block",
    says="should stay as it is",
    earned=3,
    misconception="normalization learns",
)
def unfreeze_last(backbone, blocks, k):
    backbone.trainable = True
    for block in blocks[: len(blocks) - k]:
        backbone.get_layer(block[0]).trainable = False


@refused("the last block whatever k", says="too few", earned=3, misconception="one too few")
def unfreeze_last(backbone, blocks, k):
    learn(backbone, blocks[-1] if k else [])


@refused("a block after another, but trained", says="changed weights")
def unfreeze_last(backbone, blocks, k):
    import numpy as np

    learn(backbone, flat(blocks[len(blocks) - k :]))
    backbone.fit(np.ones((2, 16, 16, 3)), np.ones((2, 4, 4, 8)), verbose=0)


@accepted("flags of the weights alone")
def unfreeze_last(backbone, blocks, k):
    backbone.trainable = True
    last = flat(blocks[len(blocks) - k :])
    for layer in backbone.layers:
        layer.trainable = "bn" not in layer.name
        for weight in layer.weights:
            weight.trainable = layer.name in last and "bn" not in layer.name
