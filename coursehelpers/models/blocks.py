"""The blocks of a backbone, and which of them learn."""

import re

# How the layers of the networks are named by their blocks: VGG, Xception and EfficientNet, then
# ResNet and DenseNet, MobileNet and its versions 2 and 3, ConvNeXt.
BLOCK = re.compile(
    r"(?:convnext_[a-z]+_)?"
    r"(block\d+[a-z]?(?=_[a-z])|conv\d_block\d+|conv_(?:dw|pw)_\d+|block_\d+|expanded_conv(?:_\d+)?"
    r"|stage_\d+_block_\d+)"
)


def blocks(backbone):
    """List the blocks of a backbone, first the one next to the image.

    Parameters
    ----------
    backbone : keras.Model
        What `build_backbone` returns.

    Returns
    -------
    dict of str to list of keras.Layer
        Each block's layers by its name, which their names begin with, in the order of computation.
        What comes before the first block is the ``"stem"``, convolutions or dense layers behind the
        last one are the ``"top"``. Input and preprocessing belong to none.

    Raises
    ------
    ValueError
        If the layers are not named by blocks (Inception, NASNet, networks of other origin).

    Examples
    --------
    >>> from coursehelpers.models import build_backbone
    >>> found = blocks(build_backbone(weights=None))
    >>> list(found)[:3], list(found)[-2:]
    (['stem', 'block1a', 'block2a'], ['block7a', 'top'])
    """
    layers = backbone.layers
    named = [(layer, _block_name(layer)) for layer in layers]
    inside = [i for i, (_, name) in enumerate(named) if name]
    if not inside:
        raise ValueError(
            f"The layers of {backbone.name} are not named by blocks. Choose another backbone, or "
            "set `layer.trainable` of its layers."
        )
    # What has weights is no input and no preprocessing.
    first = next(i for i, layer in enumerate(layers) if layer.weights)
    # Normalization or pooling alone is the end of the last block, not one of its own.
    has_top = any(len(w.shape) > 1 for layer in layers[inside[-1] + 1 :] for w in layer.weights)
    found, current = {}, "stem"
    for i, (layer, name) in enumerate(named[first:], start=first):
        current = "top" if has_top and i > inside[-1] else name or current
        found.setdefault(current, []).append(layer)
    return found


def _block_name(layer):
    match = BLOCK.match(layer.name)
    # MobileNet's blocks are a depthwise and a pointwise convolution each.
    return re.sub("^conv_(dw|pw)", "block", match[1]) if match else None


def freeze(backbone, *, keep_last=0):
    """Freeze a backbone but for its last blocks.

    Batch normalization is frozen in all blocks: its statistics are those of ImageNet, and a few
    small batches of other images would spoil them. Frozen, it predicts with these statistics in
    training too. To call the backbone with ``training=False`` is not enough: inside another model,
    Keras 3 passes the ``training=True`` of ``fit`` on to it.

    Parameters
    ----------
    backbone : keras.Model
        What `build_backbone` returns; it is changed. Compile the whole model afterwards: Keras
        asks which weights are trainable when it compiles.
    keep_last : int, default 0
        Blocks that go on learning, counted from the end, the ``"top"`` included (see `blocks`).

    Returns
    -------
    list of str
        Names of the blocks that learn.

    Raises
    ------
    ValueError
        If there are fewer blocks than `keep_last`, or the layers are not named by blocks.

    Examples
    --------
    >>> import keras
    >>> from coursehelpers.models import build_backbone
    >>> backbone = build_backbone(weights=None, input_shape=(96, 96, 3), pooling="avg")
    >>> freeze(backbone, keep_last=2)
    ['block7a', 'top']
    >>> image = keras.Input((96, 96, 3))
    >>> probability = keras.layers.Dense(1, "sigmoid")(backbone(image))
    >>> len(keras.Model(image, probability).trainable_weights)
    6
    """
    import keras

    if keep_last == 0:
        backbone.trainable = False
        return []
    found = blocks(backbone)
    if not 0 < keep_last <= len(found):
        raise ValueError(
            f"keep_last must be between 0 and {len(found)}, the number of blocks of "
            f"{backbone.name}, got {keep_last!r}."
        )
    kept = list(found)[-keep_last:]
    learning = {layer.name for name in kept for layer in found[name]}
    # The model first, because that sets all of its layers.
    backbone.trainable = True
    for layer in backbone.layers:
        layer.trainable = layer.name in learning and not isinstance(
            layer, keras.layers.BatchNormalization
        )
    return kept
