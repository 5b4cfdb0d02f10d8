//! Files of records: what a connector tells of them, and their bodies as streams, of which a piece at a time is in
//! memory.

use std::fmt;

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::error::{Error, ErrorKind, Result};
use crate::io::Head;

/// Stands among the objects of [`Connector::scopes`](crate::connector::Connector::scopes) for the files of records.
pub const FILES: &str = "files";

/// A file that belongs to a record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RemoteFile {
    /// The provider's id.
    pub id: String,
    /// Its name, with its extension.
    pub name: String,
    /// Bytes that it holds.
    pub size: u64,
    /// Changes whenever what it holds changes, and may change besides.
    pub version: String,
    /// MD5 of what it holds, in lower-case hexadecimal, where the provider tells it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub md5: Option<String>,
    /// Its media type, where the provider tells it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content_type: Option<String>,
    /// When it was last changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub modified: Option<Timestamp>,
}

/// A file of a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileOf {
    /// The record's id.
    pub record: String,
    /// The file.
    pub file: RemoteFile,
}

/// A file that is to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewFile {
    /// Its name, with its extension.
    pub name: String,
    /// Its media type, if it is known.
    pub content_type: Option<String>,
    /// Bytes that its body has.
    pub size: u64,
}

/// Records whose files may have changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileChanges {
    /// Their ids; an id may come more than once.
    pub records: Vec<String>,
    /// Where to go on.
    pub cursor: Bytes,
    /// Whether there is more to tell now.
    pub more: bool,
}

/// What a file holds, piece by piece.
#[async_trait]
pub trait FileBody: Send {
    /// The next piece; `None` at the end.
    ///
    /// # Errors
    /// Whatever keeps the body from being read on; it is then at its end.
    async fn next(&mut self) -> Result<Option<Bytes>>;
}

impl fmt::Debug for dyn FileBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FileBody")
    }
}

/// An answer whose body comes as a stream.
#[derive(Debug)]
pub struct Download {
    /// Status and headers.
    pub head: Head,
    /// The body.
    pub body: Box<dyn FileBody>,
}

/// The body of a request, as a stream of a length that is known.
#[derive(Debug)]
pub struct Upload {
    /// Bytes that it has.
    pub length: u64,
    /// The body.
    pub body: Box<dyn FileBody>,
}

/// A body that is in memory.
///
/// ```
/// use syncline_core::file::{FileBody, InMemory};
///
/// # async fn demo() -> syncline_core::Result<()> {
/// let mut body = InMemory::new("hello");
/// assert_eq!(body.next().await?.as_deref(), Some(b"hello".as_slice()));
/// assert_eq!(body.next().await?, None);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct InMemory(Option<Bytes>);

impl InMemory {
    /// A body that is this one piece.
    pub fn new(bytes: impl Into<Bytes>) -> Self {
        Self(Some(bytes.into()).filter(|bytes: &Bytes| !bytes.is_empty()))
    }
}

#[async_trait]
impl FileBody for InMemory {
    async fn next(&mut self) -> Result<Option<Bytes>> {
        Ok(self.0.take())
    }
}

/// A body with something before and behind it, as a part of a form has.
#[derive(Debug)]
pub struct Framed {
    before: Option<Bytes>,
    body: Option<Box<dyn FileBody>>,
    behind: Option<Bytes>,
}

impl Framed {
    /// `before`, the body, and `behind`.
    pub fn new(before: impl Into<Bytes>, body: Box<dyn FileBody>, behind: impl Into<Bytes>) -> Self {
        Self {
            before: Some(before.into()),
            body: Some(body),
            behind: Some(behind.into()),
        }
    }
}

#[async_trait]
impl FileBody for Framed {
    async fn next(&mut self) -> Result<Option<Bytes>> {
        if let Some(before) = self.before.take() {
            return Ok(Some(before));
        }
        if let Some(body) = &mut self.body {
            if let Some(piece) = body.next().await? {
                return Ok(Some(piece));
            }
            self.body = None;
        }
        Ok(self.behind.take())
    }
}

/// A body that has as many bytes as was said, or fails: so that what was cut off on its way is not taken for whole.
#[derive(Debug)]
pub struct Exactly {
    body: Box<dyn FileBody>,
    left: u64,
}

impl Exactly {
    /// The body, which has to have so many bytes.
    pub fn new(body: Box<dyn FileBody>, size: u64) -> Self {
        Self { body, left: size }
    }
}

