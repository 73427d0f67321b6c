# SPDX-License-Identifier: Apache-2.0
"""Tests of the roofline: which kernels it has, that it says what the report says, and its looks."""

from __future__ import annotations

import copy
import itertools
import json
import re
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import chart
import pytest
import synthetic_kernels
import synthetic_report
from analysis import decide
from charts import kernels, limits, page, picture, roofline, style
from charts.labels import Box, Boxes, Label, Sheet, around
from report import Report, from_document
from synthetic_kernels import LIMITS

FEW = "matmul_f32_512|sobel|dense_1$"
SVG = "{http://www.w3.org/2000/svg}"


def report_of(document: dict[str, Any]) -> Report:
    style.use_style()
    return from_document(document)


def kernels_of(document: dict[str, Any]) -> dict[str, kernels.Kernel]:
    report = report_of(document)
    return {kernel.name: kernel for kernel in kernels.kernels(report, decide(report))}


def drawing_of(document: dict[str, Any]) -> Any:
    report = report_of(document)
    return roofline.draw(report, decide(report))


def texts(document: dict[str, Any]) -> list[str]:
    """Every text of the finished picture."""
    report = report_of(document)
    drawing = roofline.draw(report, decide(report))
    assert drawing is not None
    svg = picture.render(drawing, page.caption(report)).svg
    root = ElementTree.fromstring(svg.encode())
    return [element.text or "" for element in root.iter(f"{SVG}text")]


def suite_with_work(**parameters: float) -> dict[str, Any]:
    """A report of the quick suite whose matmul says what it does."""
    made = synthetic_report.make(only="cpu/", histograms=False)
    for entry in made["benchmarks"]:
        if entry["waitwork"]["workload"] == "cpu/matmul":
            entry["waitwork"]["parameters"] |= parameters
    return made


# ---- which kernels there are


def test_a_kernel_of_the_peers_is_a_work_with_ours_and_the_libraries() -> None:
    found = kernels_of(synthetic_kernels.make())
    assert len(found) == len(synthetic_kernels.SUITE)
    matmul = found["matmul_f32_512"]
    assert matmul.ours is not None and matmul.ours.one is not None and matmul.ours.every is not None
    assert (matmul.ours.one.workers, matmul.ours.every.workers) == (1, 2)
    assert [each.by for each in matmul.others] == ["openblas"]
    assert matmul.others[0].library == "OpenBLAS 0.3.21 SkylakeX"
    assert found["fir_32"].others == []
    names = [name for name in found if name.startswith("matmul_f32")]
    assert names == [f"matmul_f32_{n}" for n in (64, 128, 256, 512, 1024, 2048)]


def test_our_own_row_is_ours_whatever_library_it_names() -> None:
    document = synthetic_kernels.make(only="fft_1024$")
    for entry in document["benchmarks"]:
        entry["waitwork"]["library"] = "fftw-3.3.10"
    (kernel,) = kernels_of(document).values()
    assert [each.library for each in kernel.performers] == ["waitwork", "fftw-3.3.10"]


def test_its_place_is_operations_per_byte_and_operations_per_second() -> None:
    document = synthetic_kernels.make(only="matmul_f32_512")
    (kernel,) = kernels_of(document).values()
    assert kernel.intensity == pytest.approx(2 * 512**3 / (3 * 512 * 512 * 4))
    assert kernel.ours is not None and kernel.ours.one is not None
    row = kernel.ours.one
    assert kernel.gflops(row) == pytest.approx(row.median("gflops"))


def test_work_without_operations_has_no_place_but_a_share() -> None:
    found = kernels_of(synthetic_kernels.make(only="sobel"))
    assert found["sobel"].intensity is None
    drawing = drawing_of(synthetic_kernels.make(only=FEW))
    assert "to place them: sobel." in drawing.reading
    assert {line[0] for line in drawing.table.rows} == {"matmul_f32_512", "sobel", "dense_1"}


def test_of_other_suites_a_kernel_is_the_best_row_of_one_worker_and_of_all() -> None:
    found = kernels_of(suite_with_work(flops_per_unit=2.7e8, bytes_read_per_unit=2e6))
    assert list(found) == ["matmul"]
    ours = found["matmul"].ours
    assert ours is not None and ours.one is not None and ours.every is not None
    assert ours.one.workers == 1 and ours.every.workers == 2
    assert found["matmul"].gflops(ours.every) > 1.9 * found["matmul"].gflops(ours.one)


