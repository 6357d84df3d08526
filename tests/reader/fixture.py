"""Makes a workspace with the built programs, stops them, and compares what this reader finds in the homes with what they say.

Ana has a laptop and a phone, Ben a laptop. Ben is removed, so that there are two epochs; he comes back under keys of his own for
this workspace. There are conversations, one too long for one body, an agent and a skill; and a link that is open.
"""

import json
import os
import random
import shutil
import sqlite3
import string
import subprocess
import threading
from contextlib import contextmanager
from pathlib import Path

import codes
import records
import sealing
import signing
from cbor import Malformed
from entries import digest
from home import Damaged, Home
from roster import OPEN

# Letters and digits of a message that goes in parts, however well it is compressed.
LONG = 1_500_000

# Seconds that a program may take for one command, far longer than any does.
PATIENCE = 60

# The exit status of a command to which the relay or the workspace says no.
REFUSED = 6

PROFILE = 2

KINDS = {"chat": 1, "agent": 3, "skill": 4, "memory": 5}


class Differs(Exception):
    """The reader has found something else than the programs say."""


def same(found, expected, what):
    """Says so unless both are equal."""
    if found != expected:
        raise Differs(f"{what}: {found!r}, and the programs say {expected!r}")


class Programs:
    """The built programs, with homes and a relay's data below one folder."""

    def __init__(self, binaries, folder):
        self.binaries, self.folder = Path(binaries), Path(folder)

    def _environment(self):
        kept = ("PATH", "TMPDIR", "BOWLINE_TEST_RUN")
        return {name: os.environ[name] for name in kept if name in os.environ} | {"HOME": str(self.folder)}

    def _run(self, program, *arguments, stdin="", status=0):
        ran = subprocess.run(
            [self.binaries / program, *arguments],
            input=stdin,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            env=self._environment(),
            check=False,
        )
        if ran.returncode != status:
            raise Differs(f"{program} {' '.join(map(str, arguments))}: {ran.stderr.strip()}")
        return json.loads(ran.stdout) if ran.stdout.strip() else None

    def bowline(self, home, *arguments, **expected):
        """What a command answers."""
        return self._run("bowline", "--home", self.folder / home, "-q", "--json", *arguments, **expected)

    def workspaces_of_relay(self):
        """What the relay says of its workspaces."""
        return self._run("bowline-relay", "workspace", "list", "--json", "--data", self.folder / "relay")

    @contextmanager
    def relay(self):
        """The address of a relay that serves meanwhile."""
        arguments = ["serve", "--data", self.folder / "relay", "--listen", "127.0.0.1:0"]
        serving = subprocess.Popen(
            [self.binaries / "bowline-relay", *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env=self._environment(),
        )
        # A relay that says nothing is ended, and then has said nothing.
        patience = threading.Timer(PATIENCE, serving.kill)
        patience.start()
        address = serving.stdout.readline().strip()
        patience.cancel()
        try:
            yield address
        finally:
            serving.terminate()
            serving.wait(PATIENCE)
            serving.stdout.close()


def make(programs):
    """Makes the workspace; the code of the link that is left open, and the long message."""
    bowline = programs.bowline
    text = "".join(random.Random(0).choices(string.ascii_letters + string.digits, k=LONG))
    with programs.relay() as address:
        for home in ("laptop", "phone", "ben"):
            bowline(home, "init")
        bowline("laptop", "workspace", "create", "--relay", "-", stdin=address)
        link = bowline("laptop", "device", "link")["code"]
        bowline("phone", "join", "--yes", "-", stdin=link)
        invite = bowline("laptop", "workspace", "invite")["code"]
        bowline("ben", "join", "--yes", "-", stdin=invite)
        bowline("laptop", "workspace", "rename", "Harbour")
        bowline("laptop", "chat", "new", "--title", "Rota for June")
        bowline("laptop", "chat", "say", "Rota for June", "Who takes Monday?")
        bowline("laptop", "agent", "new", "Scout")
        bowline("laptop", "skill", "new", "Tides")
        for home in ("laptop", "phone", "ben"):
            bowline(home, "sync")
        bowline("phone", "chat", "say", "Rota for June", "I do.")
        bowline("ben", "chat", "new", "--title", "A long log")
        bowline("ben", "chat", "say", "A long log", "-", stdin=text)
        for home in ("phone", "ben", "laptop"):
            bowline(home, "sync")
        members = bowline("laptop", "workspace", "members")
        (ben,) = [member["user"] for member in members if member["role"] == "member"]
        bowline("laptop", "workspace", "remove", ben, "--yes")
        bowline("laptop", "sync")
        bowline("laptop", "chat", "say", "Rota for June", "Ben is gone.")
        bowline("laptop", "chat", "new", "--title", "Only in the second epoch")
        bowline("laptop", "chat", "delete", "Only in the second epoch")
        again = bowline("laptop", "workspace", "invite")["code"]
        bowline("ben", "sync", status=REFUSED)
        bowline("ben", "workspace", "rejoin", "--yes", "-", stdin=again)
        open_link = bowline("laptop", "device", "link")["code"]
        for home in ("laptop", "phone", "ben", "laptop", "phone"):
            bowline(home, "sync")
    return open_link


def told_documents(programs, home):
    """Kind and title of the documents in the workspace, as the commands list them."""
    told = {}
    for command, kind in KINDS.items():
        listed = programs.bowline(home, command, "list") + programs.bowline(home, command, "list", "--trash")
        for document in listed:
            told[document["id"]] = (kind, document.get("title", document.get("name")))
    return told


def compare(programs, home, opened, workspace):
    """Compares what was found in a home with what its commands say."""
    status = programs.bowline(home, "status")
    (about,) = status["workspaces"]
    same(workspace.hex(), about["id"], f"workspace of {home}")
    same(opened.log.position, about["signed_position"], f"position of {home}")
    same((opened.refused, opened.unread), ([], []), f"entries that do not count at {home}")
    roster = opened.log.roster
    active = [device.user for device in roster.devices.values() if device.active]
    users = {id_.hex(): (it.role, active.count(id_)) for id_, it in roster.users.items() if not it.removed}
    told = programs.bowline(home, "workspace", "members")
    same(users, {it["user"]: (it["role"], it["devices"]) for it in told}, f"members at {home}")
    devices = {id_.hex() for id_, device in roster.devices.items() if device.active}
    told = {it["device"]: it for it in programs.bowline(home, "device", "list") if it["active"]}
    same(devices, set(told), f"devices at {home}")
    same({opened.device.hex()}, {id_ for id_, it in told.items() if it["this_device"]}, f"the device {home}")
    documents = {it.id.hex(): (it.kind, it.title) for it in opened.documents.values() if it.kind != PROFILE}
    same(documents, told_documents(programs, home), f"documents at {home}")
    (profile,) = [it.id for it in opened.documents.values() if it.kind == PROFILE]
    same(profile, digest(b"bowline/doc/profile/1", workspace)[:16], "the profile's id")


def compare_code(home, opened, text):
    """The code of an open link, and the secret of it that the home keeps."""
    code, roster = codes.read_code(text), opened.log.roster
    ticket = sealing.Ticket(code.secret)
    key = signing.public_key(ticket.signing_seed)
    same((code.workspace, code.log, code.kind), (opened.log.workspace, opened.log.id, codes.LINK), "the code")
    same(code.log_hash, opened.log.hashes[code.position], "the point that the code pins")
    same(code.roster_hash in roster.index, True, "the roster that the code pins")
    state, hpke = roster.tickets[key], ticket.hpke.public(roster.suite)
    same((state.stage, state.hpke), (OPEN, hpke), "the ticket")
    kept = home.open_code(code.workspace, key)
    same((kept.number, kept.secret), (records.LINK, code.secret), "what the home keeps of the code")
    links = [record.fields[0] for record in opened.records if record.number == records.LINK]
    ((hpke, wrap),) = [(hpke, wrap) for made, hpke, _, _, wrap in links if made == key]
    epoch_key = sealing.open_wrap(wrap, hpke, code.workspace, roster.commitments[-1], ticket.hpke)
    same(epoch_key, opened.keyring.newest, "the epoch key that the ticket hands out")


# What somebody may do to a database, each of which has to be noticed.
TAMPERING = {
    "a bit of a body": "UPDATE body SET bytes = flipped(bytes) WHERE entry = (SELECT max(entry) FROM body)",
    "a bit of a header": "UPDATE entry SET header = flipped(header) WHERE pos = 5",
    "a bit of a signature": "UPDATE entry SET signature = flipped(signature) WHERE pos = 5",
    "a bit of a log hash": "UPDATE entry SET log_hash = flipped(log_hash) WHERE pos = 5",
    "a time": "UPDATE entry SET time = time + 1 WHERE pos = 5",
    "an entry in the place of another": "UPDATE entry SET (header, signature) = (SELECT header, signature FROM entry AS other"
    " WHERE other.pos = 11 - entry.pos) WHERE pos IN (5, 6)",
    "an entry left out": "DELETE FROM entry WHERE pos = 5",
    "the last entry left out": "DELETE FROM entry WHERE pos = (SELECT max(pos) FROM entry)",
    "the log's end": "UPDATE workspace SET pos = pos - 1",
    "a bit of the head": "UPDATE workspace SET head = flipped(head)",
    "a bit of the keyring": "UPDATE state SET value = flipped(value) WHERE name = 'keyring'",
    "the record of a removal": "UPDATE body SET bytes = x'820b00' WHERE entry ="
    " (SELECT n FROM entry WHERE type = 16 ORDER BY pos DESC LIMIT 1)",
}


def check_tampering(folder):
    """Does to copies of a home what must not go unnoticed."""
    for what, sql in TAMPERING.items():
        copy = folder.with_name("tampered")
        shutil.copytree(folder, copy)
        database = sqlite3.connect(copy / "bowline.db")
        database.create_function("flipped", 1, lambda data: data[:-1] + bytes([data[-1] ^ 1]))
        same(database.execute(sql).rowcount > 0, True, f"{what} is changed")
        database.commit()
        database.close()
        home = Home(copy)
        (workspace,) = home.workspaces()
        try:
            opened = home.open(workspace)
        except (Damaged, Malformed, sealing.Unopenable):
            opened = None
        same(opened, None, f"{what} goes unnoticed")
        shutil.rmtree(copy)


def run(binaries, folder):
    """Makes the workspace and compares. A line for each document."""
    programs = Programs(binaries, folder)
    open_link = make(programs)
    found = {}
    for name in ("laptop", "phone", "ben"):
        home = Home(Path(folder) / name)
        (workspace,) = home.workspaces()
        found[name] = opened = home.open(workspace)
        compare(programs, name, opened, workspace)
        if name == "laptop":
            compare_code(home, opened, open_link)
    laptop, phone, ben = found.values()
    same(laptop.summary(), phone.summary(), "what the phone has")
    same(laptop.summary()["documents"], ben.summary()["documents"], "what Ben has")
    same(len(laptop.log.roster.commitments), 2, "epochs")
    same(any(it.entries > it.payloads for it in laptop.documents.values()), True, "something in parts")
    same(ben.device == Home(Path(folder) / "ben").keys.id, False, "Ben's keys of his own")
    (told,) = programs.workspaces_of_relay()
    same(laptop.log.position, told["content_entries"] + told["control_entries"], "entries at the relay")
    check_tampering(Path(folder) / "laptop")
    return laptop.summary()
