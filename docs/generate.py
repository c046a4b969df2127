"""Write docs/settings.md from the settings model and docs/keys.md from the key bindings.

    python docs/generate.py

A test fails while a page is out of date.
"""

from __future__ import annotations

import ast
import inspect
import re
import sys
import textwrap
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

HERE = Path(__file__).parent
if str(HERE.parent) not in sys.path:
    sys.path.insert(0, str(HERE.parent))

from pydantic import BaseModel, SecretStr  # noqa: E402
from pydantic.fields import FieldInfo  # noqa: E402

COMMAND = "python docs/generate.py"
GENERATED = f"<!-- Written by `{COMMAND}`: change the docstrings and tooltips that it reads, and run it. -->"

SETTINGS_INTRODUCTION = """\
# Settings

Each setting can be given on the command line, as an environment variable and in the settings file. The order, strongest
first:

1. the command line
2. `NATSTUI_…` variables
3. the nats context in force, and `NATS_…` variables: servers, credentials and TLS only
4. the settings file, `config.toml` in the platform's directory for configuration; `natstui config path` prints its
   place, `--config FILE` or `NATSTUI_CONFIG` names another
5. the default

`natstui config` prints each value in force and where it came from, secrets masked.
[Connect options](connect-options.md) lists those that concern the connection under all their names, with the test that
proves each.

A *duration* is a number of seconds, or text such as `"30m"`, `"1m30s"`, `"250ms"`. *True or false* is `true` or `false`
in the file; variables take `1`, `yes`, `on` as well. Secrets have no option, as other users can read the command line:
use the file, the variable, or an option that names a file. The column *in the file* shows the default, if there is one.
"""

KEYS_INTRODUCTION = """\
# Keys

`F1` shows the keys that do something where you are; `ctrl+p`, the palette, lists the same actions to search. A single
letter never acts while a text field has the focus. Every key can be changed under its id, in the settings file:

```toml
[keymap]
"dashboard.zoom" = "f11"
"dashboard.close_panel" = "ctrl+w,f4"
```

Several keys stand with commas between them. natstui says at its start which entries of a keymap it cannot use.
"""

SECTIONS = {
    "app": "everywhere",
    "dashboard": "the dashboard",
    "panel": "any panel",
    "subscribe": "subscribe panel",
    "publish": "publish panel",
    "request": "request panel",
    "messages": "list of messages",
    "filter": "filter of a list",
    "message": "a message whole",
    "replies": "list of replies",
    "screen": "any screen above the dashboard",
    "connections": "F2, connections",
    "connection_table": "F2, list of connections",
    "events": "F3, events",
    "event_list": "list of events",
    "contexts": "contexts",
    "dialog": "dialogs with fields",
    "drill": "fault drill",
    "choice": "a choice of words",
    "confirm": "questions",
    "new_panel": "new panel",
    "history": "history of what was published",
    "start": "a first start without a server",
}
"""The first part of bindings' ids → what they belong to, in the page's order; others follow under their own name."""


class UndescribedError(Exception):
    """Something that a page tells of has no description."""


def pages() -> dict[Path, str]:
    """Each generated page, by its path."""
    return {HERE / "settings.md": settings_page(), HERE / "keys.md": keys_page()}


# Settings


def settings_page() -> str:
    """Every field of the settings model."""
    from natstui.settings import Settings

    lines = [SETTINGS_INTRODUCTION, GENERATED, ""]
    for title, names in _groups(Settings).items():
        lines += [f"## {title}", "", *_settings_table(Settings, names)]
    for name, field in Settings.model_fields.items():
        for model in _models(field.annotation):
            lines += [f"## {name}: its fields", "", *_fields_table(model)]
    return "\n".join(lines)


def _groups(settings: type[BaseModel]) -> dict[str, list[str]]:
    """Fields under the titles that the command line's help gives them; those without an option with their like."""
    options, groups, title = _options(), dict[str, list[str]](), ""
    for name in settings.model_fields:
        title = options.get(name, options.get(f"{name}_file", (title, "")))[0] or title
        groups.setdefault(title[:1].upper() + title[1:], []).append(name)
    return groups