def test_a_row_that_failed_is_no_point() -> None:
    document = synthetic_kernels.make(only="matmul_f32_512")
    lost = next(row for row in document["waitwork"]["declared"] if "waitwork/" in row["name"])
    document["waitwork"]["failures"] = [
        lost | {"round": 0, "reason": "wrong_answer", "detail": "1 of 9"}
    ]
    (kernel,) = kernels_of(document).values()
    assert kernel.ours is not None and kernel.ours.one is None and kernel.ours.every is not None
    assert drawing_of(document) is not None


def test_without_known_work_there_is_no_roofline_and_one_line_says_so(tmp_path: Path) -> None:
    (tmp_path / "report.json").write_text(json.dumps(synthetic_report.make(only="cpu/matmul")))
    assert chart.main([str(tmp_path / "report.json"), "-o", str(tmp_path / "charts")]) == 0
    assert not (tmp_path / "charts" / "roofline.svg").exists()
    html = (tmp_path / "charts" / "index.html").read_text(encoding="utf-8")
    assert html.count("There is no roofline: no row with figures says") == 1
    assert 'href="#roofline"' not in html


def test_the_page_has_it_where_work_is_known(tmp_path: Path) -> None:
    (tmp_path / "report.json").write_text(json.dumps(synthetic_kernels.make(only=FEW)))
    assert chart.main([str(tmp_path / "report.json"), "-o", str(tmp_path / "charts")]) == 0
    html = (tmp_path / "charts" / "index.html").read_text(encoding="utf-8")
    assert "There is no roofline" not in html and 'href="#roofline"' in html
    root = ElementTree.parse(tmp_path / "charts" / "roofline.svg").getroot()
    tips = [element.text or "" for element in root.iter(f"{SVG}title")]
    beside = "matmul_f32_512, OpenBLAS 0.3.21 SkylakeX, 2 workers: "
    assert any(tip.startswith(beside) and "of what arithmetic allows" in tip for tip in tips)


# ---- that it says what the report says


def test_the_table_has_every_row_of_every_performer() -> None:
    document = synthetic_kernels.make(only=FEW)
    table = drawing_of(document).table
    assert len(table.rows) == len(report_of(document).rows)
    columns = [column.title for column in table.columns]
    first = next(line for line in table.rows if line[0] == "matmul_f32_512")
    ours = dict(zip(columns, first, strict=True))
    assert (ours["kernel"], ours["by"], ours["size"]) == ("matmul_f32_512", "waitwork", "1 worker")
    assert ours["share of limit"] == pytest.approx(0.94, rel=0.03)
    assert ours["limited by"] == "arithmetic" and ours["rounds"] == 5
    sobel = next(line for line in table.rows if line[0] == "sobel")
    assert dict(zip(columns, sobel, strict=True))["GFLOP/s"] is None
    assert dict(zip(columns, sobel, strict=True))["Mpixel/s"] > 0
    assert "None" not in json.dumps(table.text())


def test_ceilings_have_their_names_and_rates() -> None:
    written = texts(synthetic_kernels.make())
    for part in ("L1, 330 GB/s", "L3, 2 workers, 117 GB/s", "memory, 14.0 GB/s"):
        assert part in written, part
    for part in ("f32, 160 GFLOP/s", "f64, 2 workers, 155 GFLOP/s"):
        assert part in written, part


@pytest.mark.parametrize(
    ("lost", "said"),
    [
        (("f64_flops_one", "f64_flops_all"), "not measured: f64."),
        (("caches",), "not measured: caches."),
        (("f32_flops_all",), "not measured: f32 by all workers."),
        (("read_bytes_per_second_one",), ""),
    ],
)
def test_limits_that_are_missing_are_not_drawn_and_named(lost: tuple[str, ...], said: str) -> None:
    some = {name: value for name, value in LIMITS.items() if name not in lost}
    document = synthetic_kernels.make(only=FEW, limits=some)
    assert limits.missing(report_of(document)).endswith(said)
    assert drawing_of(document).reading.endswith(said)
    assert not any(text.startswith("f64") for text in texts(document) if "f64_flops_one" in lost)


