"""What a payload's Automerge bytes are, as far as their own checksums tell: changes, or one saved document.

The chunks are those of Automerge's binary format: four magic bytes, the first four of a SHA-256, a type, a length in LEB128, and
the contents, over which and the two before them the hash is.
"""

from hashlib import sha256

from cbor import Malformed

MAGIC = bytes.fromhex("856f4a83")

DOCUMENT, CHANGE = 0, 1


def _uleb(data, at):
    number, shift = 0, 0
    while True:
        if at >= len(data):
            raise Malformed("Automerge", "cut short")
        byte = data[at]
        number |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return number, at


def chunks(data):
    """Type, hash and contents of each chunk."""
    at, found = 0, []
    while at < len(data):
        if data[at : at + 4] != MAGIC:
            raise Malformed("Automerge", "not a chunk")
        begin = at + 8
        length, contents = _uleb(data, begin + 1)
        end = contents + length
        hash_ = sha256(data[begin:end]).digest()
        if end > len(data) or hash_[:4] != data[at + 4 : begin]:
            raise Malformed("Automerge", "a checksum does not hold")
        found.append((data[begin], hash_, data[contents:end]))
        at = end
    return found


def _heads_of_document(contents):
    """The heads that a saved document names, behind its actors."""
    count, at = _uleb(contents, 0)
    for _ in range(count):
        length, at = _uleb(contents, at)
        at += length
    count, at = _uleb(contents, at)
    return {contents[at + 32 * number : at + 32 * number + 32] for number in range(count)}


def check(data, heads, is_snapshot):
    """Refuses bytes that are not raw changes, or in a snapshot one saved document of these heads."""
    found = chunks(data)
    kinds = {kind for kind, _, _ in found}
    if is_snapshot:
        if len(found) != 1 or kinds != {DOCUMENT} or _heads_of_document(found[0][2]) != set(heads):
            raise Malformed("Automerge", "not one saved document of these heads")
    elif kinds != {CHANGE}:
        raise Malformed("Automerge", "not changes")
