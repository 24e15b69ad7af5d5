"""Keys come from where only their owner can read them, and no message says them."""

import base64
import os
import stat
import sys
from pathlib import Path

import pytest

from quorate.drivers.keys import (
    flaw_of,
    hide_keys,
    load_keys,
    looks_like_a_key,
    warning_of,
)
from quorate.errors import WorkspaceError

KEY = "K1yT8BvS+Cd0/aBcDeFgHiJkLmNoPqRsTuVwXyZ0123456789abcdefgh"
SECRET = base64.b64encode(bytes(range(7, 71))).decode()


def write(folder: Path, text: str = f"{KEY}\n{SECRET}\n", mode: int = 0o600) -> Path:
    path = folder / "exchange.key"
    path.write_text(text)
    path.chmod(mode)
    return path


def refusal(reference: str, root: Path) -> str:
    with pytest.raises(WorkspaceError) as caught:
        load_keys(reference, root)
    told = str(caught.value)
    assert KEY not in told
    assert SECRET not in told
    return told


def test_a_file_gives_key_and_secret(tmp_path: Path) -> None:
    write(tmp_path)
    keys = load_keys("file:exchange.key", tmp_path)
    assert (keys.key, keys.secret) == (KEY, SECRET)
    assert KEY not in repr(keys)
    assert SECRET not in repr(keys)


def test_a_secret_of_several_lines_stays_whole(tmp_path: Path) -> None:
    pem = "-----BEGIN EC PRIVATE KEY-----\nMHcCAQEEIOaH\n-----END EC PRIVATE KEY-----"
    write(tmp_path, f"name\r\n{pem}\n")
    assert load_keys("file:exchange.key", tmp_path).secret == pem


def test_an_absolute_path_and_home_are_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    for reference in (f"file:{path}", "file:~/exchange.key"):
        assert load_keys(reference, Path("/nowhere")).key == KEY


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o602, 0o666, 0o610])
def test_a_file_that_others_may_use_is_refused(tmp_path: Path, mode: int) -> None:
    path = write(tmp_path, mode=mode)
    told = refusal("file:exchange.key", tmp_path)
    assert f"mode {mode:04o}" in told
    assert f"chmod 600 {path}" in told


def test_a_link_is_refused(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(write(tmp_path))
    assert "is a link" in refusal("file:link", tmp_path)


def test_what_is_no_regular_file_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe", 0o600)
    (tmp_path / "folder").mkdir(mode=0o700)
    for name in ("pipe", "folder"):
        assert "not a regular file" in refusal(f"file:{name}", tmp_path)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_a_file_of_another_user_is_refused(tmp_path: Path) -> None:
    os.chown(write(tmp_path), 12345, 12345)
    assert "belongs to another user (uid 12345" in refusal(
        "file:exchange.key", tmp_path
    )


def test_a_folder_that_everybody_may_write_is_refused(tmp_path: Path) -> None:
    write(tmp_path)
    tmp_path.chmod(stat.S_IRWXU | stat.S_IWOTH)
    assert "everybody may write" in refusal("file:exchange.key", tmp_path)
    tmp_path.chmod(stat.S_IRWXU)
    assert load_keys("file:exchange.key", tmp_path).key == KEY


def test_a_missing_file_says_how_to_write_one(tmp_path: Path) -> None:
    told = refusal("file:none.key", tmp_path)
    assert "no such file" in told
    assert "chmod 600" in told


@pytest.mark.parametrize("text", ["", KEY, f"{KEY}\n", f"\n\n{KEY}\n\n", "\0" * 20_000])
def test_a_file_without_both_lines_is_refused(tmp_path: Path, text: str) -> None:
    write(tmp_path, text)
    assert "first line" in refusal("file:exchange.key", tmp_path)


def test_a_file_that_is_no_text_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path)
    path.write_bytes(b"\xff\xfe\n\xff")
    assert "first line" in refusal("file:exchange.key", tmp_path)


def test_the_environment_gives_both_and_keeps_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TEST_KEY", KEY)
    assert "TEST_SECRET not set" in refusal("env:TEST", tmp_path)
    monkeypatch.setenv("TEST_SECRET", SECRET)
    keys = load_keys("env:TEST", tmp_path)
    assert (keys.key, keys.secret) == (KEY, SECRET)
    assert "TEST_KEY" not in os.environ
    assert "TEST_SECRET" not in os.environ
    assert "/proc" in warning_of("env:TEST")
    assert not warning_of("file:exchange.key")


def test_a_keyring_gives_both(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = {("home", "key"): KEY, ("home", "secret"): SECRET}
    ring = tmp_path / "keyring.py"
    ring.write_text(f"get_password = lambda *asked: {kept!r}.get(asked)\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "keyring", raising=False)
    assert load_keys("keyring:home", tmp_path).secret == SECRET
    assert "keyring set away key" in refusal("keyring:away", tmp_path)


def test_a_keyring_that_fails_is_told_without_its_text(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ring = tmp_path / "keyring.py"
    ring.write_text(f"def get_password(*_): raise RuntimeError({SECRET!r})\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "keyring", raising=False)
    assert "RuntimeError; unlock it" in refusal("keyring:home", tmp_path)


def test_a_missing_keyring_library_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "keyring", None)
    assert "pip install keyring" in refusal("keyring:home", tmp_path)


@pytest.mark.parametrize(
    "reference", [KEY, SECRET, f"file:{SECRET}", f"env:{KEY[13:]}", "0123abcd" * 8]
)
def test_a_key_in_place_of_a_place_is_refused(reference: str, tmp_path: Path) -> None:
    assert "looks like a key itself" in flaw_of(reference)
    assert reference not in refusal(reference, tmp_path)


@pytest.mark.parametrize(
    "reference", ["", "file", "file:", "vault:x", "env:a b", "keyring:"]
)
def test_a_text_that_names_no_place_says_how(reference: str) -> None:
    assert "file:PATH" in flaw_of(reference)


@pytest.mark.parametrize(
    "reference",
    [
        "file:exchange.key",
        "file:/home/someone/a-folder/of-keys/exchange-2024.key",
        "env:EXCHANGE",
        "keyring:exchange",
    ],
)
def test_a_place_is_no_key(reference: str) -> None:
    assert flaw_of(reference) == ""


def test_what_looks_like_a_key_is_taken_out_of_messages() -> None:
    assert looks_like_a_key(SECRET)
    assert hide_keys(f"  apiKey: {SECRET}  # mine") == "  apiKey: [hidden]  # mine"
    plain = "unknown key `simbols`: the keys here are name, tier, symbols"
    assert hide_keys(plain) == plain
