"""The command line as people meet it: what it prints, and the code it ends with."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from quorate import __version__
from quorate.drivers.demo_tape import demo_tapes
from quorate.face import tape_run
from quorate.face.cli import MODULES, cli

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "tests" / "examples"
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT / "engine"), "COLUMNS": "160"}


def quorate(*words: object, where: Path | None = None) -> Result:
    chosen = ["-w", str(where)] if where else []
    return CliRunner().invoke(cli, [*chosen, *map(str, words)])


def real(*words: str, cwd: Path, **extra: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "quorate", *words],
        cwd=cwd,
        env={**ENVIRONMENT, **extra},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    assert quorate("init", tmp_path / "w").exit_code == 0
    return tmp_path / "w"


@pytest.fixture(scope="module")
def traded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace with one finished run."""
    root = tmp_path_factory.mktemp("traded")
    assert quorate("init", root).exit_code == 0
    assert quorate("run", "--quiet", where=root).exit_code == 0
    return root


def test_help_names_every_command_and_the_exit_codes() -> None:
    shown = quorate("--help")
    assert shown.exit_code == 0
    for name in MODULES:
        assert f"\n  {name} " in shown.output
        assert quorate(name, "--help").exit_code == 0
    assert "0 fine, 1 findings, 2 could not run" in shown.output


