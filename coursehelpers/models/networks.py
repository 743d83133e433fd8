"""The networks that the lessons train from random weights."""


def build_mlp(
    hidden=(512, 512),
    *,
    input_shape=(28, 28),
    classes=10,
    activation="relu",
    dropout=0.0,
    input_noise=0.0,
    activity_regularizer=None,
    label_smoothing=0.0,
    optimizer=None,
    seed=None,
    **dense,
):
    """Build and compile a multilayer perceptron for images, with Adam and cross-entropy.

    Parameters
    ----------
    hidden : sequence of int, default (512, 512)
        Units of each hidden layer; ``()`` is softmax regression.
    input_shape : tuple of int, default (28, 28)
        Shape of one image; its values are expected in [0, 1].
    classes : int, default 10
    activation : str, default "relu"
        Activation of the hidden layers.
    dropout : float, default 0
        Share of the units of every hidden layer that is dropped in training.
    input_noise : float, default 0
        Standard deviation of Gaussian noise on the inputs in training.
    activity_regularizer : keras.regularizers.Regularizer or str, optional
        Penalty on the outputs of the hidden layers.
    label_smoothing : float, default 0
        Share of each label that the loss spreads evenly over all classes (Szegedy et al. 2016).
    optimizer : callable, optional
        Returns a new Keras optimizer, such as ``partial(keras.optimizers.SGD, 0.1)``; by default
        Adam with its own learning rate.
    seed : int, optional
        Seeds Keras before the weights are drawn, so that equal seeds give equal weights.
    **dense
        Further arguments of all dense layers, such as ``kernel_regularizer``, ``bias_regularizer``,
        ``kernel_constraint`` and ``kernel_initializer``. Give an initializer by name or as a
        config, ``{"class_name": ..., "config": {...}}``: an instance draws the same again for
        every layer of the same shape.

    Returns
    -------
    keras.Model
        Output: class probabilities of shape (batch, classes). Metric: accuracy.

    Raises
    ------
    TypeError
        If `optimizer` is not a function: two models must not share an optimizer's state.

    Examples
    --------
    >>> build_mlp(hidden=(32,)).count_params()
    25450
    """
    import keras
    from keras import layers

    _require_function("optimizer", optimizer, "partial(keras.optimizers.SGD, 0.1)")
    if seed is not None:
        keras.utils.set_random_seed(seed)
    network = [layers.Input(input_shape), layers.Flatten()]
    if input_noise:
        network.append(layers.GaussianNoise(input_noise))
    for units in hidden:
        network.append(
            layers.Dense(
                units, activation=activation, activity_regularizer=activity_regularizer, **dense
            )
        )
        if dropout:
            network.append(layers.Dropout(dropout))
    network.append(layers.Dense(classes, activation="softmax", **dense))
    model = keras.Sequential(network)  # all at once: every `model.add` would build it again
    loss = "sparse_categorical_crossentropy"
    model.compile(
        optimizer=(optimizer or keras.optimizers.Adam)(),
        loss=_smoothed_crossentropy(label_smoothing, classes) if label_smoothing else loss,
        metrics=["accuracy"],
    )
    return model


def build_cnn(
    filters=(16, 32, 64),
    *,
    input_shape=(32, 32, 3),
    classes=2,
    dropout=0.0,
    augmenter=None,
    optimizer=None,
    seed=None,
):
    """Build and compile a convolutional network for small photos, with Adam and cross-entropy.

    Parameters
    ----------
    filters : sequence of int, default (16, 32, 64)
        Filters of each 3 x 3 convolution; a maximum over 2 x 2 pixels follows each.
    input_shape : tuple of int, default (32, 32, 3)
        Height, width and channels of one image; its values are expected in [0, 1].
    classes : int, default 2
    dropout : float, default 0
        Share of the features that is dropped in training, before the last layer.
    augmenter : callable, optional
        Returns a new Keras layer that transforms images in training, such as
        ``partial(build_augmenter, flip=True)``; it becomes the first layer.
    optimizer : callable, optional
        Returns a new Keras optimizer; by default Adam with a learning rate of 0.002.
    seed : int, optional
        Seeds Keras before the weights are drawn, so that equal seeds give equal weights.

    Returns
    -------
    keras.Model
        Output: class probabilities of shape (batch, classes). Labels are one-hot, so that they can
        be mixed: ``keras.utils.to_categorical(y)``. Metric: accuracy.

    Raises
    ------
    TypeError
        If `optimizer` or `augmenter` is not a function: two models must not share their state.

    Examples
    --------
    >>> build_cnn().count_params()
    25634
    """
    import keras
    from keras import layers

    _require_function("optimizer", optimizer, "partial(keras.optimizers.SGD, 0.1)")
    _require_function("augmenter", augmenter, "partial(build_augmenter, flip=True)")
    if seed is not None:
        keras.utils.set_random_seed(seed)
    network = [layers.Input(input_shape), *([augmenter()] if augmenter else [])]
    for count in filters:
        network.append(layers.Conv2D(count, 3, padding="same", activation="relu"))
        network.append(layers.MaxPooling2D())
    network.append(layers.Flatten())
    if dropout:
        network.append(layers.Dropout(dropout))
    network.append(layers.Dense(classes, activation="softmax"))
    model = keras.Sequential(network)
    model.compile(
        optimizer=optimizer() if optimizer else keras.optimizers.Adam(0.002),
        loss="categorical_crossentropy",
        metrics=["accuracy"],
    )
    return model


def _require_function(name, given, example):
    import keras

    if given is not None and (not callable(given) or isinstance(given, keras.Layer)):
        raise TypeError(
            f"{name} must be a function that returns a new {name}, such as {example}, got {given!r}."
        )


def _smoothed_crossentropy(label_smoothing, classes):
    """Return cross-entropy for class numbers; Keras smooths one-hot labels only."""
    from keras import losses, ops

    def crossentropy(y, probabilities):
        one_hot = ops.one_hot(ops.reshape(y, (-1,)), classes)
        return losses.categorical_crossentropy(
            one_hot, probabilities, label_smoothing=label_smoothing
        )

    return crossentropy
