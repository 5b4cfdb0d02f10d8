//! A transaction whose commit goes wrong, over one of any store.

use syncline_core::store::Transaction;
use syncline_core::{Error, ErrorKind};

use super::history::StoreFault;
use crate::forward::forward_transaction;

/// See the [module](self).
pub(super) struct FailingTransaction {
    inner: Box<dyn Transaction>,
    fault: StoreFault,
}

impl FailingTransaction {
    pub(super) fn new(inner: Box<dyn Transaction>, fault: StoreFault) -> Self {
        Self { inner, fault }
    }
}

/// What the process is told, whatever was kept.
pub(super) fn failed(fault: StoreFault) -> Error {
    let message = match fault {
        StoreFault::Unreachable => "the store can't be reached",
        StoreFault::Refused => "the store refused to commit, so nothing of this transaction is kept",
        StoreFault::Unknown => "the store broke off, so it is not known whether anything of this transaction is kept",
    };
    Error::new(ErrorKind::Store, message)
}

macro_rules! handed_on {
    ($self:ident, $inner:ident => $call:expr) => {{
        let $inner = &mut $self.inner;
        $call.await
    }};
    ($self:ident, commit) => {{
        let Self { inner, fault } = *$self;
        if fault == StoreFault::Unknown {
            inner.commit().await?;
        }
        Err(failed(fault))
    }};
}

forward_transaction!(FailingTransaction, handed_on);
