"""What can be seen of a model on a pre-trained backbone: what it computes, and what moves in it."""

from collections import Counter
from typing import NamedTuple

import numpy as np

from coursehelpers.checks.fixtures import IMAGE, fixture

# What of a backbone can learn, or follow the batches, by the end of the weight's path.
PARTS = {
    "kernel": "kernels",
    "gamma": "normalization",
    "beta": "normalization",
    "moving_mean": "statistics",
    "moving_variance": "statistics",
}


def draw_fixture(name, rng):
    """Name a fixture with weights of its own."""
    return fixture(name, seed=int(rng.integers(2**31)))


def draw_images(rng, n):
    """Draw images, values in 0..255, that differ in colour and in texture."""
    colour = rng.uniform(40, 215, size=(n, 1, 1, IMAGE[-1]))
    texture = rng.uniform(5, 80, size=(n, 1, 1, 1)) * rng.normal(size=(n, *IMAGE))
    return np.clip(colour + texture, 0, 255).astype("float32")


class Step(NamedTuple):
    """What one train step did to a model.

    Attributes
    ----------
    loss : float
    sizes : dict of str to dict of str to float
        For "kernels", "normalization" and "statistics" of the backbone, and "new" for all else, by
        path: by how much the weight that changed most has changed.
    """

    loss: float
    sizes: dict

    def moved(self, part):
        """Return the paths of what moved."""
        return [path for path, size in self.sizes[part].items() if size > 0]


class Watch:
    """A model whose weights are known by their values, wherever they were copied to.

    Parameters
    ----------
    answer : Answer
    pretrained : list
        Weights of the backbone, as `Answer.weights` gives them.
    model : Handle
    """

    def __init__(self, answer, pretrained, model):
        self._answer, self._model = answer, model
        self._before = answer.weights(model)
        # Every array of a fixture is like no other one.
        self._paths = [
            next((p["path"] for p in pretrained if np.array_equal(p["value"], w["value"])), None)
            for w in self._before
        ]
        self.missing = {p["path"] for p in pretrained} - set(self._paths)
        self.new_shapes = [
            w["value"].shape
            for w, path in zip(self._before, self._paths, strict=True)
            if path is None
        ]

    def train(self, x, y):
        """Train the model on one batch; return the `Step`, counted from when the watch began."""
        loss = self._answer.train_step(x, y, model=self._model)
        sizes = {part: {} for part in (*PARTS.values(), "new")}
        seen = Counter()
        for path, old, new in zip(
            self._paths, self._before, self._answer.weights(self._model), strict=True
        ):
            part = "new" if path is None else PARTS[path.rpartition("/")[2]]
            seen[path] += 1
            name = path or f"new {seen[path]}"
            sizes[part][name] = float(np.abs(new["value"] - old["value"]).max(initial=0))
        return Step(loss, sizes)


def are_probabilities(outputs):
    """Tell whether each row is a distribution."""
    return bool(np.allclose(outputs.sum(axis=1), 1, atol=1e-3) and outputs.min() >= 0)


def scores(outputs):
    """Undo softmax or sigmoid, and take off what the scores of one image have in common."""
    outputs = np.asarray(outputs, float)
    if are_probabilities(outputs):
        outputs = np.log(np.maximum(outputs, 1e-30))
    elif outputs.min() >= 0 and outputs.max() <= 1:
        kept = np.clip(outputs, 1e-7, 1 - 1e-7)
        return np.log(kept) - np.log(1 - kept)
    return outputs - outputs.mean(axis=1, keepdims=True)


def explained(seen, maps):
    """Return which share of the scores is a linear function of pooled feature maps."""
    pooled = maps.mean(axis=(1, 2)), maps.max(axis=(1, 2))
    x = np.column_stack([np.ones(len(maps)), *pooled]).astype(float)
    left = seen - x @ np.linalg.lstsq(x, seen, rcond=None)[0]
    return 1 - np.sum(left**2) / np.sum((seen - seen.mean(axis=0)) ** 2)


def cross_entropy(y, p):
    """Return the mean cross-entropy of class numbers."""
    return float(-np.mean(np.log(np.maximum(p[np.arange(len(y)), y], 1e-7))))
