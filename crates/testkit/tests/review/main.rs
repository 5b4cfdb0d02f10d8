//! Histories in which an update, a record or an identity could get lost, played from end to end.
#![allow(missing_docs, reason = "a test has no public interface")]


mod filters;
mod merges;
mod play;
