//! The sentences of the contract, one function each, in the order of the documentation.

mod classify;
mod fetch;
mod files;
mod identity;
mod open;
mod pull;
mod push;
mod schema;
mod webhook;

use super::Case;

/// Every case of a sentence.
pub(super) fn all() -> Vec<Case> {
    [
        identity::cases(),
        classify::cases(),
        schema::cases(),
        fetch::cases(),
        open::cases(),
        files::cases(),
        webhook::cases(),
        pull::cases(),
        push::cases(),
    ]
    .concat()
}
