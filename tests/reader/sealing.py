"""Sealing, section 7: keys from keys, wraps, bodies, and the payloads inside."""

import hmac
from dataclasses import dataclass
from hashlib import sha3_256, sha256, shake_256

import zstandard
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

import limits
from cbor import Malformed, decode, encode
from forms import boolean, bytes_to, fixed, list_of, null_or, text_to, uint
from records import WRAP, suite_of

# How the KEMs are named in what they derive: 0x0020 and 0x647a.
KEMS = {1: b"KEM\x00\x20", 2: b"KEM\x64\x7a"}

# Of X-Wing: bytes of ML-KEM-768's ciphertext, and what its secret is hashed with.
LATTICE_LEN, XWING_LABEL = 1088, b"\\.//^\\"

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
class HpkeSecrets:
    """Somebody's private keys, of suite 1 and of suite 2."""

    x25519: bytes
    xwing: bytes

    def public(self, suite):
        """The public key of a suite."""
        if suite == 1:
            return x25519_public(self.x25519)
        lattice, point = _expand_xwing(self.xwing)
        return lattice.public_key().public_bytes_raw() + x25519_public(point)

    def shared(self, suite, encapsulated):
        """What the KEM of a suite gives to the holder of the private key."""
        return self._shared_x25519(encapsulated) if suite == 1 else self._shared_xwing(encapsulated)

    def _shared_x25519(self, encapsulated):
        try:
            shared_point = exchange(self.x25519, encapsulated)
        except ValueError:
            raise Unopenable("Seal", "the encapsulated key is not one") from None
        eae = _labeled_extract(KEMS[1], b"", b"eae_prk", shared_point)
        context = encapsulated + x25519_public(self.x25519)
        return _labeled_expand(KEMS[1], eae, b"shared_secret", context, 32)

    def _shared_xwing(self, encapsulated):
        lattice, point = _expand_xwing(self.xwing)
        if len(encapsulated) != LATTICE_LEN + 32:
            raise Unopenable("Seal", "the encapsulated key is not one")
        first, last = encapsulated[:LATTICE_LEN], encapsulated[LATTICE_LEN:]
        try:
            shared_point = exchange(point, last)
        except ValueError:
            # X-Wing goes on with it: the other half holds.
            shared_point = bytes(32)
        parts = [lattice.decapsulate(first), shared_point, last, x25519_public(point), XWING_LABEL]
        return sha3_256(b"".join(parts)).digest()


def exchange(secret, public):
    """X25519 of RFC 7748; a shared point of zeros is a ValueError."""
    return X25519PrivateKey.from_private_bytes(secret).exchange(X25519PublicKey.from_public_bytes(public))


def _expand_xwing(seed):
    """The private keys of ML-KEM-768 and X25519 that an X-Wing key is."""
    expanded = shake_256(seed).digest(96)
    return MLKEM768PrivateKey.from_seed_bytes(expanded[:64]), expanded[64:]


@dataclass
class Ticket:
    """The keys of an invite or link, from the secret in its code."""

    secret: bytes

    @property
    def signing_seed(self):
        """The seed of the ticket's Ed25519 key."""
        return hkdf(self.secret, b"bowline/ticket/signing/1", 32)

    @property
    def hpke(self):
        """The ticket's private keys for wraps."""
        labels = b"bowline/ticket/hpke/1", b"bowline/ticket/xwing/1"
        return HpkeSecrets(*(hkdf(self.secret, label, 32) for label in labels))


def _labeled_extract(suite, salt, label, ikm):
    return extract(salt, b"HPKE-v1" + suite + label + ikm)


def _labeled_expand(suite, prk, label, info, length):
    return expand(prk, length.to_bytes(2, "big") + b"HPKE-v1" + suite + label + info, length)


def device_hpke(seed, x25519):
    """A device's private keys for wraps, from the two secrets in device.key."""
    return HpkeSecrets(x25519, hkdf(seed + x25519, b"bowline/device/xwing/1", 32))


