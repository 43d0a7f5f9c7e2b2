"""What a contract can say, key by key: `python -m schemas.books.contracts > docs/contracts.md`."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from typing import Any, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from schemas.books.markdown import table
from schemas.sources import Source, feeds

_BLANK = re.compile(r"\s+")


def contract_book() -> str:
    """Every model that a contract is made of, the institution first, with its keys and what its docstring says of them."""
    lines = [
        "# What a contract can say",
        "",
        "Generated from the models in `schemas/sources`; do not edit. How to write one: [institutions.md](institutions.md).",
        "",
        "A key without a default must be said. What stands for a default is what holds where it is not.",
        "",
    ]
    for model in _models(Source):
        said = _said_of(model)
        shared = [_title(base) for base in _bases(model)]
        lines += [
            f"## {_title(model)}",
            "",
            " ".join([said.get("", ""), *(f"All that {one} says, and:" for one in shared)]),
        ]
        lines.append("")
        rows = [
            (f"`{name}`", _kind(one.annotation), _default(one), said.get(name, ""))
            for name, one in model.model_fields.items()
            if name in model.__annotations__ and name not in _FILLED and not _title(model).startswith(f"{name}: ")
        ]
        lines += table(("key", "what", "default", "meaning"), rows) if rows else ()
    return "\n".join(lines)


_FILLED = {"merchants", "rates", "lookups"}
"""What the loader fills in, and no contract says."""


def _title(model: type[BaseModel]) -> str:
    """What a model is called: of what several kinds have, the word that tells which it is."""
    for name in ("kind", "layout"):
        field = model.model_fields.get(name)
        if field is not None and (told := get_args(field.annotation)) and len(told) == 1:
            return f"{name}: {told[0]}"
    return model.__name__.strip("_")


def _bases(model: type[BaseModel]) -> list[type[BaseModel]]:
    """What a model builds on, of that which contracts are made of."""
    return [base for base in model.__bases__ if base.__name__.startswith("_") and issubclass(base, BaseModel)]


def _models(first: type[BaseModel]) -> Iterator[type[BaseModel]]:
    """The models that one is made of, each once, in the order in which they are named."""
    waiting, seen = [first], {first}
    while waiting:
        model = waiting.pop(0)
        yield model
        for one in model.model_fields.values():
            for inner in _inner(one.annotation):
                for each in (*_bases(inner), inner):
                    if each not in seen and each.__module__.startswith(feeds.__name__.rpartition(".")[0]):
                        seen.add(each)
                        waiting.append(each)


def _inner(annotation: Any) -> Iterator[type[BaseModel]]:
    """The models in a type, however deep."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for part in get_args(annotation):
        yield from _inner(part)


def _kind(annotation: Any) -> str:
    """A type in the words of YAML."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return _title(annotation)
    origin, parts = get_origin(annotation), get_args(annotation)
    if str(origin) == "typing.Literal":
        return " or ".join(f"`{part}`" for part in parts)
    if origin is list:
        return f"list of {_kind(parts[0])}"
    if origin is dict:
        return f"{_kind(parts[0])} → {_kind(parts[1])}"
    if str(origin) == "typing.Annotated" or hasattr(annotation, "__metadata__"):
        return _kind(parts[0])
    if parts and origin is not None:
        return " or ".join(dict.fromkeys(_kind(part) for part in parts if part is not type(None)))
    return {"str": "text", "int": "number", "float": "number", "bool": "yes or no"}.get(
        getattr(annotation, "__name__", str(annotation)), getattr(annotation, "__name__", str(annotation))
    )


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return ""
    value = field.get_default(call_default_factory=True)
    if value is None or value == [] or value == {}:
        return "none"
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"


def _said_of(model: type[BaseModel]) -> dict[str, str]:
    """What docstrings say of each key, the model's own before those that it builds on; under no name what it is."""
    found: dict[str, str] = {}
    for one in model.__mro__:
        if not (isinstance(one, type) and issubclass(one, BaseModel)) or one is BaseModel or "__doc__" not in vars(one):
            continue
        for name, said in _parts(inspect.cleandoc(one.__doc__ or ""), set(model.model_fields)):
            found.setdefault(name, said)
    return found


def _parts(text: str, names: set[str]) -> Iterator[tuple[str, str]]:
    """A docstring, cut where a sentence or a line begins with the names of keys and a colon."""
    one_of = "|".join(sorted(names, key=len, reverse=True))
    form = re.compile(rf"(?:(?<=\. )|(?<=\n)|(?<=\n    ))((?:{one_of})(?:, (?:{one_of}))*): ")
    cuts = list(form.finditer(text))
    yield "", _BLANK.sub(" ", text[: cuts[0].start()] if cuts else text).strip()
    for cut, after in zip(cuts, [*(one.start() for one in cuts[1:]), len(text)]):
        said = _BLANK.sub(" ", text[cut.end() : after]).strip()
        for name in cut[1].split(", "):
            yield name, said


if __name__ == "__main__":
    print(contract_book(), end="")
