//! [`HostIo`]: the host, as a connector sees it.

use async_trait::async_trait;
use jiff::Timestamp;
use syncline_core::Result;
use syncline_core::io::{Io, Level, MacAlgorithm, Mark, Request, Response};

use crate::bindings::syncline::connector::{host, types as wit};

crate::convert_contract!(wit);

/// The host. A call into it returns when the host is done, so nothing here ever waits.
#[derive(Debug, Clone, Copy)]
pub(crate) struct HostIo;

#[async_trait]
impl Io for HostIo {
    async fn send(&self, request: Request) -> Result<Response> {
        Ok(host::send(&request.into())?.into())
    }

    async fn send_all(&self, requests: Vec<Request>) -> Vec<Result<Response>> {
        let requests: Vec<wit::Request> = requests.into_iter().map(Into::into).collect();
        let answers = host::send_all(&requests).into_iter();
        answers.map(|answer| Ok(answer?.into())).collect()
    }

    fn mark(&self) -> Mark {
        Mark(host::mark())
    }

    fn now(&self) -> Timestamp {
        host::now().try_into().unwrap_or_default()
    }

    fn random(&self) -> u64 {
        host::random()
    }

    fn log(&self, level: Level, message: &str) {
        host::log(level.into(), message);
    }

    fn verify_mac(&self, key_name: &str, algorithm: MacAlgorithm, message: &[u8], tag: &[u8]) -> bool {
        host::verify_mac(key_name, algorithm.into(), message, tag)
    }
}