def open_hpke(suite, secrets, encapsulated, info, ciphertext):
    """Opens a single message of HPKE's base mode (RFC 9180) without additional data."""
    # Section 7: after the KEM HKDF-SHA256 is 0x0001 and AES-256-GCM 0x0002.
    name = b"HPKE" + KEMS[suite].removeprefix(b"KEM") + b"\x00\x01\x00\x02"
    shared = secrets.shared(suite, encapsulated)
    psk_id = _labeled_extract(name, b"", b"psk_id_hash", b"")
    info_hash = _labeled_extract(name, b"", b"info_hash", info)
    schedule = b"\x00" + psk_id + info_hash
    key_secret = _labeled_extract(name, shared, b"secret", b"")
    key = _labeled_expand(name, key_secret, b"key", schedule, 32)
    nonce = _labeled_expand(name, key_secret, b"base_nonce", schedule, 12)
    return open_aead(key + nonce, b"", ciphertext)


def open_wrap(wrap, recipient, workspace, epoch_commitment, secrets):
    """The epoch key that a wrap to this recipient holds for its secret."""
    encapsulated, ciphertext = WRAP(wrap)
    info = b"bowline/wrap/1" + workspace + recipient + epoch_commitment
    key = open_hpke(suite_of(recipient), secrets, encapsulated, info, ciphertext)
    if len(key) != 32 or commitment(key) != epoch_commitment:
        raise Unopenable("Commitment", "it is not the key that is committed to")
    return key


def ephemeral_point(key, workspace, recipient):
    """The X25519 half of the encapsulated key that everybody who holds an epoch key gives its wrap: all of it in suite 1."""
    suite = suite_of(recipient)
    info = b"bowline/wrap/seed/1" + workspace + suite.to_bytes(2, "big") + recipient
    if suite == 2:
        return x25519_public(hkdf(key, info, 64)[32:])
    # Section 7.1.3 of RFC 9180.
    prk = _labeled_extract(KEMS[1], b"", b"dkp_prk", hkdf(key, info, 32))
    return x25519_public(_labeled_expand(KEMS[1], prk, b"sk", b"", 32))


def open_history(workspace, newest, sealed):
    """All earlier epoch keys, oldest first; None for each that whoever sealed them lacked."""
    okm = hkdf(newest, b"bowline/history/1" + workspace, 44)
    keys = open_aead(okm, b"", sealed)
    if len(keys) % 32:
        raise Unopenable("Seal", "the history is not of whole keys")
    return keys_in(keys)


def keys_in(stretch):
    """Keys that stand one after the other; None where zeros say that one is missing."""
    keys = [stretch[at : at + 32] for at in range(0, len(stretch), 32)]
    return [key if any(key) else None for key in keys]


def open_rekey(rekey, recipients, workspace, secrets):
    """All epoch keys that a rekey to these recipients hands to the holder of these secrets, oldest first."""
    own = [secrets.public(suite) for suite in limits.SUITES.values()]
    wraps = [(wrap, to) for to, wrap in zip(recipients, rekey.wraps) if to in own]
    if not wraps:
        raise Unopenable("Seal", "there is no wrap for this recipient")
    newest = open_wrap(*wraps[0], workspace, rekey.commitment, secrets)
    return open_history(workspace, newest, rekey.history) + [newest]


def next_key(earlier, random, workspace, recipients, at):
    """The key of an epoch, as whoever holds these earlier keys draws it for these recipients; `at` is the roster and the device that it
    is begun on and by."""
    listed = sha256(encode(recipients)).digest()
    held = sha256(b"".join(commitment(key) if key else bytes(32) for key in earlier)).digest()
    newest = next(key for key in reversed(earlier) if key)
    return hkdf(random + newest, b"bowline/epoch/next/1" + workspace + listed + held + at, 32)


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
