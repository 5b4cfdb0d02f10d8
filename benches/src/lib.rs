//! What the benches measure with: generated records, and records made ready to be planned.
#![forbid(unsafe_code)]

pub mod generator;
pub mod planned;
