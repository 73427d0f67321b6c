# SPDX-License-Identifier: Apache-2.0
"""The documents are true: their code is the code, their tables are the tools' own, their commands run."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
DOCUMENTS = sorted(
    path
    for folder in (".", "lib", "bench", "scripts", "reports")
    for path in (ROOT / folder).glob("README.md")
)
EXAMPLE = ROOT / "reports" / "examples"


def blocks(document: Path, language: str) -> list[str]:
    return re.findall(
        rf"^```{language}\n(.*?)^```$",
        document.read_text(encoding="utf-8"),
        re.MULTILINE | re.DOTALL,
    )


def lines(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if line.strip()]


@pytest.fixture(scope="module")
def sources() -> str:
    found = [
        path for folder in ("lib", "bench") for path in sorted((ROOT / folder).rglob("*.[ch]pp"))
    ]
    return "\n".join("\n".join(lines(path.read_text(encoding="utf-8"))) for path in found)


def test_there_is_a_document_in_every_top_folder():
    assert len(DOCUMENTS) == 5


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_code_in_a_document_is_code_that_is_compiled(document, sources):
    for block in blocks(document, "cpp"):
        for paragraph in re.split(r"\n\s*\n", block):
            assert "\n".join(lines(paragraph)) in sources, paragraph


def test_the_table_for_those_who_know_python_is_code_that_is_compiled(sources):
    page = (ROOT / "lib" / "README.md").read_text(encoding="utf-8")
    table = page[page.index("### From Python") :].split("\n\n")[1]
    here = [
        code
        for row in table.splitlines()[2:]
        for code in re.findall(r"`([^`]+)`", row.split(" | ")[-1])
    ]
    assert len(here) > 15
    for code in here:
        assert code in sources, code


def test_the_programs_that_teach_are_short():
    for name in ("echo_server", "file_copy", "fan_out", "nested_scopes"):
        program = (ROOT / "lib" / "examples" / f"{name}.hpp").read_text(encoding="utf-8")
        assert len(program.splitlines()) <= 60, name


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_and_paths_in_a_document_exist(document):
    text = re.sub(
        r"^```.*?^```$", "", document.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL
    )
    targets = re.findall(r"\]\(([^)#]+)\)", text) + re.findall(r'src(?:set)?="([^"]+)"', text)
    for target in targets:
        assert target.startswith("https://") or (document.parent / target).exists(), target


def test_the_workload_in_the_manual_is_under_80_lines():
    assert (
        len(
            (ROOT / "bench" / "example" / "hash_blocks.cpp")
            .read_text(encoding="utf-8")
            .splitlines()
        )
        < 80
    )


def test_the_table_on_the_first_page_is_what_advise_says_of_the_example():
    advice = subprocess.run(
        [sys.executable, ROOT / "scripts" / "advise.py", "--markdown", EXAMPLE / "report.json"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    table = [line for line in advice.splitlines() if line.startswith("|")]
    page = (ROOT / "README.md").read_text(encoding="utf-8")
    assert len(table) > 2
    for line in table:
        assert line in page, line


def test_the_example_is_a_report_of_the_schema():
    jsonschema = pytest.importorskip("jsonschema")
    schema = json.loads(
        (ROOT / "reports" / "schema" / "waitwork-report-1.schema.json").read_text(encoding="utf-8")
    )
    report = json.loads((EXAMPLE / "report.json").read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator(schema).validate(report)


def commands(document: Path) -> list[str]:
    uncommented = [
        line.split("  #")[0] for block in blocks(document, "sh") for line in lines(block)
    ]
    return [line.strip() for line in uncommented if line and not line.startswith("#")]


def quickened(command: str) -> str:
    """The same command on the smallest suite; whoever reads the document runs it as it stands."""
    if command.startswith("scripts/bench"):
        return f"{ROOT}/{command} --suite smoke --filter io/timer --out report.json"
    command = command.replace("--suite quick", "--suite smoke").replace(
        "--suite full", "--suite smoke"
    )
    if " run" in command and "--suite" not in command:
        command += " --suite smoke"
    return re.sub(r"--rounds \d+", "--rounds 3", command)


@pytest.mark.skipif(
    not (ROOT / "build" / "release" / "waitwork").exists(),
    reason="the documents' commands run what build/release has",
)
@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_commands_in_a_document_run(document, tmp_path):
    # Somewhere else, so that what the commands write does not land in the source tree.
    for each in ("scripts", "build", "reports", "bench"):
        (tmp_path / each).symlink_to(ROOT / each)
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
    # scripts/test would run this test again; it is what runs it.
    runnable = [
        each
        for each in commands(document)
        if not each.startswith(("scripts/test", "git clone", "cd "))
    ]
    for command in runnable:
        # A gate that has found something has run; only what cannot run at all is the document's fault.
        allowed = {0, 1, 4} if "check_regression" in command else {0}
        done = subprocess.run(
            ["bash", "-c", quickened(command)],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            timeout=300,
        )
        assert (
            done.returncode in allowed
        ), f"{command}\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}"
