//! The salesforce connector: speaks the provider's API and does no I/O of its own.
