# SPDX-License-Identifier: Apache-2.0
"""Turns a figure into a finished SVG (themed, accessible, safe to inline) and a PNG.

matplotlib's SVG is right but not fit for a page as it comes. Its colours sit in style attributes,
which a strict content security policy drops (the shapes turn black); its one style sheet would
restyle the page around it; its ids repeat from figure to figure. So the tree is rewritten: styles
become presentation attributes, ids get the chart's name as prefix, title and description are
added, and parts that carry a `gid` get a tooltip. Dark mode is then a few attribute selectors
(DARK_CSS): inside the file for whoever opens it alone, once in the page for all charts.
"""

from __future__ import annotations

import io
import re
from dataclasses import dataclass
from xml.etree import ElementTree

from matplotlib.figure import Figure
from matplotlib.text import Text
from matplotlib.transforms import Bbox

from charts import style
from charts.drawing import Drawing
from charts.mark import PNG_TEXT, SVG_HEAD
from escape import plain

SVG = "http://www.w3.org/2000/svg"
XLINK = "http://www.w3.org/1999/xlink"
ElementTree.register_namespace("", SVG)
ElementTree.register_namespace("xlink", XLINK)

FONT_STACK = f"'{style.FONT}', Verdana, Geneva, 'Segoe UI', Arial, Helvetica, sans-serif"
PNG_DPI = 160  # crisp on a high-density screen and in a document at the page's width

DARK_CSS = "".join(
    f'[fill="{light}"]{{fill:{dark}}}[stroke="{light}"]{{stroke:{dark}}}'
    for light, dark in style.DARK.items()
)

_DECIMALS = re.compile(r"(\d+\.\d{2})\d+")
_FORBIDDEN = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f]")  # in XML, though not in a name
_FONT = re.compile(r"(?:(?P<style>italic|oblique) )?(?:(?P<weight>bold|\d00) )?(?P<size>[\d.]+px) ")


@dataclass(frozen=True)
class Picture:
    """A chart in its three forms."""

    svg: str  # a document of its own, with title and caption
    inline: str  # for a page that has its own title and caption
    png: bytes  # light colours, with title and caption


def render(drawing: Drawing, caption: list[str]) -> Picture:
    """Finishes a drawing; `caption` says where its numbers come from. The figure is used up."""
    _make_plain(drawing.figure)
    bare = _element(drawing, _save(drawing.figure, "svg", None))
    frame = _add_words(drawing.figure, drawing.title, caption)
    alone = _element(drawing, _save(drawing.figure, "svg", frame))
    sheet = ElementTree.Element(f"{{{SVG}}}style")
    sheet.text = f"@media screen and (prefers-color-scheme:dark){{{DARK_CSS}}}"
    alone.insert(2, sheet)
    return Picture(
        svg=SVG_HEAD + ElementTree.tostring(alone, encoding="unicode").removeprefix("<svg ") + "\n",
        inline=ElementTree.tostring(bare, encoding="unicode"),
        png=_save(drawing.figure, "png", frame),
    )


def _make_plain(figure: Figure) -> None:
    """Every text of it, whoever wrote it there; matplotlib cannot write half a surrogate pair."""
    for text in figure.findobj(Text):
        said = text.get_text()
        if plain(said) != said:
            text.set_text(plain(said))


def _add_words(figure: Figure, title: str, caption: list[str]) -> Bbox:
    """Writes title and caption outside the figure; returns the box, in inches, around all."""
    width, height = figure.get_size_inches()
    above, below = 0.55, 0.12 + 0.16 * len(caption)
    at = (0.25 / width, 1 + 0.2 / height)
    figure.text(*at, plain(title), fontsize=13, fontweight="bold", va="bottom")
    for index, line in enumerate(caption):
        y = -(0.04 + 0.16 * index) / height
        figure.text(0.25 / width, y, plain(line), fontsize=7.5, color=style.SOFT, va="top")
    return Bbox([[0, -below], [width, height + above]])


