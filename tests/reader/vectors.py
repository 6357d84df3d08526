"""Runs every golden vector: the good ones are read and follow from the formulas, the broken ones come to their verdicts."""

import json
from functools import partial
from pathlib import Path

import checkpoints
import consent
import crowds
import entries
import evidence
import frames
import limits
import records
import sealing
import signing
import successors
from cbor import Malformed, decode, encode
from log import Log, NotALog

ROOT = Path(__file__).resolve().parents[2]

GOOD = ROOT / "engine/wire/vectors/1"

BROKEN = GOOD / "broken"

SEALED = ROOT / "engine/crypto/vectors"


# What is another type to a reader who asks for one is another spelling to a reader of bytes.
SPELLINGS = {"Canonical", "Shape"}


class Differs(Exception):
    """A vector comes to something else than it says."""


def same(found, expected, what):
    """Says so unless both are equal."""
    if found != expected:
        raise Differs(f"{what}: {found!r}, and the vector says {expected!r}")


def unhex(vector, name):
    """Bytes of a vector."""
    return bytes.fromhex(vector[name])


def read(folder, name):
    """The vectors in a file."""
    return json.loads((folder / f"{name}.json").read_text(encoding="utf-8"))


def good_entry(vector):
    """An entry, its signature, and what follows from its header."""
    workspace, header, body = (unhex(vector, name) for name in ("workspace", "header", "body"))
    entry = entries.read_entry(workspace, unhex(vector, "entry"))
    seed = unhex(vector, "signing_seed")
    same(entry.id.hex(), vector["entry_id"], "id")
    same(entry.header.device, signing.public_key(seed), "device")
    same(entry.additional_data().hex(), vector["additional_data"], "additional data")
    signature = signing.sign(seed, "bowline/entry/2", workspace + header)
    same(signature.hex(), vector["signature"], "signature")
    same(encode([header, signature, body]).hex(), vector["entry"], "entry")


def good_record(vector):
    """A record's body."""
    record = records.read_record(unhex(vector, "body"))
    same(encode([record.number, *record.fields]).hex(), vector["body"], "body")


def good_frame(vector):
    """A frame."""
    number, fields = frames.read_frame(unhex(vector, "frame"))
    same(encode([frames.VERSION, number, *fields]).hex(), vector["frame"], "frame")


def good_head(vector):
    """A head as it is signed and as it travels. How a program keeps the tip of a chain is its own affair."""
    if "seen" not in vector:
        return
    workspace = unhex(vector, "workspace")
    log, position, hash_ = entries.read_head(workspace, unhex(vector, "seen"))
    same([log.hex(), position, hash_.hex()], [vector[it] for it in ("log", "position", "hash")], "head")
    signed = encode([workspace, log, position, hash_])
    same(signed.hex(), vector["head"], "what is signed")
    seed = unhex(vector, "signing_seed")
    same(signing.sign(seed, "bowline/head/1", signed).hex(), vector["signature"], "signature")


def good_proof(vector):
    """A signature by a domain of its own."""
    seed, message = unhex(vector, "signing_seed"), unhex(vector, "message")
    same(signing.public_key(seed).hex(), vector["public_key"], "key")
    same(signing.sign(seed, vector["domain"], message).hex(), vector["signature"], "signature")
    signing.verify(unhex(vector, "public_key"), vector["domain"], message, unhex(vector, "signature"))


def good_session(vector):
    """The opening of a session: who signs what after what was said."""
    said = bytes(32)
    domains = [None, "bowline/challenge/1", "bowline/proof/2", "bowline/welcome/1"]
    for step, domain in zip(vector["frames"], domains, strict=True):
        frame = unhex(step, "frame")
        same(said.hex(), step["said_before"], "what was said before")
        _, fields = frames.read_frame(frame)
        if domain:
            seed = unhex(step, "signing_seed")
            signature = signing.sign(seed, domain, encode([said, *fields[:-1]]))
            same(signature.hex(), fields[-1].hex(), "signature")
        said = frames.said_after(said, frame)


def any_evidence(vector):
    """Evidence, and what it proves if it proves anything."""
    try:
        found = evidence.verify(decode(unhex(vector, "evidence")))
    except evidence.ProvesNothing as error:
        found = str(error)
    same(found, vector["verdict"], "what is proven")


def good_confirm(vector):
    """A confirm's rows."""
    rows = consent.read_confirm(unhex(vector, "body"))
    same(encode(rows).hex(), vector["body"], "body")


def good_checkpoint(vector):
    """A checkpoint's body."""
    same(encode(checkpoints.read_body(unhex(vector, "body"))).hex(), vector["body"], "body")


def good_state(vector):
    """A log's state, and its digest."""
    state = checkpoints.read_state(unhex(vector, "state"))
    same(encode(state).hex(), vector["state"], "state")
    found = checkpoints.state_digest(unhex(vector, "workspace"), state)
    same(found.hex(), vector["digest"], "digest")


