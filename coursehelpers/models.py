"""Keras models out: the networks that the lessons train."""


def build_mlp(
    hidden=(512, 512),
    *,
    input_shape=(28, 28),
    classes=10,
    activation="relu",
    kernel_regularizer=None,
    learning_rate=1e-3,
    seed=None,
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
    kernel_regularizer : keras.regularizers.Regularizer or str, optional
        Penalty on the kernels of all dense layers; biases are not penalized.
    learning_rate : float, default 1e-3
    seed : int, optional
        Seeds Keras before the weights are drawn, so that equal seeds give equal weights.

    Returns
    -------
    keras.Model
        Output: class probabilities of shape (batch, classes). Metric: accuracy.

    Examples
    --------
    >>> build_mlp(hidden=(32,)).count_params()
    25450
    """
    import keras
    from keras import layers

    if seed is not None:
        keras.utils.set_random_seed(seed)

    def dense(units, activation):
        return layers.Dense(units, activation=activation, kernel_regularizer=kernel_regularizer)

    model = keras.Sequential(
        [
            layers.Input(input_shape),
            layers.Flatten(),
            *(dense(units, activation) for units in hidden),
            dense(classes, "softmax"),
        ]
    )
    model.compile(
        optimizer=keras.optimizers.Adam(learning_rate),
        loss="sparse_categorical_crossentropy",
        metrics=["accuracy"],
    )
    return model