def _save(figure: Figure, form: str, frame: Bbox | None) -> bytes:
    raw = io.BytesIO()
    # No date and no version of matplotlib, so that the same report gives the same bytes.
    metadata = dict.fromkeys(("Date", "Creator", "Format", "Type")) if form == "svg" else PNG_TEXT
    figure.savefig(
        raw, format=form, bbox_inches=frame, dpi=PNG_DPI if form == "png" else 72, metadata=metadata
    )
    return raw.getvalue()


def _element(drawing: Drawing, document: bytes) -> ElementTree.Element:
    """matplotlib's document as a tree that fits into a page."""
    root = ElementTree.fromstring(_FORBIDDEN.sub(" ", document.decode()))
    parents = {child: parent for parent in root.iter() for child in parent}
    for element in list(root.iter()):
        if element.tag in (f"{{{SVG}}}metadata", f"{{{SVG}}}style"):
            parents[element].remove(element)
            continue
        _to_attributes(element)
        _prefix_ids(element, drawing.key, drawing.tooltips)
        element.text = plain(element.text) if element.text and element.text.strip() else None
        element.tail = None
    _drop_empty(root)
    # What matplotlib's style sheet said, as inherited attributes.
    root.set("stroke-linejoin", "round")
    root.set("stroke-linecap", "butt")
    root.set("font-family", FONT_STACK)
    root.set("role", "img")
    root.set("aria-labelledby", f"{drawing.key}-title {drawing.key}-desc")
    for position, (tag, text) in enumerate((("title", drawing.title), ("desc", drawing.alt))):
        words = ElementTree.Element(f"{{{SVG}}}{tag}", {"id": f"{drawing.key}-{tag}"})
        words.text = plain(text)
        root.insert(position, words)
    return root


def _to_attributes(element: ElementTree.Element) -> None:
    declarations = element.attrib.pop("style", "")
    for declaration in filter(None, (part.strip() for part in declarations.split(";"))):
        name, value = (part.strip() for part in declaration.split(":", 1))
        if name == "font":
            font = _FONT.match(value)
            if font is None:
                raise ValueError(f"matplotlib wrote a font this code does not know: {value!r}")
            for attribute, text in (("font-style", font["style"]), ("font-weight", font["weight"])):
                if text:
                    element.set(attribute, text)
            element.set("font-size", font["size"])
        else:
            element.set(name, value)
    for name in ("d", "x", "y", "transform", "width", "height"):
        if name in element.attrib:
            element.set(name, _DECIMALS.sub(r"\1", " ".join(element.attrib[name].split())))
    if element.attrib.get("transform", "").startswith("rotate(-0 "):
        del element.attrib["transform"]


def _prefix_ids(element: ElementTree.Element, key: str, tooltips: dict[str, str]) -> None:
    identity = element.attrib.get("id")
    if identity is not None:
        element.set("id", f"{key}-{identity}")
        if identity in tooltips:
            tip = ElementTree.Element(f"{{{SVG}}}title")
            tip.text = plain(tooltips[identity])
            element.insert(0, tip)
    for name, value in element.attrib.items():
        if name == f"{{{XLINK}}}href":
            element.set(name, value.replace("#", f"#{key}-", 1))
        elif "url(#" in value:
            element.set(name, value.replace("url(#", f"url(#{key}-"))


def _drop_empty(root: ElementTree.Element) -> None:
    """Removes groups left without content, and ids nothing refers to: a third of the file."""
    referred = {
        match
        for element in root.iter()
        for value in element.attrib.values()
        for match in re.findall(r"#([^)\s]+)", value)
    }
    for parent in list(root.iter()):
        for child in list(parent):
            if child.tag in (f"{{{SVG}}}g", f"{{{SVG}}}defs") and len(child) == 0:
                parent.remove(child)
            elif child.attrib.get("id") not in referred:
                child.attrib.pop("id", None)
