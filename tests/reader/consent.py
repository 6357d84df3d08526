"""What section 2 says of confirms and adopted entries: the words by which one's changes count through another's entry."""

import limits
from cbor import Malformed, decode, encode
from entries import ADOPTED, CHANGES, SNAPSHOT, read_entry
from forms import bytes_to, fields, fixed, list_of, null_or, uint


def _row(items):
    """A row: a confirmation of two items, or a dispute of three."""
    if isinstance(items, list) and len(items) == 3:
        fields(uint(), null_or(fixed(32)), fixed(32))(items)
        if items[1] is not None:
            raise Malformed("Confirm", "a row confirms or disputes")
    else:
        fields(uint(), null_or(fixed(32)))(items)
    if items[0] == 0:
        raise Malformed("Confirm", "a snapshot before the log")
    return items


def read_confirm(body):
    """The rows of a confirm."""
    rows = list_of(_row, limits.MAX_CONFIRM_ROWS)(decode(body))
    positions = [row[0] for row in rows]
    if not rows or positions != sorted(set(positions)):
        raise Malformed("Confirm", "rows ascend, each snapshot once, and there is one")
    return rows


_ORIGINAL = fields(bytes_to(limits.MAX_HEADER), fixed(64), uint(), bytes_to(limits.MAX_BODY))


def read_adopted(workspace, adopting, sealed):
    """The entries that stand verbatim in one with this header."""
    if adopting.type != ADOPTED:
        raise Malformed("Adopted", "it adopts nothing")
    originals = list_of(_ORIGINAL, limits.MAX_ORIGINALS)(decode(sealed))
    found = [read_entry(workspace, encode([header, signature, body])) for header, signature, _, body in originals]
    numbers = [(*it.header.chain, it.header.seq) for it in found]
    weight = sum(1 << it.header.weight for it in found)
    kept = (
        found
        and all(it.header.type in (CHANGES, SNAPSHOT) and it.header.doc == adopting.doc for it in found)
        and numbers == sorted(set(numbers))
        and weight <= 1 << adopting.weight
    )
    if not kept:
        raise Malformed("Adopted", "not a list of originals")
    return found
