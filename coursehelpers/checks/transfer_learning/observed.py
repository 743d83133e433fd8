"""What can be seen of a model on a pre-trained backbone: what it computes, and what moves in it."""

import numpy as np

from coursehelpers.checks.answers import AnswerError
from coursehelpers.checks.fixtures import IMAGE, fixture
from coursehelpers.checks.models import are_probabilities, expect_outputs, predict

# What of a backbone can learn, or follow the batches, by the end of the weight's path.
PARTS = {
    "kernel": "kernels",
    "gamma": "normalization",
    "beta": "normalization",
    "bias": "normalization",  # of a convolution that normalization is folded into
    "moving_mean": "statistics",
    "moving_variance": "statistics",
}

# Known mistakes of every model on a backbone.
MISTAKES = """
not pooled | 0 | layers.GlobalAveragePooling2D()(backbone(image)) -> backbone(image) | There are outputs for every position of the feature map; pool it first.
no head | 0 | return backbone | The outputs are the features of the backbone; where is the head?
number of classes | 0 | Dense(classes -> Dense(2 | The outputs are not as many as the classes.
flattened | - | Each position of the feature map has weights of its own; pool it instead.
same for all | - | All images get the same probabilities, even after some train steps.
scaled twice | - | The images get to the backbone too dark: it scales them itself.
summed | - | The features are summed over the positions; pool them by mean or maximum.
more than a head | - | There are more weights than those of one dense layer; what stands before it?
"""

# What a model is asked for, in front of what goes wrong then.
WHILE_TRAINING = "In a train step, with class numbers as labels"

# The share of the scores that a linear head explains, but for rounding.
LINEAR = 1 - 1e-5
LEAST = 1e-30  # smaller probabilities are taken for it


def draw_fixture(name, rng):
    """Name a fixture with weights of its own."""
    return fixture(name, seed=int(rng.integers(2**31)))


def draw_images(rng, n):
    """Draw images, values in 0..255, that differ in colour and in texture."""
    colour = rng.uniform(40, 215, size=(n, 1, 1, IMAGE[-1]))
    texture = rng.uniform(5, 80, size=(n, 1, 1, 1)) * rng.normal(size=(n, *IMAGE))
    return np.clip(colour + texture, 0, 255).astype("float32")


def expect_shape(answer, expect, model, x, classes):
    """Require an output for each image and class; return the outputs."""
    return expect_outputs(
        answer,
        expect,
        x,
        model,
        (len(x), classes),
        f"For {len(x)} images and {classes} classes",
        mistakes=lambda shape: {
            "no head": shape == (len(x), 4, 4, 8),
            "not pooled": len(shape) > 2 and shape != x.shape,
            "number of classes": len(shape) == 2 and shape[1] != classes,
        },
    )


def expect_pooled(answer, expect, watch, backbone, x, outputs, points=0):
    """Expect scores of one dense layer on the backbone's pooled feature maps."""
    flat = any(shape[:1] == (4 * 4 * 8,) for shape in watch.new_shapes)
    expect.require(not flat, "flattened")
    if is_constant(outputs):  # a head may start at zero, and its rate be small
        for _ in range(20):
            answer.train_step(x, np.arange(len(x)) % 2, model=watch.model)
        outputs = predict(answer, x, watch.model, outputs.shape)
    maps = predict(answer, x, backbone, (len(x), 4, 4, 8), finite=False)
    constant = is_constant(outputs)
    share = 0 if constant else explained(scores(outputs), maps)
    linear = share > LINEAR
    summed = not constant and _are_summed(outputs, maps, watch.new_weights())
    one_layer = watch.has_one_new_layer(outputs.shape[1])

    def scaled():
        # Then these images get to the backbone as x.
        bright = (predict(answer, b, watch.model) for b in (255 * x, 127.5 * (x + 1)))
        return any(explained(scores(outputs), maps) > LINEAR for outputs in bright)

    seen = f"The pooled features explain {share:.3%} of the scores."
    if linear and not one_layer:
        seen = f"Besides the backbone's, the weights have the shapes {watch.new_shapes}."
    expect(
        linear and not summed and one_layer,
        points,
        "The scores of a linear head should follow from the pooled features of the backbone; what "
        "happens to the images before it, or to the features behind it?",
        {
            "summed": summed,
            "scaled twice": not linear and scaled(),
            "same for all": constant,
            "more than a head": linear and not one_layer,
        },
        "" if constant or summed else seen,
    )


def are_scores(answer, backbone, x, outputs):
    """Say whether outputs are scores, all of which may be positive, with nothing behind them."""
    if outputs.min() < 0:
        return True
    maps = predict(answer, x, backbone, (len(x), 4, 4, 8), finite=False)
    return explained(outputs, maps) > LINEAR


def is_constant(outputs):
    """Say whether all images get the same outputs."""
    return np.ptp(outputs, axis=0).max() < 1e-6