def test_help_imports_nothing_heavy(tmp_path: Path) -> None:
    code = (
        "import sys; from quorate.face.cli import cli; "
        "cli(['--help'], standalone_mode=False); "
        "print(sorted({'numpy', 'pyarrow', 'talib', 'rich'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.splitlines()[-1] == "[]"


def test_the_version_is_that_of_the_package() -> None:
    assert quorate("--version").output == f"quorate, version {__version__}\n"


def test_an_unknown_command_says_what_was_meant() -> None:
    shown = quorate("chek", where=ROOT)
    assert shown.exit_code == 2
    assert "did you mean 'check'?" in shown.output


def test_a_known_error_is_one_sentence_without_a_traceback(tmp_path: Path) -> None:
    done = real("run", "BTC_USD.txt", cwd=tmp_path)
    assert done.returncode == 2
    assert done.stderr.startswith("error: BTC_USD.txt: a tape is a file ending in")
    assert "Traceback" not in done.stderr


def test_a_defect_is_said_to_be_one(
    monkeypatch: pytest.MonkeyPatch, workspace: Path
) -> None:
    def fail(*_: object) -> None:
        raise ZeroDivisionError("seven")

    monkeypatch.setattr(tape_run, "plan", fail)
    shown = quorate("run", where=workspace)
    assert shown.exit_code == 2
    assert "a defect of quorate" in shown.stderr
    assert "ZeroDivisionError: seven" in shown.stderr
    assert "Traceback" not in shown.stderr
    assert "Traceback" in quorate("-v", "run", where=workspace).stderr
    monkeypatch.setenv("QUORATE_DEBUG", "1")
    assert "Traceback" in quorate("run", where=workspace).stderr


def test_a_closed_pipe_is_silent(workspace: Path) -> None:
    pipe = subprocess.run(
        f"{sys.executable} -m quorate names functions | head -1",
        shell=True,
        cwd=workspace,
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert pipe.stderr == ""


def test_check_prints_facts_when_all_is_well(workspace: Path) -> None:
    shown = quorate("check", where=workspace)
    assert shown.exit_code == 0
    for fact in (
        "ok:",
        "10: rules/checks.yaml",
        "guard rate_limit",
        "portfolio-for-exits",
    ):
        assert fact in shown.output
    assert "rules/5m/params.yaml" in shown.output


def test_check_shows_every_problem_with_its_place(workspace: Path) -> None:
    entry = workspace / "rules" / "entry.yaml"
    entry.write_text(entry.read_text().replace("confidence >", "confidense >"))
    exits = workspace / "rules" / "exits.yaml"
    exits.write_text(exits.read_text().replace("when:", "wehn:", 1))
    shown = quorate("check", where=workspace)
    assert shown.exit_code == 1
    assert "rules/entry.yaml:" in shown.output
    assert "unknown name 'confidense'" in shown.output
    assert 'did you mean "when"?' in shown.output
    assert "unknown key `wehn`" in shown.output
    assert "^^^^" in shown.output
    concise = quorate("check", "--format", "concise", where=workspace).output
    assert "^" not in concise
    found = json.loads(quorate("check", "--json", where=workspace).output)
    assert not found["ok"]
    assert len(found["problems"]) == found["errors"] == 2
    assert found["facts"] is None
    assert quorate("run", where=workspace).exit_code == 2


def test_check_finds_what_is_wrong_with_an_overlay_that_is_not_laid_on(
    workspace: Path,
) -> None:
    overlay = workspace / "rules" / "5m" / "params.yaml"
    overlay.write_text("params:\n  no_such_param: {value: 5m}\n")
    shown = quorate("check", where=workspace)
    assert shown.exit_code == 1
    assert "rules/5m/params.yaml:2" in shown.output


def test_check_takes_overlays_and_settings(workspace: Path) -> None:
    overlay = workspace / "rules" / "5m"
    setting = ("--set", "profit_target=0.7%")
    shown = quorate("check", "--overlay", overlay, *setting, "--json", where=workspace)
    facts = json.loads(shown.output)["facts"]
    changed = {one["name"]: one["value"] for one in facts["params"]["overridden"]}
    assert changed["profit_target"] == "0.7%"
    assert changed["fast_timeframe"] == "5m"
    bad = quorate("check", "--set", "profit_target=70%", where=workspace)
    assert bad.exit_code == 1
    assert "at most 5%" in bad.output
    assert quorate("check", "--set", "profit_target", where=workspace).exit_code == 2


def test_warnings_are_findings_when_strict(workspace: Path) -> None:
    params = workspace / "rules" / "params.yaml"
    params.write_text(params.read_text() + "  unused: {value: 3, about: nothing}\n")
    assert quorate("check", where=workspace).exit_code == 0
    shown = quorate("check", "--strict", where=workspace)
    assert shown.exit_code == 1
    assert "R418" in shown.output


def test_nothing_to_check_is_not_fine(tmp_path: Path) -> None:
    (tmp_path / "rules").mkdir()
    assert quorate("check", where=tmp_path).exit_code == 2
    assert quorate("check", tmp_path / "rules", where=tmp_path).exit_code == 2
    assert quorate("check", tmp_path / "nowhere").exit_code == 2


def test_a_plugin_that_does_not_load_is_a_finding(workspace: Path) -> None:
    (workspace / "plugins" / "broken.py").write_text("import nothing_of_that_name\n")
    shown = quorate("check", where=workspace)
    assert shown.exit_code == 1
    assert "plugin broken: ModuleNotFoundError" in shown.output
    listed = quorate("plugins", where=workspace)
    assert listed.exit_code == 1
    assert "broken" in listed.output
    assert "is refused: ModuleNotFoundError" in listed.output


def test_names_lists_facts_functions_and_params() -> None:
    assert "confidence" in quorate("names", where=ROOT).output
    only = json.loads(quorate("names", "position", "--json", where=ROOT).output)
    assert {row["stage"] for row in only} == {"position"}
    assert "ema(series, timeperiod=30)" in quorate("names", "functions", "ema").output
    params = json.loads(quorate("names", "params", "--json", where=ROOT).output)
    target = next(row for row in params if row["name"] == "profit_target")
    assert target["value"] == "0.5%"
    assert target["origin"].startswith("rules/params.yaml:")
    assert "no name contains 'zzz'" in quorate("names", "fault", "zzz").output


def test_plugins_can_be_asked_for_by_hook() -> None:
    listed = json.loads(quorate("plugins", "--hook", "venue", "--json").output)
    assert [one["name"] for one in listed] == ["paper_venue"]
    wrong = quorate("plugins", "--hook", "venu")
    assert wrong.exit_code == 2
    assert "did you mean 'venue'?" in wrong.output


def test_a_plugin_adds_a_command(workspace: Path) -> None:
    source = (EXAMPLES / "greeting.py").read_text()
    (workspace / "plugins" / "greeting.py").write_text(source)
    assert quorate("greet", "Ada", where=workspace).output == "hello Ada\n"
    assert "Greet NAME." in quorate("--help", where=workspace).output


def test_a_plugin_that_fails_to_add_its_command_is_one_line(workspace: Path) -> None:
    broken = (
        "from quorate import hookimpl\n@hookimpl\ndef commands(group):\n    1 / 0\n"
    )
    (workspace / "plugins" / "broken.py").write_text(broken)
    done = real("--help", cwd=workspace)
    assert done.returncode == 0
    assert done.stderr.count("\n") == 1
    assert "broken failed in commands" in done.stderr


def test_a_plugin_cannot_take_the_name_of_a_command(workspace: Path) -> None:
    source = (EXAMPLES / "greeting.py").read_text().replace("def greet", "def run")
    (workspace / "plugins" / "greeting.py").write_text(source)
    assert "Trade on paper" in real("--help", cwd=workspace).stdout
    assert "there is a command 'run' already" in real("--help", cwd=workspace).stderr


def test_a_run_says_what_it_does_and_what_came_of_it(traded: Path) -> None:
    shown = quorate("run", where=traded)
    assert shown.exit_code == 0
    for said in (
        "offline, no real orders",
        "synthetic: made up",
        "28,800 candles",
        "profit, net of fees",
        "quorate explain p",
    ):
        assert said in shown.output


def test_report_and_explain_take_the_newest_run(traded: Path) -> None:
    report = json.loads(quorate("report", "--json", "--trades", where=traded).output)
    assert report["results"][0]["trades"] == len(report["trades"]) > 10
    position = report["trades"][0]["position_id"]
    assert position in quorate("report", "--trades", where=traded).output
    told = quorate("explain", position, where=traded)
    assert told.exit_code == 0
    assert "rules/entry.yaml" in told.output
    assert json.loads(quorate("explain", position, "--json", where=traded).output)
    assert quorate("explain", "p999999", where=traded).exit_code == 2
    assert quorate("report", "--by", "day", where=traded).exit_code == 0


def test_a_report_without_a_run_says_how_to_make_one(workspace: Path) -> None:
    shown = quorate("report", where=workspace)
    assert shown.exit_code == 2
    assert "`quorate run` makes one" in shown.stderr


def test_a_run_that_is_not_possible_says_why(workspace: Path) -> None:
    for words, why in (
        (("--balance", "USD=much"), "the amount must be a number"),
        (("--without", "bui"), "did you mean 'buy'?"),
        (("--set", "min_confidense=1"), "min_confidence"),
        (("--overlay", "nowhere"), "does not exist"),
    ):
        shown = quorate("run", *words, where=workspace)
        assert shown.exit_code == 2
        assert why in shown.output
    assert quorate("backtest", where=workspace).exit_code == 2
    assert not (workspace / "runs").exists()


def test_a_shipped_overlay_is_found_from_any_folder(tmp_path: Path) -> None:
    shown = quorate("check", "--overlay", "rules/5m", where=tmp_path)
    assert shown.exit_code == 0, shown.output
    assert "5 overridden" in shown.output


def test_balances_and_params_can_be_given_for_one_run(workspace: Path) -> None:
    shown = quorate(
        "run", "--json", "--balance", "usd=500", "--set", "min_confidence=0.9",
        where=workspace,
    )  # fmt: skip
    assert json.loads(shown.output)["report"]["results"][0]["start"] == 500


def test_a_tape_can_be_named_in_two_ways(traded: Path, tmp_path: Path) -> None:
    tape = tmp_path / "candles.csv.gz"
    tape.write_bytes(demo_tapes()[0].read_bytes())
    assert quorate("backtest", tape, where=traded).exit_code == 2
    by_option = quorate("run", "--tape", f"BTC/USD={tape}", "--json", where=traded)
    by_argument = quorate("backtest", f"BTC/USD={tape}", "--json", where=traded)
    first, second = json.loads(by_option.output), json.loads(by_argument.output)
    assert first["report"] == second["report"]
    assert not first["synthetic"]
    full = quorate("backtest", f"BTC/USD={tape}", where=traded)
    assert "By day" in full.output


def test_a_stopped_run_goes_on_to_the_same_end(workspace: Path) -> None:
    """Ctrl-C in the middle of a real process, then --continue."""
    slow = (
        "import os, time\nfrom quorate import Record, hookimpl\n"
        "SLOW = float(os.environ.get('SLOW', '0'))\n"
        "@hookimpl\ndef remember(record: Record):\n    time.sleep(SLOW)\n"
    )
    (workspace / "plugins" / "slow.py").write_text(slow)
    journal = workspace / "stopped.sqlite"
    process = subprocess.Popen(
        [sys.executable, "-m", "quorate", "run", "--journal", str(journal)],
        cwd=workspace,
        env=ENVIRONMENT | {"SLOW": "0.02"},
        # A test run in the background may have been started with Ctrl-C ignored.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    while "journal" not in process.stdout.readline():
        assert process.poll() is None
    time.sleep(1.0)
    process.send_signal(signal.SIGINT)
    _, told = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "what was committed stands" in told
    assert f"quorate run --continue {journal}" in told
    whole = json.loads(quorate("run", "--json", where=workspace).output)
    rest = quorate("run", "--continue", journal, "--json", where=workspace)
    assert rest.exit_code == 0, rest.output
    assert json.loads(rest.output)["report"] == whole["report"]


def test_a_run_goes_on_under_the_rules_it_began_with(workspace: Path) -> None:
    shown = quorate("run", "--set", "min_confidence=0.8", "--json", where=workspace)
    done = json.loads(shown.output)
    again = quorate("run", "--continue", done["journal"], "--json", where=workspace)
    assert json.loads(again.output)["report"] == done["report"]
    mixed = quorate(
        "run", "--continue", done["journal"], "--set", "min_confidence=0.7",
        where=workspace,
    )  # fmt: skip
    assert mixed.exit_code == 2


def test_no_color_is_respected(workspace: Path) -> None:
    done = real("names", "quorum", cwd=workspace, NO_COLOR="1", FORCE_COLOR="1")
    assert "\x1b[3" not in done.stdout