def good_adopted(vector):
    """An entry that stands verbatim in another."""
    header = entries.read_header(unhex(vector, "adopting_header"))
    workspace = bytes.fromhex(read(GOOD, "chains")["workspace"])
    found = consent.read_adopted(workspace, header, unhex(vector, "sealed"))
    original = entries.read_entry(workspace, unhex(vector, "original"))
    same([it.id for it in found], [original.id], "originals")


def any_successors(vector):
    """A chain of successors, or why it is none."""
    try:
        said = [bytes.fromhex(it) for it in vector["successors"]]
        successors.follow(unhex(vector, "workspace"), unhex(vector, "relay"), said)
        refused = None
    except successors.Refused as error:
        refused = str(error)
    same(refused, vector["refused"], "what becomes of it")


def good_chain(vector):
    """A log from its beginning, with its hashes and its roster's."""
    workspace = entries.digest(unhex(vector, "genesis_body"))
    same(workspace.hex(), vector["workspace"], "workspace")
    same(entries.user_of(unhex(vector, "first_device")).hex(), vector["first_user"], "user")
    same(vector["entries"][0]["entry_id"][:32], vector["first_epoch"], "epoch")
    log = Log(workspace, unhex(vector, "log"))
    same(log.hashes[0].hex(), vector["log_hash_0"], "hash of the empty log")
    for step in vector["entries"]:
        entry = entries.read_entry(workspace, unhex(step, "entry"))
        same(entry.id.hex(), step["entry_id"], "id")
        log.follow([(step["time"], entry)])
        same(log.hashes[-1].hex(), step["log_hash"], "log hash")
    points = [{"position": it.position, "roster_hash": it.hash.hex()} for it in log.roster.points]
    same(points, vector["roster"], "roster")


def halves(secret):
    """Two secrets of 32 bytes."""
    return secret[:32], secret[32:]


def good_seal(vector):
    """Keys, a sealed body and a rekey."""
    workspace, first = unhex(vector, "workspace"), unhex(vector, "first_epoch_key")
    same(sealing.commitment(first).hex(), vector["commitment"], "commitment")
    seed, hpke = unhex(vector, "device_keys")[:32], sealing.device_hpke(*halves(unhex(vector, "device_keys")))
    same(signing.public_key(seed).hex(), vector["device"], "device")
    same(hpke.public(1).hex(), vector["device_hpke"], "HPKE key")
    same(hpke.public(2).hex(), vector["device_xwing"], "X-Wing key")
    ticket = sealing.Ticket(unhex(vector, "ticket_secret"))
    same(signing.public_key(ticket.signing_seed).hex(), vector["ticket_key"], "ticket key")
    same(ticket.hpke.public(1).hex(), vector["ticket_hpke"], "ticket's HPKE key")
    same(ticket.hpke.public(2).hex(), vector["ticket_xwing"], "ticket's X-Wing key")
    for name, own in (("rekey_xwing", "device_xwing"), ("rekey", "device_hpke")):
        rekey, recipients = records.read_rekey(decode(unhex(vector, name))), [unhex(vector, own)]
        keys = sealing.open_rekey(rekey, recipients, workspace, hpke)
        same(keys[0], first, "the first epoch key in the history")
        at = unhex(vector, "rekey_roster") + unhex(vector, "device")
        made = sealing.next_key(keys[:-1], unhex(vector, "rekey_random"), workspace, recipients, at)
        same(keys[-1], made, "the key of the next epoch")
        for recipient, (encapsulated, _) in zip(recipients, rekey.wraps):
            point = sealing.ephemeral_point(keys[-1], workspace, recipient)
            same(encapsulated[-32:], point, "the randomness of a wrap")
    keyring = sealing.Keyring(workspace, keys[:1], [(bytes(16), unhex(vector, "commitment"))])
    same(keyring.wire_doc(unhex(vector, "doc")).hex(), vector["wire_doc"], "document's name")
    aad, salt = unhex(vector, "additional_data"), unhex(vector, "salt")
    # Sealed before the rekey, in the second epoch.
    doc, key = decode(aad)[11], keys[1]
    okm = sealing.hkdf(key, b"bowline/body/1" + workspace + doc, 44, salt=salt)
    plaintext = sealing.open_aead(okm, aad, unhex(vector, "body"))
    same(sealing.unpad(plaintext, len(plaintext)).hex(), vector["payload"], "payload")
    random = unhex(vector, "random")
    same(sealing.salt_of(key, workspace, random, aad, plaintext), salt, "salt")


def broken(read_it, *names):
    """What refuses a vector for the rule that it breaks and for no other."""

    def run(vector):
        try:
            read_it(*(unhex(vector, name) for name in names))
        except (Malformed, sealing.Unopenable) as error:
            if not {error.rule, vector["rule"]} <= SPELLINGS:
                same(error.rule, vector["rule"], "broken rule")
            return
        raise Differs(f"it was read, and breaks {vector['rule']}")

    return run


def broken_signature(vector):
    """A signature that a laxer predicate takes."""
    key, message, signature = (unhex(vector, name) for name in ("public_key", "message", "signature"))
    broken(lambda: signing.verify(key, vector["domain"], message, signature))(vector)


