"""Arrays of small images, enlarged to what a network for photos takes."""

import numpy as np

from coursehelpers.data.sampling import _require_count


def resize_images(images, image_size):
    """Resize images to squares in colour, as networks for photos take them.

    Parameters
    ----------
    images : ndarray of uint8, shape (n, height, width) or (n, height, width, 3)
        Grey or colour images, with values in 0..255.
    image_size : int
        Height and width of the result; what is not square is squeezed.

    Returns
    -------
    ndarray of uint8, shape (n, image_size, image_size, 3)
        Interpolated bicubically; grey images have three equal channels.

    Raises
    ------
    ValueError
        If the images have another shape or dtype, or `image_size` is not a positive integer.

    Examples
    --------
    >>> resize_images(np.zeros((2, 28, 28), np.uint8), 96).shape
    (2, 96, 96, 3)
    """
    from PIL import Image

    _require_count("image_size", image_size)
    images = np.asarray(images)
    shape = images.shape
    if images.dtype != np.uint8 or len(shape) not in (3, 4) or shape[3:] not in ((), (3,)):
        raise ValueError(
            "images must be uint8 of shape (n, height, width) or (n, height, width, 3), got "
            f"{images.dtype} of shape {shape}."
        )
    if 0 in shape[1:]:
        raise ValueError(f"images must have pixels, got shape {shape}.")
    resized = np.empty((len(images), image_size, image_size, 3), np.uint8)
    for i, image in enumerate(images):
        picture = Image.fromarray(image).resize((image_size, image_size), Image.Resampling.BICUBIC)
        resized[i] = np.asarray(picture.convert("RGB"))
    return resized
