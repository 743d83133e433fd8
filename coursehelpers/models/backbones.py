"""Pre-trained networks without their last layers, to build on: one offline, Keras's by name."""

import re
import zipfile
from pathlib import Path

import numpy as np

from coursehelpers.data import load_efficientnet_lite0
from coursehelpers.models.efficientnet_lite import efficientnet_lite0

OFFLINE = "efficientnet_lite0"

# What each network of keras.applications was trained on: values in -1..1, or BGR less the means of
# ImageNet ("caffe"), or means and deviations in RGB ("torch"); the last bring layers of their own.
APPLICATIONS = {
    "vgg16": ("VGG16", "caffe"),
    "vgg19": ("VGG19", "caffe"),
    "resnet50": ("ResNet50", "caffe"),
    "resnet101": ("ResNet101", "caffe"),
    "resnet152": ("ResNet152", "caffe"),
    "resnet50_v2": ("ResNet50V2", "tf"),
    "resnet101_v2": ("ResNet101V2", "tf"),
    "resnet152_v2": ("ResNet152V2", "tf"),
    "mobilenet": ("MobileNet", "tf"),
    "mobilenet_v2": ("MobileNetV2", "tf"),
    "inception_v3": ("InceptionV3", "tf"),
    "inception_resnet_v2": ("InceptionResNetV2", "tf"),
    "xception": ("Xception", "tf"),
    "nasnet_mobile": ("NASNetMobile", "tf"),
    "nasnet_large": ("NASNetLarge", "tf"),
    "densenet121": ("DenseNet121", "torch"),
    "densenet169": ("DenseNet169", "torch"),
    "densenet201": ("DenseNet201", "torch"),
    "mobilenet_v3_small": ("MobileNetV3Small", "own"),
    "mobilenet_v3_large": ("MobileNetV3Large", "own"),
    **{f"efficientnet_b{i}": (f"EfficientNetB{i}", "own") for i in range(8)},
    **{f"efficientnet_v2_b{i}": (f"EfficientNetV2B{i}", "own") for i in range(4)},
    **{
        f"{family}_{size.lower()}": (f"{prefix}{size}", "own")
        for family, prefix, sizes in (
            ("efficientnet_v2", "EfficientNetV2", ("S", "M", "L")),
            ("convnext", "ConvNeXt", ("Tiny", "Small", "Base", "Large", "XLarge")),
        )
        for size in sizes
    },
}
CAFFE_MEAN = (123.68, 116.779, 103.939)
TORCH_MEAN, TORCH_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


def build_backbone(
    name=OFFLINE,
    *,
    input_shape=(160, 160, 3),
    weights="imagenet",
    include_top=False,
    pooling=None,
    seed=None,
):
    """Build a network that was trained on ImageNet, by default without its last layers.

    All take the same images, with values in 0..255 (integers or not): what each one does to them
    first, such as subtracting a mean, is part of the model.

    Parameters
    ----------
    name : str, default "efficientnet_lite0"
        The default comes with the course and needs no network. Any other of ``keras.applications``,
        in snake case such as ``"vgg16"`` or ``"mobilenet_v2"``, has its weights downloaded by Keras,
        once.
    input_shape : tuple of int, default (160, 160, 3)
        Height, width and channels of one image; height and width may be None.
    weights : "imagenet", None or path-like, default "imagenet"
        Or random ones, or those of a file: ``.weights.h5`` of the same model, ``.h5`` of
        ``keras.applications``, or ``.npz`` of the default backbone.
    include_top : bool, default False
        With the last layers, the output is the probabilities of 1,000 classes (see
        `coursehelpers.data.load_imagenet_classes`).
    pooling : None or "avg"
        Without the last layers, the output is the last feature map of shape
        (batch, height, width, features), or with "avg" its mean, of shape (batch, features).
    seed : int, optional
        Seeds Keras before the weights are drawn, so that without others equal seeds give equal
        weights.

    Returns
    -------
    keras.Model
        Functional; every layer can be reached by its name. To fine-tune, `freeze` it but for
        its last blocks.

    Raises
    ------
    ValueError
        If the name or the pooling is unknown, the shape is no image's, or the file holds the
        weights of something else.
    FileNotFoundError
        If there is no file of weights at the path.
    ConnectionError
        If the weights are to be downloaded and there is no network.
    DataError
        If the file of the default backbone is missing or damaged.

    References
    ----------
    M. Tan, Q. V. Le: EfficientNet: rethinking model scaling for convolutional neural networks.
    ICML 2019.

    Examples
    --------
    >>> backbone = build_backbone(pooling="avg", input_shape=(96, 96, 3))
    >>> backbone.output_shape, backbone.count_params()
    ((None, 1280), 3413024)
    """
    if name != OFFLINE and name not in APPLICATIONS:
        raise ValueError(
            f"There is no backbone {name!r}. Choose {OFFLINE!r}, which needs no network, "
            f"or one of keras.applications: {', '.join(APPLICATIONS)}."
        )
    if pooling not in (None, "avg"):
        raise ValueError(f'pooling must be None or "avg", got {pooling!r}.')
    if not isinstance(input_shape, tuple | list) or len(input_shape) != 3:
        raise ValueError(
            "input_shape must be height, width and channels of one image, such as (160, 160, 3), "
            f"got {input_shape!r}."
        )
    if weights not in (None, "imagenet"):
        weights = Path(weights)
        if not weights.is_file():
            raise FileNotFoundError(
                f'There is no file of weights at {weights}. Give a path, "imagenet" or None.'
            )
    if seed is not None:
        import keras

        keras.utils.set_random_seed(seed)
    if name != OFFLINE:
        return _build_application(name, input_shape, weights, include_top, pooling)
    model = efficientnet_lite0(input_shape, include_top=include_top, pooling=pooling)
    if weights == "imagenet":
        _set_weights(model, load_efficientnet_lite0(), "ImageNet")
    elif weights is not None and weights.suffix == ".npz":
        _set_weights(model, _read_npz(weights), weights)
    elif weights is not None:
        _load_weights(model, weights)
    return model


