"""Transfer learning: features once, a head in seconds, the last blocks fine-tuned if wanted."""

from coursehelpers.transfer.features import extract_features
from coursehelpers.transfer.heads import Head, attach_head, train_head
from coursehelpers.transfer.strategies import load_grid, standings
from coursehelpers.transfer.tuning import fine_tune, layerwise_adam, split_backbone
from coursehelpers.transfer.workflow import TransferResult, transfer

__all__ = [
    "Head",
    "TransferResult",
    "attach_head",
    "extract_features",
    "fine_tune",
    "layerwise_adam",
    "load_grid",
    "split_backbone",
    "standings",
    "train_head",
    "transfer",
]
