"""A fixture reaches the answer as a real model, and the check sees what became of it."""

import numpy as np
import pytest

from coursehelpers.checks import fixtures
from coursehelpers.checks.answers import AnswerError, AnswerTimedOut, LocalAnswer
from coursehelpers.checks.fixtures import fixture, layer_names
from coursehelpers.checks.values import Fixture, Handle, decode, encode
from coursehelpers.models import blocks, fold_batch_norm, freeze

pytestmark = pytest.mark.usefixtures("keras_at_hand")

BACKBONE = fixture("tiny_backbone", seed=3)


def images(n=8):
    return np.random.default_rng(0).uniform(0, 255, size=(n, 16, 16, 3)).astype("float32")


def moved(answer, model, steps=1):
    """Train a model that outputs feature maps; return the layers whose weights moved."""
    before = answer.weights(model)
    for _ in range(steps):
        answer.train_step(images(), np.ones((8, 4, 4, 8), "float32"), model=model)
    after = answer.weights(model)
    pairs = zip(before, after, strict=True)
    return {a["path"] for a, b in pairs if not np.array_equal(a["value"], b["value"])}


# to the answer


def test_answer_gets_a_real_model_and_the_name_stands_for_it():
    import keras

    got = []
    answer = LocalAnswer(lambda model: got.append(model) or model.count_params())
    count = answer.call(BACKBONE)
    assert isinstance(got[0], keras.Model)
    assert count == sum(w["value"].size for w in answer.weights(BACKBONE))
    answer.call(BACKBONE)
    assert got[0] is got[1]
    with pytest.raises(AnswerError, match="should be a function"):
        LocalAnswer(got[0].name).call(BACKBONE)


def test_fixtures_are_found_in_lists_and_dicts():
    answer = LocalAnswer(lambda models, named: [*models, named["other"]][-1].name)
    assert answer.call([BACKBONE], {"other": fixture("tiny_features")}) == "tiny_features"


def test_each_answer_has_its_own():
    one, other = (
        LocalAnswer(lambda model: model.set_weights([0 * w for w in model.get_weights()]))
        for _ in range(2)
    )
    one.call(BACKBONE)
    assert not any(w["value"].any() for w in one.weights(BACKBONE))
    assert all(w["value"].all() for w in other.weights(BACKBONE))


@pytest.mark.parametrize("name", fixtures.FIXTURES)
def test_seeds_draw_the_weights(name):
    def weights(seed):
        return [w["value"] for w in LocalAnswer(len).weights(fixture(name, seed))]

    for one, same, other in zip(weights(1), weights(1), weights(2), strict=True):
        np.testing.assert_array_equal(one, same)
        assert one.ndim == 0 or not np.isin(one, other).any()


def test_name_travels_and_the_model_does_not():
    assert decode(encode([BACKBONE, Handle(1)])) == [Fixture("tiny_backbone", 3), Handle(1)]
    assert len(encode(BACKBONE)) < 100


def test_unknown_name_is_told_to_the_author_of_the_check():
    with pytest.raises(ValueError, match="no fixture named 'tiny'; there are: tiny_backbone, fro"):
        fixture("tiny")


@pytest.mark.parametrize("made_up", [Fixture("../secret", 0), Handle(0), Handle(7), Handle(-1)])
def test_references_that_an_answer_makes_up_lead_nowhere(made_up):
    answer = LocalAnswer(lambda: made_up)
    got = answer.call()
    for ask in (answer.weights, answer.config, lambda model: answer.predict(images(), model=model)):
        with pytest.raises(AnswerError, match="refers to a model that does not exist"):
            ask(got)


def test_building_takes_none_of_the_answers_time(monkeypatch):
    import time

    def slow(rng):
        time.sleep(1.2)
        return fixtures._tiny_backbone(rng)

    monkeypatch.setitem(fixtures.FIXTURES, "slow", slow)
    answer = LocalAnswer(lambda model: model.name, seconds=1)
    assert answer.call(fixture("slow")) == "tiny_backbone"
    with pytest.raises(AnswerTimedOut):
        LocalAnswer(lambda model: time.sleep(5), seconds=0.2).call(fixture("slow"))


# back to the check