def _build_application(name, input_shape, weights, include_top, pooling):
    import keras

    function, preprocessing = APPLICATIONS[name]
    build = getattr(keras.applications, function)
    image = keras.Input(input_shape, name="image")
    options = {"include_top": include_top, "pooling": pooling, "input_shape": input_shape}
    try:
        model = build(
            input_tensor=_preprocess(image, preprocessing),
            weights="imagenet" if weights == "imagenet" else None,
            **options,
        )
    except Exception as error:
        # Keras reports a failed download by a bare Exception, known by its text alone; one that
        # broke off is an OSError.
        failed = re.search(r"URL fetch failure on (\S+?):? ", str(error))
        if not failed and not isinstance(error, OSError):
            raise
        url = failed[1] if failed else "their file from keras.io"
        file = url.rpartition("/")[2] if failed else "weights.h5"
        raise ConnectionError(
            f"The weights of {name!r} cannot be downloaded ({error}). Without a network use "
            f"{OFFLINE!r}, which comes with the course; or fetch {url} elsewhere, put it beside the "
            f'notebook, and call build_backbone("{name}", weights="{file}", ...).'
        ) from error
    # Keras lists the input; a model that takes the image itself warns of nothing.
    model = keras.Model(image, model.output, name=name)
    if isinstance(weights, Path):
        _load_weights(model, weights)
    return model


def _preprocess(image, kind):
    """Return what a network was trained on, of images with values in 0..255."""
    from keras import layers

    if kind == "tf":
        return layers.Rescaling(1 / 127.5, offset=-1, name="preprocessing")(image)
    if kind == "torch":
        mean, variance = (255 * np.array(TORCH_MEAN)), (255 * np.array(TORCH_STD)) ** 2
    elif kind == "caffe":
        mean, variance = np.array(CAFFE_MEAN), np.ones(3)
    else:
        return image
    x = layers.Normalization(mean=mean, variance=variance, name="preprocessing")(image)
    return x[..., ::-1] if kind == "caffe" else x


def _read_npz(path):
    try:
        with np.load(path, allow_pickle=False) as arrays:
            return {name: arrays[name] for name in arrays.files}
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise ValueError(f"{path} is damaged, or no file of weights ({error}).") from error


def _set_weights(model, arrays, source):
    """Give every layer its arrays, which are named as layer/weight."""
    for layer in model.layers:
        names = [f"{layer.name}/{weight.name}" for weight in layer.weights]
        for name, weight in zip(names, layer.weights, strict=True):
            shape = arrays[name].shape if name in arrays else "none"
            if shape != tuple(weight.shape):
                raise ValueError(
                    f"The weights of {source} do not fit {model.name}: {name} must have shape "
                    f"{tuple(weight.shape)}, got {shape}."
                )
        if names:
            layer.set_weights([arrays[name] for name in names])


def _load_weights(model, path):
    try:
        model.load_weights(path)
    except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
        # Keras goes on with all the layers that it could not load.
        reason = str(error).partition("\n")[0]
        raise ValueError(
            f"{path} is damaged, or holds the weights of another model than {model.name} with "
            f"these last layers ({reason})."
        ) from error
