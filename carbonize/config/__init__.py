"""Protocol files: models, loading, hashing. Imports neither jax nor ovito."""

from carbonize.config.load import config_hash, dump_protocol, load_protocol, parse_protocol
from carbonize.config.models import AnalysisConfig, ClassLimits, RunConfig

__all__ = [
    "AnalysisConfig",
    "ClassLimits",
    "RunConfig",
    "config_hash",
    "dump_protocol",
    "load_protocol",
    "parse_protocol",
]
