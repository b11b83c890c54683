"""`mayday check`, contract: what the OpenAPI document no longer keeps of what an earlier one promised. Pure.

A request that was right must stay right, and an answer may hold nothing that clients of the earlier document do not
know: so fields of a request may become optional and those of an answer may not, and so on with types and bounds.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from typing import Any

Schema = dict[str, Any]
METHODS = ("get", "put", "post", "delete", "patch")
LOWER_BOUNDS = ("minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties")
NAMES = re.compile(r"\^\(([\w|]+)\)\(,\(\1\)\)\*\$")  # some of these names, with commas between them
UPPER_BOUNDS = ("maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties")


class Way(Enum):
    """Who sends what a schema describes."""

    request = "request"
    answer = "answer"


def find_breaks(old: Schema, new: Schema) -> list[str]:
    """Each promise of `old` that `new` does not keep, in a line. Both are whole documents."""
    comparison = Comparison(old, new, set())
    return [line for path in old["paths"] for line in comparison.path(path)]


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two documents; `seen` are the pairs of named schemas that were compared, each once for a way."""

    old: Schema
    new: Schema
    seen: set[tuple[Any, ...]]

    def path(self, path: str) -> Iterator[str]:
        methods = self.new["paths"].get(path, {})
        for method, operation in self.old["paths"][path].items():
            if method not in METHODS:
                continue
            name = f"{method.upper()} {path}"
            if method not in methods:
                yield f"{name}: gone"
            else:
                yield from self.operation(name, operation, methods[method])

    def operation(self, name: str, old: Schema, new: Schema) -> Iterator[str]:
        if old["operationId"] != new["operationId"]:
            yield f"{name}: operationId {old['operationId']} became {new['operationId']}: methods of clients are named so"
        missing = [one for one in old.get("security", []) if one not in new.get("security", [])]
        if missing or (new.get("security") and not old.get("security")):
            yield f"{name}: keys are asked for in another way"
        yield from self.parameters(name, old, new)
        yield from self.bodies(name, old.get("requestBody"), new.get("requestBody"))
        for status, answer in old["responses"].items():
            if status not in new["responses"]:
                yield f"{name}: the answer {status} is gone"
                continue
            content = new["responses"][status].get("content", {})
            yield from self.contents(f"{name} {status}", answer.get("content", {}), content, Way.answer)

    def parameters(self, name: str, old: Schema, new: Schema) -> Iterator[str]:
        before, after = ({(p["in"], p["name"]): p for p in one.get("parameters", [])} for one in (old, new))
        for key, parameter in before.items():
            if key not in after:
                yield f"{name}: parameter {key[1]} is gone, and unknown ones are refused"
            else:
                where = f"{name}: parameter {key[1]}"
                yield from self.schemas(where, parameter["schema"], after[key]["schema"], Way.request)
        for key, parameter in after.items():
            if parameter.get("required") and not before.get(key, {}).get("required"):
                yield f"{name}: parameter {key[1]} became required"

    def bodies(self, name: str, old: Schema | None, new: Schema | None) -> Iterator[str]:
        if new and new.get("required") and not (old and old.get("required")):
            yield f"{name}: a body became required"
        if old and not new:
            yield f"{name}: the body is gone"
        if old and new:
            yield from self.contents(f"{name} body", old["content"], new["content"], Way.request)

    def contents(self, where: str, old: Schema, new: Schema, way: Way) -> Iterator[str]:
        for media_type, content in old.items():
            if media_type not in new:
                yield f"{where}: {media_type} is gone"
            else:
                yield from self.schemas(where, content.get("schema", {}), new[media_type].get("schema", {}), way)

    def schemas(self, where: str, old: Schema, new: Schema, way: Way) -> Iterator[str]:
        """Every form that one side may send must be one that the other side takes."""
        names = (way, old.get("$ref"), new.get("$ref"))
        if names[1] and names[2]:
            if names in self.seen:
                return
            self.seen.add(names)
        before, after = list(forms_of(old, self.old)), list(forms_of(new, self.new))
        sent, taken = (before, after) if way is Way.request else (after, before)
        for one in sent:
            candidates = [other for other in taken if takes_kind(kind_of(one), kind_of(other))]
            if not candidates:
                is_gone = "is no longer taken" if way is Way.request else "may come now"
                yield f"{where}: {kind_of(one)} {is_gone}"
                continue
            pairs = [(one, other) if way is Way.request else (other, one) for other in candidates]
            findings = [list(self.forms(where, *pair, way)) for pair in pairs]
            yield from min(findings, key=len)

    def forms(self, where: str, old: Schema, new: Schema, way: Way) -> Iterator[str]:
        """Two forms of one kind."""
        sent, taken = (old, new) if way is Way.request else (new, old)
        if "enum" in taken and (alien := [one for one in sent.get("enum", ["any other"]) if one not in taken["enum"]]):
            yield f"{where}: {', '.join(map(str, alien))} {'is refused' if way is Way.request else 'may come'} now"
        if way is Way.request:
            yield from (f"{where}: {name} is stricter" for name in narrowed(old, new))
        elif (read_as := old.get("format")) not in (None, new.get("format")):
            yield f"{where}: clients read it as {read_as}, which it no longer is"
        if "items" in old and "items" in new:
            yield from self.schemas(f"{where}[]", old["items"], new["items"], way)
        if kind_of(old) == "object":
            yield from self.objects(where, old, new, way)

    def objects(self, where: str, old: Schema, new: Schema, way: Way) -> Iterator[str]:
        before, after = old.get("properties", {}), new.get("properties", {})
        for name, schema in before.items():
            if name not in after:
                yield f"{where}.{name}: gone"
            else:
                yield from self.schemas(f"{where}.{name}", schema, after[name], way)
        before_needed, after_needed = set(old.get("required", ())), set(new.get("required", ()))
        if way is Way.request:
            yield from (f"{where}.{name}: became required" for name in sorted(after_needed - before_needed))
            if new.get("additionalProperties") is False and old.get("additionalProperties") is not False:
                yield f"{where}: other fields are refused now"
        else:
            gone = before_needed - after_needed
            yield from (f"{where}.{name}: may be missing now" for name in sorted(gone & after.keys()))
        others_before, others_after = old.get("additionalProperties"), new.get("additionalProperties")
        if isinstance(others_before, dict) and isinstance(others_after, dict):
            yield from self.schemas(f"{where}.*", others_before, others_after, way)


