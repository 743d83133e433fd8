"""The exercises of the data augmentation notebook, a module for each of its parts.

Each exercise is a specification of what it expects.
"""

from coursehelpers.checks.data_augmentation import copies, mixing, photos

__all__ = ["copies", "mixing", "photos"]
