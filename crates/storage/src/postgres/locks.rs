//! Who may write at the same time.
//!
//! The engine loads, decides and writes within one transaction, and trusts that what it has read stays so until it
//! commits: the entities it loaded, and as much what it did *not* find, such as another entity with the same e-mail
//! address, or a later block of the audit. Row locks can't keep what is not there. So a transaction for writing takes its
//! tenant's lock when it begins: transactions of one tenant take turns, those of different tenants run side by side, and
//! one that is for all tenants is alone. Every lock is taken at the beginning and in one order, so that nobody waits in a
//! circle.

use syncline_core::model::TenantId;
use syncline_core::store::Mode;

/// The keys of a store's locks.
#[derive(Debug, Clone, Copy)]
pub(super) struct Locks(u32);

impl Locks {
    /// The locks of the store whose table `document` has this number: no other table of the database has it.
    pub(super) const fn new(document: u32) -> Self {
        Self(document)
    }

    /// What a transaction begins with, once it has begun. Reading takes no lock: this takes its snapshot.
    pub(super) fn statement(self, tenant: TenantId, mode: Mode) -> String {
        let store = self.0.cast_signed();
        let name = if tenant == 0 { String::new() } else { tenant.to_string() };
        let mut statement = format!("SELECT set_config('syncline.tenant', '{name}', true)");
        match (mode, tenant) {
            (Mode::Read, _) => return statement,
            (_, 0) => statement.push_str(&format!("; SELECT pg_advisory_xact_lock({store}, 0)")),
            (_, tenant) => statement.push_str(&format!(
                "; SELECT pg_advisory_xact_lock_shared({store}, 0); SELECT pg_advisory_xact_lock({store}, {})",
                tenant.cast_signed()
            )),
        }
        if mode == Mode::WriteDurable {
            statement.push_str("; SET LOCAL synchronous_commit = on");
        }
        statement
    }

    /// Before the first number is reserved or given to a document: the counters are the tenants' common ground, and
    /// whoever holds one holds all of them until it commits.
    pub(super) fn numbers(self) -> String {
        // Beside the tenants' keys: these are the other kind, of one number of 64 bits.
        format!("SELECT pg_advisory_xact_lock({})", i64::from(self.0))
    }
}
