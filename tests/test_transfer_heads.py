"""The head: the solution of its problem, its strength chosen, and the same on features and images."""

import numpy as np
import pytest
from scipy.special import log_softmax

from coursehelpers.models import freeze
from coursehelpers.transfer import attach_head, extract_features, heads, train_head
from tests.tiny_backbone import FEATURES, tiny_backbone

pytestmark = pytest.mark.heavy


def examples(n, classes=3, seed=0, distance=1.0):
    """Clouds around a point for each class, in units that differ by feature, one of them constant."""
    rng = np.random.default_rng([seed, n])
    y = np.arange(n) % classes
    centres = np.random.default_rng(seed).normal(size=(classes, 6))
    x = distance * centres[y] + rng.normal(size=(n, 6))
    return np.c_[x * [1, 10, 0.1, 1, 5, 2] + 3, np.full(n, 7.0)], y


TRAIN, VALIDATION = examples(90), examples(60)


def penalized(kernel, bias, x, y, strength):
    """Return the objective as it is documented, of the weights of standardized features."""
    log_p = log_softmax(x @ kernel + bias, axis=1)
    return -log_p[np.arange(len(y)), y].mean() + strength / 2 * np.sum(
        (kernel * x.std(axis=0)[:, None]) ** 2
    )


@pytest.fixture
def train_at(monkeypatch):
    """Return a function that trains with some strengths alone."""

    def train(*strengths, data=TRAIN, validation=VALIDATION):
        with monkeypatch.context() as patch:
            patch.setattr(heads, "STRENGTHS", strengths)
            return train_head(*data, validation=validation)

    return train


@pytest.mark.parametrize("classes", [2, 3, 5])
@pytest.mark.parametrize("strength", [1.0, 1e-3])
def test_head_is_the_minimum(train_at, classes, strength):
    x, y = examples(80, classes)
    head = train_at(strength, data=(x, y), validation=examples(40, classes))
    kernel, bias = head.kernel.astype(float), head.bias.astype(float)
    least = penalized(kernel, bias, x, y, strength)
    rng = np.random.default_rng(0)
    for size in (1e-2, 1e-1):
        for _ in range(20):
            other = (
                kernel
                + size * rng.normal(size=kernel.shape) / np.maximum(x.std(axis=0), 1)[:, None],
                bias + size * rng.normal(size=bias.shape),
            )
            assert penalized(*other, x, y, strength) > least
    # The slope along the biases: as many examples are expected of each class as there are.
    shares = head.predict(x).mean(axis=0)
    np.testing.assert_allclose(shares, np.bincount(y) / len(y), atol=1e-4)


def test_head_is_the_same_every_time_to_the_last_bit():
    one, other = (train_head(*TRAIN, validation=VALIDATION) for _ in range(2))
    assert one.kernel.tobytes() == other.kernel.tobytes()
    assert one.bias.tobytes() == other.bias.tobytes()
    assert (one.strength, one.losses) == (other.strength, other.losses)


def test_order_of_examples_and_units_of_features_change_nothing_but_rounding():
    x, y = TRAIN
    head = train_head(x, y, validation=VALIDATION)
    order = np.random.default_rng(0).permutation(90)
    for factor, rows in ((1, order), (1000, slice(None))):
        validation = VALIDATION[0] * factor, VALIDATION[1]
        other = train_head(factor * x[rows], y[rows], validation=validation)
        assert other.strength == head.strength
        np.testing.assert_allclose(other.predict(factor * x), head.predict(x), atol=1e-4)


def test_feature_that_never_changes_has_no_weight():
    head = train_head(*TRAIN, validation=VALIDATION)
    np.testing.assert_array_equal(head.kernel[6], 0)
    assert np.isfinite(head.kernel).all()


def test_strength_is_the_best_on_validation_data(train_at):
    head = train_head(*TRAIN, validation=VALIDATION)
    tried = list(head.losses)
    assert tried == list(heads.STRENGTHS[: len(tried)])
    # Whatever is tried alone has the loss that it has on the path, and none is better.
    alone = {strength: train_at(strength).losses[strength] for strength in heads.STRENGTHS}
    assert min(alone, key=alone.get) == head.strength
    for strength in tried:
        assert alone[strength] == pytest.approx(head.losses[strength], rel=1e-4)


