"""Right and wrong answers to the exercise initial_std."""

import math

import numpy as np

from tests.answers import accepted, refused


@accepted("math, by the number of dimensions")
def initial_std(kernel_shape, scheme):
    if len(kernel_shape) == 2:
        fan_in, fan_out = kernel_shape
    else:
        height, width, channels_in, channels_out = kernel_shape
        fan_in, fan_out = height * width * channels_in, height * width * channels_out
    return {"he": math.sqrt(2 / fan_in), "glorot": math.sqrt(2 / (fan_in + fan_out))}[scheme]


@accepted("from sizes, in float32")
def initial_std(kernel_shape, scheme):
    size = np.prod(kernel_shape, dtype="float32")
    fan_in, fan_out = size / kernel_shape[-1], size / kernel_shape[-2]
    mean = (fan_in + fan_out) / 2 if scheme == "glorot" else fan_in / 2
    return np.float32(mean) ** -0.5


@accepted("from the variance of a uniform distribution")
def initial_std(kernel_shape, scheme):
    window = math.prod(kernel_shape[:-2])
    fan_in, fan_out = (window * n for n in kernel_shape[-2:])
    limit = math.sqrt(6 / (fan_in + (fan_out if scheme == "glorot" else 0)))
    return 2 * limit / math.sqrt(12)


@refused("always Glorot", says="the other scheme", earned=2, misconception="other scheme")
def initial_std(kernel_shape, scheme):
    *window, inputs, outputs = kernel_shape
    return np.sqrt(2 / (np.prod(window) * (inputs + outputs)))


@refused("dense kernels only", says="Your code raised", earned=2)
def initial_std(kernel_shape, scheme):
    inputs, outputs = kernel_shape
    return np.sqrt(2 / (inputs + outputs) if scheme == "glorot" else 2 / inputs)


@refused("height and width as the fans", says="what are fan in and fan out here?", earned=2)
def initial_std(kernel_shape, scheme):
    inputs, outputs = kernel_shape[:2]
    return np.sqrt(2 / (inputs + outputs) if scheme == "glorot" else 2 / inputs)


@accepted("NumPy arrays of the shape")
def initial_std(kernel_shape, scheme):
    shape = np.array(kernel_shape, float)
    fans = shape[-2:] * shape[:-2].prod()
    return (2 / (fans.sum() if scheme == "glorot" else fans[0])) ** 0.5


@accepted("the scale of a Keras initializer")
def initial_std(kernel_shape, scheme):
    from keras import initializers

    mode, scale = ("fan_avg", 1.0) if scheme == "glorot" else ("fan_in", 2.0)
    drawn = initializers.VarianceScaling(scale, mode, "uniform", seed=0)
    fans = math.prod(kernel_shape) / kernel_shape[-1], math.prod(kernel_shape) / kernel_shape[-2]
    n = np.mean(fans) if drawn.mode == "fan_avg" else fans[0]
    return np.sqrt(drawn.scale / n)


@refused("drawn with Keras and measured", says="what are fan in and fan out here?")
def initial_std(kernel_shape, scheme):
    from keras import initializers

    kind = initializers.GlorotNormal if scheme == "glorot" else initializers.HeNormal
    return np.std(kind(seed=1)(tuple(kernel_shape)))


@refused("channels first", says="what are fan in and fan out here?", earned=2)
def initial_std(kernel_shape, scheme):
    if len(kernel_shape) == 4:
        outputs, inputs, *window = kernel_shape
    else:
        (inputs, outputs), window = kernel_shape, []
    fan_in, fan_out = np.prod(window) * inputs, np.prod(window) * outputs
    return np.sqrt(2 / (fan_in + fan_out) if scheme == "glorot" else 2 / fan_in)


@refused("window added up", says="what are fan in and fan out here?", earned=2)
def initial_std(kernel_shape, scheme):
    *window, inputs, outputs = kernel_shape
    factor = sum(window) or 1
    return np.sqrt(2 / (factor * (inputs + (outputs if scheme == "glorot" else 0))))


@refused("height alone", says="what are fan in and fan out here?", earned=2)
def initial_std(kernel_shape, scheme):
    factor = kernel_shape[0] if len(kernel_shape) == 4 else 1
    inputs, outputs = kernel_shape[-2:]
    return np.sqrt(2 / (factor * (inputs + (outputs if scheme == "glorot" else 0))))
