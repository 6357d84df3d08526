"""A stopped device's home, the section "At rest": its key, and what is in its database."""

import sqlite3
import stat
from base64 import urlsafe_b64decode
from collections import defaultdict
from dataclasses import asdict, dataclass
from pathlib import Path

import automerge
import entries
import limits
import records
import sealing
import signing
import successors
from cbor import Malformed, decode, encode
from entries import CHANGES, CONTENT, ROSTER, SNAPSHOT
from forms import bytes_to, fields, fixed, list_of, null_or, number_of, uint
from log import Log

KEY_PREFIX = "bowline-device-key-1:"

# What SQLite's `application_id` is: "Bowl".
APPLICATION_ID = 0x426F776C

# Of `entry.state`: set aside, for whatever reason.
QUARANTINED = 2

# Bytes of a sealed secret's random beginning.
RANDOM_LEN = 32

KEYRING = fields(
    list_of(fixed(16), limits.MAX_EPOCHS),
    list_of(fixed(32), limits.MAX_EPOCHS),
    bytes_to(limits.MAX_SEALED_HISTORY + limits.MAX_WRAP),
)
STORED = fields(fixed(32), bytes_to(limits.MAX_SEALED_HISTORY))

CODE = fields(number_of("code", {1, 2}), null_or(fixed(32)), fields(fixed(32), uint()))


class Damaged(Exception):
    """The home is not what the page says a home is."""


def demand(holds, what):
    """Says what is wrong unless it holds."""
    if not holds:
        raise Damaged(what)


@dataclass
class DeviceKeys:
    """A device's two keys, as `device.key` has them."""

    seed: bytes
    hpke_secret: bytes

    @classmethod
    def read(cls, path):
        """The keys in a file that nobody else may read."""
        demand(stat.S_IMODE(path.stat().st_mode) & 0o077 == 0, f"others may read {path.name}")
        prefix, _, encoded = path.read_text(encoding="ascii").rstrip().partition(":")
        demand(prefix + ":" == KEY_PREFIX, f"{path.name} is not a device's key")
        secret = urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4))
        demand(len(secret) == 64, f"{path.name} is damaged")
        return cls(secret[:32], secret[32:])

    @property
    def hpke(self):
        """The device's private keys for wraps."""
        return sealing.device_hpke(self.seed, self.hpke_secret)

    @property
    def id(self):
        """The device's id."""
        return signing.public_key(self.seed)

    def open_at_rest(self, name, sealed):
        """A small secret out of the database."""
        random, ciphertext = sealed[:RANDOM_LEN], sealed[RANDOM_LEN:]
        info = b"bowline/rest/1" + entries.digest(name.encode())
        return sealing.open_aead(sealing.hkdf(self.hpke_secret, info, 44, salt=random), b"", ciphertext)


@dataclass
class OpenCode:
    """What a device keeps of its code for an open ticket: the number of the record that made it, and the secret."""

    number: int
    secret: bytes


@dataclass
class Document:
    """What a log holds of a document."""

    id: bytes
    kind: int
    title: str = ""
    updated_at: int = 0
    count: int = 0
    payloads: int = 0
    entries: int = 0
    automerge_bytes: int = 0

    def take(self, payload, entries_of_it):
        """Counts a payload, and takes its title if no later one is known."""
        self.payloads += 1
        self.entries += entries_of_it
        self.automerge_bytes += len(payload.automerge)
        if payload.updated_at >= self.updated_at:
            self.title, self.updated_at, self.count = payload.title, payload.updated_at, payload.count


