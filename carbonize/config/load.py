"""Read, write and hash protocols; say plainly what is wrong with one."""

from __future__ import annotations

import difflib
import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, get_args

import yaml
from pydantic import BaseModel, ValidationError

from carbonize.config.models import RunConfig
from carbonize.errors import InputError

__all__ = [
    "config_hash",
    "dump_protocol",
    "explain_validation",
    "load_protocol",
    "parse_protocol",
    "read_yaml_mapping",
    "short_line",
]

_MAX_BYTES = 512 * 1024  # a larger file can take YAML's reader minutes
_MAX_DEPTH = 32
_MAX_MESSAGE = 600


class _Loader(yaml.SafeLoader):
    """YAML without repeated keys, aliases (a protocol needs neither) and deep nesting."""

    _depth = 0

    def compose_node(self, parent: Any, index: Any) -> Any:
        mark = self.peek_event().start_mark
        if self.check_event(yaml.AliasEvent):
            raise yaml.constructor.ConstructorError(None, None, "aliases are not allowed", mark)
        if self._depth >= _MAX_DEPTH:
            raise yaml.constructor.ConstructorError(None, None, "nested too deeply", mark)
        self._depth += 1
        try:
            return super().compose_node(parent, index)
        finally:
            self._depth -= 1

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
        seen: set[str] = set()
        for key_node, _ in node.value:
            key = str(key_node.value)
            if key in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, f"the key {key!r} is given twice", key_node.start_mark
                )
            seen.add(key)
        return super().construct_mapping(node, deep=deep)


def load_protocol(path: str | Path) -> RunConfig:
    """Read a protocol file (YAML).

    Paths inside it are relative to the file and come back absolute.

    Raises
    ------
    InputError
        If the file is missing, is not YAML, or says something that is not allowed.
    """
    path = Path(path)
    data = read_yaml_mapping(path, "protocol", "name:")
    return parse_protocol(data, base=path.resolve().parent, source=str(path))


def read_yaml_mapping(path: Path, what: str, first_key: str) -> dict[Any, Any]:
    """The content of a short YAML file; ``what`` it is and the key it begins with are for the messages.

    Raises
    ------
    InputError
        If the file is missing, too long, not YAML or not a mapping.
    """
    try:
        with open(path, "rb") as file:
            raw = file.read(_MAX_BYTES + 1)  # a device can be endless
        if len(raw) > _MAX_BYTES:
            raise InputError(f"{path}: a {what} is a short text file; this one is over 512 KB")
        text = raw.decode("utf-8")
    except FileNotFoundError:
        raise InputError(f"{path}: no such {what} file") from None
    except IsADirectoryError:
        raise InputError(f"{path}: is a folder, expected a {what} file (YAML)") from None
    except UnicodeDecodeError:
        raise InputError(f"{path}: not a text file, expected YAML") from None
    except (OSError, ValueError) as err:
        raise InputError(f"{path}: cannot be read: {getattr(err, 'strerror', None) or err}") from None
    try:
        data = yaml.load(text, Loader=_Loader)
    except (yaml.YAMLError, RecursionError, ValueError) as err:
        raise InputError(f"{path}: not valid YAML: {short_line(_yaml_problem(err))}") from None
    if not isinstance(data, dict):
        raise InputError(f"{path}: a {what} is a mapping that starts with {first_key!r}, got {_kind(data)}")
    return data


def parse_protocol(
    data: Mapping[str, Any], base: str | Path | None = None, source: str = "protocol"
) -> RunConfig:
    """Check a protocol given as a mapping.

    Parameters
    ----------
    data
        The content of a protocol file.
    base
        Folder that relative paths start from (default: the current one).
    source
        What to call the protocol in error messages.

    Raises
    ------
    InputError
        Naming the first offending key, what was got and what was expected.
    """
    try:
        config = RunConfig.model_validate(dict(data))
    except ValidationError as err:
        raise InputError(f"{source}: {short_line(explain_validation(err, RunConfig))}") from None
    except RecursionError:
        raise InputError(f"{source}: nested too deeply") from None
    return _resolve_paths(config, Path(base) if base is not None else Path.cwd())


def dump_protocol(config: RunConfig) -> str:
    """The resolved protocol as YAML text, keys in the documented order."""
    return yaml.safe_dump(config.model_dump(mode="json"), sort_keys=False, allow_unicode=True)


