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
# The original's start: deviations that keep the size of gradients. A config, because an instance
# would draw the same again for every layer of the same shape.
NORMAL = {
    "class_name": "VarianceScaling",
    "config": {"scale": 2.0, "mode": "fan_out", "distribution": "truncated_normal"},
}


def efficientnet_lite0(input_shape, *, include_top, pooling):
    """Build EfficientNet-Lite0 with random weights, for images with values in 0..255.

    Layers are named as in Keras's EfficientNet; the options are those of
    `coursehelpers.models.build_backbone`.
    """
    import keras
    from keras import layers

    inputs = layers.Input(input_shape, name="image")
    x = layers.Rescaling(1 / 128, offset=-127 / 128, name="preprocessing")(inputs)
    x = _convolve(x, STEM_FILTERS, "stem_conv", kernel_size=3, strides=2)
    x = _normalize(x, "stem", activate=True)
    for stage, (kernel_size, strides, expansion, filters, repeats) in enumerate(STAGES, start=1):
        for block in range(repeats):
            name = f"block{stage}{'abcd'[block]}"
            x = _block(x, name, kernel_size, strides if block == 0 else 1, expansion, filters)
    x = _convolve(x, TOP_FILTERS, "top_conv")
    x = _normalize(x, "top", activate=True)
    if include_top or pooling == "avg":
        x = layers.GlobalAveragePooling2D(name="avg_pool")(x)
    if include_top:
        x = layers.Dropout(0.2, name="top_dropout")(x)
        x = layers.Dense(CLASSES, activation="softmax", name="predictions")(x)
    return keras.Model(inputs, x, name="efficientnet_lite0")


def _block(inputs, name, kernel_size, strides, expansion, filters):
    """Expand the channels, filter each by itself, project them, and add what came in."""
    from keras import layers

    x, channels = inputs, inputs.shape[-1]
    if expansion > 1:
        x = _convolve(x, channels * expansion, f"{name}_expand_conv")
        x = _normalize(x, f"{name}_expand", activate=True)
    options = {"padding": "same", "use_bias": False, "depthwise_initializer": NORMAL}
    depthwise = layers.DepthwiseConv2D(kernel_size, strides, name=f"{name}_dwconv", **options)
    x = _normalize(depthwise(x), name, activate=True)
    x = _convolve(x, filters, f"{name}_project_conv")
    x = _normalize(x, f"{name}_project", activate=False)
    if strides == 1 and channels == filters:
        x = layers.Add(name=f"{name}_add")([x, inputs])
    return x


def _convolve(x, filters, name, kernel_size=1, strides=1):
    from keras import layers

    options = {"padding": "same", "use_bias": False, "kernel_initializer": NORMAL}
    return layers.Conv2D(filters, kernel_size, strides, name=name, **options)(x)


def _normalize(x, name, *, activate):
    from keras import layers

    x = layers.BatchNormalization(epsilon=EPSILON, name=f"{name}_bn")(x)
    return layers.ReLU(6.0, name=f"{name}_activation")(x) if activate else x
