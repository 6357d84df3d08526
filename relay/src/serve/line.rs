//! The way to one connection: a queue bounded in bytes and frames, filled by the thread, emptied by the connection.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bowline_transport::Frame;
use futures_util::Stream;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};

/// Kibibytes that wait for one connection on top of what the relay keeps for it. Enough to keep a fast line busy while
/// the thread commits; more would only be memory that a slow reader holds.
const QUEUE_KIBIBYTES: u32 = 256;

/// A frame with the room it takes.
struct Queued {
    frame: Frame,
    _room: OwnedSemaphorePermit,
}

/// The thread's end. Dropping it ends the connection, in order, once what is queued is sent.
pub(super) struct Line {
    frames: mpsc::Sender<Queued>,
    /// Room for what is queued, in kibibytes.
    room: Arc<Semaphore>,
    _open: oneshot::Sender<()>,
}

/// The connection's end: the frames to send, until the thread has dropped its end.
pub(super) struct Outbound(mpsc::Receiver<Queued>);

/// Done when the thread has dropped its end, before what is queued is sent.
pub(super) type Closing = oneshot::Receiver<()>;

/// Makes a line; gives its two ends, and what is done when the thread drops its own.
pub(super) fn open() -> (Line, Outbound, Closing) {
    // A frame takes a kibibyte at least, so the permits run out first.
    let (frames, outbound) = mpsc::channel(QUEUE_KIBIBYTES as usize);
    let (open, closing) = oneshot::channel();
    let room = Arc::new(Semaphore::new(QUEUE_KIBIBYTES as usize));
    (Line { frames, room, _open: open }, Outbound(outbound), closing)
}

impl Line {
    /// Queues a frame, or gives it back if there is no room. After it was given back, nothing may be offered before
    /// [`Line::offer_later`] with it is done. A frame for a connection that is gone is dropped.
    pub(super) fn offer(&self, frame: Frame) -> Result<(), Frame> {
        let size = kibibytes(&frame, QUEUE_KIBIBYTES);
        match Arc::clone(&self.room).try_acquire_many_owned(size) {
            Ok(room) => match self.frames.try_send(Queued { frame, _room: room }) {
                Ok(()) | Err(mpsc::error::TrySendError::Closed(_)) => Ok(()),
                Err(mpsc::error::TrySendError::Full(Queued { frame, .. })) => Err(frame),
            },
            Err(_) => Err(frame),
        }
    }

    /// Queues a frame when there is room for it, and tells the thread so with `told` once half of the queue is free again: whoever
    /// reads slowly then gets much at once, rather than waking the thread for every frame.
    pub(super) fn offer_later<E: Send + 'static>(
        &self,
        frame: Frame,
        events: mpsc::WeakSender<E>,
        told: E,
    ) -> impl Future<Output = ()> + Send + 'static {
        let (frames, room) = (self.frames.clone(), Arc::clone(&self.room));
        async move {
            let size = kibibytes(&frame, QUEUE_KIBIBYTES);
            // A connection that ends drops its queue, which makes room; its end is told by the connection.
            let Ok(taken) = Arc::clone(&room).acquire_many_owned(size).await else { return };
            if frames.send(Queued { frame, _room: taken }).await.is_err() {
                return;
            }
            drop(frames);
            drop(room.acquire_many(QUEUE_KIBIBYTES / 2).await);
            if let Some(events) = events.upgrade() {
                let _thread_is_gone = events.send(told).await;
            }
        }
    }
}

/// Kibibytes that a frame takes of a queue of `all`: at least one, so that the number of frames is bounded as well, and
/// never more than there is.
pub(super) fn kibibytes(frame: &Frame, all: u32) -> u32 {
    u32::try_from(frame.len().div_ceil(1024)).unwrap_or(all).clamp(1, all)
}

impl Stream for Outbound {
    type Item = Frame;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Frame>> {
        self.0.poll_recv(context).map(|queued| queued.map(|queued| queued.frame))
    }
}

#[cfg(test)]
mod tests {
    use futures_util::StreamExt;

    use super::*;

    fn frame(kibibytes: usize) -> Frame {
        Frame::from(vec![0; kibibytes * 1024])
    }

    #[tokio::test]
    async fn a_full_line_gives_the_frame_back_and_says_when_it_takes_more() {
        let (line, mut outbound, _closing) = open();
        line.offer(frame(200)).unwrap();
        let kept = line.offer(frame(100)).unwrap_err();
        let (events, mut inbox) = mpsc::channel(1);
        let later = tokio::spawn(line.offer_later(kept, events.downgrade(), 7));
        assert_eq!(outbound.next().await.unwrap().len(), 200 * 1024);
        assert_eq!(outbound.next().await.unwrap().len(), 100 * 1024);
        assert_eq!(inbox.recv().await, Some(7));
        later.await.unwrap();
        line.offer(frame(256)).unwrap();
    }

    #[tokio::test]
    async fn the_largest_frame_passes_and_many_small_ones_are_bounded() {
        let (line, mut outbound, _closing) = open();
        line.offer(frame(1024)).unwrap();
        assert!(line.offer(frame(1)).is_err());
        assert_eq!(outbound.next().await.unwrap().len(), 1024 * 1024);
        let small = (0..10_000).take_while(|_| line.offer(Frame::from_static(b"x")).is_ok()).count();
        assert_eq!(small, QUEUE_KIBIBYTES as usize);
    }

    #[tokio::test]
    async fn a_line_ends_after_what_waits_for_room() {
        let (line, mut outbound, mut closing) = open();
        line.offer(frame(256)).unwrap();
        let last = line.offer(Frame::from_static(b"goodbye")).unwrap_err();
        let (events, _inbox) = mpsc::channel(1);
        tokio::spawn(line.offer_later(last, events.downgrade(), ()));
        assert!(closing.try_recv().is_err_and(|why| why == oneshot::error::TryRecvError::Empty));
        drop(line);
        assert!(closing.await.is_err());
        assert_eq!(outbound.next().await.unwrap().len(), 256 * 1024);
        assert_eq!(outbound.next().await.unwrap(), "goodbye");
        assert_eq!(outbound.next().await, None);
    }

    #[tokio::test]
    async fn whoever_waits_for_a_connection_that_is_gone_stops_waiting() {
        let (line, outbound, _closing) = open();
        line.offer(frame(256)).unwrap();
        let kept = line.offer(frame(1)).unwrap_err();
        let (events, _inbox) = mpsc::channel(1);
        let later = tokio::spawn(line.offer_later(kept, events.downgrade(), ()));
        drop(outbound);
        later.await.unwrap();
        assert!(line.offer(frame(1)).is_ok(), "dropped, because its connection is gone");
    }
}
