"""The words of every mail, read from ``templates/`` once.

A wording is one text file for each message and locale: the subject in its first line, then paragraphs with an empty
line between them. A paragraph that ends in a line ``$url`` is a link with its label above; one that is only ``$code``
is a code to type. Text and HTML part are both made from these paragraphs, so that nothing is written twice.
"""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from string import Template
from typing import Literal

import attrs

from coproauth.policy import Locale

Shape = Literal["text", "link", "code"]


@attrs.frozen(kw_only=True)
class Paragraph:
    """One paragraph, its placeholders not yet filled.

    Attributes:
        shape: which of the HTML fragments it is put in.
        text: of all of it, but for a link's address.
    """

    shape: Shape
    text: Template

    @classmethod
    def parse(cls, block: str) -> Paragraph:
        """Tell from the last line what the paragraph is."""
        label, _, last = block.rpartition("\n")
        if last == "$url":
            return cls(shape="link", text=Template(label))
        return cls(shape="code" if block == "$code" else "text", text=Template(block))


@attrs.frozen(kw_only=True)
class Wording:
    """What one message says in one locale.

    Attributes:
        subject: without any placeholder, so that no name can reach a header.
    """

    subject: str
    paragraphs: tuple[Paragraph, ...]


@cache
def load_wording(name: str, locale: Locale) -> Wording:
    """Return the wording of a message; the signature has one too, its first line being the name it signs with."""
    subject, _, body = _read(f"{locale}/{name}.txt").partition("\n")
    return Wording(subject=subject, paragraphs=tuple(Paragraph.parse(block) for block in body.strip().split("\n\n")))


@cache
def load_html(name: Shape | Literal["layout"]) -> Template:
    """Return the layout of all mail, or the fragment for one shape of paragraph."""
    return Template(_read(f"{name}.html").strip())


def _read(path: str) -> str:
    return files("coproauth.mail").joinpath("templates", *path.split("/")).read_text("utf-8")