class Home:
    """A folder with a `device.key` and a `bowline.db`, opened for reading only."""

    def __init__(self, folder):
        folder = Path(folder)
        self.keys = DeviceKeys.read(folder / "device.key")
        self.database = sqlite3.connect(f"{(folder / 'bowline.db').resolve().as_uri()}?mode=ro", uri=True)
        (found,) = self.database.execute("PRAGMA application_id").fetchone()
        demand(found == APPLICATION_ID, "the database is another program's")

    def workspaces(self):
        """Ids of the workspaces whose logs are of the draft that this reader knows."""
        rows = self.database.execute("SELECT id FROM workspace WHERE draft = ? ORDER BY id", (limits.DRAFT,))
        return [id_ for (id_,) in rows]

    def state(self, workspace, name):
        """The small value under a name, or None."""
        sql = "SELECT value FROM state WHERE ws = ? AND name = ?"
        row = self.database.execute(sql, (workspace, name)).fetchone()
        return row and row[0]

    def device_in(self, workspace):
        """The id that this device has in a workspace: another one than elsewhere if it came back there."""
        sealed = self.state(workspace, "device-keys")
        if sealed is None:
            return self.keys.id
        secret = self.keys.open_at_rest("device-keys", sealed)
        return DeviceKeys(secret[:32], secret[32:]).id

    def open_code(self, workspace, ticket_key):
        """What is kept of the code of an open ticket."""
        name = f"code/{ticket_key.hex()}"
        number, _, (secret, _) = CODE(decode(self.keys.open_at_rest(name, self.state(workspace, name))))
        return OpenCode({1: records.INVITE, 2: records.LINK}[number], secret)

    def keyring(self, workspace, epochs):
        """The epoch keys that the device holds, which have to be those that the roster commits to."""
        ids, commitments, stored = KEYRING(decode(self.state(workspace, "keyring")))
        demand(len(ids) == len(commitments), "an epoch has an id and a commitment")
        known = list(zip(ids, commitments))
        demand(known == epochs[: len(known)], "the keyring is of another roster")
        which, sealed = STORED(decode(stored))
        keys = sealing.keys_in(self.keys.open_at_rest(f"keyring/{workspace.hex()}/{which.hex()}", sealed))
        held = [sealing.commitment(key) if key else bytes(32) for key in keys]
        demand(which == entries.digest(b"".join(held)), "the stored keys are not those of their name")
        return sealing.Keyring(workspace, keys, known)

    def successors(self, workspace):
        """By which logs the workspace's log came to be signed by its key, verified."""
        said = self.state(workspace, "succession")
        if said is None:
            return []
        relay = self.state(workspace, "relay-identity")
        return successors.follow(workspace, relay, [encode(it) for it in decode(said)])

    def open(self, workspace):
        """Everything in a workspace, verified from its log's beginning to its end."""
        return Opened(self, workspace)

    def log_rows(self, workspace):
        """Positions, times, log hashes, states, headers, signatures and bodies of a log, in order."""
        return self.database.execute(
            "SELECT pos, time, log_hash, state, header, signature, body.bytes FROM entry"
            " LEFT JOIN body ON body.entry = entry.n WHERE ws = ? AND pos IS NOT NULL ORDER BY pos",
            (workspace,),
        )


