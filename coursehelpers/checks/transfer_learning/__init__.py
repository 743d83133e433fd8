"""The exercises of the transfer learning notebook, a module for each of its parts.

Each exercise is a specification of what it expects.
"""

from coursehelpers.checks.transfer_learning import distance, features, strategy, tuning

__all__ = ["distance", "features", "strategy", "tuning"]
