"""A backbone that is built, folded and compiled in no time, with blocks, for tests of other things."""

FEATURES = 8


def tiny_backbone(size, seed=0):
    """Return a functional network of a stem, four blocks with residuals, and pooling."""
    import keras
    from keras import layers

    keras.utils.set_random_seed(seed)
    image = keras.Input((size, size, 3), name="image")
    x = layers.Rescaling(1 / 128, offset=-1, name="preprocessing")(image)
    x = layers.Conv2D(FEATURES, 3, strides=4, padding="same", name="stem_conv")(x)
    x = layers.BatchNormalization(name="stem_bn")(x)
    for number in range(1, 5):
        name, before = f"block{number}a", x
        x = layers.Conv2D(FEATURES, 3, padding="same", use_bias=False, name=f"{name}_conv")(x)
        x = layers.BatchNormalization(name=f"{name}_bn")(x)
        x = layers.ReLU(name=f"{name}_activation")(x)
        x = layers.Add(name=f"{name}_add")([x, before])
    x = layers.GlobalAveragePooling2D(name="avg_pool")(x)
    return keras.Model(image, x, name="tiny")
