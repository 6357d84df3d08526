"""Sealing, section 7: keys from keys, wraps, bodies, and the payloads inside."""

import hmac
from dataclasses import dataclass
from hashlib import sha256

import zstandard
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

import limits
from cbor import Malformed, decode
from forms import boolean, bytes_to, fixed, list_of, null_or, text_to, uint
from records import WRAP

SUITE = 1

STORED, ZSTD = 0, 1

ZSTD_MAGIC = bytes.fromhex("28b52ffd")


class Unopenable(Exception):
    """What is sealed does not open, or not to what it has to be, and the name that the page gives to the rule."""

    def __init__(self, rule, what):
        super().__init__(f"{rule}: {what}")
        self.rule = rule


def extract(salt, ikm):
    """HKDF-Extract of RFC 5869; no salt is 32 zero bytes."""
    return hmac.digest(salt or bytes(32), ikm, "sha256")


def expand(prk, info, length):
    """HKDF-Expand of RFC 5869."""
    out, block, count = b"", b"", 0
    while len(out) < length:
        count += 1
        block = hmac.digest(prk, block + info + bytes([count]), "sha256")
        out += block
    return out[:length]


def hkdf(ikm, info, length, salt=b""):
    """Both steps of HKDF-SHA256."""
    return expand(extract(salt, ikm), info, length)


def open_aead(okm, aad, sealed):
    """What AES-256-GCM has sealed under a key and a nonce of 32 and 12 bytes."""
    try:
        return AESGCM(okm[:32]).decrypt(okm[32:44], sealed, aad)
    except InvalidTag:
        raise Unopenable("Seal", "it was sealed otherwise") from None


def commitment(epoch_key):
    """What a roster says of an epoch key."""
    return hkdf(epoch_key, b"bowline/epoch/commitment/1", 32)


def x25519_public(secret):
    """The public key of an X25519 secret."""
    public = X25519PrivateKey.from_private_bytes(secret).public_key()
    return public.public_bytes(Encoding.Raw, PublicFormat.Raw)


@dataclass
class Ticket:
    """The keys of an invite or link, from the secret in its code."""

    secret: bytes

    @property
    def signing_seed(self):
        """The seed of the ticket's Ed25519 key."""
        return hkdf(self.secret, b"bowline/ticket/signing/1", 32)

    @property
    def hpke_secret(self):
        """The ticket's X25519 key."""
        return hkdf(self.secret, b"bowline/ticket/hpke/1", 32)


def _labeled_extract(suite, salt, label, ikm):
    return extract(salt, b"HPKE-v1" + suite + label + ikm)


def _labeled_expand(suite, prk, label, info, length):
    return expand(prk, length.to_bytes(2, "big") + b"HPKE-v1" + suite + label + info, length)


def open_hpke(secret, encapsulated, info, ciphertext):
    """Opens a single message of HPKE's base mode (RFC 9180) with suite 1 and no additional data."""
    # Section 7.1: DHKEM(X25519, HKDF-SHA256) is 0x0020, HKDF-SHA256 0x0001, AES-256-GCM 0x0002.
    kem, suite = b"KEM\x00\x20", b"HPKE\x00\x20\x00\x01\x00\x02"
    own = X25519PrivateKey.from_private_bytes(secret)
    try:
        shared_point = own.exchange(X25519PublicKey.from_public_bytes(encapsulated))
    except ValueError:
        raise Unopenable("Seal", "the encapsulated key is not one") from None
    eae = _labeled_extract(kem, b"", b"eae_prk", shared_point)
    context = encapsulated + x25519_public(secret)
    shared = _labeled_expand(kem, eae, b"shared_secret", context, 32)
    psk_id = _labeled_extract(suite, b"", b"psk_id_hash", b"")
    info_hash = _labeled_extract(suite, b"", b"info_hash", info)
    schedule = b"\x00" + psk_id + info_hash
    key_secret = _labeled_extract(suite, shared, b"secret", b"")
    key = _labeled_expand(suite, key_secret, b"key", schedule, 32)
    nonce = _labeled_expand(suite, key_secret, b"base_nonce", schedule, 12)
    return open_aead(key + nonce, b"", ciphertext)


def open_wrap(wrap, workspace, epoch_commitment, secret):
    """The epoch key that a wrap holds for this secret."""
    recipient, suite, encapsulated, ciphertext = WRAP(wrap)
    if suite != SUITE:
        raise Unopenable("Suite", f"suite {suite} is of a newer version")
    info = b"bowline/wrap/1" + workspace + recipient + epoch_commitment
    key = open_hpke(secret, encapsulated, info, ciphertext)
    if len(key) != 32 or commitment(key) != epoch_commitment:
        raise Unopenable("Commitment", "it is not the key that is committed to")
    return key


def open_history(workspace, newest, sealed):
    """All earlier epoch keys, oldest first; None for each that whoever sealed them lacked."""
    okm = hkdf(newest, b"bowline/history/1" + workspace, 44)
    keys = open_aead(okm, b"", sealed)
    if len(keys) % 32:
        raise Unopenable("Seal", "the history is not of whole keys")
    keys = [keys[at : at + 32] for at in range(0, len(keys), 32)]
    return [key if any(key) else None for key in keys]


def open_rekey(rekey, workspace, secret):
    """All epoch keys that a rekey hands to this secret, oldest first."""
    own = x25519_public(secret)
    wraps = [wrap for wrap in rekey.wraps if wrap[0] == own]
    if not wraps:
        raise Unopenable("Seal", "there is no wrap for this recipient")
    newest = open_wrap(wraps[0], workspace, rekey.commitment, secret)
    return open_history(workspace, newest, rekey.history) + [newest]


