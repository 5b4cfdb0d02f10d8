//! See the target of the same name in `fuzz/targets`.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| (syncline_fuzz_targets::target("hubspot_injection").run)(input));