def test_noise_asks_for_more_strength_than_clear_classes():
    strengths = {
        distance: train_head(
            *examples(90, distance=distance), validation=examples(60, distance=distance)
        ).strength
        for distance in (0.0, 3.0)
    }
    assert strengths[0.0] > 10 * strengths[3.0]


def test_accuracy_and_repr(train_at):
    head = train_at(1, 0.1)
    p = head.predict(VALIDATION[0])
    assert (p.shape, p.dtype) == ((60, 3), np.float64)
    np.testing.assert_allclose(p.sum(axis=1), 1, rtol=1e-6)
    assert head.accuracy(*VALIDATION) == (p.argmax(axis=1) == VALIDATION[1]).mean() > 0.6
    assert repr(head) == f"Head: 7 features, 3 classes, L2 strength {head.strength:.3g} of 2 tried"
    with pytest.raises(ValueError, match=r"shape \(n, 7\), got \(60, 6\)"):
        head.predict(VALIDATION[0][:, 1:])


# --- Attached to a backbone ---------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["uint8", "float32"])
def test_model_predicts_from_images_what_the_head_predicts_from_features(dtype, tmp_path):
    rng = np.random.default_rng(0)
    y = np.arange(40) % 2
    images = rng.integers(0, 200, (40, 32, 32, 3)) + 50 * y[:, None, None, None]
    images = images.astype(dtype)
    backbone = tiny_backbone(32)
    # Constants of normalization that do something.
    for layer in backbone.layers:
        if layer.name.endswith("_bn"):
            layer.set_weights([rng.uniform(0.5, 1.5, FEATURES) for _ in range(4)])
    features = extract_features(backbone, images, cache=tmp_path)
    head = train_head(features[:30], y[:30], validation=(features[30:], y[30:]))
    model = attach_head(backbone, head)
    p = model.predict(images, verbose=0)
    np.testing.assert_allclose(p, head.predict(features), atol=1e-5)
    assert p.std() > 0.1
    # While `fit` trains it, only frozen normalization keeps its statistics.
    freeze(backbone)
    np.testing.assert_allclose(np.asarray(model(images, training=True)), p, atol=1e-5)
    assert model.get_layer("tiny") is backbone


def test_head_of_other_features_is_refused():
    import keras

    head = train_head(*TRAIN, validation=VALIDATION)
    backbone = tiny_backbone(32)
    with pytest.raises(ValueError, match=r"takes 7 features, but tiny gives .*None, 8.*pooling"):
        attach_head(backbone, head)
    maps = keras.Model(backbone.input, backbone.get_layer("block4a_add").output)
    with pytest.raises(ValueError, match=r"None, 8, 8, 8"):
        attach_head(maps, head)


# --- What is refused ----------------------------------------------------------------------------

X, Y = TRAIN


@pytest.mark.parametrize(
    ("x", "y", "says"),
    [
        (X[:, :, None], Y, r"\(n, features\) and \(n,\).*got \(90, 7, 1\) and \(90,\)"),
        (X, Y[:5], r"got \(90, 7\) and \(5,\)"),
        (X[:0], Y[:0], "n of at least 1"),
        (X, Y.astype(float), "dtypes float64 and float64"),
        (X, Y.astype(str), "dtypes float64 and <U"),
        (X.astype(object), Y, "dtypes object"),
        (np.where(X > 8, np.nan, X), Y, "must be finite, but .* features are not"),
        (X, Y * 0, "two or more of them, got 0"),
        (X, Y + 1, "got 1, 2, 3"),
        (X, Y * 2, "got 0, 2, 4"),
        (X, Y % 2, "validation has the class 2"),
        (X[:, 1:], Y, "as many features, got 6 and 7"),
    ],
)
def test_other_examples_are_refused(x, y, says):
    with pytest.raises(ValueError, match=says):
        train_head(x, y, validation=VALIDATION)
