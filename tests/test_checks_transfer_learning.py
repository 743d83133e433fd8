"""Checks on pre-trained models see what moved in any model, and come to a verdict on strange ones."""

import numpy as np
import pytest

from coursehelpers.checks.answers import AnswerError, LocalAnswer
from coursehelpers.checks.core import EXERCISES, judge
from coursehelpers.checks.fixtures import fixture
from coursehelpers.checks.models import predict
from coursehelpers.checks.transfer_learning.observed import Watch, explained, scores
from tests.answers.transfer_learning.build_transfer_model import compiled, on

EXERCISES_ON_MODELS = ("build_transfer_model", "build_fine_tuning_model", "train_on_features")
BACKBONE = fixture("tiny_backbone", seed=5)


pytestmark = pytest.mark.usefixtures("keras_at_hand")


def batch(n=8):
    rng = np.random.default_rng(0)
    return rng.uniform(0, 255, size=(n, 16, 16, 3)).astype("float32"), rng.integers(3, size=n)


def watched(build):
    answer = LocalAnswer(build, seconds=60)
    pretrained = answer.weights(BACKBONE)
    model = answer.call(BACKBONE)
    return answer, model, Watch(answer, pretrained, model)


def copy_of(backbone):
    import keras

    copy = keras.models.clone_model(backbone)
    copy.set_weights(backbone.get_weights())
    return copy


@pytest.mark.parametrize("prepare", [lambda backbone: backbone, copy_of], ids=["itself", "copy"])
def test_watch_knows_the_backbone_by_its_values(prepare):
    answer, model, watch = watched(lambda backbone: compiled(on(prepare(backbone), 3)))
    assert watch.missing == set()
    assert sorted(watch.new_shapes) == [(3,), (8, 3)]
    assert not any(watch.moved().values())
    answer.train_step(*batch(), model=model)
    assert {part: len(moved) for part, moved in watch.moved().items()} == {
        "kernels": 5,
        "normalization": 10,
        "statistics": 10,
        "new": 2,
    }


def folded(backbone):
    from coursehelpers.models import fold_batch_norm

    model = fold_batch_norm(backbone)
    model.trainable = True
    return model


def test_watch_knows_folded_normalization():
    answer, model, watch = watched(lambda backbone: compiled(on(folded(backbone), 3)))
    assert watch.missing == set()
    assert watch.has_one_new_layer(3)
    answer.train_step(*batch(), model=model)
    assert [len(moved) for moved in watch.moved().values()] == [5, 5, 0, 2]


def test_watch_knows_one_new_layer_by_its_weights():
    from keras import layers

    for head, is_one in (
        ([], True),
        ([layers.Dropout(0.5), layers.Rescaling(2.0)], True),
        ([layers.Dense(8)], False),
        ([layers.BatchNormalization()], False),
    ):
        *_, watch = watched(lambda backbone, head=head: compiled(on(backbone, 3, head=head)))
        assert watch.has_one_new_layer(3) == is_one


def test_watch_misses_what_is_not_there():
    import keras

    _, _, watch = watched(lambda backbone: compiled(on(keras.models.clone_model(backbone), 3)))
    assert len(watch.missing) == 25


def test_what_became_infinite_has_moved():
    import keras

    def build(backbone):
        return compiled(on(backbone, 3), keras.optimizers.SGD(1e38))

    answer, model, watch = watched(build)
    for _ in range(2):
        answer.train_step(*batch(), model=model)
    assert len(watch.moved()["kernels"]) == 5
    with pytest.raises(AnswerError, match="no numbers"):
        predict(answer, batch()[0], model)


def test_scores_undo_the_activation():
    z = np.random.default_rng(0).normal(size=(6, 4))
    softmax = np.exp(z) / np.exp(z).sum(axis=1, keepdims=True)
    centred = z - z.mean(axis=1, keepdims=True)
    np.testing.assert_allclose(scores(softmax), centred)
    np.testing.assert_allclose(scores(z), centred)
    np.testing.assert_allclose(scores(1 / (1 + np.exp(-z))), z)


def test_explained_is_all_for_linear_heads_only():
    rng = np.random.default_rng(0)
    maps = rng.normal(size=(64, 2, 2, 5))
    z = maps.mean(axis=(1, 2)) @ rng.normal(size=(5, 3)) + 1
    assert explained(z, maps) == pytest.approx(1)
    assert explained(maps.max(axis=(1, 2)), maps) == pytest.approx(1)
    assert explained(z**2, maps) < 0.9
    assert explained(z, np.full_like(maps, np.nan)) == 0


@pytest.mark.parametrize("name", EXERCISES_ON_MODELS)
@pytest.mark.parametrize("got", [3, "text", [1, [2, 3]], {"w": 1}, np.full(8, np.nan), object()])
def test_strange_values_get_a_verdict(name, got):
    outcome = judge(EXERCISES[name], lambda seconds: LocalAnswer(lambda *given: got, seconds))
    assert outcome.status in ("failed", "error")
    assert outcome.messages
