# SPDX-License-Identifier: Apache-2.0
"""Tests of chart.py: what it writes, that it says what the report says, that a browser agrees."""

from __future__ import annotations

import copy
import json
import os
import re
import shutil
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import matplotlib.image
import pytest

import chart
import report
from charts import gain, mark, page, rows, style, tables
from charts.tables import duration, significant
from decision import size_words
from synthetic_report import make

SCRIPTS = Path(__file__).resolve().parent
KEYS = ("matrix", "throughput", "gain", "cost", "latency")
FEW = "file_read/direct|cpu/matmul"  # two workloads, for tests that need no whole suite


def draw(document: dict, directory: Path) -> Path:
    """Draws a report through the command line; the directory of the charts."""
    directory.mkdir(exist_ok=True)
    (directory / "report.json").write_text(json.dumps(document))
    assert chart.main([str(directory / "report.json"), "-o", str(directory / "charts")]) == 0
    return directory / "charts"


@pytest.fixture(scope="module")
def troubled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return draw(make("troubled"), tmp_path_factory.mktemp("troubled"))


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return draw(make(only=FEW), tmp_path_factory.mktemp("small"))


class Reader(HTMLParser):
    """Collects tags, addresses, ids, tables (by the section they are in) and text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.tables: dict[str, list[list[str]]] = {}
        self.text = ""
        self._section = ""
        self._in_cell = False
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag == "section":
            self._section = dict(attrs)["id"] or ""
        elif tag == "tr":
            self.tables.setdefault(self._section, []).append([])
        elif tag in ("td", "th"):
            self.tables[self._section][-1].append("")
            self._in_cell = True

    def handle_endtag(self, tag: str) -> None:
        if tag in ("td", "th"):
            self._in_cell = False

    def handle_data(self, data: str) -> None:
        self.text += data
        if self._in_cell:
            self.tables[self._section][-1][-1] += data

    def addresses(self) -> list[str]:
        names = ("href", "src", "xlink:href", "srcset", "action", "data", "poster", "background")
        return [attrs[name] or "" for _, attrs in self.tags for name in names if name in attrs]


def read(directory: Path) -> Reader:
    return Reader((directory / "index.html").read_text(encoding="utf-8"))


def texts(svg: Path) -> list[str]:
    return [
        element.text or ""
        for element in ElementTree.parse(svg).iter("{http://www.w3.org/2000/svg}text")
    ]


# ---- what is written


def test_writes_every_chart_as_svg_and_png_and_one_page(troubled: Path) -> None:
    expected = {f"{key}.{form}" for key in KEYS for form in ("svg", "png")} | {"index.html"}
    assert {path.name for path in troubled.iterdir()} == expected


def test_writes_beside_the_report_when_told_no_directory(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "report.json").write_text(json.dumps(make(only="cpu/matmul")))
    assert chart.main([str(tmp_path / "report.json")]) == 0
    assert (tmp_path / "index.html").is_file()
    assert capsys.readouterr().out == f"{tmp_path / 'index.html'}\n"


@pytest.mark.parametrize("key", KEYS)
def test_svg_is_well_formed_named_and_free_of_style_attributes(troubled: Path, key: str) -> None:
    root = ElementTree.parse(troubled / f"{key}.svg").getroot()
    identities = {element.get("id"): element for element in root.iter() if element.get("id")}
    named = [identities[name] for name in root.attrib["aria-labelledby"].split()]
    assert all(element.text for element in named)
    assert root.get("role") == "img"
    assert not [
        element for element in root.iter() if element.get("style") or "on" in element.attrib
    ]
    assert not [element for element in root.iter() if element.tag.endswith(("script", "image"))]


@pytest.mark.parametrize("key", KEYS)
def test_svg_refers_only_to_what_it_holds(troubled: Path, key: str) -> None:
    root = ElementTree.parse(troubled / f"{key}.svg").getroot()
    held = {element.get("id") for element in root.iter()}
    values = [value for element in root.iter() for value in element.attrib.values()]
    referred = re.findall(r"(?:url\(#|^#)([^)\s]+)", "\n".join(values), re.MULTILINE)
    colours = {colour.lstrip("#") for colour in values if re.fullmatch(r"#[0-9a-f]{6}", colour)}
    assert set(referred) - colours <= held


@pytest.mark.parametrize("key", KEYS)
def test_png_shows_something(troubled: Path, key: str) -> None:
    pixels = matplotlib.image.imread(troubled / f"{key}.png")
    assert pixels.shape[1] > 1500
    assert pixels[..., :3].std() > 0.05


def test_picture_that_stands_alone_names_machine_date_rounds_version_and_suite(
    troubled: Path,
) -> None:
    for key in KEYS:
        words = " ".join(texts(troubled / f"{key}.svg"))
        for part in ("Example CPU 9000", "2026-03-02", "n = 5 rounds", "waitwork 0.1.0", "quick"):
            assert part in words


def test_page_is_small_and_refers_to_nothing_outside(troubled: Path) -> None:
    html = (troubled / "index.html").read_text(encoding="utf-8")
    reader = Reader(html)
    assert len(html.encode()) < 2_000_000
    for address in reader.addresses():
        beside = (troubled / address).is_file() if re.fullmatch(r"[\w.-]+", address) else False
        assert beside or address.startswith(("#", "data:text/csv")), address
    assert not re.search(r"@import|url\((?!#)", html)
    assert not [tag for tag, _ in reader.tags if tag in ("script", "iframe", "link", "img", "base")]
    assert not [name for _, attrs in reader.tags for name in attrs if name.startswith("on")]
    policy = [attrs["content"] for _, attrs in reader.tags if "http-equiv" in attrs]
    assert policy == ["default-src 'none'; style-src 'unsafe-inline'"]


def test_ids_of_the_page_are_unique_and_its_anchors_lead_somewhere(troubled: Path) -> None:
    reader = read(troubled)
    identities = [attrs["id"] for _, attrs in reader.tags if "id" in attrs]
    assert len(identities) == len(set(identities))
    anchors = [address[1:] for address in reader.addresses() if address.startswith("#")]
    assert set(anchors) <= set(identities)


def test_what_scrolls_can_be_reached_by_keyboard_and_has_a_name(troubled: Path) -> None:
    scrolling = [attrs for _, attrs in read(troubled).tags if attrs.get("class") == "scroll"]
    assert len(scrolling) >= 2 * len(KEYS)
    assert all(attrs["tabindex"] == "0" and attrs["aria-label"] for attrs in scrolling)


def test_same_report_gives_the_same_bytes_in_another_process(small: Path, tmp_path: Path) -> None:
    subprocess.run(
        [sys.executable, SCRIPTS / "chart.py", small.parent / "report.json", "-o", tmp_path],
        env=os.environ | {"PYTHONHASHSEED": "7", "TZ": "Asia/Tokyo", "LC_ALL": "C"},
        check=True,
        stdout=subprocess.DEVNULL,
    )
    for path in small.iterdir():
        assert path.read_bytes() == (tmp_path / path.name).read_bytes(), path.name


@pytest.mark.parametrize(
    "trap",
    [
        "savefig.dpi: 7\nnot: known\n",
        b"\xff\x00\xfe" * 9,
        "text.usetex: True\n",
        "/dev/zero",
        "fifo",
    ],
)
def test_neither_the_directory_nor_the_environment_has_a_say(
    trap: str | bytes, small: Path, tmp_path: Path
) -> None:
    for name in ("matplotlibrc", "config/matplotlibrc"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        if trap == "fifo":
            os.mkfifo(path)
        elif trap == "/dev/zero":
            path.symlink_to(trap)
        else:
            path.write_bytes(trap.encode() if isinstance(trap, str) else trap)
    done = subprocess.run(
        [sys.executable, SCRIPTS / "chart.py", small.parent / "report.json", "-o", "charts"],
        cwd=tmp_path,
        env=os.environ
        | {
            "MPLBACKEND": "foo",
            "MATPLOTLIBRC": str(tmp_path / "matplotlibrc"),
            "MPLCONFIGDIR": str(tmp_path / "config"),
        },
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "charts/index.html\n", "")
    for path in small.iterdir():
        assert path.read_bytes() == (tmp_path / "charts" / path.name).read_bytes(), path.name


def test_every_file_has_the_mark_that_lets_the_next_run_replace_it(troubled: Path) -> None:
    for path in troubled.iterdir():
        assert mark.has_mark(path.read_bytes()[:512]), path.name


NASTY = (
    "\u202eevil\u2066 ##[error]x ##vso[task] \x85\x1b[2J\ud800\udfff \ufffe\uffff \x00\n::error::x"
)


def test_nothing_of_a_report_acts_in_a_picture_or_on_the_page() -> None:
    document = make("troubled", only="cpu/matmul|io/net_echo/delay1ms", rounds=2)

    def spoilt(value: object, key: str = "") -> object:
        if isinstance(value, dict):
            return {name: spoilt(each, name) for name, each in value.items()}
        if isinstance(value, list):
            return [spoilt(each, key) for each in value]
        free = ("strategy", "run_type", "time_unit", "schema", "unit", "status", "digest", "level")
        return value + NASTY if isinstance(value, str) and key not in free else value

    forbidden = re.compile(
        "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]"
    )
    files = chart.draw(report.from_document(spoilt(document)))  # type: ignore[arg-type]
    assert len(files) > 8
    for name, content in files.items():
        if not name.endswith(".png"):
            text = content.decode("utf-8")
            assert not forbidden.search(text), name
            assert not re.search(r"##\w*\[|^\s*::", text, re.MULTILINE), name
        if name.endswith(".svg"):
            ElementTree.fromstring(content)


# ---- that it says what the report says


def test_rate_table_has_every_row_of_the_report_once(troubled: Path) -> None:
    loaded = report.load(troubled.parent / "report.json")
    table = read(troubled).tables["throughput"][1:]
    assert len(table) == len(loaded.declared)
    missing = {
        (row.subject, row.strategy, size_words(row.strategy, row.depth, row.workers))
        for row in rows.missing_rows(loaded)
    }
    written = {tuple(line[:3]): line for line in table}
    for row in loaded.rows.values():
        subject = f"{row.workload}/{row.variant}" if row.variant else row.workload
        size = size_words(row.strategy, row.depth, row.workers)
        line = written[subject, row.strategy, size]
        if (subject, row.strategy, size) not in missing:
            assert line[4] == f"{row.median('items_per_second'):,.0f}"
            assert line[7] == str(len(row.samples))


def test_cost_and_latency_tables_have_the_medians_of_the_report(small: Path) -> None:
    loaded = report.load(small.parent / "report.json")
    row = loaded.rows["cpu/matmul/sequential/process_time/real_time"]
    reader = read(small)

    def line_of(section: str) -> list[str]:
        return next(
            line for line in reader.tables[section] if line[:2] == ["cpu/matmul", "sequential"]
        )

    cost = [duration(row.median(name)) for name in ("user_ns_per_unit", "sys_ns_per_unit")]
    switches = significant(row.median("ctx_switches_per_unit"), 4)
    assert line_of("cost")[3:6] == [*cost, switches]
    percentiles = ("p50_ns", "p90_ns", "p99_ns", "p999_ns", "max_ns")
    assert line_of("latency")[3:8] == [duration(row.median(name)) for name in percentiles]


def test_csv_has_unrounded_numbers(small: Path) -> None:
    links = [address for address in read(small).addresses() if address.startswith("data:")]
    loaded = report.load(small.parent / "report.json")
    row = loaded.rows["cpu/matmul/sequential/process_time/real_time"]
    assert any(str(row.median("p99_ns")) in link for link in links)


def test_verdicts_are_those_of_the_analysis(troubled: Path) -> None:
    text = read(troubled).text
    for decision in chart.analysis.decide(report.load(troubled.parent / "report.json")):
        assert decision.name in text
        assert decision.sentence in text
        assert decision.why in text


def test_failed_and_absent_rows_are_in_pictures_tables_and_words(troubled: Path) -> None:
    reader = read(troubled)
    lost = {tuple(line[:4]): line[4] for line in reader.tables["troubles"][1:]}
    crash = lost["io/net_echo/delay1ms", "parallel", "64 workers", "failed"]
    assert crash == "crashed in round 3: killed by SIGSEGV"
    absent = lost["io/file_write", "concurrent", "depth 16", "absent"]
    assert "refuses O_DIRECT; name a directory" in absent
    matrix = texts(troubled / "matrix.svg")
    assert matrix.count("absent") == 8 + 1  # file_write at every size, and the legend
    assert {"P✕", "C✕", "H✕"} <= set(matrix)
    assert "nothing to use" in matrix
    throughput = texts(troubled / "throughput.svg")
    assert "P✕" in throughput and "nothing measured: absent" in throughput
    assert "3 failed and 18 absent" in reader.text


def test_cells_that_are_not_separated_are_striped_and_say_both_letters(small: Path) -> None:
    decisions = chart.analysis.decide(report.load(small.parent / "report.json"))
    cells = [cell for decision in decisions for cell in decision.cells.values()]
    undecided = [cell for cell in cells if cell.runner_up and not cell.separated]
    assert undecided
    pairs = [
        f"{style.STRATEGIES[cell.winner.strategy].letter}≈"
        f"{style.STRATEGIES[cell.runner_up.strategy].letter}"
        for cell in undecided
        if cell.runner_up
    ]
    drawn = [text for text in texts(small / "matrix.svg") if re.fullmatch("[SCPH]≈[SCPH]", text)]
    assert sorted(drawn) == sorted(pairs)
    svg = (small / "matrix.svg").read_text(encoding="utf-8")
    assert len(re.findall(r'fill="url\(#matrix-h', svg)) >= len(undecided)


def test_split_rows_stand_apart_from_the_line_of_their_strategy(small: Path) -> None:
    drawn = texts(small / "throughput.svg")
    assert drawn.count("÷2") == 1 and "each unit split" in drawn
    assert "P÷2" in texts(small / "matrix.svg")
    root = ElementTree.parse(small / "throughput.svg").getroot()
    colour = style.STRATEGIES["parallel"].colour
    lines = [
        element.attrib["d"].count("L")
        for element in root.iter("{http://www.w3.org/2000/svg}path")
        if element.get("stroke") == colour and element.get("stroke-dasharray")
    ]
    # matmul with 1 and 2 workers, the legend, file_read with seven numbers of workers.
    assert sorted(lines) == [1, 2, 6]


def test_a_split_row_that_is_not_the_best_shows_its_latency(small: Path) -> None:
    table = read(small).tables["latency"]
    sizes = [line[2] for line in table if line[:2] == ["cpu/matmul", "parallel"]]
    assert sizes == ["2 workers", "one unit split over 2 workers"]
    assert "each unit split" in texts(small / "latency.svg")


def test_a_split_row_to_use_says_so_wherever_its_strategy_has_a_letter(tmp_path: Path) -> None:
    directory = draw(make(only="cpu/image_filter"), tmp_path)
    for key in ("matrix", "cost"):
        assert any(text.startswith("P÷2") for text in texts(directory / f"{key}.svg")), key
    assert "P÷2\u20021.96×" in texts(directory / "gain.svg")
    reader = read(directory)
    assert reader.tables["gain"][2][2] == "one unit split over 2 workers"
    assert reader.text.count("split over so many workers") == 3


def test_rows_without_figures_name_a_split_row_apart(tmp_path: Path) -> None:
    document = make(only="cpu/matmul")
    lost = [each for each in document["waitwork"]["declared"] if each["strategy"] == "parallel"]
    document["waitwork"]["failures"] = [
        each | {"round": 0, "reason": "crashed", "detail": "killed"} for each in lost
    ]
    directory = draw(document, tmp_path)
    reader = read(directory)
    verdict = next(line[-1] for line in reader.tables["matrix"] if line[1] == "1")
    assert verdict.endswith("parallel and parallel (split) failed")
    sizes = [line[2] for line in reader.tables["troubles"][1:]]
    assert sizes == ["1 worker", "2 workers", "one unit split over 2 workers"]
    assert texts(directory / "throughput.svg").count("P✕") == 2


def test_rows_without_io_uring_are_absent_not_slow(tmp_path: Path) -> None:
    directory = draw(make("no_io_uring", only=FEW), tmp_path)
    reader = read(directory)
    assert "seccomp" in reader.text
    assert "concurrent" not in {line[1] for line in reader.tables["latency"]}
    assert "absent" in texts(directory / "matrix.svg")
    assert "C\u2002absent" in texts(directory / "gain.svg")


def test_partial_report_says_so_and_shows_what_was_not_reached(tmp_path: Path) -> None:
    directory = draw(make("interrupted", only="file_read|timer"), tmp_path)
    reader = read(directory)
    assert "Partial report" in reader.text
    assert "not reached" in texts(directory / "matrix.svg")
    assert all("partial report" in " ".join(texts(directory / f"{key}.svg")) for key in KEYS)


def test_one_round_has_no_interval_and_separates_nothing(tmp_path: Path) -> None:
    directory = draw(make(only=FEW, rounds=1), tmp_path)
    reader = read(directory)
    assert "One round only" in reader.text
    body = reader.tables["gain"][1:]
    assert all(line[4:6] == ["–", "–"] for line in body)
    verdicts = {line[-1] for line in reader.tables["matrix"][1:]}
    assert verdicts == {"not separated", "only one measured"}


def test_one_workload_gets_its_charts(tmp_path: Path) -> None:
    directory = draw(make(only="io/timer"), tmp_path)
    subjects = {line[0] for line in read(directory).tables["matrix"][1:]}
    assert subjects == {"io/timer"}


def test_without_sequential_there_are_rates_and_no_gain(tmp_path: Path) -> None:
    directory = draw(make(only="io/timer/(concurrent|parallel)"), tmp_path)
    assert "no gain can be stated" in " ".join(texts(directory / "gain.svg"))
    assert any(re.fullmatch(r"[\d.]+k?/s", text) for text in texts(directory / "matrix.svg"))


def test_a_run_in_which_every_row_failed_shows_failures_and_no_number(tmp_path: Path) -> None:
    document = make(only=FEW)
    document["benchmarks"] = []
    document["waitwork"]["failures"] = [
        entry | {"round": 0, "reason": "timed_out", "detail": "not done after 60 s"}
        for entry in document["waitwork"]["declared"]
    ]
    directory = draw(document, tmp_path)
    reader = read(directory)
    assert "No row was measured" in reader.text
    assert len(reader.tables["troubles"]) == len(document["waitwork"]["declared"]) + 1
    assert texts(directory / "matrix.svg").count("failed") > 10
    assert not [text for text in texts(directory / "matrix.svg") if text.endswith("×")]


def test_a_run_that_declared_nothing_still_gives_a_page(tmp_path: Path) -> None:
    reader = read(draw(make(only="nothing has this name"), tmp_path))
    assert "No row was measured" in reader.text


def test_names_and_details_cannot_break_the_page_or_the_pictures(tmp_path: Path) -> None:
    document = make("troubled", only="net_echo/delay1ms")
    hostile = 'x<script>alert("1")</script>$a$ & \x1b[31m'
    text = json.dumps(document).replace("delay1ms", json.dumps(hostile)[1:-1])
    document = json.loads(text)
    document["waitwork"]["failures"][0]["detail"] = "bytes \u0000\u001b]0;title\u0007 of a crash"
    directory = draw(document, tmp_path)
    assert not [tag for tag, _ in read(directory).tags if tag == "script"]
    for key in KEYS:
        ElementTree.parse(directory / f"{key}.svg")
    assert any("$a$" in text for text in texts(directory / "throughput.svg"))


def test_a_long_name_is_cut_in_pictures_and_whole_in_tables(tmp_path: Path) -> None:
    name = "a_workload_whose_author_likes_to_say_all_of_it_in_the_name"
    document = json.loads(json.dumps(make(only="cpu/matmul")).replace("matmul", name))
    directory = draw(document, tmp_path)
    for key in ("matrix", "gain"):
        assert not [text for text in texts(directory / f"{key}.svg") if name in text]
    assert any(text.startswith("a_workload") for text in texts(directory / "matrix.svg"))
    assert {line[0] for line in read(directory).tables["matrix"][1:]} == {f"cpu/{name}"}


# ---- bad input


def bad_reports() -> dict[str, str]:
    whole = make(only="cpu/matmul")
    newer = copy.deepcopy(whole)
    newer["waitwork"]["schema"] = "2.0.0"
    damaged = copy.deepcopy(whole)
    del damaged["context"]["waitwork"]["machine"]["cpu_model"]
    return {
        "empty": "",
        "truncated": json.dumps(whole)[:2000],
        "foreign": '{"context": {}, "benchmarks": []}',
        "newer": json.dumps(newer),
        "damaged": json.dumps(damaged),
        "list": "[]",
    }


@pytest.mark.parametrize("kind", ["missing", *bad_reports()])
def test_a_bad_report_is_one_line_and_exit_2(
    kind: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "report.json"
    if kind != "missing":
        path.write_text(bad_reports()[kind])
    assert chart.main([str(path), "-o", str(tmp_path / "charts")]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.count("\n") == 1
    assert str(path) in captured.err
    assert not (tmp_path / "charts").exists()


def test_a_directory_that_cannot_be_written_is_one_line_and_exit_2(
    small: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("in the way")
    assert chart.main([str(small.parent / "report.json"), "-o", str(tmp_path / "file/x")]) == 2
    captured = capsys.readouterr().err
    assert captured.count("\n") == 1
    assert "cannot be written" in captured


def test_an_unknown_flag_is_one_line_and_exit_2(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        chart.main(["report.json", "--colour"])
    assert stopped.value.code == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_a_home_that_cannot_be_written_is_not_spoken_of(tmp_path: Path) -> None:
    (tmp_path / "report.json").write_text(json.dumps(make(only="io/timer/seq", histograms=False)))
    environment = {"PATH": os.environ["PATH"], "HOME": "/dev/null", "TMPDIR": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, SCRIPTS / "chart.py", "report.json", "-o", "charts"],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "charts/index.html\n", "")
    assert {path.name for path in tmp_path.iterdir()} == {"report.json", "charts"}


def test_an_interpreter_without_the_packages_is_told_what_to_install() -> None:
    program = (
        "import runpy, sys; sys.modules['matplotlib'] = None;"
        f" sys.path.insert(0, {str(SCRIPTS)!r});"
        f" runpy.run_path({str(SCRIPTS / 'chart.py')!r}, run_name='__main__')"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "python3-matplotlib" in done.stderr


# ---- looks


def luminance(colour: str) -> float:
    channels = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    linear = [
        value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4
        for value in channels
    ]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    """The ratio of WCAG 2."""
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("look", style.STRATEGIES.values(), ids=lambda look: look.name)
def test_a_strategy_stands_out_on_light_and_dark_paper(look: style.Look) -> None:
    assert contrast(look.colour, style.PAPER) >= 3
    assert contrast(look.colour, style.DARK[style.PAPER]) >= 3
    assert contrast(look.on_colour, look.colour) >= 4.5


@pytest.mark.parametrize("role", [style.INK, style.SOFT, style.ALARM])
@pytest.mark.parametrize("ground", [style.PAPER, style.VOID])
def test_words_are_legible_on_light_and_dark_paper(role: str, ground: str) -> None:
    assert contrast(role, ground) >= 4.5
    assert contrast(style.DARK[role], style.DARK[ground]) >= 4.5


def test_strategies_differ_without_colour() -> None:
    looks = style.STRATEGIES.values()
    for distinct in ("letter", "marker", "dashes"):
        assert len({getattr(look, distinct) for look in looks}) == len(looks)


def test_page_and_charts_share_their_colours() -> None:
    css = (Path(page.__file__).parent / "page.css").read_text(encoding="utf-8")
    light, dark = css.split("prefers-color-scheme: dark")
    for name, colour in (
        ("paper", style.PAPER),
        ("ink", style.INK),
        ("soft", style.SOFT),
        ("rule", style.RULE),
        ("void", style.VOID),
        ("alarm", style.ALARM),
    ):
        assert f"--{name}: {colour};" in light
        assert f"--{name}: {style.DARK[colour]};" in dark


@pytest.mark.parametrize(
    ("write", "value", "text"),
    [
        (tables.duration, 0.0, "0 ns"),
        (tables.duration, 4123.4, "4.12 µs"),
        (tables.duration, 999.7, "1.00 µs"),
        (tables.duration, 61e9, "61.0 s"),
        (tables.rate, 242_000.0, "242k"),
        (tables.rate, 0.5, "0.500"),
        (tables.ratio, 1.0042, "1.00×"),
        (tables.ratio, 0.9871, "0.99×"),
        (tables.ratio, 212.4, "212×"),
        (tables.ratio, 0.0123, "0.0123×"),
        (tables.tick, 30_000.0, "30k"),
        (tables.duration_tick, 10_000.0, "10 µs"),
        (tables.significant, 9.999, "10.0"),
        (tables.significant, 0.0, "0"),
    ],
)
def test_a_number_is_written_as_people_read_it(write, value: float, text: str) -> None:
    assert write(value) == text


def test_the_gain_of_a_strategy_is_over_sequential_in_the_same_round() -> None:
    loaded = report.from_document(make(only="cpu/matmul"))
    (decision,) = chart.analysis.decide(loaded)
    drawing = gain.draw(loaded, [decision])
    parallel = next(line for line in drawing.table.rows if line[1] == "parallel")
    assert decision.gain is not None
    assert parallel[3:6] == [decision.gain.value, decision.gain.low, decision.gain.high]


# ---- in a browser


def chromium() -> str:
    found = shutil.which("chromium") or shutil.which("chromium-browser")
    if not found:
        pytest.skip("no chromium here: install one with scripts/packages browser")
    return found


def browse(directory: Path, profile: Path, *flags: str) -> str:
    """Opens the page headless; what the browser logged."""
    done = subprocess.run(
        [
            chromium(),
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-dev-shm-usage",
            "--disable-quic",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--hide-scrollbars",
            "--enable-logging=stderr",
            "--v=0",
            f"--user-data-dir={profile}",
            *flags,
            (directory / "index.html").as_uri(),
        ],
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stderr


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_page_opens_in_a_browser_without_a_console_line(
    troubled: Path, tmp_path: Path, scheme: str
) -> None:
    shot = tmp_path / "page.png"
    log = browse(
        troubled,
        tmp_path / "profile",
        f"--screenshot={shot}",
        "--window-size=1280,6000",
        f"--blink-settings=preferredColorScheme={0 if scheme == 'dark' else 1}",
    )
    assert [line for line in log.splitlines() if "CONSOLE" in line] == []
    pixels = matplotlib.image.imread(shot)[..., :3]
    # The charts' paper is the page's: more than half of everything has exactly its colour.
    paper = style.DARK[style.PAPER] if scheme == "dark" else style.PAPER
    wanted = [int(paper[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    assert (abs(pixels - wanted).max(axis=2) < 0.004).mean() > 0.5
    # And the strategies keep their colours in it.
    for look in style.STRATEGIES.values():
        colour = [int(look.colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
        assert (abs(pixels - colour).max(axis=2) < 0.004).sum() > 500, look.name
