//! Lies on the line: between a device and an honest relay stands somebody who drops, alters and makes up frames.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use bowline_relay::keys::LogKey;
use bowline_tests::processes::Heading;
use bowline_transport::Frame as Bytes;
use bowline_wire::codec::{decode, encode};
use bowline_wire::entry::{LoggedEntry, SignedEntry};
use bowline_wire::frame::{Frame, Reason};
use bowline_wire::head::Head;
use bowline_wire::header::EntryType;
use bowline_wire::ids::{LogHash, Position, WorkspaceId};

/// What somebody on the line knows.
pub(super) struct Known {
    pub(super) workspace: WorkspaceId,
    /// The key that signs for the log, as a relay that lies has it.
    pub(super) key: LogKey,
}

/// What goes on in the place of a frame.
pub(super) type Passed = Vec<(Heading, Frame)>;

/// What becomes of each frame.
pub(super) type Tells = Box<dyn Fn(Heading, Frame) -> Passed + Send + Sync>;

/// The lie, on whole frames; what is not a frame goes on as it is.
pub(super) fn on_frames(tells: Tells) -> impl Fn(Heading, Bytes) -> Vec<(Heading, Bytes)> + Send + Sync {
    move |to, bytes| match decode::<Frame>(&bytes) {
        Ok(frame) => tells(to, frame).into_iter().map(|(to, frame)| (to, encode(&frame).into())).collect(),
        Err(_) => vec![(to, bytes)],
    }
}

fn on(to: Heading, frame: Frame) -> Passed {
    vec![(to, frame)]
}

/// Edits of documents come without their bodies, however often these are asked for.
pub(super) fn bodies_held_back(known: Known) -> Tells {
    let bare = move |logged: LoggedEntry| {
        let entry = logged.entry.clone().verify(known.workspace).unwrap();
        if entry.header().entry_type == EntryType::Roster {
            return logged;
        }
        let entry = SignedEntry::from_parts(entry.signed_header().to_signed(), None);
        LoggedEntry { entry, ..logged }
    };
    Box::new(move |to, frame| match frame {
        Frame::Entries { first, entries, head } => {
            on(to, Frame::Entries { first, entries: entries.into_iter().map(&bare).collect(), head })
        }
        Frame::Supply { .. } if to == Heading::ToDevice => on(to, Frame::Supply { bodies: Vec::new() }),
        frame => on(to, frame),
    })
}

/// Of two frames of an open session the later one comes first.
pub(super) fn frames_reordered(_: Known) -> Tells {
    let held = Mutex::new(None);
    Box::new(move |to, frame| match frame {
        Frame::Challenge(_) => {
            held.lock().unwrap().take();
            on(to, frame)
        }
        frame if to == Heading::ToDevice => {
            let mut held = held.lock().unwrap();
            if let Some(earlier) = held.take() {
                return vec![(to, frame), (to, earlier)];
            }
            *held = Some(frame);
            Vec::new()
        }
        frame => on(to, frame),
    })
}

/// Everybody gets the first welcome that the relay ever gave on this line.
pub(super) fn old_welcome(_: Known) -> Tells {
    let first = Mutex::new(None);
    Box::new(move |to, frame| match frame {
        Frame::Welcome(welcome) => {
            on(to, Frame::Welcome(first.lock().unwrap().get_or_insert(welcome).clone()))
        }
        frame => on(to, frame),
    })
}

/// What a device writes is refused as if it could not be read.
pub(super) fn everything_refused(known: Known) -> Tells {
    Box::new(move |to, frame| match frame {
        Frame::Append { entries } => entries
            .iter()
            .map(|entry| {
                let entry = entry.id(known.workspace);
                let refused =
                    Frame::Refused { entry, reason: Reason::Malformed, proof: None, text: String::new() };
                (Heading::ToDevice, refused)
            })
            .collect(),
        frame => on(to, frame),
    })
}

