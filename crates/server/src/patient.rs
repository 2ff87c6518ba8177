//! A stream whose other end is to take what is written to it in time.
//!
//! HTTP's own library has no bound for that: an answer that nobody reads would
//! keep its connection, and its memory, for ever.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Sleep, sleep};

/// How many bytes are written from one place rather than from several: most answers
/// are short, and the kernel takes one place in less time than two.
const JOINED_BYTES_MAX: usize = 1_024;

/// A stream that ends where nothing of it was taken for too long.
pub(crate) struct Patient<S> {
    stream: S,
    patience: Duration,
    /// Runs while something waits to be taken; most streams never have one.
    waiting: Option<Pin<Box<Sleep>>>,
}

// === impl Patient ===

impl<S> Patient<S> {
    pub(crate) fn new(stream: S, patience: Duration) -> Self {
        Self {
            stream,
            patience,
            waiting: None,
        }
    }

    /// What came of a write: where it waits, no longer than there is patience.
    fn in_time<T>(
        &mut self,
        context: &mut Context<'_>,
        written: Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        if written.is_ready() {
            self.waiting = None;
            return written;
        }
        let patience = self.patience;
        let waiting = self
            .waiting
            .get_or_insert_with(|| Box::pin(sleep(patience)));
        ready!(waiting.as_mut().poll(context));
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Patient<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Patient<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.in_time(context, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let length: usize = slices.iter().map(|slice| slice.len()).sum();
        if length > JOINED_BYTES_MAX {
            let written = Pin::new(&mut self.stream).poll_write_vectored(context, slices);
            return self.in_time(context, written);
        }
        let mut joined = [0; JOINED_BYTES_MAX];
        let mut rest = &mut joined[..];
        for slice in slices {
            let (here, after) = rest.split_at_mut(slice.len());
            here.copy_from_slice(slice);
            rest = after;
        }
        self.poll_write(context, &joined[..length])
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.stream).poll_flush(context);
        self.in_time(context, flushed)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let shut_down = Pin::new(&mut self.stream).poll_shutdown(context);
        self.in_time(context, shut_down)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;

    #[tokio::test]
    async fn what_lies_in_several_places_goes_out_in_order() {
        for length in [0, 1, JOINED_BYTES_MAX - 1, JOINED_BYTES_MAX] {
            let (near, mut far) = tokio::io::duplex(2 * JOINED_BYTES_MAX);
            let mut patient = Patient::new(near, Duration::from_secs(60));
            let rest = vec![b'b'; length];
            let places = [&b"a"[..], b"", &rest].map(IoSlice::new);
            let written = patient.write_vectored(&places).await.unwrap();
            assert!(written == length + 1 || length == JOINED_BYTES_MAX);
            drop(patient);
            let mut taken = Vec::new();
            far.read_to_end(&mut taken).await.unwrap();
            assert_eq!(taken, [b"a", &rest[..]].concat()[..written]);
        }
    }
}