@pytest.mark.parametrize("wrapped", [True, False])
def test_check_sees_what_moves_whatever_the_settings_say(wrapped):
    def answer(backbone):
        freeze(backbone, keep_last=1)
        return backbone if wrapped else None

    asked = LocalAnswer(answer, seconds=30)
    model = asked.call(BACKBONE)
    assert moved(asked, model if wrapped else BACKBONE) == {"block4_conv/kernel"}


def test_check_sees_the_moving_statistics_of_what_was_not_frozen():
    paths = moved(LocalAnswer(len, seconds=30), BACKBONE)
    assert len(paths) == 5 * 5
    assert {f"{block}_bn/moving_mean" for block in fixtures.BLOCKS} <= paths


@pytest.mark.parametrize("whole", [True, False], ids=["unfrozen", "layers of a frozen model"])
def test_frozen_fixture_moves_only_when_its_layers_are_unfrozen(whole):
    def unfreeze(backbone):
        backbone.trainable = whole
        for layer in backbone.layers:
            layer.trainable = True

    frozen, around = (fixture(f"{name}_backbone", seed=3) for name in ("frozen", "around"))
    untouched, asked = LocalAnswer(len, seconds=30), LocalAnswer(unfreeze, seconds=30)
    assert moved(untouched, frozen) == moved(untouched, around) == set()
    asked.call(frozen)
    assert len(moved(asked, around)) == 5 * 5
    # What learns depends on the flags of the layers, and on that of the model that is trained.
    learned = [path for path in moved(asked, frozen) if "moving" not in path]
    assert len(learned) == 5 * 3 * whole


def test_check_asks_a_wrapped_fixture_and_the_fixture_itself():
    def answer(backbone, classes):
        import keras

        image = keras.Input(backbone.input_shape[1:])
        x = keras.layers.GlobalAveragePooling2D()(backbone(image, training=False))
        return keras.Model(image, keras.layers.Dense(classes, kernel_initializer="ones")(x))

    asked = LocalAnswer(answer, seconds=30)
    model = asked.call(BACKBONE, 2)
    features = asked.predict(images(), model=BACKBONE)
    assert features.shape == (8, 4, 4, 8)
    wanted = np.repeat(features.mean(axis=(1, 2)).sum(axis=1, keepdims=True), 2, axis=1)
    np.testing.assert_allclose(asked.predict(images(), model=model), wanted, rtol=1e-5)
    assert not np.allclose(asked.predict(images(), training=True, model=BACKBONE), features, 0.01)
    values = [w["value"] for w in asked.weights(BACKBONE)]
    inside = [w["value"] for w in asked.weights(model)]
    assert all(any(np.array_equal(v, w) for w in inside) for v in values)


def test_fixture_has_the_blocks_and_layers_it_is_told_by():
    model = fixtures.build(BACKBONE)
    found = [[layer.name for layer in layers] for layers in blocks(model).values()]
    assert found == layer_names()
    assert model.input_shape[1:] == fixtures.IMAGE


@pytest.mark.parametrize("seed", range(20))
def test_no_fixture_is_dead(seed):
    features = LocalAnswer(len, seconds=30).predict(images(), model=fixture("tiny_features", seed))
    assert np.mean(features.std(axis=0) > 1e-4) > 0.5


@pytest.mark.parametrize(
    "use",
    [
        lambda model, x: model(x),
        lambda model, x: model.predict(x, batch_size=3, verbose=0),
        lambda model, x: [model.predict_on_batch(part) for part in (x[:5], x[5:])],
        lambda model, x: _wrapped(model).predict(x, verbose=0),
        lambda model, x: fold_batch_norm(model).predict(x, verbose=0),
        lambda model, x: model(np.concatenate([x, np.zeros_like(x)])),
    ],
    ids=["call", "predict in batches", "predict_on_batch", "wrapped", "folded", "filled up"],
)
def test_images_are_counted_however_they_come(use):
    features = fixture("tiny_features")
    answer = LocalAnswer(lambda model, x: [use(model, x), None][1], seconds=30)
    for times in (1, 2):
        answer.call(features, images())
        seen = [w["value"] for w in answer.weights(features) if w["path"].endswith("seen")]
        assert seen == [8 * times]


def _wrapped(model):
    import keras

    image = keras.Input(fixtures.IMAGE)
    return keras.Model(image, keras.layers.Dense(1)(model(image)))
