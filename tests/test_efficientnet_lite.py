"""EfficientNet-Lite0 computes what the original does, from the first block to the last class."""

import json

import numpy as np
import pytest

from coursehelpers.data import load_imagenet_classes
from coursehelpers.models import blocks, build_backbone
from tests.efficientnet_lite0_reference import BLOCKS, SHAPES, STORED, photo, sample

pytestmark = pytest.mark.heavy

# Up to here all kernels are small, and kept as they are.
EXACT = ("stem", "1a", "2a", "2b", "3a", "3b")


@pytest.fixture(scope="module")
def network():
    """The network with its last layers, for images of any size."""
    return build_backbone(include_top=True, input_shape=(None, None, 3))


def test_random_weights_keep_the_size_of_gradients():
    model = build_backbone(weights=None, seed=0, input_shape=(64, 64, 3))
    for layer in model.layers:
        for kernel in (w for w in layer.get_weights() if w.ndim == 4):
            outputs = np.prod(kernel.shape[:2]) * kernel.shape[3]
            assert kernel.std() == pytest.approx((2 / outputs) ** 0.5, rel=0.15), layer.name
    # Layers of the same shape do not start as the same.
    same = [model.get_layer(f"block6{block}_dwconv").get_weights()[0] for block in "bc"]
    assert not np.array_equal(*same)


@pytest.fixture(scope="module")
def watched(network):
    """The network with the outputs of all blocks, the features and the probabilities."""
    import keras

    found = blocks(network)
    outputs = {name: found[f"block{name}"][-1].output for name in BLOCKS[1:-1]}
    layers = {"stem": "stem_activation", "top": "top_activation"}
    layers |= {"features": "avg_pool", "predictions": "predictions"}
    outputs |= {name: network.get_layer(layer).output for name, layer in layers.items()}
    return keras.Model(network.input, outputs)


@pytest.mark.parametrize("shape", SHAPES)
def test_activations_are_those_of_the_original(watched, shape):
    stored = json.loads(STORED.read_text())["x".join(map(str, shape))]
    computed = watched(photo(*shape), training=False)
    assert set(stored) == set(computed)
    for name, expected in stored.items():
        largest = np.abs(expected).max()
        tolerance = (1e-5 if name in EXACT else 1e-2) * largest
        np.testing.assert_allclose(
            sample(computed[name]), expected, rtol=0, atol=tolerance, err_msg=name
        )


def test_numbers_of_parameters_and_blocks_are_the_published_ones(network):
    # Tan and Le state 4.7 million for this variant: what learns, and statistics of normalization.
    assert network.count_params() == 4_652_008 + 42_016
    learns = sum(int(np.prod(w.shape)) for w in network.trainable_weights)
    assert learns == 4_652_008
    assert list(blocks(network)) == ["stem", *(f"block{name}" for name in BLOCKS[1:-1]), "top"]


@pytest.mark.parametrize(
    ("include_top", "pooling", "expected"),
    [
        (False, None, (None, 5, 5, 1280)),
        (False, "avg", (None, 1280)),
        (True, None, (None, 1000)),
        (True, "avg", (None, 1000)),
    ],
)
def test_output_is_features_or_probabilities(include_top, pooling, expected):
    model = build_backbone(weights=None, include_top=include_top, pooling=pooling)
    assert model.output_shape == expected


def test_photo_of_bytes_and_of_floats_give_the_same_and_probabilities_add_up(network):
    bytes_ = network.predict(photo(96, 96), verbose=0)
    floats = network.predict(photo(96, 96).astype(float), verbose=0)
    np.testing.assert_array_equal(bytes_, floats)
    assert bytes_.sum() == pytest.approx(1, abs=1e-5)


def test_preprocessing_is_the_one_of_training(network):
    layer = network.get_layer("preprocessing")
    np.testing.assert_allclose(np.asarray(layer(np.array([0.0, 127, 255]))), [-127 / 128, 0, 1])


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("chelsea", {"tabby", "tiger cat", "Egyptian cat"}),
        ("coffee", {"espresso", "cup"}),
        ("rocket", {"missile", "projectile"}),
    ],
)
def test_photos_of_scikit_image_are_recognized(network, name, expected):
    # The photos lie in scikit-image's wheel: nothing is downloaded.
    skimage_data = pytest.importorskip("skimage.data")
    from PIL import Image

    picture = Image.fromarray(getattr(skimage_data, name)())
    side = min(picture.size)
    left, top = ((length - side) // 2 for length in picture.size)
    picture = picture.resize((224, 224), box=(left, top, left + side, top + side))
    probabilities = network.predict(np.array(picture)[None], verbose=0)[0]
    assert load_imagenet_classes()[probabilities.argmax()].split(",")[0] in expected