def config_hash(config: RunConfig) -> str:
    """SHA-256 of the resolved protocol's canonical JSON."""
    text = json.dumps(config.model_dump(mode="json"), sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def _resolve_paths(config: RunConfig, base: Path) -> RunConfig:
    update: dict[str, Any] = {}
    if config.structure.kind == "file":
        resolved = tuple(str((base / path).resolve()) for path in config.structure.starts)
        changed = {"path": resolved[0]} if config.structure.paths is None else {"paths": resolved}
        update["structure"] = config.structure.model_copy(update=changed)
    if config.potential.kind != "edip" and config.potential.file is not None:
        path = str((base / config.potential.file).resolve())
        update["potential"] = config.potential.model_copy(update={"file": path})
    return config.model_copy(update=update)


def explain_validation(err: ValidationError, model: type[BaseModel]) -> str:
    """One line for a pydantic error: where, what was got, what is possible."""
    errors = err.errors(include_url=False)
    # a list with a wrong entry is called too short as well
    errors = [e for e in errors if e["type"] != "too_short" or not _below(e["loc"], errors)]
    # unknown keys first: they usually are the cause of the others
    errors.sort(key=lambda e: e["type"] != "extra_forbidden")
    line = _explain_one(errors[0], model)
    if len(errors) > 1:
        line += f" (and {len(errors) - 1} more)"
    return line


def _below(loc: tuple[int | str, ...], errors: list[Any]) -> bool:
    """Whether another error lies below a location."""
    return any(len(e["loc"]) > len(loc) and e["loc"][: len(loc)] == loc for e in errors)


def _explain_one(error: Any, model: type[BaseModel]) -> str:
    loc, known = _walk(error["loc"], model)
    where = ".".join(loc)
    kind = error["type"]
    if kind == "extra_forbidden":
        name = loc[-1]
        # of keys that are all but equal the first: those of the simulated clock stand before the laboratory's
        alike = [key for key in known if difflib.SequenceMatcher(None, name, key).ratio() >= 0.9]
        near = alike or difflib.get_close_matches(name, known, n=1, cutoff=0.4)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        return f"unknown key {where!r}{hint} (known here: {', '.join(known)})"
    if kind == "missing":
        return f"{where}: is missing"
    message = str(error["msg"]).removeprefix("Value error, ")
    if kind == "union_tag_invalid":
        context = error.get("ctx", {})
        kinds = [
            word for word in str(context.get("expected_tags")).replace("'", "").split(", ") if " " not in word
        ]
        tag, tags = str(context.get("tag")), ", ".join(kinds)
        near = difflib.get_close_matches(tag, tags.split(", "), n=1)
        hint = f"; did you mean {near[0]}?" if near else ""
        return f"{where}: unknown kind {tag!r}{hint} (known: {tags})"
    if kind == "union_tag_not_found":
        return f"{where}: needs a 'kind'"
    message = message[:1].lower() + message[1:]
    if kind == "too_short" and error.get("ctx", {}).get("min_length") == 1:
        return f"{where}: is empty; give at least one entry"
    if kind == "tuple_type":
        message = "expected a list"
    if not where:
        return message
    got = error.get("input")
    shown = "" if isinstance(got, dict | list) or kind == "value_error" else f", got {got!r}"
    return f"{where}: {message}{shown}"


def _walk(loc: tuple[int | str, ...], model: type[BaseModel]) -> tuple[list[str], list[str]]:
    """The location without pydantic's union tags, and the keys known at its last level."""
    shown: list[str] = []
    types: list[Any] = [model]
    for part in loc:
        models = [t for t in types if isinstance(t, type) and issubclass(t, BaseModel)]
        tagged = [
            m
            for m in models
            if "kind" in m.model_fields
            # a kind may be followed by words, where several models share it; all their keys are known here
            and str(part).split(" ")[0] in get_args(m.model_fields["kind"].annotation)
        ]
        if tagged and isinstance(part, str):
            types = list(tagged)
            continue
        shown.append(str(part))
        following: list[Any] = []
        for m in models:
            if isinstance(part, str) and part in m.model_fields:
                following += _leaf_types(m.model_fields[part].annotation)
        if not models or isinstance(
            part, int
        ):  # inside a tuple or dict: its item types were flattened already
            following = types
        if following:
            types = following
    known: list[str] = []
    for t in types:
        if isinstance(t, type) and issubclass(t, BaseModel):
            known += [k for k in t.model_fields if k not in known]
    return shown, known


def _leaf_types(annotation: Any) -> list[Any]:
    args = get_args(annotation)
    if not args:
        return [annotation]
    return [leaf for arg in args for leaf in _leaf_types(arg)]


def _yaml_problem(err: Exception) -> str:
    mark = getattr(err, "problem_mark", None)
    problem = getattr(err, "problem", None) or str(err).split("\n")[0]
    return f"{problem} (line {mark.line + 1}, column {mark.column + 1})" if mark else str(problem)


def short_line(text: str) -> str:
    """One line of printable text, whatever it repeats from a file."""
    text = "".join(c if c.isprintable() else " " for c in text)
    return text if len(text) <= _MAX_MESSAGE else f"{text[: _MAX_MESSAGE - 3]}..."


def _kind(data: Any) -> str:
    return "nothing" if data is None else f"a {type(data).__name__}"
