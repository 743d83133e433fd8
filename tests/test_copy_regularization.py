"""The students' copy of regularization."""

from tests.copies import *  # noqa: F403
