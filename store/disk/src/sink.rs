//! Lines of a log, written beside the work: nobody waits for their place, and lines that it does not take are lost.

use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::thread;
use std::time::Duration;

/// Lines that wait for their place at most: seconds of a busy relay, and a megabyte at the length that lines have.
const WAITING_LINES: usize = 4096;

/// Where log lines go: a file, a pipe, a terminal. Writing a line never fails and never waits, whatever becomes of that
/// place; when it takes lines again, a line says how many are missing. Clones write to the same place.
#[derive(Clone, Debug)]
pub struct Sink {
    waiting: SyncSender<Item>,
    lost: Arc<AtomicU64>,
}

/// What the thread is told.
#[derive(Debug)]
enum Item {
    /// One line with its end.
    Line(Vec<u8>),
    /// Say when everything before this was written or lost.
    Flush(SyncSender<()>),
}

impl Sink {
    /// Starts the thread that writes to `place`, and that ends with the last clone. `gap` makes the line, with its end, that
    /// says how many lines are missing.
    ///
    /// # Errors
    /// The system's, if it gives no thread.
    pub fn start(
        place: impl Write + Send + 'static,
        gap: impl Fn(u64) -> String + Send + 'static,
    ) -> io::Result<Self> {
        let (waiting, items) = sync_channel(WAITING_LINES);
        let lost = Arc::new(AtomicU64::new(0));
        let writer = Writer { place, gap, lost: Arc::clone(&lost), is_torn: false };
        thread::Builder::new().name("log".to_owned()).spawn(move || writer.run(&items))?;
        Ok(Self { waiting, lost })
    }

    /// Waits until all lines so far are written or lost, and no longer than `patience`.
    pub fn flush_within(&self, patience: Duration) {
        let (done, is_done) = sync_channel(1);
        if self.waiting.try_send(Item::Flush(done)).is_ok() {
            let _late_or_done = is_done.recv_timeout(patience);
        }
    }
}

impl Write for Sink {
    /// Takes one whole line with its end; always says that it was taken.
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        if let Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) =
            self.waiting.try_send(Item::Line(line.to_vec()))
        {
            self.lost.fetch_add(1, Ordering::Relaxed);
        }
        Ok(line.len())
    }

    /// Does nothing: [`Sink::flush_within`] waits.
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The thread's end.
struct Writer<W, G> {
    place: W,
    gap: G,
    lost: Arc<AtomicU64>,
    /// Whether the place has taken the beginning of a line and not its end.
    is_torn: bool,
}

impl<W: Write, G: Fn(u64) -> String> Writer<W, G> {
    fn run(mut self, items: &Receiver<Item>) {
        for item in items {
            match item {
                Item::Line(line) => self.put(&line),
                Item::Flush(done) => {
                    let _lost = self.place.flush();
                    let _nobody_waits = done.try_send(());
                }
            }
        }
    }

    fn put(&mut self, line: &[u8]) {
        let missing = self.lost.swap(0, Ordering::Relaxed);
        let told = if missing > 0 { self.write((self.gap)(missing).as_bytes()) } else { Ok(()) };
        let still_missing = if told.is_ok() { 0 } else { missing };
        let written = told.and_then(|()| self.write(line));
        let lost = still_missing + u64::from(written.is_err());
        self.lost.fetch_add(lost, Ordering::Relaxed);
    }

    fn write(&mut self, line: &[u8]) -> io::Result<()> {
        if self.is_torn {
            self.place.write_all(b"\n")?;
            self.is_torn = false;
        }
        let mut rest = line;
        while !rest.is_empty() {
            match self.place.write(rest) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(taken) => rest = rest.get(taken..).unwrap_or_default(),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    self.is_torn |= rest.len() < line.len();
                    return Err(error);
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;
    use std::sync::mpsc::channel;

    use super::*;

    /// Longer than anything here takes.
    const LONG: Duration = Duration::from_mins(1);

    /// A place with room for so many bytes, which tests look into.
    #[derive(Clone, Default)]
    struct Disk {
        taken: Arc<Mutex<Vec<u8>>>,
        room: Arc<Mutex<usize>>,
    }

    impl Disk {
        fn with_room(room: usize) -> Self {
            Self { room: Arc::new(Mutex::new(room)), ..Self::default() }
        }

        fn text(&self) -> String {
            String::from_utf8(self.taken.lock().unwrap().clone()).unwrap()
        }
    }

    impl Write for Disk {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let mut room = self.room.lock().unwrap();
            let taken = bytes.len().min(*room);
            if taken == 0 {
                return Err(io::ErrorKind::StorageFull.into());
            }
            *room -= taken;
            self.taken.lock().unwrap().extend(&bytes[..taken]);
            Ok(taken)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn sink(place: impl Write + Send + 'static) -> Sink {
        Sink::start(place, |missing| format!("({missing} missing)\n")).unwrap()
    }

    #[test]
    fn a_full_disk_costs_lines_and_what_is_missing_is_said_when_there_is_room() {
        let disk = Disk::with_room(10);
        let mut sink = sink(disk.clone());
        for line in ["one\n", "two\n", "three\n", "four\n"] {
            sink.write_all(line.as_bytes()).unwrap();
        }
        sink.flush_within(LONG);
        assert_eq!(disk.text(), "one\ntwo\nth");
        *disk.room.lock().unwrap() = 1000;
        sink.write_all(b"five\n").unwrap();
        sink.flush_within(LONG);
        assert_eq!(disk.text(), "one\ntwo\nth\n(2 missing)\nfive\n");
    }

    #[test]
    fn nobody_waits_for_a_place_that_takes_nothing() {
        struct Stuck(Receiver<()>, Disk);
        impl Write for Stuck {
            fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
                let _until_it_is_let_go = self.0.recv();
                self.1.write(bytes)
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let (go, stuck) = channel();
        let disk = Disk::with_room(usize::MAX);
        let mut sink = sink(Stuck(stuck, disk.clone()));
        for _ in 0..2 * WAITING_LINES {
            sink.write_all(b"line\n").unwrap();
        }
        sink.flush_within(Duration::from_millis(1));
        assert_eq!(disk.text(), "");
        drop(go);
        // Nothing waits behind what is written now but this line.
        while disk.text().lines().count() < WAITING_LINES {
            thread::yield_now();
        }
        sink.write_all(b"last\n").unwrap();
        sink.flush_within(LONG);
        let text = disk.text();
        let missing = 2 * WAITING_LINES - text.lines().filter(|line| *line == "line").count();
        // One line says so, or two if the thread began to write only when some were lost already.
        let told = text.lines().filter_map(|line| line.strip_prefix('(')?.strip_suffix(" missing)"));
        assert_eq!(told.map(|number| number.parse::<usize>().unwrap()).sum::<usize>(), missing);
        assert!(missing > 0);
        assert!(text.ends_with("last\n"));
    }

    #[test]
    fn a_place_that_is_gone_stops_nobody() {
        let (read, write) = io::pipe().unwrap();
        drop(read);
        let mut sink = sink(write);
        for _ in 0..10 {
            sink.write_all(b"line\n").unwrap();
        }
        sink.flush_within(LONG);
        assert_eq!(sink.lost.load(Ordering::Relaxed), 10);
    }
}
