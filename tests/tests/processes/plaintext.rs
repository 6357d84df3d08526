//! The relay learns no content: what people wrote is in no byte it stores and in no byte that it is sent.

use std::fs;
use std::path::{Path, PathBuf};

use bowline_tests::processes::{Home, Relay, Tls, Wire, binary};

/// What people write, one of each kind. None of it may be anywhere at the relay.
const MARKERS: [&str; 20] = [
    "Quillon Abernathy",
    "quillons-laptop",
    "quillons-desktop",
    "Brisbane Thornfield",
    "brisbanes-tablet",
    "Title of the velvet conversation",
    "Title of the cobalt conversation",
    "the user said marmalade lanterns",
    "the assistant answered with juniper clocks",
    "the desktop replied about copper meadows",
    "the member added something on glass orchards",
    "a very long message hides walnut bridges here",
    "Ein Gruß über zweiundzwanzig Nebelkrähen",
    "Agent Peregrine Hollow",
    "describes itself as a keeper of saffron ledgers",
    "model-obsidian-harvest-7b",
    "TANGERINE-PROTOCOL.md",
    "plum-archive",
    "the file speaks of seven silver turnstiles",
    "the desktop edited in a paragraph on amber viaducts",
];

/// What there was to see for a relay, and what the second device exports.
struct Seen {
    data: Vec<u8>,
    wire: Vec<u8>,
    exported: Vec<u8>,
}

/// Three homes write all of it into one workspace.
fn write_everything(program: &str) -> Seen {
    let mut relay = Relay::start(Tls::Off);
    let wire = Wire::before(&relay);
    let home = |user: &str, device: &str| {
        let home = Home::with_program(binary(program));
        home.run(["init", "--user", user, "--device", device]).answer();
        home
    };
    let laptop = home(MARKERS[0], MARKERS[1]);
    let desktop = home(MARKERS[0], MARKERS[2]);
    let member = home(MARKERS[3], MARKERS[4]);
    laptop.run(["workspace", "create", "--relay", &wire.address]).answer();
    let code = laptop.run(["device", "link"]).answer();
    desktop.run(["join", code.trim(), "--yes"]).answer();
    let code = laptop.run(["workspace", "invite"]).answer();
    member.run(["join", code.trim(), "--yes"]).answer();

    let first = laptop.run(["chat", "new", "--title", MARKERS[5]]).answer();
    let (first, long) =
        (first.trim(), format!("{}{}{}", "so it goes ".repeat(900), MARKERS[11], " and on".repeat(900)));
    laptop.run(["chat", "say", first, MARKERS[7]]).answer();
    laptop.run(["chat", "say", first, MARKERS[8], "--role", "assistant"]).answer();
    laptop.run_with(["chat", "say", first, "-"], &long).answer();
    laptop.run(["chat", "say", first, MARKERS[12]]).answer();
    let folder = laptop.beside().join("agent");
    fs::create_dir_all(folder.join(MARKERS[17])).unwrap();
    fs::write(folder.join(MARKERS[16]), "You are careful.\n").unwrap();
    fs::write(folder.join(MARKERS[17]).join("notes.md"), format!("{}\n", MARKERS[18])).unwrap();
    let agent = laptop.run(["agent", "new", MARKERS[13], "--from", folder.to_str().unwrap()]).answer();
    let agent = agent.trim();
    laptop.run(["agent", "edit", agent, "--description", MARKERS[14], "--model", MARKERS[15]]).answer();
    laptop.run(["sync"]).answer();

    desktop.run(["sync"]).answer();
    desktop.run(["chat", "say", first, MARKERS[9]]).answer();
    let second = desktop.run(["chat", "new", "--title", MARKERS[6]]).answer();
    let edited = desktop.beside().join("edited.md");
    fs::write(&edited, format!("You are careful.\n\n{}\n", MARKERS[19])).unwrap();
    desktop.run(["agent", "edit", agent, "--from", edited.to_str().unwrap(), "--as", MARKERS[16]]).answer();
    desktop.run(["sync"]).answer();
    member.run(["sync"]).answer();
    member.run(["chat", "say", first, MARKERS[10]]).answer();
    member.run(["sync"]).answer();
    desktop.run(["sync"]).answer();

    let exported = export(&desktop, &[first, second.trim()], agent);
    let mut data = everything_in(&relay.data());
    relay.kill();
    data.extend(everything_in(&relay.data()));
    Seen { data, wire: wire.seen(), exported }
}

/// All that a home shows of the workspace.
fn export(home: &Home, conversations: &[&str], agent: &str) -> Vec<u8> {
    let mut exported = Vec::new();
    for conversation in conversations {
        exported.extend(home.run(["chat", "export", conversation]).answer().into_bytes());
    }
    let folder = home.beside().join("exported");
    home.run(["agent", "export", agent, "--output", folder.to_str().unwrap()]).answer();
    exported.extend(everything_in(&folder));
    for list in [
        vec!["chat", "list"],
        vec!["agent", "show", agent],
        vec!["device", "list"],
        vec!["workspace", "members"],
    ] {
        exported.extend(home.run([list, vec!["--json"]].concat()).answer().into_bytes());
    }
    exported
}

/// Every byte of every file in a folder, and every file's name.
fn everything_in(folder: &Path) -> Vec<u8> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for path in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
            found.extend(path.file_name().unwrap().to_string_lossy().as_bytes());
            if path.is_dir() {
                folders.push(path);
            } else {
                found.extend(read(&path));
            }
        }
    }
    found
}

/// Side files of a database come and go while it is open.
fn read(path: &PathBuf) -> Vec<u8> {
    match fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Vec::new(),
        Err(error) => panic!("{}: {error}", path.display()),
    }
}

/// Which of the markers are in there, in UTF-8 or in UTF-16, and whatever their case.
fn found_in(bytes: &[u8]) -> Vec<&'static str> {
    let lower = bytes.to_ascii_lowercase();
    let is_there = |marker: &&str| {
        let utf8 = marker.to_ascii_lowercase().into_bytes();
        let utf16: Vec<u8> = marker.to_ascii_lowercase().encode_utf16().flat_map(u16::to_le_bytes).collect();
        [utf8, utf16].iter().any(|form| lower.windows(form.len()).any(|window| window == form))
    };
    MARKERS.into_iter().filter(is_there).collect()
}

#[test]
fn nothing_that_people_wrote_is_in_the_relays_files_or_on_its_wire() {
    let seen = write_everything("bowline");
    assert_eq!(found_in(&seen.exported), MARKERS, "the second device has all of it");
    assert!(seen.data.len() > 10_000 && seen.wire.len() > 10_000, "there was something to look at");
    assert_eq!(found_in(&seen.data), Vec::<&str>::new(), "in the relay's data directory");
    assert_eq!(found_in(&seen.wire), Vec::<&str>::new(), "on the wire");
}

/// The control: with sealing taken out, the same search finds everything.
#[test]
fn without_sealing_all_that_people_wrote_is_found_at_the_relay() {
    let seen = write_everything("bowline-unsealed");
    assert_eq!(found_in(&seen.exported), MARKERS);
    assert_eq!(found_in(&seen.data), MARKERS, "in the relay's data directory");
    assert_eq!(found_in(&seen.wire), MARKERS, "on the wire");
}