def forms_of(schema: Schema, document: Schema) -> Iterator[Schema]:
    """The schema's alternatives, with names looked up."""
    if "$ref" in schema:
        yield from forms_of(document["components"]["schemas"][schema["$ref"].rpartition("/")[2]], document)
    elif alternatives := schema.get("anyOf") or schema.get("oneOf"):
        for one in alternatives:
            yield from forms_of(one, document)
    else:
        yield schema | ({"enum": [schema["const"]]} if "const" in schema else {})


def kind_of(form: Schema) -> str:
    """The JSON type; "any value" where none is said."""
    return str(form.get("type", "any value"))


def takes_kind(sent: str, taken: str) -> bool:
    return taken in (sent, "any value") or (sent, taken) == ("integer", "number")


def narrowed(old: Schema, new: Schema) -> Iterator[str]:
    """The bounds and rules by which `new` takes less than `old`."""
    for name in LOWER_BOUNDS:
        if name in new and (name not in old or new[name] > old[name]):
            yield name
    for name in UPPER_BOUNDS:
        if name in new and (name not in old or new[name] < old[name]):
            yield name
    if "pattern" in new and not takes_all(new["pattern"], old.get("pattern")):
        yield "pattern"
    if "format" in new and new["format"] != old.get("format"):
        yield "format"


def takes_all(pattern: str, before: str | None) -> bool:
    """Whether it takes what the one before took: it is the same, or both are of lists of names, of which there are more now."""
    if before is None or pattern == before:
        return pattern == before
    listed, listed_before = NAMES.fullmatch(pattern), NAMES.fullmatch(before)
    if listed is None or listed_before is None:
        return False
    return set(listed_before[1].split("|")) <= set(listed[1].split("|"))