def _are_summed(outputs, maps, weights):
    """Say whether a head of these weights gives these probabilities for sums over positions."""
    from scipy.special import log_softmax

    kernels = [w for w in weights if w.shape == (maps.shape[-1], outputs.shape[1])]
    bias = sum(w for w in weights if w.shape == (outputs.shape[1],))
    sums = [maps.sum(axis=(1, 2)) @ kernel + bias for kernel in kernels]
    # Of logarithms: where one class wins for all images, other poolings give the same probabilities.
    seen, least = np.log(np.maximum(outputs, LEAST)), np.log(LEAST)
    logs = [np.maximum(log_softmax(s, axis=1), least) for s in sums]
    return any(np.allclose(log_p, seen, rtol=1e-3, atol=1e-3) for log_p in logs)


class Watch:
    """A model whose weights are known by their values, wherever they were copied to.

    `pretrained` are the backbone's, as `Answer.weights` gives them. Their paths that are not in the
    `model` are ``missing``; ``new_shapes`` are those of its other weights. Batch normalization may
    be folded into the convolutions before it.
    """

    def __init__(self, answer, pretrained, model):
        self._answer, self.model = answer, model
        self._before = answer.weights(model)
        pretrained = {w["path"]: w["value"] for w in pretrained}
        folded = _folded(pretrained)
        # Every array of a fixture is like no other one.
        self._paths = [
            _path_of(w["value"], pretrained, 0) or _path_of(w["value"], folded, 1e-5)
            for w in self._before
        ]
        self.missing = {
            path
            for path in pretrained.keys() - set(self._paths)
            if path.replace("_bn", "_conv").rpartition("/")[0] + "/bias" not in self._paths
        }
        self.new_shapes = [value.shape for value in self._new(self._before)]

    def has_one_new_layer(self, classes):
        """Tell whether the new weights are a kernel from features to classes, with biases or not."""
        return sum(map(np.prod, self.new_shapes)) in (8 * classes, 9 * classes)

    def new_weights(self):
        """Return the model's other weights as they are now."""
        return self._new(self._answer.weights(self.model))

    def _new(self, weights):
        return [w["value"] for w, path in zip(weights, self._paths, strict=True) if path is None]

    def restart(self):
        """Forget what has moved."""
        self._before = self._answer.weights(self.model)

    def moved(self):
        """Return what moved since the watch began, and by how much at most.

        For "kernels", "normalization" and "statistics" of the backbone, and "new" for all else, a
        dict from the path of a weight to the size of its largest change.
        """
        after = self._answer.weights(self.model)
        if [w["value"].shape for w in after] != [w["value"].shape for w in self._before]:
            raise AnswerError("The model has other weights after a train step than before it.")
        sizes: dict = {part: {} for part in (*PARTS.values(), "new")}
        for i, (path, old, new) in enumerate(zip(self._paths, self._before, after, strict=True)):
            size = np.abs(new["value"].astype(float) - old["value"]).max(initial=0)
            if size != 0:  # nan has moved, too
                part = PARTS.get((path or "").rpartition("/")[2], "new")
                sizes[part][path or f"new {i}"] = float(size)
        return sizes


def _path_of(value, known, tolerance):
    """Return the path of a known weight of this value, or None."""
    for path, other in known.items():
        if value.shape == other.shape and np.allclose(value, other, rtol=0, atol=tolerance):
            return path
    return None


def _folded(pretrained):
    """Return the kernels and biases that do the work of a convolution and its normalization."""
    weights = {}
    names = ("gamma", "beta", "moving_mean", "moving_variance")
    for path, kernel in pretrained.items():
        if path.endswith("_conv/kernel"):
            bn = path.replace("_conv/kernel", "_bn")
            gamma, beta, mean, variance = (pretrained[f"{bn}/{name}"] for name in names)
            scale = gamma / np.sqrt(variance + 1e-3)
            weights[path] = kernel * scale
            weights[path.replace("kernel", "bias")] = beta - mean * scale
    return weights


def scores(outputs):
    """Undo softmax or sigmoid, and take off what the scores of one image have in common."""
    outputs = np.asarray(outputs, float)
    if are_probabilities(outputs):
        outputs = np.log(np.maximum(outputs, LEAST))
    elif outputs.min() >= 0 and outputs.max() <= 1:
        kept = np.clip(outputs, 1e-7, 1 - 1e-7)
        return np.log(kept) - np.log(1 - kept)
    return outputs - outputs.mean(axis=1, keepdims=True)


def explained(seen, maps):
    """Return which share of the scores is a linear function of pooled feature maps."""
    if not np.isfinite(maps).all():
        return 0.0
    pooled = maps.mean(axis=(1, 2)), maps.max(axis=(1, 2))
    x = np.column_stack([np.ones(len(maps)), *pooled]).astype(float)
    left = seen - x @ np.linalg.lstsq(x, seen, rcond=None)[0]
    return 1 - np.sum(left**2) / np.sum((seen - seen.mean(axis=0)) ** 2)


def cross_entropy(y, p):
    """Return the mean cross-entropy of class numbers."""
    return float(-np.mean(np.log(np.maximum(p[np.arange(len(y)), y], 1e-7))))
