//! Data quality: what the records of a blueprint should be like, what is refused for it, and how things stand.
//!
//! A rule that refuses does so where a record is written by the app, and where a record that is read from a CRM would come
//! to break it: that is then this record's visible failure, tried again like any other, and the app's record stays as it
//! was. Only what changes is held against it: a record that broke a rule before there was one can still be edited
//! elsewhere. Likely duplicates are refused at the app's edits alone, since what a CRM has is matched and not made again.

mod gate;
mod report;
mod rules;

pub(crate) use gate::QualityGate;
pub use report::{QualityExample, QualityReport, QualityRuleReport};
pub use rules::Quality;

#[cfg(test)]
mod tests;
