"""The students' copy of data augmentation."""

from tests.copies import *  # noqa: F403