def test_without_any_limits_there_are_points_and_no_line() -> None:
    document = synthetic_kernels.make(only=FEW, limits=None)
    for entry in document["benchmarks"]:
        del entry["share_of_limit"], entry["waitwork"]["limited_by"]
    assert "no ceiling and no share" in drawing_of(document).reading
    written = texts(document)
    assert "matmul_f32_512" in written and not any("GB/s" in text for text in written)
    assert any(text.startswith("no limit known") for text in written)


def test_a_machine_with_one_cpu_has_one_point_a_kernel() -> None:
    document = synthetic_kernels.make(only=FEW, limits=LIMITS | {"workers": 1})
    rows = document["benchmarks"]
    document["benchmarks"] = [row for row in rows if row["waitwork"]["workers"] == 1]
    declared = document["waitwork"]["declared"]
    document["waitwork"]["declared"] = [row for row in declared if row["workers"] == 1]
    assert all(kernel.ours.every is None for kernel in kernels_of(document).values())
    assert not any("workers" in text for text in texts(document))


def test_a_share_above_one_is_drawn_and_said() -> None:
    document = synthetic_kernels.make(only="fir_32")
    for entry in document["benchmarks"]:
        entry["share_of_limit"] = 1.31
    assert "131 %" in texts(document)


def test_names_cannot_break_the_picture() -> None:
    hostile = "m<script>$a$ & \\u001b[31m"
    text = json.dumps(synthetic_kernels.make(only=FEW)).replace("matmul_f32_512", hostile)
    assert any("$a$" in each for each in texts(json.loads(text)))


def test_the_same_report_gives_the_same_picture() -> None:
    assert texts(synthetic_kernels.make()) == texts(synthetic_kernels.make())


def test_the_schema_accepts_what_these_tests_draw() -> None:
    jsonschema = pytest.importorskip("jsonschema")
    schema = Path(__file__).resolve().parent.parent / "reports/schema/waitwork-report-1.schema.json"
    jsonschema.Draft202012Validator(json.loads(schema.read_text("utf-8"))).validate(
        synthetic_kernels.make(rounds=2)
    )


# ---- labels


def test_every_kernel_is_named_once_beside_its_points_and_once_at_its_bars() -> None:
    document = synthetic_kernels.make()
    written = texts(document)
    for name, kernel in kernels_of(document).items():
        assert written.count(name) == (2 if kernel.intensity else 1), name


def test_thirty_labels_in_a_crowd_all_find_a_place_and_none_covers_another() -> None:
    sheet = Sheet(Box(0, 0, 720, 380))
    points = [(230.0 + 26 * (i % 10), 150.0 + 46 * (i // 10)) for i in range(30)]
    sheet.take(*(around(point, 4) for point in points))
    lines = [around((x, 240), 1) for x in range(0, 720, 4)]
    sheet.crossable = Boxes(lines)
    labels = [Label(f"matmul_{i}", [point], 60, 9) for i, point in enumerate(points)]
    places = sheet.place(labels)
    assert len(places) == 30
    boxes = [place.box for place in places.values()]
    assert not any(one.meets(other) for one, other in itertools.combinations(boxes, 2))
    for box in boxes:
        assert not any(around(point, 4).meets(box) for point in points)
        assert not any(line.meets(box) for line in lines)


def test_a_label_without_any_room_goes_without() -> None:
    sheet = Sheet(Box(0, 0, 50, 20))
    assert sheet.place([Label("wide", [(25, 10)], 60, 9)]) == {}


def test_labels_beside_their_point_need_no_line() -> None:
    sheet = Sheet(Box(0, 0, 200, 100))
    place = sheet.place([Label("x", [(50, 50)], 30, 9)])["x"]
    assert place.line is None and place.box.left == 55


def test_our_colour_stands_out_on_light_and_dark_paper() -> None:
    def luminance(colour: str) -> float:
        channels = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
        linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    for paper in (style.PAPER, style.DARK[style.PAPER]):
        low, high = sorted((luminance(paper), luminance(style.KERNEL)))
        assert (high + 0.05) / (low + 0.05) >= 3


def test_every_colour_is_ours_or_changes_with_the_paper() -> None:
    report = report_of(synthetic_kernels.make(only=FEW))
    drawing = roofline.draw(report, decide(report))
    assert drawing is not None
    svg = picture.render(copy.copy(drawing), page.caption(report)).inline
    used = set(re.findall(r'(?:fill|stroke)="(#[0-9a-f]{6})"', svg))
    assert used <= {style.KERNEL, *style.DARK}
