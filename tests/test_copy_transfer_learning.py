"""The students' copy of transfer learning."""

from tests.copies import *  # noqa: F403
