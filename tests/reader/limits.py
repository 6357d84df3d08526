"""Limits of section 8 and the draft of the page, as it has them itself: read from there, so that they are said once."""

import re
from pathlib import Path

PAGE = Path(__file__).resolve().parents[2] / "docs" / "PROTOCOL.md"


TEXT = PAGE.read_text(encoding="utf-8")


def table(heading):
    """The rows of the first table after a heading of the page, each a list of its cells."""
    _, found, after = TEXT.partition(f"# {heading}\n")
    assert found, f"the page has no heading {heading}"
    rows = re.search(r"^\|.*(?:\n\|.*)*", after, re.MULTILINE).group().splitlines()[2:]
    return [[cell.strip() for cell in row.strip("|").split("|")] for row in rows]


globals().update({name: int(value) for name, value, _ in table("8. Limits")})

# The suite of an HPKE key, by its length.
SUITES = {int(length): int(suite) for suite, length, _ in table("Suites")}

# The draft of protocol 1 that the page is about.
DRAFT = int(re.search(r"whose capability is `draft/(\d+)`", TEXT).group(1))
