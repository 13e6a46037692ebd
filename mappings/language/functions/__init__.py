"""Functions of the mapping language, by subject. Importing this package fills the registry."""

from mappings.language.functions import durations, identifiers, measures, numbers, texts, times
from mappings.language.functions.registry import REGISTRY, Function

__all__ = ["REGISTRY", "Function", "durations", "identifiers", "measures", "numbers", "texts", "times"]
