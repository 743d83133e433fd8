"""The compiled training loop behind `coursehelpers.training.compare`."""

import random

import keras
import numpy as np
import tensorflow as tf

# Operations whose state is hidden in TensorFlow, so that a seed cannot reset it.
RANDOM_OPS = {
    *("Multinomial", "ParameterizedTruncatedNormal", "RandomGamma", "RandomPoissonV2"),
    *("RandomShuffle", "RandomStandardNormal", "RandomUniform", "RandomUniformInt"),
    "TruncatedNormal",
}
BATCH_HOOKS = [
    f"on_{mode}_{when}"
    for mode in ("batch", "train_batch", "test_batch", "predict_batch", "test", "predict")
    for when in ("begin", "end")
]


def seed_python(seed):
    """Seed what Keras takes its default seeds from, and what a student's function may draw with.

    To seed TensorFlow too, as `keras.utils.set_random_seed` does, would make it prepare every
    compiled function again.
    """
    random.seed(seed)
    np.random.seed(seed)  # noqa: NPY002


def tensors(parts):
    """Convert the three parts of a data set to tensors; an empty part becomes None."""
    if not isinstance(parts, tuple | list) or len(parts) != 3:
        raise TypeError(
            "data must be three parts, train, validation and test, each (x, y) or None, "
            f"got {type(parts).__name__}."
        )
    named = zip(("train", "validation", "test"), parts, strict=True)
    train, validation, test = (_part(name, part) for name, part in named)
    if train is None:
        raise ValueError("data has no training examples.")
    return train, validation, test


def _part(name, part):
    if part is None:
        return None
    if not isinstance(part, tuple | list) or len(part) not in (2, 3):
        raise TypeError(
            f"The {name} data must be (x, y) or (x, y, sample_weight) of arrays, "
            f"got {type(part).__name__}."
        )
    part = tf.nest.map_structure(lambda array: _tensor(name, array), tuple(part))
    sizes = [array.shape[0] for array in tf.nest.flatten(part)]
    if len(set(sizes)) > 1:
        raise ValueError(f"The arrays of the {name} data differ in length: {sizes}.")
    return part if sizes[0] else None


def _tensor(name, array):
    array = np.asarray(array)
    if array.ndim == 0 or array.dtype == object:
        raise TypeError(
            f"The {name} data must be arrays with one entry per example, got dtype "
            f"{array.dtype} and shape {array.shape}. Make NumPy arrays of lists and data sets first."
        )
    if array.dtype.kind == "f":  # as fit does
        array = array.astype(keras.config.floatx())
    return tf.constant(array)


def gather(part, chosen):
    return tf.nest.map_structure(lambda array: tf.gather(array, chosen), part)


def cut(part, start, stop):
    return tf.nest.map_structure(lambda array: array[start:stop], part)


def signature_of(part):
    return tf.nest.map_structure(
        lambda array: tf.TensorSpec([None, *array.shape[1:]], array.dtype), part
    )


def symbolic(part):
    return tf.nest.map_structure(
        lambda array: keras.KerasTensor((None, *array.shape[1:]), array.dtype.name), part
    )


