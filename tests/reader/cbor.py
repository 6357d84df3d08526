"""The one encoding of section 1 of docs/PROTOCOL.md: deterministic CBOR of few types, and nothing else.

Values are `int`, `bytes`, `str`, `list`, `True`, `False` and `None`. What is read in any other spelling is refused.
"""

UINT, BYTES, TEXT, ARRAY = 0, 2, 3, 4

SIMPLE = {0xF4: False, 0xF5: True, 0xF6: None}

# No value of the protocol is nested deeper: a frame of positioned, logged entries has five levels.
MAX_DEPTH = 8


class Malformed(Exception):
    """Bytes that are not what they have to be, and the name that the page gives to the rule."""

    def __init__(self, rule, what=""):
        super().__init__(f"{rule}: {what}" if what else rule)
        self.rule = rule


def head(major, number):
    """The first bytes of an item: its type and a number in as few bytes as it takes."""
    if number < 24:
        return bytes([major << 5 | number])
    for code, length in ((24, 1), (25, 2), (26, 4), (27, 8)):
        if number < 1 << 8 * length:
            return bytes([major << 5 | code]) + number.to_bytes(length, "big")
    raise ValueError(f"{number} has more than 64 bits")


def encode(value):
    """The one encoding of a value."""
    for byte, simple in SIMPLE.items():
        if value is simple:
            return bytes([byte])
    if isinstance(value, int):
        return head(UINT, value)
    if isinstance(value, bytes):
        return head(BYTES, len(value)) + value
    if isinstance(value, str):
        text = value.encode()
        return head(TEXT, len(text)) + text
    return head(ARRAY, len(value)) + b"".join(encode(item) for item in value)


def decode(data):
    """The value that these bytes are the one encoding of, with nothing behind it."""
    value, end = _item(data, 0, 0)
    if end != len(data):
        raise Malformed("Canonical", "something follows the value")
    return value


def _item(data, at, depth):
    if at >= len(data):
        raise Malformed("Canonical", "the bytes end in the middle")
    first = data[at]
    if first in SIMPLE:
        return SIMPLE[first], at + 1
    major, number, at = _head(data, at)
    if major == UINT:
        return number, at
    if major in (BYTES, TEXT):
        if number > len(data) - at:
            raise Malformed("Canonical", "the bytes end in a string")
        content = bytes(data[at : at + number])
        return (content if major == BYTES else _text(content)), at + number
    if major != ARRAY:
        raise Malformed("Canonical", f"there are no items that begin with {first:#x}")
    if depth == MAX_DEPTH:
        raise Malformed("Shape", "arrays within arrays")
    items = []
    for _ in range(number):
        item, at = _item(data, at, depth + 1)
        items.append(item)
    return items, at


def _head(data, at):
    major, code = data[at] >> 5, data[at] & 0x1F
    at += 1
    if code < 24:
        return major, code, at
    if code > 27:
        raise Malformed("Canonical", "a length that is not given")
    length = 1 << code - 24
    if length > len(data) - at:
        raise Malformed("Canonical", "the bytes end in a number")
    number = int.from_bytes(data[at : at + length], "big")
    if len(head(major, number)) != 1 + length:
        raise Malformed("Canonical", "a number in more bytes than it takes")
    return major, number, at + length


def _text(content):
    try:
        return content.decode()
    except UnicodeDecodeError:
        raise Malformed("Canonical", "text that is not UTF-8") from None
