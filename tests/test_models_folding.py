"""Folded models compute what their originals do, with fewer layers."""

import numpy as np
import pytest

from coursehelpers.models import build_backbone, build_cnn, fold_batch_norm
from tests.efficientnet_lite0_reference import photo


def normalizations(model):
    import keras

    return [x.name for x in model.layers if isinstance(x, keras.layers.BatchNormalization)]


def randomize(model, seed=0):
    """Give normalization other constants than those it starts with, which do nothing."""
    rng = np.random.default_rng(seed)
    for layer in model.layers:
        if "batch_normalization" in layer.name or "bn" in layer.name.lower():
            layer.set_weights([rng.uniform(0.5, 1.5, w.shape) for w in layer.get_weights()])


def assert_equal_outputs(model, fast, images):
    expected = np.asarray(model(images, training=False))
    computed = np.asarray(fast(images))
    np.testing.assert_allclose(computed, expected, rtol=1e-4, atol=1e-5 * np.abs(expected).max())


def test_folded_backbone_computes_the_same_features():
    model = build_backbone(input_shape=(96, 96, 3), pooling="avg")
    before = model.get_weights()
    fast = fold_batch_norm(model)
    assert len(normalizations(model)) == 49
    assert normalizations(fast) == []
    assert_equal_outputs(model, fast, photo(96, 96))
    # The original is what it was, and the folded one is not for training.
    assert all(np.array_equal(a, b) for a, b in zip(before, model.get_weights(), strict=True))
    assert model.trainable_weights
    assert fast.trainable_weights == []
    assert fast.output_shape == model.output_shape
    assert fast.name == model.name


def test_folded_backbone_keeps_its_last_layers():
    model = build_backbone(input_shape=(64, 64, 3), include_top=True)
    assert_equal_outputs(model, fold_batch_norm(model), photo(64, 64))


@pytest.mark.parametrize(
    ("name", "left"),
    # DenseNet normalizes before its convolutions: only what stands between two can be folded.
    [("mobilenet_v2", 0), ("densenet121", 62)],
)
def test_networks_of_keras_are_folded_too(name, left):
    model = build_backbone(name, weights=None, input_shape=(64, 64, 3), pooling="avg")
    randomize(model)
    fast = fold_batch_norm(model)
    assert len(normalizations(fast)) == left
    assert_equal_outputs(model, fast, photo(64, 64))


def chain(*layers):
    import keras

    image = x = keras.Input((16, 16, 3))
    for layer in layers:
        x = layer(x)
    model = keras.Model(image, x)
    randomize(model)
    return model


@pytest.mark.parametrize("options", [{}, {"scale": False}, {"center": False}, {"epsilon": 0.1}])
@pytest.mark.parametrize("use_bias", [True, False])
def test_all_kinds_of_normalization_are_folded(options, use_bias):
    from keras import layers

    model = chain(
        layers.Conv2D(4, 3, use_bias=use_bias, bias_initializer="ones"),
        layers.BatchNormalization(**options),
        layers.DepthwiseConv2D(3, depth_multiplier=2, use_bias=use_bias, bias_initializer="ones"),
        layers.BatchNormalization(**options),
    )
    fast = fold_batch_norm(model)
    assert normalizations(fast) == []
    assert_equal_outputs(model, fast, photo(16, 16) / 255)


def test_normalization_stays_where_a_convolution_cannot_do_its_work():
    import keras
    from keras import layers

    after_activation = chain(layers.Conv2D(4, 3, activation="relu"), layers.BatchNormalization())
    of_rows = chain(layers.Conv2D(4, 3), layers.BatchNormalization(axis=1))
    first = chain(layers.BatchNormalization(), layers.Conv2D(4, 3))
    image = keras.Input((16, 16, 3))
    x = layers.Conv2D(4, 3)(image)
    read_twice = keras.Model(image, layers.Add()([x, layers.BatchNormalization()(x)]))
    also_output = keras.Model(image, [x, layers.BatchNormalization()(x)])
    for model in (after_activation, of_rows, first, read_twice):
        randomize(model)
        fast = fold_batch_norm(model)
        assert len(normalizations(fast)) == 1
        assert_equal_outputs(model, fast, photo(16, 16) / 255)
    randomize(also_output)
    for one, other in zip(
        also_output(photo(16, 16)), fold_batch_norm(also_output)(photo(16, 16)), strict=True
    ):
        np.testing.assert_allclose(np.asarray(one), np.asarray(other), rtol=1e-5)


def test_layers_that_are_used_twice_are_refused():
    import keras
    from keras import layers

    shared = layers.Conv2D(3, 1, name="shared")
    image = keras.Input((16, 16, 3))
    once = layers.BatchNormalization()(shared(image))
    model = keras.Model(image, layers.BatchNormalization()(shared(once)))
    with pytest.raises(ValueError, match="uses shared more than once"):
        fold_batch_norm(model)


def test_backbone_that_is_part_of_a_model_is_folded_as_it_was():
    import keras

    backbone = build_backbone(input_shape=(64, 64, 3), pooling="avg")
    image = keras.Input((64, 64, 3))
    keras.Model(image, keras.layers.Dense(1)(backbone(image, training=False)))
    fast = fold_batch_norm(backbone)
    assert normalizations(fast) == []
    assert_equal_outputs(backbone, fast, photo(64, 64))


@pytest.mark.parametrize("kind", ["sequential", "something else"])
def test_models_that_are_not_functional_are_refused(kind):
    model = build_cnn() if kind == "sequential" else "efficientnet_lite0"
    with pytest.raises(TypeError, match="must be a functional Keras model"):
        fold_batch_norm(model)