def became(outcome):
    """What became of an entry."""
    return outcome.word, outcome.why, outcome.covers


def expected(step):
    """What a vector says of it."""
    return step["verdict"], step["rule"], step.get("covers")


def broken_log(vector):
    """A log with the outcome of each entry, and of each that may be offered next."""
    workspace = unhex(vector, "workspace")

    def timed(steps):
        return [(it["time"], entries.read_entry(workspace, unhex(it, "entry"))) for it in steps]

    said = [bytes.fromhex(it) for it in vector.get("successors", [])]
    links = successors.follow(workspace, unhex(vector, "relay"), said) if said else []
    log, steps = Log(workspace, unhex(vector, "log"), links), vector["entries"]
    outcomes = log.follow(timed(steps))
    for step, outcome, hash_ in zip(steps, outcomes, log.hashes[1:], strict=True):
        same(became(outcome), expected(step), "an entry of its log")
        same(hash_.hex(), step["log_hash"], "log hash")
    same(log.roster.hash.hex(), vector["roster_hash"], "roster hash")
    if crowd := vector.get("crowd"):
        for outcome in log.follow(crowds.read_crowd(workspace, crowd)):
            same(became(outcome), expected(crowd), "an entry of the crowd")
        same(log.hashes[-1].hex(), crowd["log_hash"], "log hash after the crowd")
        same(log.roster.hash.hex(), crowd["roster_hash"], "roster hash after the crowd")
    for offered in vector["next"]:
        try:
            found = [became(outcome) for outcome in log.copy().follow(timed(offered["entries"]))]
        except NotALog:
            found = [("not a log", "LogTime", None)]
        same(found, [expected(offered)] * len(found), offered["name"])


def frame_at_limit(vector):
    """A frame that is as large as a limit allows, or one beyond: runs of bytes, each with how often it stands there."""
    frame = b"".join(bytes.fromhex(part) * times for part, times in vector["frame"])
    if vector["verdict"] == "read":
        frames.read_frame(frame)
    else:
        broken(lambda: frames.read_frame(frame))(vector)


def broken_plaintext(vector):
    """What was sealed and is not a payload, nor a part of one."""
    for most in (limits.MAX_PAYLOAD, limits.PART_LEN):
        broken(partial(sealing.unpad, most=most), "plaintext")(vector)


def broken_wrap(vector):
    """A wrap that hands out no key."""
    wrap = decode(unhex(vector, "wrap"))
    secrets = sealing.HpkeSecrets(unhex(vector, "hpke_secret"), unhex(vector, "xwing_secret"))
    rest = [unhex(vector, name) for name in ("recipient", "workspace", "commitment")]
    broken(lambda: sealing.open_wrap(wrap, *rest, secrets))(vector)


FILES = [
    (GOOD, "entries", good_entry),
    (GOOD, "records", good_record),
    (GOOD, "frames", good_frame),
    (GOOD, "heads", good_head),
    (GOOD, "proofs", good_proof),
    (GOOD, "sessions", good_session),
    (GOOD, "evidence", any_evidence),
    (GOOD, "confirms", good_confirm),
    (GOOD, "checkpoints", good_checkpoint),
    (GOOD, "states", good_state),
    (GOOD, "adopted", good_adopted),
    (GOOD, "successors", any_successors),
    (GOOD, "chains", good_chain),
    (BROKEN, "entries", broken(entries.read_entry, "workspace", "entry")),
    (BROKEN, "records", broken(records.read_record, "body")),
    (BROKEN, "frames", broken(frames.read_frame, "frame")),
    (BROKEN, "heads", broken(entries.read_head, "workspace", "seen")),
    (BROKEN, "signatures", broken_signature),
    (BROKEN, "limits", frame_at_limit),
    (BROKEN, "continued", broken_log),
    (BROKEN, "crowds", broken_log),
    (BROKEN, "logs", broken_log),
    (BROKEN, "rosters", broken_log),
]


def run_all():
    """Runs all vectors and gives what differs, and how many there were."""
    vectors = [(SEALED, "composition", good_seal, read(SEALED, "composition"))]
    sealed = read(SEALED, "broken")
    for run, list_ in ((broken_plaintext, "plaintexts"), (broken_wrap, "wraps")):
        vectors += [(SEALED, list_, run, vector) for vector in sealed[list_]]
    for folder, name, run in FILES:
        found = read(folder, name)
        vectors += [(folder, name, run, it) for it in (found if isinstance(found, list) else [found])]
    differences = []
    for folder, name, run, vector in vectors:
        try:
            run(vector)
        except (Differs, Malformed, sealing.Unopenable) as error:
            differences.append(f"{folder.name}/{name}: {vector.get('name', '')}: {error}")
    known = {f"{folder}/{name}.json" for folder, name, _ in FILES}
    on_disk = {str(path) for folder in (GOOD, BROKEN) for path in folder.glob("*.json")}
    differences += [f"no reader for {path}" for path in sorted(on_disk - known)]
    return differences, len(vectors) + sum(len(it[3].get("next", [])) for it in vectors)
