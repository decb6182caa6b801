"""What is stored, as of a moment: the lake as a source of market data."""

from alphastock_cli.providers.lake.provider import LakeProvider

__all__ = ["LakeProvider"]
