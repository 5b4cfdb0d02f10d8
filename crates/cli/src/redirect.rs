//! Listens on this machine for the browser that a provider sends back.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use syncline::connection::Callback;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::failure::Failure;

/// Longest request line with headers that is read, in bytes.
const LONGEST_REQUEST: usize = 32 * 1024;
/// How long one browser request may take to arrive.
const REQUEST_TIME: Duration = Duration::from_secs(10);
const PATH: &str = "/callback";

/// A listener on the loopback address.
#[derive(Debug)]
pub(crate) struct Redirect {
    listener: TcpListener,
    port: u16,
}

impl Redirect {
    /// Listens on a port; 0 takes a free one.
    ///
    /// # Errors
    /// When the port can't be had.
    pub(crate) async fn listen(port: u16) -> Result<Self, Failure> {
        let failed = |error: std::io::Error| {
            Failure::failed(format!("port {port} of this machine can't be listened on: {error}"))
                .next("choose another with `--port`, and register it at the provider; 0 takes a free one")
        };
        let listener = TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, port)))
            .await
            .map_err(failed)?;
        let port = listener.local_addr().map_err(failed)?.port();
        Ok(Self { listener, port })
    }

    /// Where the provider is to send the browser.
    pub(crate) fn uri(&self) -> String {
        format!("http://127.0.0.1:{}{PATH}", self.port)
    }

    /// Waits for the browser with this state and lets the person go. Anything else that comes by is answered and
    /// forgotten: another program on this machine can't end the wait.
    ///
    /// # Errors
    /// When the listener breaks.
    pub(crate) async fn wait(&self, state: &str) -> Result<Callback, Failure> {
        loop {
            let (mut stream, _) = self
                .listener
                .accept()
                .await
                .map_err(|error| Failure::failed(format!("waiting for the browser failed: {error}")))?;
            let target = tokio::time::timeout(REQUEST_TIME, target(&mut stream))
                .await
                .ok()
                .flatten();
            let callback = target.as_deref().and_then(|target| answer_to(target, state));
            let (status, text) = match &callback {
                Some(_) => (
                    "200 OK",
                    "Syncline has its answer. You can close this window and go back to the terminal.",
                ),
                None => ("404 Not Found", "There is nothing here."),
            };
            let body = format!("<!doctype html><meta charset=\"utf-8\"><title>Syncline</title><p>{text}</p>\n");
            let answer = format!(
                "HTTP/1.1 {status}\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: {}\r\nCache-Control: \
                 no-store\r\nReferrer-Policy: no-referrer\r\nConnection: close\r\n\r\n{body}",
                body.len()
            );
            // The browser may be gone; what it brought counts all the same.
            let _gone = tokio::time::timeout(REQUEST_TIME, stream.write_all(answer.as_bytes())).await;
            let _gone = stream.shutdown().await;
            if let Some(callback) = callback {
                return Ok(callback);
            }
        }
    }
}

/// The path and query of a request.
async fn target(stream: &mut TcpStream) -> Option<String> {
    let mut read = Vec::new();
    let mut buffer = [0; 4096];
    while !read.windows(4).any(|window| window == b"\r\n\r\n") {
        let count = stream.read(&mut buffer).await.ok()?;
        if count == 0 || read.len() > LONGEST_REQUEST {
            return None;
        }
        read.extend_from_slice(&buffer[..count]);
    }
    let text = std::str::from_utf8(&read).ok()?;
    let mut words = text.lines().next()?.split(' ');
    (words.next()? == "GET").then(|| words.next().map(str::to_owned))?
}

/// What the browser brought, if it is ours.
fn answer_to(target: &str, state: &str) -> Option<Callback> {
    use syncline::secrecy::ExposeSecret;
    let (path, query) = target.split_once('?')?;
    let callback = Callback::parse(query);
    let ours = path == PATH
        && callback
            .state
            .as_ref()
            .is_some_and(|given| given.expose_secret() == state);
    ours.then_some(callback)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_browser_with_our_state_ends_the_wait() {
        assert!(answer_to("/callback?code=c&state=s", "s").is_some());
        assert!(answer_to("/callback?error=access_denied&state=s", "s").is_some());
        for other in [
            "/callback?code=c&state=x",
            "/callback?code=c",
            "/?code=c&state=s",
            "/favicon.ico",
        ] {
            assert!(answer_to(other, "s").is_none(), "{other}");
        }
    }
}
