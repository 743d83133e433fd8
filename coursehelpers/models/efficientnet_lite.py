"""EfficientNet-Lite0: the backbone that needs no network, in Keras."""

# Kernel, stride of the first block, expansion and filters of each stage, and its blocks (Tan and Le
# 2019, table 1). The lite variant has no squeeze-and-excitation, and ReLU6 for swish.
STAGES = (
    (3, 1, 1, 16, 1),
    (3, 2, 6, 24, 2),
    (5, 2, 6, 40, 2),
    (3, 2, 6, 80, 3),
    (5, 1, 6, 112, 3),
    (5, 2, 6, 192, 4),
    (3, 1, 6, 320, 1),
)
STEM_FILTERS, TOP_FILTERS, CLASSES = 32, 1280, 1000
EPSILON = 1e-3


def efficientnet_lite0(input_shape, *, include_top, pooling):
    """Build EfficientNet-Lite0 with random weights; layers are named as in Keras's EfficientNet.

    Parameters
    ----------
    input_shape : tuple of int
        Height, width and channels of one image; its values are expected in 0..255.
    include_top : bool
        End in the probabilities of 1,000 classes.
    pooling : None or "avg"
        Without the top, end in the last feature map or in its mean over the pixels.

    Returns
    -------
    keras.Model

    Examples
    --------
    >>> efficientnet_lite0((96, 96, 3), include_top=False, pooling=None).output_shape
    (None, 3, 3, 1280)
    """
    import keras
    from keras import layers

    inputs = layers.Input(input_shape)
    x = layers.Rescaling(1 / 128, offset=-127 / 128, name="rescaling")(inputs)
    x = layers.Conv2D(STEM_FILTERS, 3, strides=2, padding="same", use_bias=False, name="stem_conv")(
        x
    )
    x = _normalize(x, "stem", activate=True)
    for stage, (kernel, stride, expansion, filters, repeats) in enumerate(STAGES, start=1):
        for block in range(repeats):
            name = f"block{stage}{'abcd'[block]}_"
            x = _block(x, name, kernel, stride if block == 0 else 1, expansion, filters)
    x = layers.Conv2D(TOP_FILTERS, 1, use_bias=False, name="top_conv")(x)
    x = _normalize(x, "top", activate=True)
    if include_top or pooling == "avg":
        x = layers.GlobalAveragePooling2D(name="avg_pool")(x)
    if include_top:
        x = layers.Dropout(0.2, name="top_dropout")(x)
        x = layers.Dense(CLASSES, activation="softmax", name="predictions")(x)
    return keras.Model(inputs, x, name="efficientnet_lite0")


def _block(inputs, name, kernel, stride, expansion, filters):
    """Expand the channels, filter each by itself, project them, and add what came in."""
    from keras import layers

    x, channels = inputs, inputs.shape[-1]
    if expansion > 1:
        x = layers.Conv2D(channels * expansion, 1, use_bias=False, name=f"{name}expand_conv")(x)
        x = _normalize(x, f"{name}expand", activate=True)
    x = layers.DepthwiseConv2D(
        kernel, strides=stride, padding="same", use_bias=False, name=f"{name}dwconv"
    )(x)
    x = _normalize(x, name.rstrip("_"), activate=True)
    x = layers.Conv2D(filters, 1, use_bias=False, name=f"{name}project_conv")(x)
    x = _normalize(x, f"{name}project", activate=False)
    if stride == 1 and channels == filters:
        x = layers.Add(name=f"{name}add")([x, inputs])
    return x


def _normalize(x, name, *, activate):
    from keras import layers

    x = layers.BatchNormalization(epsilon=EPSILON, name=f"{name}_bn")(x)
    return layers.ReLU(6.0, name=f"{name}_activation")(x) if activate else x
