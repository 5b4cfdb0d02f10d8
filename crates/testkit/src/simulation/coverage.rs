//! What every batch of seeds has to reach: a simulation that never meets a row of the tables proves nothing about it.

/// What a batch of some thousand seeds reaches.
#[must_use]
pub fn expected() -> Vec<String> {
    Vec::new()
}

/// What no seed can reach yet, and why.
#[must_use]
pub const fn unreachable() -> &'static [(&'static str, &'static str)] {
    &[]
}
