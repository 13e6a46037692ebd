"""The mapping language (docs/mapping.md): packs are read, checked against the FHIR model, and compiled to Python."""

from mappings.language.cache import Cache
from mappings.language.pack import CompiledPack, Version
from mappings.language.packs import lint_packs, list_packs, load_layers, load_pack
from mappings.language.problems import PackError, PackProblem, Place
from mappings.language.stack import ANYWHERE, Catalogue, Locality

__all__ = [
    "ANYWHERE",
    "Cache",
    "Catalogue",
    "CompiledPack",
    "Locality",
    "PackError",
    "PackProblem",
    "Place",
    "Version",
    "lint_packs",
    "list_packs",
    "load_layers",
    "load_pack",
]
