//! The way to the thread that owns the relay: one queue for all connections, bounded in events and in bytes.

use std::sync::Arc;

use bowline_transport::Frame;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};

use super::line::{Line, kibibytes};
use crate::ConnId;
use crate::storage::StorageError;

/// Events waiting for the thread. Each frame among them has also taken its size from [`INBOX_KIBIBYTES`].
pub(super) const INBOX_EVENTS: usize = 1024;

/// Kibibytes of frames waiting for the thread, of all connections together: two commits' worth of the largest, so that
/// the next one is there when a commit is done.
pub(super) const INBOX_KIBIBYTES: u32 = 16 * 1024;

/// What the thread is told.
pub(super) enum Event {
    /// A connection was made; frames for it go into this line.
    Connected(ConnId, Line),
    /// A frame arrived. The permit gives its room back when it has been handled.
    Frame(ConnId, Frame, OwnedSemaphorePermit),
    /// A connection is gone.
    Disconnected(ConnId),
    /// A connection that could take no more takes frames again.
    Writable(ConnId),
    /// A deadline of the relay's has come. The thread notices by itself; nobody sends this.
    Due,
    /// Answer, to show that the thread is alive.
    Ping(oneshot::Sender<()>),
    /// Answer whether what devices send could be stored now.
    IsReady(oneshot::Sender<Result<(), StorageError>>),
    /// Say goodbye to everybody, and to whoever still comes.
    Stop,
    /// Commit and end.
    End,
}

/// How connections reach the thread.
#[derive(Clone)]
pub(super) struct Inbox {
    pub(super) events: mpsc::Sender<Event>,
    /// Kibibytes of frames that may still be put in.
    pub(super) room: Arc<Semaphore>,
}

impl Inbox {
    /// Puts an event in, and waits until there is room for it. Returns `false` if the thread is gone.
    pub(super) async fn tell(&self, event: Event) -> bool {
        self.events.send(event).await.is_ok()
    }

    /// Puts a frame in, and waits until there is room for it, which is what slows a connection down. Returns `false` if
    /// the thread is gone.
    pub(super) async fn deliver(&self, conn: ConnId, frame: Frame) -> bool {
        let size = kibibytes(&frame, INBOX_KIBIBYTES);
        match Arc::clone(&self.room).acquire_many_owned(size).await {
            Ok(permit) => self.tell(Event::Frame(conn, frame, permit)).await,
            Err(_) => false,
        }
    }
}
