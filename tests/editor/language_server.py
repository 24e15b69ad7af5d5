"""A small client of a language server: one process, JSON over its pipes, hard limits.

The messages are those of the Language Server Protocol, version 3.17.
"""

from __future__ import annotations

import json
import subprocess
import threading
from collections import deque
from collections.abc import Mapping
from pathlib import Path
from queue import Empty, Queue
from time import monotonic
from typing import Any

PATIENCE_S = 60.0
"""How long an answer may take, on a machine that does much else."""


class LanguageServer:
    """The YAML language server with a folder opened in it; no schema store, offline."""

    def __init__(self, node: Path, script: Path, folder: Path) -> None:
        self.folder = folder
        self.process = subprocess.Popen(
            [str(node), str(script), "--stdio"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        self._messages: Queue[dict[str, Any]] = Queue()
        self._kept: deque[dict[str, Any]] = deque()
        self._asked = self._opened = 0
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        self._begin()

    def _begin(self) -> None:
        self.ask(
            "initialize",
            {
                "processId": None,
                "rootUri": self.folder.as_uri(),
                "capabilities": {
                    "workspace": {"configuration": True},
                    "textDocument": {"completion": {"completionItem": {}}},
                },
                "workspaceFolders": [{"uri": self.folder.as_uri(), "name": "folder"}],
            },
        )
        self.tell("initialized", {})

    def _read(self) -> None:
        """Read messages until the server is gone."""
        pipe = self.process.stdout
        assert pipe is not None
        while True:
            length = 0
            while line := pipe.readline().strip():
                name, _, value = line.partition(b":")
                if name.lower() == b"content-length":
                    length = int(value)
            if not length:
                return
            self._messages.put(json.loads(pipe.read(length)))

    def _send(self, message: Mapping[str, Any]) -> None:
        data = json.dumps({"jsonrpc": "2.0", **message}).encode()
        assert self.process.stdin is not None
        self.process.stdin.write(b"Content-Length: %d\r\n\r\n%b" % (len(data), data))
        self.process.stdin.flush()

    def tell(self, method: str, params: Mapping[str, Any]) -> None:
        """Send a notification."""
        self._send({"method": method, "params": params})

    def ask(self, method: str, params: Mapping[str, Any]) -> Any:
        """Send a request and return its result."""
        self._asked += 1
        number = self._asked
        self._send({"id": number, "method": method, "params": params})
        answer = self._wait(lambda one: one.get("id") == number and "method" not in one)
        assert "error" not in answer, answer
        return answer["result"]

    def _wait(self, wanted: Any) -> dict[str, Any]:
        """Return the first message that is wanted; answer what the server asks."""
        for message in list(self._kept):
            if wanted(message):
                self._kept.remove(message)
                return message
        until_s = monotonic() + PATIENCE_S
        while monotonic() < until_s:
            try:
                message = self._messages.get(timeout=1)
            except Empty:
                assert self.process.poll() is None, "the server has ended"
                continue
            if "id" in message and "method" in message:
                self._answer(message)
            elif wanted(message):
                return message
            else:
                self._kept.append(message)
        raise AssertionError("no answer from the language server")

    def _answer(self, message: Mapping[str, Any]) -> None:
        """Give the server the settings it asks for; it asks for nothing else."""
        yaml = {
            "validate": True,
            "completion": True,
            "hover": True,
            "schemaStore": {"enable": False},
        }
        result: Any = None
        if message["method"] == "workspace/configuration":
            sections = [one.get("section") for one in message["params"]["items"]]
            result = [yaml if section == "yaml" else {} for section in sections]
        self._send({"id": message["id"], "result": result})

    def open(self, path: Path, text: str | None = None) -> str:
        """Open a file beside ``path`` with its content, or another; return its URI.

        Each has a name of its own: the server forgets no file that it has seen.
        """
        self._opened += 1
        fresh = path.with_name(f"{self._opened}-{path.name}")
        content = path.read_text("utf-8") if text is None else text
        fresh.write_text(content, "utf-8")
        uri = fresh.as_uri()
        document = {"uri": uri, "languageId": "yaml", "version": 1, "text": content}
        self.tell("textDocument/didOpen", {"textDocument": document})
        return uri

    def problems(self, path: Path, text: str | None = None) -> list[dict[str, Any]]:
        """Open a file and return what the server underlines in it."""
        uri = self.open(path, text)
        found = self._wait(
            lambda one: (
                one.get("method") == "textDocument/publishDiagnostics"
                and one["params"]["uri"] == uri
            )
        )
        problems: list[dict[str, Any]] = found["params"]["diagnostics"]
        return problems

    def complete(self, path: Path, text: str, line: int, column: int) -> dict[str, Any]:
        """Return what the server offers at a place (0-based), by label."""
        uri = self.open(path, text)
        place = {"line": line, "character": column}
        found = self.ask(
            "textDocument/completion",
            {"textDocument": {"uri": uri}, "position": place},
        )
        items = found["items"] if isinstance(found, dict) else found or []
        return {one["label"]: one for one in items}

    def hover(self, path: Path, line: int, column: int) -> str:
        """Return what the server tells of the word at a place (0-based)."""
        uri = self.open(path)
        place = {"line": line, "character": column}
        found = self.ask(
            "textDocument/hover", {"textDocument": {"uri": uri}, "position": place}
        )
        return json.dumps(found)

    def close(self) -> None:
        """End the server."""
        self.process.kill()
        self.process.wait()
        self._reader.join(PATIENCE_S)
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe is not None:
                pipe.close()
