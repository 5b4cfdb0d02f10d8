//! A name service that answers what a test says, a different thing each time if need be.

use std::collections::BTreeMap;
use std::io;
use std::net::IpAddr;
use std::sync::Mutex;

use async_trait::async_trait;
use syncline_engine::http::Lookup;

/// Answers per name, used up one after the other; the last one stays.
#[derive(Debug, Default)]
pub(crate) struct TableLookup(Mutex<BTreeMap<String, Vec<Vec<IpAddr>>>>);

impl TableLookup {
    pub(crate) fn answer(self, name: &str, addresses: &[&str]) -> Self {
        let addresses = addresses.iter().map(|address| address.parse().unwrap()).collect();
        self.0
            .lock()
            .unwrap()
            .entry(name.to_owned())
            .or_default()
            .push(addresses);
        self
    }
}

#[async_trait]
impl Lookup for TableLookup {
    async fn lookup(&self, name: &str) -> io::Result<Vec<IpAddr>> {
        let mut table = self.0.lock().unwrap();
        let answers = table.get_mut(name).ok_or_else(|| io::Error::other("no such name"))?;
        Ok(if answers.len() > 1 {
            answers.remove(0)
        } else {
            answers[0].clone()
        })
    }
}
