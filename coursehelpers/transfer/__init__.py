"""Transfer learning: features once, a head in seconds, the last blocks fine-tuned if wanted."""

from coursehelpers.transfer.cache import cache_folder
from coursehelpers.transfer.features import PhotoFeatures, extract_features, read_features
from coursehelpers.transfer.head import Head, attach_head, train_head
from coursehelpers.transfer.optimizers import layerwise_adam
from coursehelpers.transfer.standings import load_grid, standings
from coursehelpers.transfer.tuning import SplitBackbone, fine_tune, split_backbone
from coursehelpers.transfer.workflow import TransferResult, transfer

__all__ = [
    "Head",
    "PhotoFeatures",
    "SplitBackbone",
    "TransferResult",
    "attach_head",
    "cache_folder",
    "extract_features",
    "fine_tune",
    "layerwise_adam",
    "load_grid",
    "read_features",
    "split_backbone",
    "standings",
    "train_head",
    "transfer",
]