def _options() -> dict[str, tuple[str, str]]:
    """Field → the title under which the help shows its options, and these options."""
    from natstui.arguments import build_parser

    found: dict[str, tuple[str, str]] = {}
    for group in build_parser()._action_groups:
        for action in group._group_actions:
            words = [
                f"`{word}`" if action.nargs == 0 or action.metavar is None else f"`{word} {action.metavar}`"
                for word in action.option_strings
            ]
            if action.dest in found:
                words.insert(0, found[action.dest][1])
            if words:
                found[action.dest] = group.title or "", ", ".join(words)
    return found


def _settings_table(settings: type[BaseModel], names: Iterable[str]) -> list[str]:
    options, meanings = _options(), _meanings(settings)
    rows = [
        (
            f"`{name}`",
            _type_words(name, field),
            _default(name, field),
            _in_file(name, field),
            f"`NATSTUI_{name.upper()}`",
            options.get(name, ("", "–"))[1],
            meanings[name],
        )
        for name, field in settings.model_fields.items()
        if name in names
    ]
    return _table(("setting", "type", "default", "in the file", "variable", "command line", "meaning"), rows)


def _fields_table(model: type[BaseModel]) -> list[str]:
    meanings = _meanings(model)
    rows = [
        (f"`{name}`", _type_words(name, field), _default(name, field), meanings[name])
        for name, field in model.model_fields.items()
    ]
    return _table(("field", "type", "default", "meaning"), rows)


def _meanings(model: type[BaseModel]) -> dict[str, str]:
    """What each field means: its docstring, else that of the connect option of its name."""
    from natstui.connection.options import ConnectOptions

    own, options = attribute_docstrings(model), attribute_docstrings(ConnectOptions)
    meanings = {name: own.get(name) or options.get(name, "") for name in model.model_fields}
    for name, meaning in meanings.items():
        if not meaning:
            raise UndescribedError(f"{model.__name__}.{name} has no docstring: write one below the field")
    return meanings


def attribute_docstrings(described: type) -> dict[str, str]:
    """The text below each field of a class, on one line."""
    (body,) = ast.parse(textwrap.dedent(inspect.getsource(described))).body
    assert isinstance(body, ast.ClassDef)
    found: dict[str, str] = {}
    for field, below in zip(body.body, body.body[1:], strict=False):
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name) and isinstance(below, ast.Expr):
            value = below.value
            if isinstance(value, ast.Constant) and isinstance(value.value, str):
                found[field.target.id] = " ".join(value.value.replace("``", "`").split())
    return found


def _parts(annotation: Any) -> Iterator[Any]:
    """The types that a union, a container or an annotated type is made of."""
    inner = [part for part in get_args(annotation) if isinstance(part, type) or get_origin(part) is not None]
    if inner and get_origin(annotation) is not Literal:
        for part in inner:
            yield from _parts(part)
    else:
        yield annotation


def _models(annotation: Any) -> Iterator[type[BaseModel]]:
    return (part for part in _parts(annotation) if isinstance(part, type) and issubclass(part, BaseModel))


def _type_words(name: str, field: FieldInfo) -> str:
    annotation = field.annotation
    if get_origin(annotation) in (Union, UnionType):
        (annotation,) = (part for part in get_args(annotation) if part is not NoneType)
    if get_origin(annotation) is Annotated:
        annotation = get_args(annotation)[0]
    if get_origin(annotation) is Literal:
        return " or ".join(f"`{value}`" for value in get_args(annotation))
    if get_origin(annotation) is dict:
        return "table; JSON in the variable"
    if name == "servers":
        return "list of URLs; in the variable with commas between them"
    if get_origin(annotation) in (tuple, list):
        return "list"
    words: dict[type, str] = {
        bool: "true or false",
        int: "whole number",
        float: "duration",
        str: "text",
        Path: "path of a file",
        SecretStr: "secret text",
    }
    if annotation not in words:
        raise UndescribedError(f"the type of {name}, {annotation}, has no words: add them to {Path(__file__).name}")
    return words[annotation]


