"""Forms of values: what an array has to have in it, said once and checked in one way.

A form is a function that takes a decoded value and gives it back, or refuses it by the name of the rule it breaks.
"""

from cbor import Malformed


def uint(bits=64):
    """An unsigned number of at most so many bits."""

    def form(value):
        if not isinstance(value, int) or isinstance(value, bool) or value >= 1 << bits:
            raise Malformed("Shape", f"{value!r} is not a number of {bits} bits")
        return value

    return form


def number_of(what, known):
    """A number that has a meaning."""

    def form(value):
        if uint()(value) not in known:
            raise Malformed("Number", f"no {what} has number {value}")
        return value

    return form


def fixed(length):
    """A byte string of this length."""

    def form(value):
        if not isinstance(value, bytes) or len(value) != length:
            raise Malformed("Shape", f"not {length} bytes")
        return value

    return form


def bytes_to(most):
    """A byte string of at most so many bytes."""

    def form(value):
        if not isinstance(value, bytes):
            raise Malformed("Shape", "not bytes")
        if len(value) > most:
            raise Malformed("Limit", f"more than {most} bytes")
        return value

    return form


def text_to(most):
    """A text of at most so many bytes."""

    def form(value):
        if not isinstance(value, str):
            raise Malformed("Shape", "not text")
        if len(value.encode()) > most:
            raise Malformed("Limit", f"more than {most} bytes of text")
        return value

    return form


def boolean(value):
    """True or false."""
    if not isinstance(value, bool):
        raise Malformed("Shape", "neither true nor false")
    return value


def null_or(inner):
    """Null, or something of another form."""
    return lambda value: None if value is None else inner(value)


def fields(*forms):
    """An array with exactly these fields."""

    def form(value):
        if not isinstance(value, list) or len(value) != len(forms):
            raise Malformed("Shape", f"not an array of {len(forms)}")
        return [check(item) for check, item in zip(forms, value)]

    return form


def list_of(inner, most):
    """An array of at most so many items of one form."""

    def form(value):
        if not isinstance(value, list):
            raise Malformed("Shape", "not an array")
        if len(value) > most:
            raise Malformed("Limit", f"more than {most} items")
        return [inner(item) for item in value]

    return form


def ascending(inner, key, rule):
    """A list whose items ascend by a key, each once."""

    def form(value):
        items = inner(value)
        keys = [key(item) for item in items]
        if any(second <= first for first, second in zip(keys, keys[1:])):
            raise Malformed(rule, "out of order, or twice")
        return items

    return form
