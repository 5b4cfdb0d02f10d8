//! Turns names into addresses that were checked, and hands exactly those to the connection: a name that resolves
//! differently a moment later changes nothing.

use std::fmt::Debug;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use async_trait::async_trait;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use super::address::{AddressPolicy, is_local_name};

/// Where names are looked up.
#[async_trait]
pub trait Lookup: Send + Sync + Debug {
    /// The addresses of a name.
    ///
    /// # Errors
    /// When the name does not exist or can't be looked up now.
    async fn lookup(&self, name: &str) -> io::Result<Vec<IpAddr>>;
}

/// The operating system's resolver.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemLookup;

#[async_trait]
impl Lookup for SystemLookup {
    async fn lookup(&self, name: &str) -> io::Result<Vec<IpAddr>> {
        Ok(tokio::net::lookup_host((name, 0))
            .await?
            .map(|address| address.ip())
            .collect())
    }
}

/// A name resolves to an address that we do not send to.
#[derive(Debug, thiserror::Error)]
#[error("{name} is not used: {reason}")]
pub(super) struct BlockedName {
    name: String,
    reason: String,
}

/// A resolver that refuses a name if any of its addresses is refused.
#[derive(Debug, Clone)]
pub(super) struct CheckedResolver {
    pub(super) lookup: Arc<dyn Lookup>,
    pub(super) policy: AddressPolicy,
}

impl CheckedResolver {
    async fn checked(self, name: String) -> Result<Addrs, Box<dyn std::error::Error + Send + Sync>> {
        let addresses = self.lookup.lookup(&name).await?;
        for address in &addresses {
            if let Err(reason) = self.policy.check_address(*address, is_local_name(&name)) {
                return Err(Box::new(BlockedName { name, reason }));
            }
        }
        if addresses.is_empty() {
            return Err(format!("{name} has no address").into());
        }
        Ok(Box::new(
            addresses.into_iter().map(|address| SocketAddr::new(address, 0)),
        ))
    }
}

impl Resolve for CheckedResolver {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(self.clone().checked(name.as_str().to_owned()))
    }
}
