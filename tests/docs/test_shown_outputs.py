"""What pages show of commands is what the commands print."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

import pytest

console = import_module("console")
refresh = import_module("refresh")

PAGE = """\
<!-- run: mkdir here -->
```console run
$ cd here
$ printf 'one\\ntwo 12\\nthree\\nfour\\n'
one
...
three
...
```
```yaml write=rules/a.yaml
stop: 1%
rest: 2%
```
```diff edit=rules/a.yaml
-stop: 1%
+stop: 3%
 rest: 2%
```
```console run exit=1
$ cat rules/a.yaml  # what was written
stop: 3%
rest: 2%
$ grep stop rules/a.yaml; false
stop: 3%
```
```console
$ not run
```
"""


def page(tmp_path: Path, text: str) -> Path:
    (tmp_path / "in").mkdir()
    path = tmp_path / "page.md"
    path.write_text(text)
    return path


def differences(tmp_path: Path, text: str) -> list[str]:
    ran = console.run_page(page(tmp_path, text), tmp_path / "in")
    return [told for *_, told in ran if told]


@pytest.mark.parametrize("path", refresh.PAGES, ids=lambda one: one.name)
def test_what_a_page_shows_is_what_is_printed(path: Path, tmp_path: Path) -> None:
    told = [told for *_, told in console.run_page(path, tmp_path) if told]
    assert not told, "write it again: make docs\n\n" + "\n\n".join(told)


def test_a_page_that_is_right_is_kept(tmp_path: Path) -> None:
    path = page(tmp_path, PAGE)
    assert console.rewritten(path, tmp_path / "in") == PAGE


@pytest.mark.parametrize(
    ("right", "wrong"),
    [("three\n...", "two 13\n..."), ("$ grep stop", "$ grep rest"), ("three\n...", "")],
)
def test_what_is_not_printed_is_told(tmp_path: Path, right: str, wrong: str) -> None:
    assert len(differences(tmp_path, PAGE.replace(right, wrong))) == 1


def test_an_output_is_written_again_and_cut_where_it_was(tmp_path: Path) -> None:
    path = page(tmp_path, PAGE.replace("three\n...", "thre\n..."))
    assert console.rewritten(path, tmp_path / "in") == PAGE


def test_a_command_that_ends_otherwise_is_told(tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match="ended with 1"):
        differences(tmp_path, PAGE.replace("run exit=1", "run"))


def test_an_edit_of_lines_that_are_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match="found 0 times"):
        differences(tmp_path, PAGE.replace("-stop: 1%", "-stop: 2%"))


def test_names_and_times_of_runs_may_differ() -> None:
    shown = ["journal runs/a-20260101T120000.sqlite", "order 49982587-1 in 0.11 s"]
    printed = ["journal runs/a-20271231T235959.sqlite", "order 49a825e3-1 in 2.5 s"]
    assert console.fits(shown, printed)
    assert not console.fits(shown, [printed[0], "order 49a825e3-2 in 2.5 s"])
