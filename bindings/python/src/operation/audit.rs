//! What is written down for ever.

use std::fs::File;
use std::io::BufWriter;
use std::path::PathBuf;

use serde_json::Value as Json;
use syncline::actor::Actor;
use syncline::audit::AuditPosition;
use syncline::{Engine, Error, ErrorKind, Result};

use super::{plain, take, unknown};

pub(super) async fn call(engine: &Engine, operation: &str, actor: &Actor, arguments: Json) -> Result<Json> {
    let audit = engine.audit();
    match operation {
        "list" => {
            take!(arguments => tenant: u32, run: Option<u64>, after: AuditPosition, limit: usize);
            plain(&audit.list(tenant, run, after, limit, actor).await?)
        }
        "verify" => {
            take!(arguments => tenant: u32);
            plain(&audit.verify(tenant, actor).await?)
        }
        "export" => {
            take!(arguments => tenant: u32, file: PathBuf);
            let made = File::create(&file).map_err(|error| {
                let message = format!("{} can't be written: {error}", file.display());
                Error::new(ErrorKind::Invalid, message).because(error)
            })?;
            let mut writer = BufWriter::new(made);
            plain(&audit.export(tenant, &mut writer, actor).await?)
        }
        _ => unknown(operation),
    }
}
