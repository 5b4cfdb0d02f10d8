//! Serving a simulator on a socket.

use std::io;
use std::net::SocketAddr;

use axum::Router;
use axum::serve::ListenerExt;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// A simulator that listens. Dropping it stops it.
#[derive(Debug)]
pub struct Server {
    base_url: String,
    address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    task: Option<JoinHandle<()>>,
}

impl Server {
    /// `http://host:port`, without a slash at the end.
    #[must_use]
    pub fn base_url(&self) -> &str {
        &self.base_url
    }

    /// The address it really listens on, which matters when port 0 was asked for.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Stops accepting, lets answers under way finish for up to two seconds, then returns.
    pub async fn shutdown(mut self) {
        if let Some(stop) = self.stop.take() {
            let _already_gone = stop.send(());
        }
        if let Some(mut task) = self.task.take()
            && tokio::time::timeout(std::time::Duration::from_secs(2), &mut task)
                .await
                .is_err()
        {
            task.abort();
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(stop) = self.stop.take() {
            let _already_gone = stop.send(());
        }
    }
}

/// Serves `router` on `listen`; port 0 takes a free one.
///
/// # Errors
/// When the address cannot be bound, for example because another process holds the port.
pub async fn serve(router: Router, listen: SocketAddr) -> io::Result<Server> {
    let listener = TcpListener::bind(listen).await?;
    let address = listener.local_addr()?;
    let listener = listener.tap_io(|stream| {
        // Small answers would otherwise wait for the client's delayed acknowledgement.
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "TCP_NODELAY was refused");
        }
    });
    let (stop, stopped) = oneshot::channel();
    let task = tokio::spawn(async move {
        let serving = axum::serve(listener, router).with_graceful_shutdown(async {
            let _dropped_counts_too = stopped.await;
        });
        if let Err(error) = serving.await {
            tracing::warn!(%error, "the simulator stopped serving");
        }
    });
    Ok(Server {
        base_url: format!("http://{address}"),
        address,
        stop: Some(stop),
        task: Some(task),
    })
}