class CompiledRuns:
    """The runs of one way to build a model: traced once, reset and trained for every seed.

    The ``build`` and ``augment`` of the setting are compiled, for data (of one seed, from `tensors`)
    like the parts given.
    """

    def __init__(self, name, setting, parts, batch_size):
        if keras.backend.backend() != "tensorflow":
            raise ValueError(
                f"compare needs Keras on TensorFlow, got the backend {keras.backend.backend()}. "
                "Set KERAS_BACKEND=tensorflow before Keras is imported."
            )
        self.name, self.setting, self.batch_size = name, setting, batch_size
        self.example = cut(parts[0], 0, 2)
        # Always with the same seed: what is compiled must not depend on which one comes first.
        self.model, self.augment = self._build(0)
        self.drawn = [variable.numpy() for variable in self.model.variables]
        self.there = [part is not None for part in parts]
        self.names = {"train_step": self._rehearse("train_step", self._augmented(self.example))}
        for part in filter(None, parts[1:]):
            self.names["test_step"] = self._rehearse("test_step", cut(part, 0, 2))
        self.signature = signature_of(parts[0])
        self.epoch = tf.function(
            self._epoch,
            input_signature=[self.signature, tf.TensorSpec([None], tf.int32)],
            autograph=False,
        )
        self._require_known_state(self.epoch.get_concrete_function())
        self.evaluators = []
        for part in filter(None, parts[1:]):
            self._evaluator(part)
        self._reset(0)  # is it built as before?

    def train(self, name, setting, seed, parts, shuffle, validate_every, tick):
        """Train with the epochs and callbacks of a setting and one seed.

        Return rows ``(epoch, split, metric, value)``.
        """
        train, validation, test = parts
        if signature_of(train) != self.signature:
            raise ValueError(
                "data must have the same shapes and dtypes for every seed; with seed "
                f"{seed} the training part is {signature_of(train)}, before it was {self.signature}."
            )
        if [part is not None for part in parts] != self.there:
            raise ValueError(
                "data must have validation and test for every seed or for none; seed "
                f"{seed} differs from the one before."
            )
        self._reset(seed)
        model = self.model
        callbacks = self._callbacks(name, setting)
        size = len(tf.nest.flatten(train)[0])
        rng = np.random.default_rng([seed, 1])  # another stream than the one that drew the data
        rows = []
        model.stop_training = False
        callbacks.on_train_begin()
        for epoch in range(setting.epochs):
            callbacks.on_epoch_begin(epoch)
            order = rng.permutation(size) if shuffle else np.arange(size)
            logs = _numbers(self.epoch(train, order.astype("int32")))
            rows += [(epoch, "train", name, value) for name, value in logs.items()]
            last = epoch + 1 == setting.epochs
            if validation is not None and (last or (epoch + 1) % validate_every == 0):
                measured = _numbers(self._evaluator(validation)(validation))
                rows += [(epoch, "validation", name, value) for name, value in measured.items()]
                logs.update({f"val_{name}": value for name, value in measured.items()})
            _require_monitored(name, callbacks, logs)
            callbacks.on_epoch_end(epoch, logs)
            tick()
            if model.stop_training:
                break
        model.optimizer.finalize_variable_values(model.trainable_variables)
        callbacks.on_train_end(logs)
        if test is not None:
            tested = _numbers(self._evaluator(test)(test))
            rows += [(epoch, "test", name, value) for name, value in tested.items()]
        return [*rows, (epoch, "model", "epochs", epoch + 1.0)]

    def _evaluator(self, part):
        """Return the compiled evaluation of such data; validation and test may share it."""
        signature = signature_of(part)
        for known, evaluate in self.evaluators:
            if known == signature:
                return evaluate
        evaluate = tf.function(self._evaluate, input_signature=[signature], autograph=False)
        evaluate.get_concrete_function()
        self.evaluators.append((signature, evaluate))
        return evaluate

    def _build(self, seed):
        """Build the model and the augmenting layer of one seed, with all their variables."""
        seed_python(seed)
        model = self.setting.build()
        if not isinstance(model, keras.Model):
            raise TypeError(
                f"Setting {self.name!r} must build a keras.Model, got {type(model).__name__}."
            )
        if not model.compiled or model.optimizer is None:
            raise ValueError(
                f"Setting {self.name!r} must build a compiled model: call its "
                "compile(optimizer=..., loss=...) before returning it."
            )
        if model.run_eagerly:
            raise ValueError(f"Setting {self.name!r} has run_eagerly=True; compare compiles.")
        if not model.built:
            model(symbolic(self.example[0]))  # as fit does, which changes no state
        model.optimizer.build(model.trainable_variables)
        augment = self.setting.augment and self.setting.augment()
        if augment is not None:
            if not isinstance(augment, keras.Layer):
                raise TypeError(
                    f"The augment of {self.name!r} must build a Keras layer, whose random state "
                    f"a seed can reset, got {type(augment).__name__}."
                )
            augment({"images": self.example[0], "labels": self.example[1]}, training=True)
        return model, augment

    def _augmented(self, batch):
        if self.augment is None:
            return batch
        x, y, *weight = batch
        changed = self.augment({"images": x, "labels": y}, training=True)
        return changed["images"], changed["labels"], *weight

    def _rehearse(self, step, batch):
        """Make one step, which builds what is built on first use, and return what it reports.

        Every seed resets what that changes.
        """
        self.model.reset_metrics()
        logs = _flat(getattr(self.model, step)(batch))
        gathered = _flat(self.model.get_metrics_result())
        # An epoch ends with what the metrics have gathered; anything else would be lost.
        if lost := sorted(name for name in logs if not _same(logs[name], gathered.get(name))):
            raise ValueError(
                f"The {step} of setting {self.name!r} returns {lost}, which no metric of the model "
                "gathers. Track it with keras.metrics.Mean, and return its result."
            )
        for name, value in logs.items():
            if np.ndim(value):
                raise ValueError(
                    f"Metric {name!r} of setting {self.name!r} is no single number but has shape "
                    f"{np.shape(value)}."
                )
        return list(logs)

    def _reported(self, step):
        gathered = self.model.get_metrics_result()
        return {name: gathered[name] for name in self.names[step]}

    def _require_known_state(self, function):
        model, augment = self.model, self.augment
        known = [*model.variables, *model.metrics_variables, *model.optimizer.variables]
        known += augment.variables if augment is not None else []
        ids = {id(variable.value) for variable in known}
        graph = function.graph.as_graph_def()
        nodes = [*graph.node, *(node for f in graph.library.function for node in f.node_def)]
        unknown = [v.name for v in function.variables if id(v) not in ids]
        unknown += sorted(RANDOM_OPS & {node.op for node in nodes})
        if unknown:
            raise ValueError(
                f"Setting {self.name!r} keeps a state that no seed can reset: {unknown}. It has to "
                "be in the model, its metrics or its optimizer; random functions have to be those "
                "of keras.random, with seed=keras.random.SeedGenerator() from their layer."
            )

    def _reset(self, seed):
        """Give the traced model the state of a new one."""
        model, augment = self._build(seed)
        again = (model, self.model), (model.optimizer, self.model.optimizer)
        if any(new is old for new, old in again) or (augment and augment is self.augment):
            raise ValueError(
                f"Setting {self.name!r} builds the same model, optimizer or augmenting layer "
                "twice. Create them inside its functions, so that every seed starts anew."
            )
        pairs = [(self.model.variables, model.variables)]
        pairs.append((self.model.optimizer.variables, model.optimizer.variables))
        if augment is not None:
            pairs.append((self.augment.variables, augment.variables))
        if any([v.shape for v in mine] != [v.shape for v in new] for mine, new in pairs):
            raise ValueError(f"Setting {self.name!r} must build the same model every time.")
        self._require_drawn_by_seed(model, seed)
        for variable, value in [pair for both in pairs for pair in zip(*both, strict=True)]:
            if variable is value and variable.trainable:
                raise ValueError(
                    f"Setting {self.name!r} trains {variable.path}, which was made outside its "
                    "function and would keep what it learned with another seed."
                )
            variable.assign(value)

    def _require_drawn_by_seed(self, model, seed):
        same = [
            np.array_equal(before, variable)
            for before, variable in zip(self.drawn, model.variables, strict=True)
        ]
        if seed == 0 and not all(same):
            raise ValueError(
                f"Setting {self.name!r} builds other weights when it builds again with seed 0. "
                "Make its layers inside its function, and draw with the initializers of Keras."
            )
        drawn = any(
            variable.trainable and before.size and np.ptp(before) > 0
            for before, variable in zip(self.drawn, model.variables, strict=True)
        )
        if seed and drawn and all(same) and not self.setting.pretrained:
            raise ValueError(
                f"Setting {self.name!r} starts from the same weights with every seed. Leave out its "
                "seed=, and make initializers inside its function; if it is meant so, give it as "
                "Setting(build, pretrained=True)."
            )

    def _callbacks(self, name, setting):
        listed = setting.callbacks()
        if not isinstance(listed, list | tuple):
            raise TypeError(
                f"The callbacks of {name!r} must build a list, got {type(listed).__name__}."
            )
        for callback in listed:
            if not isinstance(callback, keras.callbacks.Callback):
                raise TypeError(
                    f"The callbacks of {name!r} must build a list of Keras callbacks, "
                    f"got {type(callback).__name__} in it."
                )
            for hook in BATCH_HOOKS:
                own = getattr(getattr(callback, hook), "__func__", None)
                if own is not getattr(keras.callbacks.Callback, hook):
                    raise ValueError(
                        f"{type(callback).__name__} of setting {name!r} needs {hook}, but "
                        "compare calls callbacks once per epoch only. Leave it out, or train "
                        "with keras.Model.fit."
                    )
        return keras.callbacks.CallbackList(listed, model=self.model, epochs=setting.epochs)

    # Loops are spelled out, for AutoGraph would rewrite the code of models and augmentations too.

    def _epoch(self, train, order):
        self.model.reset_metrics()

        def step(start):
            batch = gather(train, order[start : start + self.batch_size])
            self.model.train_step(self._augmented(batch))

        self._in_batches(tf.size(order), step)
        return self._reported("train_step")

    def _evaluate(self, part):
        self.model.reset_metrics()
        # In the batches of fit: it averages over them what is no mean over their examples.
        self._in_batches(
            tf.shape(tf.nest.flatten(part)[0])[0],
            lambda start: self.model.test_step(cut(part, start, start + self.batch_size)),
        )
        return self._reported("test_step")

    def _in_batches(self, size, step):
        def body(start):
            step(start)
            return [start + self.batch_size]

        tf.while_loop(lambda start: start < size, body, [tf.constant(0)], parallel_iterations=1)


def _flat(logs):
    flat: dict[str, object] = {}
    for name, value in (logs or {}).items():
        flat.update(_flat(value) if isinstance(value, dict) else {name: value})
    return flat


def _same(value, gathered):
    return gathered is not None and np.array_equal(value, gathered, equal_nan=True)


def _require_monitored(name, callbacks, logs):
    for callback in callbacks.callbacks:
        monitor = getattr(callback, "monitor", None)
        if monitor is not None and monitor not in logs:
            raise ValueError(
                f"{type(callback).__name__} of setting {name!r} monitors {monitor!r}; "
                f"measured are: {', '.join(logs)}."
            )


def _numbers(logs):
    return {name: float(value) for name, value in logs.items()}
