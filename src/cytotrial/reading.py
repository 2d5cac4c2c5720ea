"""Reads YAML 1.2 files so that every value knows its line and column, and reports all problems of a file at once.

It knows syntax and shape (through pydantic models). It does not know meaning: whether a drug exists is asked elsewhere.
"""

from __future__ import annotations

import types
import typing
from dataclasses import dataclass, field
from functools import cached_property
from io import StringIO
from pathlib import Path
from typing import Any, Generic, TypeVar

from pydantic import BaseModel, ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.constructor import DuplicateKeyError
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from cytotrial.errors import InputError, Place, Problem, ProtocolError, did_you_mean
from cytotrial.remembered import recall, remember

Model = TypeVar("Model", bound=BaseModel)
Key = str | int

LARGEST_FILE_BYTES = 5_000_000  # a protocol or library file beyond this is a mistake, not a study


@dataclass(frozen=True)
class Document(Generic[Model]):
    """A file that has the right shape: its content, and where each part of it stands."""

    content: Model
    file: str
    text: str = field(repr=False)

    @cached_property
    def tree(self) -> Any:
        """The values with their places; read when first asked for, since most documents have nothing wrong."""
        return _tree(self.text, self.file, ProtocolError)

    def place(self, *keys: Key) -> Place:
        """Where the value under `keys` stands; the nearest enclosing place when it is not written in the file."""
        return place_in(self.tree, keys, self.file)


def read_yaml(path: Path, model: type[Model], *, error: type[InputError] = ProtocolError) -> Document[Model]:
    """The content of a YAML file as `model`, with places.

    Raises:
        InputError: as `error`, with every problem of the file: not readable, not YAML, duplicate keys, unknown or missing
            keys (with the nearest valid name), wrong types.
    """
    name = str(path)
    try:
        size = path.stat().st_size
        if size > LARGEST_FILE_BYTES:
            raise error([Problem(Place(name), f"the file is too large ({size / 1e6:.0f} MB).", "Expected at most 5 MB.")])
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise error([Problem(Place(name), "no such file.")]) from None
    except UnicodeDecodeError:
        raise error([Problem(Place(name), "the file is not UTF-8 text.")]) from None
    except OSError as failure:
        raise error([Problem(Place(name), f"cannot be read: {failure.strerror}.")]) from None
    return parse_yaml(text, model, file=name, error=error)


def parse_yaml(text: str, model: type[Model], *, file: str, error: type[InputError] = ProtocolError) -> Document[Model]:
    """Like `read_yaml`, from text; `file` is the name used in messages."""
    known = recall(text)
    if known is not None:
        try:
            return Document(model.model_validate(known), file, text)
        except ValidationError:
            pass  # explained below, with places
    tree = _tree(text, file, error)
    if not isinstance(tree, CommentedMap):
        what = "the file is empty." if tree is None else "the file is not a mapping of keys to values."
        expected = schema_name(model)
        raise error([Problem(Place(file), what, f"Expected it to start with `schema: {expected}`." if expected else "")])
    plain = _plain(tree)
    try:
        content = model.model_validate(plain)
    except ValidationError as failure:
        problems = [_explain(item, model, tree, file) for item in failure.errors(include_url=False)]
        raise error(sorted(problems, key=lambda problem: (problem.place.line, problem.place.column))) from None
    remember(text, plain)
    return Document(content, file, text)


def _tree(text: str, file: str, error: type[InputError]) -> Any:
    """The text as a tree of values that know their places."""
    reader = YAML(typ="rt", pure=True)
    reader.version = None
    try:
        return reader.load(StringIO(text))
    except DuplicateKeyError as failure:
        raise error([_duplicate_key(failure, file)]) from None
    except MarkedYAMLError as failure:
        mark = failure.problem_mark or failure.context_mark
        place = Place(file, mark.line + 1, mark.column + 1) if mark else Place(file)
        what = " ".join(part for part in (failure.context, failure.problem) if part)
        raise error(
            [Problem(place, f"not valid YAML: {what}.", "Check indentation, quotes and colons near this place.")]
        ) from None
    except (YAMLError, ValueError, RecursionError) as failure:
        raise error([Problem(Place(file), f"not valid YAML: {str(failure).splitlines()[0]}")]) from None


def schema_name(model: type[BaseModel]) -> str:
    """The value of the `schema:` line of a format, such as 'protocol/1'; empty for a part of a format."""
    field = model.model_fields.get("schema_")
    arguments = typing.get_args(field.annotation) if field else ()
    return str(arguments[0]) if arguments else ""


