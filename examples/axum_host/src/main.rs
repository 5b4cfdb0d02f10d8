//! A web application on axum: `cargo run -p syncline-example-axum-host`. `docs/web-host.md` goes through it.

mod callback;
mod host;
mod people;
mod progress;
#[cfg(test)]
mod tests;
mod webhook;

use axum::Router;
use axum::routing::{get, patch, post};
use syncline::Actor;
use syncline::http::StopFlag;

use crate::host::{App, Host};

/// The routes.
fn router(host: Host) -> Router {
    Router::new()
        .route("/integrations/hubspot", post(callback::connect))
        .route("/callback", get(callback::callback))
        .route("/webhooks/hubspot", post(webhook::webhook))
        .route("/progress", get(progress::progress))
        .route("/people", get(people::list))
        .route("/people/{uid}", patch(people::edit))
        .with_state(host)
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    tracing_subscriber::fmt().init();
    let engine = syncline::open(variable("DATABASE", "app.db")).await?;
    let app = App {
        public_url: variable("PUBLIC_URL", "https://app.example"),
        client_id: std::env::var("HUBSPOT_CLIENT_ID")?,
        client_secret: std::env::var("HUBSPOT_CLIENT_SECRET")?.into(),
        login_url: None,
    };

    // Schedules, hints of webhooks and retries are followed by one task, which ends at a safe place.
    let stop = StopFlag::new();
    let schedule = tokio::spawn({
        let (engine, stop) = (engine.clone(), stop.clone());
        async move { engine.run_schedule(stop, &Actor::system()).await }
    });

    let listener = tokio::net::TcpListener::bind(variable("LISTEN", "127.0.0.1:8080")).await?;
    axum::serve(listener, router(Host::new(engine, app)))
        .with_graceful_shutdown(async {
            // Without a signal to wait for there is nothing to end by.
            let _ = tokio::signal::ctrl_c().await;
        })
        .await?;
    stop.stop();
    schedule.await??;
    Ok(())
}

fn variable(name: &str, default: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| default.to_owned())
}
