"""Signatures of section 1: Ed25519, verified strictly, over a domain, a zero byte and the bytes.

The library's predicate takes keys and R of small order, which the page forbids; that is checked here by the curve's arithmetic.
"""

from functools import cache

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from cbor import Malformed

# RFC 8032 section 5.1: the field's prime, and d of the curve -x² + y² = 1 + d·x²·y².
P = 2**255 - 19
D = -121665 * pow(121666, P - 2, P) % P
ROOT_OF_MINUS_ONE = pow(2, (P - 1) // 4, P)


def _point(encoded):
    """The point (x, y) that 32 bytes name, or None."""
    number = int.from_bytes(encoded, "little")
    sign, y = number >> 255, number & (1 << 255) - 1
    if y >= P:
        return None
    numerator, denominator = (y * y - 1) % P, (D * y * y + 1) % P
    square = numerator * pow(denominator, P - 2, P) % P
    x = pow(square, (P + 3) // 8, P)
    if x * x % P != square:
        x = x * ROOT_OF_MINUS_ONE % P
    if x * x % P != square or (x == 0 and sign):
        return None
    return (P - x if x & 1 != sign else x), y


def _double(point):
    x, y = point
    product = D * x * x * y * y % P
    return (
        2 * x * y * pow(1 + product, P - 2, P) % P,
        (y * y + x * x) * pow(1 - product, P - 2, P) % P,
    )


@cache
def has_large_order(encoded):
    """Whether these bytes name a point, and one that eight times itself is not the identity."""
    point = _point(encoded)
    if point is None:
        return False
    for _ in range(3):
        point = _double(point)
    return point != (0, 1)


def verify(key, domain, message, signature):
    """Refuses unless `key` has signed the message under this domain."""
    if not has_large_order(key) or not has_large_order(signature[:32]):
        raise Malformed("Signature", "a key or an R of small order")
    signed = domain.encode() + b"\0" + message
    try:
        Ed25519PublicKey.from_public_bytes(key).verify(signature, signed)
    except InvalidSignature:
        raise Malformed("Signature", f"not signed under {domain}") from None


def public_key(seed):
    """The public key of a seed."""
    key = Ed25519PrivateKey.from_private_bytes(seed).public_key()
    return key.public_bytes(Encoding.Raw, PublicFormat.Raw)


def sign(seed, domain, message):
    """The signature that a seed gives, which is always the same."""
    return Ed25519PrivateKey.from_private_bytes(seed).sign(domain.encode() + b"\0" + message)