def open_stored(stored, workspace, secret, commitments):
    """All epoch keys that a device has stored for itself, oldest first."""
    own = x25519_public(secret)
    wraps = [wrap for wrap in stored.wraps if wrap[0] == own]
    if not wraps:
        raise Unopenable("Seal", "there is no wrap for this recipient")
    lid = open_wrap(wraps[0], workspace, stored.commitment, secret)
    keys = open_history(workspace, lid, stored.history)
    # Earlier versions sealed the earlier keys under the newest.
    return keys + [lid] if commitments[len(keys) :][:1] == [stored.commitment] else keys


class Keyring:
    """The epoch keys of a workspace, oldest first; None where one is missing."""

    def __init__(self, workspace, keys, epochs):
        if len(keys) != len(epochs) or keys[-1] is None:
            raise Unopenable("Commitment", "the keys are not those of the roster")
        if any(key is not None and commitment(key) != known for (_, known), key in zip(epochs, keys)):
            raise Unopenable("Commitment", "the keys are not those of the roster")
        self.workspace = workspace
        self.newest = keys[-1]
        self.by_epoch = {id_: key for (id_, _), key in zip(epochs, keys) if key is not None}
        # Without the first key no document has a name.
        self.document_key = keys[0] and hkdf(keys[0], b"bowline/document/1" + workspace, 32)

    def wire_doc(self, doc):
        """What the relay sees of a document."""
        return hmac.digest(self.document_key, doc, "sha256")[:16]

    def open_body(self, entry):
        """What an entry of the content lane holds: a payload, or a part of one."""
        header = entry.header
        key = self.by_epoch[header.epoch]
        info = b"bowline/body/1" + self.workspace + header.doc
        okm = hkdf(key, info, 44, salt=header.salt)
        most = limits.MAX_PAYLOAD if header.part == [0, 1] else limits.PART_LEN
        return unpad(open_aead(okm, entry.additional_data(), entry.body), most)


def salt_of(epoch_key, workspace, random, aad, plaintext):
    """The salt that a body gets."""
    key = hkdf(epoch_key, b"bowline/salt/1" + workspace, 32)
    return hmac.digest(key, random + aad + sha256(plaintext).digest(), "sha256")[:16]


def padme(length):
    """The length that PADMÉ pads a length to."""
    if length < 2:
        return length
    exponent = length.bit_length() - 1
    zero_bits = exponent - exponent.bit_length()
    mask = (1 << max(zero_bits, 0)) - 1
    return (length + mask) & ~mask


def unpad(plaintext, most):
    """The data inside a padded plaintext."""
    if len(plaintext) < 5:
        raise Unopenable("Truncated", "cut short")
    codec, length = plaintext[0], int.from_bytes(plaintext[1:5], "big")
    data, padding = plaintext[5 : 5 + length], plaintext[5 + length :]
    if len(data) < length:
        raise Unopenable("Truncated", "cut short")
    opened = _frame_size(data, most) if codec == ZSTD else length
    least = -(-opened // limits.MAX_EXPANSION) if opened > limits.FREE_EXPANSION else 0
    if len(plaintext) != padme(max(5 + length, least)) or any(padding):
        raise Unopenable("Padding", "padded otherwise")
    if codec == ZSTD:
        data = _decompress(data, opened)
    elif codec != STORED:
        raise Unopenable("Codec", "an unknown codec")
    if len(data) > most:
        raise Unopenable("PayloadLimit", "too large")
    return data


def _frame_size(frame, most):
    """The size that a zstd frame states, which has to be larger than the frame is."""
    if not frame.startswith(ZSTD_MAGIC):
        raise Unopenable("Compression", "not a zstd frame")
    try:
        size = zstandard.frame_content_size(frame)
    except zstandard.ZstdError as error:
        raise Unopenable("Compression", str(error)) from None
    if size > most:
        raise Unopenable("PayloadLimit", "a frame of too much")
    if size <= len(frame):
        raise Unopenable("Compression", "a frame of no size, or that is no smaller than that")
    return size


def _decompress(frame, size):
    """What exactly one zstd frame holds that states this size."""
    try:
        decompressor = zstandard.ZstdDecompressor().decompressobj()
        data = decompressor.decompress(frame)
    except zstandard.ZstdError as error:
        raise Unopenable("Compression", str(error)) from None
    if decompressor.unused_data or not decompressor.eof or len(data) != size:
        raise Unopenable("Compression", "something else than one frame")
    return data


# No database has a larger number.
_NUMBER = uint(63)

TITLE_MAX, PREVIEW_MAX, HEADS_MAX = 200, 280, 4096

LABELS_MAX, LABEL_MAX = 256, 1024


def _marks(value):
    """Pinned, archived and labels."""
    if not isinstance(value, list) or not 2 <= len(value) <= 2 + LABELS_MAX:
        raise Malformed("Shape", "marks of another length")
    return [boolean(value[0]), boolean(value[1]), *map(text_to(LABEL_MAX), value[2:])]


@dataclass
class Payload:
    """What a document's entry says and holds."""

    doc: bytes
    kind: int
    time: int
    heads: list
    automerge: bytes
    title: str
    updated_at: int
    count: int
    preview: str
    deleted_at: int | None
    marks: list | None = None


def read_payload(data):
    """The payload that these bytes are."""
    forms = [
        fixed(16),
        uint(32),
        _NUMBER,
        list_of(fixed(32), HEADS_MAX),
        bytes_to(limits.MAX_PAYLOAD),
        text_to(TITLE_MAX),
        _NUMBER,
        _NUMBER,
        text_to(PREVIEW_MAX),
        null_or(_NUMBER),
        _marks,
    ]
    items = decode(data)
    if not isinstance(items, list) or len(items) not in (10, 11):
        raise Malformed("Shape", "not a payload")
    return Payload(*(form(item) for form, item in zip(forms, items)))
