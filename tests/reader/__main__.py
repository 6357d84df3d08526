"""A second reader of Bowline's protocol, written from docs/PROTOCOL.md: see `python3 tests/reader --help`.

It runs the golden vectors, opens a stopped device's home without any of Bowline's code, and compares what it finds with what the
built programs say. Where it had to be told more than the page tells, the page was mended.
"""

import argparse
import json
import sys
import tempfile

import fixture
import vectors
from cbor import Malformed
from home import Damaged, Home
from sealing import Unopenable


def run_vectors(_):
    """Runs every golden vector."""
    differences, count = vectors.run_all()
    for difference in differences:
        print(difference)
    print(f"{count} vectors, of which {len(differences)} differ")
    return not differences


def open_home(arguments):
    """Prints what is in a home's workspaces, as JSON."""
    home = Home(arguments.folder)
    print(json.dumps([home.open(workspace).summary() for workspace in home.workspaces()], indent=2))
    return True


def run_fixture(arguments):
    """Makes a workspace with the built programs and compares."""
    with tempfile.TemporaryDirectory(prefix="bowline-reader.") as folder:
        try:
            found = fixture.run(arguments.binaries, folder)
        except (fixture.Differs, Damaged, Malformed, Unopenable) as error:
            print(error)
            return False
    line = "{id}  kind {kind}  entries {entries}  automerge {automerge_bytes:>9}  {title}"
    for document in found["documents"]:
        print(line.format(**document))
    print(f"log of {found['position']} entries, {found['epochs']} epochs: as the programs say")
    return True


def main():
    """Runs what the arguments name; the exit status is 0 if everything holds."""
    parser = argparse.ArgumentParser(prog="python3 tests/reader", description=__doc__.splitlines()[0])
    commands = parser.add_subparsers(required=True)
    command = commands.add_parser("vectors", help="run the golden vectors")
    command.set_defaults(run=run_vectors)
    command = commands.add_parser("home", help="print what is in the home of a device that is stopped")
    command.add_argument("folder")
    command.set_defaults(run=open_home)
    command = commands.add_parser("fixture", help="make a workspace with the built programs and compare")
    command.add_argument("binaries", help="the folder with bowline and bowline-relay, such as target/debug")
    command.set_defaults(run=run_fixture)
    arguments = parser.parse_args()
    sys.exit(0 if arguments.run(arguments) else 1)


main()