def _default(name: str, field: FieldInfo) -> str:
    from natstui.settings import shown

    value = field.get_default(call_default_factory=True)
    if name == "max_reconnects" and value is None:
        return "`unlimited`"
    if value is None or value in ("", {}, ()):
        return "–"
    if field.annotation is float:
        return f"`{shown('ping_interval', value)}`"
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    return f"`{', '.join(value) if isinstance(value, tuple) else value}`"


def _in_file(name: str, field: FieldInfo) -> str:
    if get_origin(field.annotation) is dict:
        return f"`[{name}]`" if not any(_models(field.annotation)) else f'`[{name}."…"]`'
    default = _default(name, field).strip("`")
    value = field.get_default(call_default_factory=True)
    if isinstance(value, bool | int):
        return f"`{name} = {default}`"
    if isinstance(value, tuple):
        return f'`{name} = ["{default}"]`'
    return f'`{name} = "{"…" if default == "–" else default}"`'


# Keys


def keys_page() -> str:
    """Every binding with an id."""
    lines = [KEYS_INTRODUCTION, GENERATED, ""]
    for title, rows in _key_sections().items():
        lines += [f"## {title[:1].upper()}{title[1:]}", "", *_table(("key", "action", "what it does", "id"), rows)]
    return "\n".join(lines)


def _key_sections() -> dict[str, list[tuple[str, str, str, str]]]:
    from natstui.widgets.key_line import key_words

    found: dict[str, list[tuple[str, str, str, str]]] = {}
    for name, (keys, words, tooltip) in _bindings().items():
        if not tooltip:
            raise UndescribedError(f"the binding {name} has no tooltip: give it one")
        shown = ", ".join(f"`{key_words(key).replace('^', 'ctrl+')}`" for key in keys.split(","))
        section = name.partition(".")[0]
        title = SECTIONS.get(section, section.replace("_", " "))
        found.setdefault(title, []).append((shown, words[:1].upper() + words[1:], tooltip, f"`{name}`"))
    order = {title: number for number, title in enumerate(SECTIONS.values())}
    return {title: _folded(found[title]) for title in sorted(found, key=lambda title: order.get(title, len(order)))}


def _folded(rows: list[tuple[str, str, str, str]]) -> list[tuple[str, str, str, str]]:
    """Rows that differ by a digit only, as one row."""
    alike: dict[str, list[tuple[str, str, str, str]]] = {}
    for row in rows:
        name = row[-1]
        alike.setdefault(re.sub(r"\d", "N", name), []).append(row)
    return [
        (
            f"{many[0][0]} … {many[-1][0]}",
            re.sub(r"\d", "N", many[0][1]),
            re.sub(r"\d", "N", many[0][2]),
            f"{many[0][3]} … {many[-1][3]}",
        )
        if len(many) > 1
        else many[0]
        for many in alike.values()
    ]


def _bindings() -> dict[str, tuple[str, str, str]]:
    """Id → keys, words, tooltip: the registry's, and those that widgets have beside it."""
    from textual.binding import Binding
    from textual.dom import DOMNode

    from natstui.binding_ids import ids_of_widgets
    from natstui.keys import KEYS

    found = {name: (key.keys, key.words, key.tooltip) for name, key in KEYS.items()}
    ids_of_widgets()
    for one in _subclasses(DOMNode):
        if one.__module__.startswith("natstui"):
            for binding in one.__dict__.get("BINDINGS", ()):
                if isinstance(binding, Binding) and binding.id:
                    found.setdefault(binding.id, (binding.key, binding.description, binding.tooltip))
    return found


def _subclasses(parent: type) -> list[type]:
    children = sorted(parent.__subclasses__(), key=lambda child: (child.__module__, child.__qualname__))
    return [one for child in children for one in (child, *_subclasses(child))]


# Markdown


def _table(titles: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> list[str]:
    lines = [titles, *rows]
    written = [f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in row)} |" for row in lines]
    return [written[0], "|---" * len(titles) + "|", *written[1:], ""]


def outdated(now: Mapping[Path, str]) -> list[Path]:
    """The pages that do not say what they should."""
    return [path for path, text in now.items() if not path.exists() or path.read_text("utf-8") != text]


if __name__ == "__main__":
    current = pages()
    for path in outdated(current):
        path.write_text(current[path], "utf-8")
        print(f"wrote {path}")