/// What a device writes is acknowledged and goes nowhere.
pub(super) fn acknowledged_and_dropped(known: Known) -> Tells {
    let head = Mutex::new(None);
    Box::new(move |to, frame| match frame {
        Frame::Append { entries } => {
            let head = head.lock().unwrap().expect("a welcome comes first");
            let ids = entries.iter().map(|entry| (entry.id(known.workspace), Position(1)));
            on(Heading::ToDevice, Frame::Appended { entries: ids.collect(), head })
        }
        Frame::Welcome(welcome) => {
            *head.lock().unwrap() = Some(welcome.head);
            on(to, Frame::Welcome(welcome))
        }
        frame => on(to, frame),
    })
}

/// Behind the welcome comes a head at its position, signed by the log's key, with another hash.
pub(super) fn second_history(known: Known) -> Tells {
    Box::new(move |to, frame| match frame {
        Frame::Welcome(welcome) => {
            let head = *welcome.head.verify(known.workspace).unwrap().value();
            let signed = known.key.sign(Head { hash: LogHash::from_bytes([0xee; 32]), ..head }).unwrap();
            vec![(to, Frame::Welcome(welcome)), (to, Frame::Head(signed))]
        }
        frame => on(to, frame),
    })
}

/// The device is told that it was removed.
pub(super) fn told_removed(_: Known) -> Tells {
    Box::new(|to, frame| match frame {
        Frame::Welcome(_) => on(to, Frame::Goodbye { reason: Reason::Removed, text: String::new() }),
        frame => on(to, frame),
    })
}

/// Each entry's body has one bit flipped.
pub(super) fn bodies_altered(known: Known) -> Tells {
    let altered = move |logged: LoggedEntry| {
        let entry = logged.entry.clone().verify(known.workspace).unwrap();
        let mut body = entry.body().unwrap().to_vec();
        body[0] ^= 1;
        LoggedEntry { entry: logged.entry.with_body(body), ..logged }
    };
    Box::new(move |to, frame| match frame {
        Frame::Entries { first, entries, head } => {
            on(to, Frame::Entries { first, entries: entries.into_iter().map(&altered).collect(), head })
        }
        frame => on(to, frame),
    })
}

/// Somebody who lets the relay open the WebSocket, and does the rest alone. Ends when dropped.
pub(super) struct Socket {
    listens_on: SocketAddr,
    is_over: Arc<AtomicBool>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Socket {
    pub(super) fn before(relay: SocketAddr, listen: SocketAddr, act: fn(TcpStream)) -> Self {
        let listener = TcpListener::bind(listen).unwrap();
        let is_over = Arc::new(AtomicBool::new(false));
        let over = Arc::clone(&is_over);
        let thread = std::thread::spawn(move || {
            for device in listener.incoming().flatten() {
                if over.load(Ordering::Relaxed) {
                    return;
                }
                if let Some(device) = opened(device, relay) {
                    act(device);
                }
            }
        });
        Self { listens_on: listen, is_over, thread: Some(thread) }
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::Relaxed);
        let _woken = TcpStream::connect(self.listens_on);
        if let Some(thread) = self.thread.take() {
            let ended = thread.join();
            assert!(ended.is_ok() || std::thread::panicking(), "it has panicked");
        }
    }
}

/// The device's side of a WebSocket that the relay has opened.
fn opened(mut device: TcpStream, relay: SocketAddr) -> Option<TcpStream> {
    let mut relay = TcpStream::connect(relay).ok()?;
    pass_head(&mut device, &mut relay).then_some(())?;
    pass_head(&mut relay, &mut device).then_some(device)
}

/// Passes on bytes up to the end of a head of HTTP.
fn pass_head(from: &mut TcpStream, to: &mut TcpStream) -> bool {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        if from.read(&mut byte).unwrap_or(0) == 0 {
            return false;
        }
        head.push(byte[0]);
    }
    to.write_all(&head).is_ok()
}

/// Pings without end.
pub(super) fn pings(mut device: TcpStream) {
    let pings = [0x89, 0].repeat(4096);
    while device.write_all(&pings).is_ok() {}
}

/// Hears everything and says nothing.
pub(super) fn says_nothing(mut device: TcpStream) {
    let mut heard = [0; 4096];
    while device.read(&mut heard).is_ok_and(|read| read > 0) {}
}
