"""Right and wrong answers to the exercise unfreeze_last."""

from tests.answers import accepted, refused, refused_edits


def learn(backbone, names, *, normalization=False):
    """Let the layers of these names learn, by default not those that normalize."""
    backbone.trainable = True
    for layer in backbone.layers:
        layer.trainable = layer.name in names and (normalization or "bn" not in layer.name)


# What learns in a model around the backbone does not depend on the backbone's own flag.
def opened(backbone):
    backbone.trainable = True
    return backbone


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
    for number, block in enumerate(blocks):
        for name in block:
            frozen = number < len(blocks) - k or name.endswith("_bn")
            opened(backbone).get_layer(name).trainable = not frozen


@accepted("the function of the course")
def unfreeze_last(backbone, blocks, k):
    from coursehelpers.models import freeze

    return freeze(backbone, keep_last=k)


@accepted("from the end, returned")
def unfreeze_last(backbone, blocks, k):
    for layer in opened(backbone).layers:
        layer.trainable = False
    for block in list(reversed(blocks))[:k]:
        for name in block:
            backbone.get_layer(name).trainable = "conv" in name
    return backbone


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


@refused("the model last", says="All blocks moved", misconception="everything learns")
def unfreeze_last(backbone, blocks, k):
    for name in flat(blocks[: len(blocks) - k]):
        backbone.get_layer(name).trainable = False
    backbone.trainable = True


@refused("a block after another, but trained", says="changed weights")
def unfreeze_last(backbone, blocks, k):
    import numpy as np

    learn(backbone, flat(blocks[len(blocks) - k :]))
    backbone.fit(np.ones((2, 16, 16, 3)), np.ones((2, 4, 4, 8)), verbose=0)


@accepted("flags of the weights alone")
def unfreeze_last(backbone, blocks, k):
    last = flat(blocks[len(blocks) - k :])
    for layer in opened(backbone).layers:
        layer.trainable = "bn" not in layer.name
        for weight in layer.weights:
            weight.trainable = layer.name in last and "bn" not in layer.name


refused_edits(
    "unfreeze_last",
    """
one block more, from one block on | 2 | len(blocks) - k : -> len(blocks) - k - 1 if k else 9 : | too many | one too many
blocks as names | 0 | learning = -> [backbone.get_layer(block) for block in blocks];learning = | raised
at most three | 3 | len(blocks) - k : -> len(blocks) - min(k, 3) : | k = 5
never the stem | 3 | blocks[len(blocks) - k :] -> blocks[1:][max(len(blocks) - 1 - k, 0) :] | k = 5 | one too few
""",
)


@accepted("flags of the layers within a backbone whose own flag says no")
def unfreeze_last(backbone, blocks, k):
    for layer in backbone.layers:
        layer.trainable = layer.name in flat(blocks[len(blocks) - k :]) and "bn" not in layer.name