#[async_trait]
impl FileBody for Exactly {
    async fn next(&mut self) -> Result<Option<Bytes>> {
        let piece = self.body.next().await?;
        let left = match &piece {
            Some(piece) => self.left.checked_sub(piece.len() as u64),
            None => (self.left == 0).then_some(0),
        };
        let message = "the file has another size than it was said to have; it was changed or cut off on its way";
        self.left = left.ok_or_else(|| Error::new(ErrorKind::Unavailable, message))?;
        Ok(piece)
    }
}

/// A form of several parts (`multipart/form-data`), the last of which is a file.
///
/// ```
/// use syncline_core::file::{Form, InMemory};
///
/// let form = Form::new(7).field("name", "text/plain", "Ada").file("data", "a \"b\".txt", None);
/// assert!(form.content_type().starts_with("multipart/form-data; boundary="));
/// let upload = form.upload(5, Box::new(InMemory::new("hello")));
/// assert!(upload.length > 5);
/// ```
#[derive(Debug, Clone)]
pub struct Form {
    boundary: String,
    head: String,
}

impl Form {
    /// An empty form. The random number makes its boundary one that no body is likely to hold.
    pub fn new(random: u64) -> Self {
        Self {
            boundary: format!("syncline-{random:016x}"),
            head: String::new(),
        }
    }

    /// Adds a part.
    #[must_use]
    pub fn field(mut self, name: &str, content_type: &str, value: &str) -> Self {
        let boundary = &self.boundary;
        self.head.push_str(&format!(
            "--{boundary}\r\nContent-Disposition: form-data; name=\"{name}\"\r\nContent-Type: {content_type}\r\n\r\n\
             {value}\r\n"
        ));
        self
    }

    /// Adds the head of the file, which comes last.
    #[must_use]
    pub fn file(mut self, name: &str, file_name: &str, content_type: Option<&str>) -> Self {
        let boundary = &self.boundary;
        // What ends a quoted text or a line could add headers of its own.
        let file_name: String = file_name
            .chars()
            .map(|char| {
                if char == '"' || char == '\\' || char.is_control() {
                    '_'
                } else {
                    char
                }
            })
            .collect();
        let content_type = content_type
            .filter(|kind| kind.bytes().all(|byte| byte.is_ascii_graphic() || byte == b' '))
            .unwrap_or("application/octet-stream");
        self.head.push_str(&format!(
            "--{boundary}\r\nContent-Disposition: form-data; name=\"{name}\"; filename=\"{file_name}\"\r\n\
             Content-Type: {content_type}\r\n\r\n"
        ));
        self
    }

    /// The value of the request's `content-type`.
    pub fn content_type(&self) -> String {
        format!("multipart/form-data; boundary={}", self.boundary)
    }

    /// The body of the request: the form around a file of so many bytes.
    pub fn upload(self, size: u64, body: Box<dyn FileBody>) -> Upload {
        let tail = format!("\r\n--{}--\r\n", self.boundary);
        let body = Exactly::new(body, size);
        Upload {
            length: size + (self.head.len() + tail.len()) as u64,
            body: Box::new(Framed::new(self.head, Box::new(body), tail)),
        }
    }
}

/// A whole body, which may have so many bytes at most.
///
/// # Errors
/// `Protocol` when it has more, and those of the body.
pub async fn gather(body: &mut dyn FileBody, most: usize) -> Result<Bytes> {
    let mut whole = BytesMut::new();
    while let Some(piece) = body.next().await? {
        if whole.len() + piece.len() > most {
            return Err(Error::new(
                ErrorKind::Protocol,
                format!("the body is larger than {most} bytes"),
            ));
        }
        whole.extend_from_slice(&piece);
    }
    Ok(whole.freeze())
}

#[cfg(test)]
mod tests {
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};

    use super::*;

    /// What is in memory is ready at once.
    fn block_on<F: Future>(future: F) -> F::Output {
        match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(output) => output,
            Poll::Pending => panic!("nothing here waits"),
        }
    }

    #[test]
    fn a_frame_goes_around_its_body() {
        let mut framed = Framed::new("<", Box::new(InMemory::new("body")), ">");
        assert_eq!(block_on(gather(&mut framed, 100)).unwrap(), "<body>");
        let mut framed = Framed::new("<", Box::new(InMemory::new("body")), ">");
        assert_eq!(
            block_on(gather(&mut framed, 5)).unwrap_err().kind(),
            ErrorKind::Protocol
        );
    }

    #[test]
    fn a_body_of_another_size_fails() {
        for (size, fits) in [(3, false), (4, true), (5, false)] {
            let mut body = Exactly::new(Box::new(InMemory::new("body")), size);
            assert_eq!(block_on(gather(&mut body, 100)).is_ok(), fits, "{size}");
        }
    }
}
