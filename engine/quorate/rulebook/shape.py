"""Hold rule files against the JSON Schemas, and say what is wrong where.

The only importer of jsonschema.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from decimal import Decimal
from functools import cache
from typing import Any

from jsonschema import Draft7Validator
from jsonschema.exceptions import ValidationError
from referencing import Registry, Resource

from quorate.bundle import bundled
from quorate.rulebook.diagnostics import Edit, Problem, Span, did_you_mean, rewording
from quorate.rulebook.nodes import Path
from quorate.rulebook.text import Document

CODES = {
    "S201": "an unknown key",
    "S202": "a required key is missing",
    "S203": "a value of the wrong type",
    "S204": "a value that is not one of the allowed words",
    "S205": "a value outside its range",
    "S206": "a text that does not have the required form",
    "S207": "nothing where something is needed",
}


@cache
def _validator(name: str) -> Draft7Validator:
    folder = bundled("schemas")
    schemas = {
        path.name: json.loads(path.read_text("utf-8"), parse_float=Decimal)
        for path in sorted(folder.glob("*.schema.json"))
    }
    registry: Registry[Any] = Registry().with_resources(
        (key, Resource.from_contents(schema)) for key, schema in schemas.items()
    )
    return Draft7Validator(schemas[f"{name}.schema.json"], registry=registry)


def section_names() -> tuple[str, ...]:
    """Return the sections a rule file may hold."""
    schema: Any = _validator("rulebook").schema
    return tuple(schema["properties"])


def check_shape(document: Document, schema: str = "rulebook") -> list[Problem]:
    """Return everything in ``document`` that ``schema`` does not allow."""
    return [problem for problem, _ in misshapen(document, schema)]


def misshapen(
    document: Document, schema: str = "rulebook"
) -> list[tuple[Problem, Path]]:
    """Return what ``check_shape`` does, each problem with the path it is about."""
    found: dict[Problem, Path] = {}
    for error in _validator(schema).iter_errors(document.value):
        path = tuple(error.absolute_path)
        for problem in _problems(document, error, path):
            found.setdefault(problem, path)
    return sorted(found.items(), key=lambda pair: (pair[0].span, pair[0].message))


def _problems(
    document: Document, error: ValidationError, path: Path
) -> Iterator[Problem]:
    if error.validator == "additionalProperties":
        yield from _unknown_keys(document, error, path)
    elif error.validator == "required":
        yield from _missing_keys(document, error, path)
    elif "propertyNames" in error.absolute_schema_path:
        name = str(error.instance)
        span = document.key_spans.get((*path, name), document.span(path))
        message = f"`{name}` is not a name"
        advice = "write lower-case words joined by underscores"
        yield _problem(document, "S206", message, span, advice)
    else:
        key = path[-1] if path and isinstance(path[-1], str) else "the item"
        code, message, advice = _say(error, f"`{key}`" if key in path else key)
        found = _problem(document, code, message, document.span(path), advice)
        yield replace(found, edit=_near_word(error, found))


def _near_word(error: ValidationError, found: Problem) -> Edit | None:
    """Return the edit that makes a word one of those allowed."""
    value: Any = error.instance
    words: Any = error.validator_value
    if error.validator != "enum" or not isinstance(value, str):
        return None
    near = did_you_mean(value, map(str, words))
    return rewording(found.span, found.source, value, near) if near else None


def _schema(error: ValidationError) -> Mapping[str, Any]:
    return error.schema if isinstance(error.schema, Mapping) else {}


def _properties(error: ValidationError) -> Mapping[str, Any]:
    properties: Mapping[str, Any] | None = _schema(error).get("properties")
    if properties is None and error.absolute_path:
        # What is asked of a rule without a table stands beside its properties.
        section: Any = _validator(str(error.absolute_path[0])).schema
        properties = section.get("items", {}).get("properties", {})
    return properties or {}


def _unknown_keys(
    document: Document, error: ValidationError, path: Path
) -> Iterator[Problem]:
    known = list(_properties(error))
    keys: Any = error.instance
    for key in keys:
        if key in known:
            continue
        free = [word for word in known if word not in keys]
        near = did_you_mean(str(key), free or known)
        listed = ", ".join(known)
        advice = f'did you mean "{near}"?' if near else f"the keys here are {listed}"
        span = document.key_spans.get((*path, key), document.span((*path, key)))
        found = _problem(document, "S201", f"unknown key `{key}`", span, advice)
        edit = rewording(span, found.source, str(key), near) if near else None
        yield replace(found, edit=edit)


def _missing_keys(
    document: Document, error: ValidationError, path: Path
) -> Iterator[Problem]:
    known = _properties(error)
    keys: Any = error.instance
    required: Any = error.validator_value
    extra = [str(key) for key in keys if key not in known]
    for missing in required:
        # A misspelt key is one problem, not two.
        if missing in keys or did_you_mean(missing, extra):
            continue
        message = f"key `{missing}` is missing"
        advice = known.get(missing, {}).get("description", "")
        yield _problem(document, "S202", message, document.span(path), advice)


_TYPES = {
    "string": "a text",
    "number": "a number",
    "integer": "a whole number",
    "boolean": "true or false",
    "object": "a mapping",
    "array": "a list",
}


def _say(error: ValidationError, key: str) -> tuple[str, str, str]:
    """Return code, message and advice for one schema error."""
    limit: Any = error.validator_value
    value: Any = error.instance
    shown = _show(value)
    advice = str(_schema(error).get("description", ""))
    kind = str(error.validator)
    if kind == "type":
        types = [limit] if isinstance(limit, str) else limit
        wanted = " or ".join(_TYPES.get(name, name) for name in types)
        return "S203", f"{key} must be {wanted}, was {shown}", advice
    if kind == "enum":
        words = [str(word) for word in limit]
        near = did_you_mean(str(value), words)
        advice = f'did you mean "{near}"?' if near else advice
        return "S204", f"{key} must be {' or '.join(words)}, was {shown}", advice
    if kind in _RANGES:
        return "S205", f"{key} must be {_RANGES[kind]} {limit}, was {shown}", advice
    if kind in ("minItems", "minProperties", "minLength"):
        return "S207", f"{key} is empty", advice
    return "S206", f"{key} does not have the required form, was {shown}", advice


_RANGES = {
    "minimum": "at least",
    "maximum": "at most",
    "exclusiveMinimum": "greater than",
    "maxLength": "no longer than",
}


def _show(value: object) -> str:
    if isinstance(value, bool | None):
        return {True: "true", False: "false", None: "null"}[value]
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, list):
        return "a list"
    text = f"{value!r}" if isinstance(value, str) else str(value)
    return text if len(text) <= 40 else text[:37] + "..."


def _problem(
    document: Document, code: str, message: str, span: Span, advice: str
) -> Problem:
    return Problem(code, message, span, help=advice, source=source_line(document, span))


def source_line(document: Document, span: Span) -> str:
    """Return the text of the line that ``span`` starts on."""
    return document.lines[span.line - 1] if span.line <= len(document.lines) else ""