class Opened:
    """A workspace as a device has it: its log, whatever stands in it and does not count, and its documents."""

    def __init__(self, home, workspace):
        sql = "SELECT log_id, pos, log_hash, log_time, head FROM workspace WHERE id = ?"
        log_id, position, log_hash, log_time, head = home.database.execute(sql, (workspace,)).fetchone()
        self.log, self.refused = Log(workspace, log_id, home.successors(workspace)), []
        self.accepted = self._follow(home.log_rows(workspace), workspace)
        found = (self.log.position, self.log.hashes[-1], self.log.time)
        demand(found == (position, log_hash, log_time), "the log does not end where it has to")
        signed = entries.read_head(workspace, head)
        demand(signed == [log_id, position, log_hash], "the head is not the log's")
        self.device = home.device_in(workspace)
        self.keyring = home.keyring(workspace, self.log.roster.epochs)
        self.documents, self.unread = {}, []
        self._open_documents()

    @property
    def records(self):
        """The roster records that stand on the log, void ones included."""
        return [records.read_record(entry.body) for entry in self.accepted if entry.header.type == ROSTER]

    def summary(self):
        """What was found, in plain values."""
        roster = self.log.roster
        documents = sorted(self.documents.values(), key=lambda document: document.id)
        return {
            "workspace": self.log.workspace.hex(),
            "log": self.log.id.hex(),
            "position": self.log.position,
            "time": self.log.time,
            "log_hash": self.log.hashes[-1].hex(),
            "roster_hash": roster.hash.hex(),
            "epochs": len(roster.commitments),
            "users": {id_.hex(): {"role": user.role, "removed": user.removed} for id_, user in roster.users.items()},
            "devices": {
                id_.hex(): {"user": device.user.hex(), "active": device.active, "recovery": device.recovery}
                for id_, device in roster.devices.items()
            },
            "documents": [asdict(document) | {"id": document.id.hex()} for document in documents],
            "refused": self.refused,
            "unread": [[id_.hex(), why] for id_, why in self.unread],
        }

    def _follow(self, rows, workspace):
        """Follows the log and gives the entries that count, in order."""
        timed, stored = [], []
        for position, time, log_hash, state, header, signature, body in rows:
            entry = entries.verify_entry(workspace, header, signature, body)
            timed.append((time, entry))
            stored.append((position, log_hash, state))
        outcomes = self.log.follow(timed)
        accepted = []
        for at, ((_, entry), (position, log_hash, state), outcome) in enumerate(zip(timed, stored, outcomes), 1):
            demand(position == at and self.log.hashes[at] == log_hash, f"the log differs at {position}")
            if outcome.word in ("accepted", "applied", "applied without its rekey", "void", "unknown"):
                accepted.append(entry)
            elif outcome.word != "given up":
                demand(state == QUARANTINED, f"the entry at {position} counts there and may not")
                self.refused.append((position, outcome.word))
        # What is given up counts nowhere, whether it came before or after that was said.
        return [entry for entry in accepted if not self.log.roster.covers(entry)]

    def _open_documents(self):
        """Opens every payload, parts put together, and files it under its document."""
        chains = defaultdict(dict)
        for entry in self.accepted:
            header = entry.header
            chains[header.chain][header.seq] = entry
            if header.lane != CONTENT or header.type not in (CHANGES, SNAPSHOT) or not header.is_last_part:
                continue
            parts = [chains[header.chain].get(header.seq - back) for back in range(header.part[0], -1, -1)]
            try:
                self._file(parts, header)
            except (Malformed, sealing.Unopenable, Damaged) as error:
                self.unread.append((entry.id, str(error)))

    def _file(self, parts, header):
        payload = sealing.read_payload(self._gather(parts))
        demand(self.keyring.wire_doc(payload.doc) == header.doc, "it is of another document than it says")
        automerge.check(payload.automerge, payload.heads, header.type == SNAPSHOT)
        document = self.documents.setdefault(payload.doc, Document(payload.doc, payload.kind))
        demand(document.kind == payload.kind, "it is of another kind than its document")
        document.take(payload, len(parts))

    def _gather(self, parts):
        """The payload in parts, each of which has to go with the one before."""
        demand(None not in parts, "a part is missing")
        payload = b""
        for index, (before, part) in enumerate(zip([None, *parts], parts)):
            demand(part.body is not None, "a body is withheld")
            header = part.header
            demand(header.part == [index, len(parts)], "a part is numbered wrongly")
            demand(before is None or _go_together(before, part), "the parts do not go together")
            piece = self.keyring.open_body(part)
            if len(parts) > 1:
                fits = len(piece) > 0 if header.is_last_part else len(piece) == limits.PART_LEN
                demand(fits, "a part is not cut as it has to be")
            payload += piece
        demand(len(payload) <= limits.MAX_PAYLOAD, "the parts are more than a payload")
        return payload


def _go_together(before, part):
    first, second = before.header, part.header
    same = ("chain", "type", "doc", "epoch", "covers", "digests")
    return second.prev == before.id and all(getattr(first, it) == getattr(second, it) for it in same)
