//! [`ReadBody`]: a file on the disk, or whatever else can be read, as the body of an upload.

use std::fmt;

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use syncline_core::error::{Error, ErrorKind, Result};
use syncline_core::file::FileBody;
use tokio::io::{AsyncRead, AsyncReadExt};

/// Bytes of a piece.
const PIECE: usize = 256 << 10;

/// The body of an upload, read piece by piece.
///
/// ```
/// use syncline_core::file::FileBody;
/// use syncline_engine::file::ReadBody;
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> syncline_core::Result<()> {
/// let mut body = ReadBody::new(&b"hello"[..]);
/// assert_eq!(body.next().await?.as_deref(), Some(&b"hello"[..]));
/// assert_eq!(body.next().await?, None);
/// # Ok(())
/// # }
/// ```
pub struct ReadBody<R>(R);

impl<R> fmt::Debug for ReadBody<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ReadBody")
    }
}

impl<R: AsyncRead + Send + Unpin> ReadBody<R> {
    /// The body that a reader gives.
    pub const fn new(reader: R) -> Self {
        Self(reader)
    }
}

#[async_trait]
impl<R: AsyncRead + Send + Unpin> FileBody for ReadBody<R> {
    async fn next(&mut self) -> Result<Option<Bytes>> {
        let mut piece = BytesMut::with_capacity(PIECE);
        self.0
            .read_buf(&mut piece)
            .await
            .map_err(|error| Error::new(ErrorKind::Invalid, "the file can't be read on").because(error))?;
        Ok(Some(piece.freeze()).filter(|piece| !piece.is_empty()))
    }
}
