"""Keras models out: the networks that the lessons train, and pre-trained ones to build on."""

from coursehelpers.models.backbones import build_backbone
from coursehelpers.models.blocks import blocks, freeze
from coursehelpers.models.folding import fold_batch_norm
from coursehelpers.models.networks import build_cnn, build_mlp

__all__ = ["blocks", "build_backbone", "build_cnn", "build_mlp", "fold_batch_norm", "freeze"]
