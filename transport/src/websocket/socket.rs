//! The bytes under a WebSocket, whatever they travel through: how many have come, and how they are framed.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::framing::Framing;

/// What a WebSocket can run on.
trait Transport: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Transport for T {}

/// A TCP connection, TLS on one, or a pipe in memory: one type for all, so that there is one kind of link.
pub(crate) struct Socket {
    transport: Box<dyn Transport>,
    received: u64,
    framing: Framing,
}

impl Socket {
    pub(crate) fn new(transport: impl AsyncRead + AsyncWrite + Send + Unpin + 'static) -> Self {
        Self { transport: Box::new(transport), received: 0, framing: Framing::after_http() }
    }

    /// The handshake is done, and `read` was read too far.
    pub(super) fn begin(&mut self, read: &[u8]) {
        self.framing = Framing::open();
        self.framing.take(read);
    }

    /// How what has come is framed.
    pub(super) fn framing(&self) -> &Framing {
        &self.framing
    }

    /// Bytes read so far: a peer that sends one long frame slowly is not silent.
    pub(crate) fn received(&self) -> u64 {
        self.received
    }
}

impl AsyncRead for Socket {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let read = Pin::new(&mut self.transport).poll_read(cx, buf);
        let new = buf.filled().get(before..).unwrap_or_default();
        self.received += new.len() as u64;
        self.framing.take(new);
        read
    }
}

impl AsyncWrite for Socket {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.transport).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.transport).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.transport).poll_shutdown(cx)
    }
}
