"""The hooks: each docstring is a contract, and plugins may leave arguments out."""

from __future__ import annotations

import inspect
from pathlib import Path

import pytest

from quorate.contract.hookspecs import Hooks
from quorate.host.admit import HOOKS
from quorate.host.host import open_host

GIVEN = ("facts", "functions")


@pytest.mark.parametrize("name", HOOKS)
def test_hook_says_when_it_is_called_and_what_a_crash_means(name: str) -> None:
    text = inspect.getdoc(getattr(Hooks, name)) or ""
    assert "Called " in text
    assert any(word in text for word in ("crash", "raises", "refuses")), text
    assert len(text.splitlines()) > 2


@pytest.mark.parametrize("name", HOOKS)
def test_hook_is_typed(name: str) -> None:
    signature = inspect.signature(getattr(Hooks, name))
    assert signature.return_annotation is not signature.empty
    for parameter in list(signature.parameters.values())[1:]:
        assert parameter.annotation is not parameter.empty
        assert parameter.default is parameter.empty


@pytest.mark.parametrize("name", [name for name in HOOKS if name not in GIVEN])
def test_arguments_may_be_left_out(name: str, tmp_path: Path) -> None:
    allowed = [*inspect.signature(getattr(Hooks, name)).parameters][1:]
    for count in range(len(allowed) + 1):
        taken = ", ".join(allowed[count:])
        text = f"from quorate import hookimpl\n\n@hookimpl\ndef {name}({taken}):\n"
        (tmp_path / "mine.py").write_text(f"{text}    return [{taken}]\n")
        host = open_host(tmp_path, installed=False)
        answers = host.ask(name, **{key: key for key in allowed})
        [mine] = [answer for answer in answers if answer.plugin == "mine"]
        assert (mine.value, mine.error) == (allowed[count:], "")


def test_every_hook_is_used_by_a_bundled_plugin_or_open_to_users() -> None:
    plugins = open_host(installed=False).plugins.values()
    used = {hook for plugin in plugins for hook in plugin.hooks}
    assert set(HOOKS) - used == {"vote", "check", "commands"}