def place_in(tree: Any, keys: tuple[Key, ...], file: str) -> Place:
    """The place of the value under `keys` in a ruamel tree, or of the deepest part that exists."""
    node, line, column = tree, 0, 0
    for key in keys:
        try:
            line, column = node.lc.value(key) if isinstance(node, CommentedMap) else node.lc.item(key)
            node = node[key]
        except (KeyError, IndexError, AttributeError, TypeError):
            break
    return Place(file, line + 1, column + 1, path_text(keys))


def path_text(keys: tuple[Key, ...]) -> str:
    """Keys as people write them: arms[0].treatments[1].drug."""
    text = ""
    for key in keys:
        text += f"[{key}]" if isinstance(key, int) else (f".{key}" if text else str(key))
    return text


def _plain(node: Any) -> Any:
    """The tree as plain dicts, lists and scalars, so that pydantic sees no ruamel types."""
    if isinstance(node, CommentedMap):
        return {_scalar(key): _plain(value) for key, value in node.items()}
    if isinstance(node, CommentedSeq):
        return [_plain(value) for value in node]
    return _scalar(node)


def _scalar(value: Any) -> Any:
    for kind in (bool, int, float, str):
        if isinstance(value, kind):
            return kind(value)
    return value


def _duplicate_key(failure: DuplicateKeyError, file: str) -> Problem:
    mark = failure.problem_mark
    what = str(failure.problem).split(" with value")[0].replace('"', "'")
    return Problem(Place(file, mark.line + 1, mark.column + 1), f"{what}.", "Each key may stand once; remove or rename one.")


def _explain(item: Any, model: type[BaseModel], tree: Any, file: str) -> Problem:
    """One pydantic error in our words."""
    keys = tuple(key for key in item["loc"] if _written(tree, key, item["loc"]))
    place = place_in(tree, keys, file)
    kind = item["type"]
    last = keys[-1] if keys else ""
    if kind == "extra_forbidden":
        valid = field_names(model, keys[:-1])
        node = _node(tree, keys[:-1])
        if isinstance(node, CommentedMap) and last in node:
            line, column = node.lc.key(last)
            place = Place(file, line + 1, column + 1, path_text(keys))
        return Problem(place, f"unknown key '{last}'.", did_you_mean(str(last), valid))
    if kind == "missing":
        return Problem(place, f"'{last}' is missing.", "")
    if kind == "literal_error":
        found = str(item["input"])
        expected = [part.strip().strip("'") for part in item["ctx"]["expected"].replace(" or ", ", ").split(",")]
        return Problem(place, f"'{found}' is not possible here.", did_you_mean(found, expected))
    if kind in {"value_error", "assertion_error"}:
        message = str(item["ctx"]["error"]) if "ctx" in item else item["msg"]
        what, _, advice = message.partition("\n")
        return Problem(place, what, advice.strip())
    if kind in {"too_long", "too_short"}:
        bound = f"at most {item['ctx']['max_length']}" if kind == "too_long" else f"at least {item['ctx']['min_length']}"
        return Problem(place, f"'{last}' has {item['ctx']['actual_length']} entries.", f"Expected {bound}.")
    found = "nothing" if item["input"] is None else repr(item["input"])
    shown = found if len(found) <= 60 else found[:57] + "..."
    return Problem(place, f"{item['msg']}; found {shown}.".replace("Input should", "the value should"))


def _written(tree: Any, key: Any, location: tuple[Any, ...]) -> bool:
    """Whether a part of pydantic's location stands in the file (unions add class names that do not)."""
    if isinstance(key, int):
        return True
    return key == location[-1] or not (key[:1].isupper() or "[" in key or key in {"str", "float", "int", "bool"})


def _node(tree: Any, keys: tuple[Key, ...]) -> Any:
    for key in keys:
        try:
            tree = tree[key]
        except (KeyError, IndexError, TypeError):
            return None
    return tree


def field_names(model: type[BaseModel], keys: tuple[Key, ...]) -> list[str]:
    """The keys a format allows under `keys`, as written in files (aliases)."""
    current: Any = model
    for key in keys:
        current = _step(current, key)
    names: list[str] = []
    for option in _models(current):
        names += [field.alias or name for name, field in option.model_fields.items()]
    return names


def _step(annotation: Any, key: Key) -> Any:
    if isinstance(key, int):
        return annotation
    for option in _models(annotation):
        for name, known in option.model_fields.items():
            if key in {name, known.alias}:
                return known.annotation
    return annotation  # a mapping: the key is the user's own


def _models(annotation: Any) -> list[type[BaseModel]]:
    """The pydantic models inside an annotation such as list[Arm] | None."""
    if isinstance(annotation, type) and not isinstance(annotation, types.GenericAlias):
        return [annotation] if issubclass(annotation, BaseModel) else []
    return [found for part in typing.get_args(annotation) for found in _models(part)]
