//! What is read back from a database, which may be damaged.

use jiff::Timestamp;
use syncline_core::Value;
use syncline_core::audit::open_block;
use syncline_core::state::{decode_decisions, decode_side_groups, encode_decisions, encode_side_groups};
use syncline_core::store::AuditBlock;
use syncline_core::value::{decode_all, encode_all};

pub(super) fn stored(input: &[u8]) {
    let Some((choice, input)) = input.split_first() else {
        return;
    };
    match choice % 4 {
        0 => {
            if let Ok(values) = decode_all(input) {
                let again = encode_all(&values);
                let decoded = decode_all(&again).expect("what was encoded can be decoded");
                assert_eq!(again, encode_all(&decoded), "the canonical form is stable");
                for value in &values {
                    drop(Value::from_json(value.to_json()));
                }
            }
        }
        1 => {
            if let Ok(kept) = decode_decisions(input) {
                let again = encode_decisions(&kept.decisions, &kept.frozen, &kept.trail);
                assert_eq!(decode_decisions(&again).expect("what was encoded can be decoded"), kept);
            }
        }
        2 => {
            if let Ok(groups) = decode_side_groups(Some(input)) {
                let again = encode_side_groups(&groups);
                let decoded = decode_side_groups(again.as_deref()).expect("what was encoded can be decoded");
                // Groups of which there is nothing special to keep are left out.
                assert_eq!(encode_side_groups(&decoded), again);
            }
        }
        _ => drop(open_block(&AuditBlock {
            seq: 1,
            tenant: 1,
            run: 1,
            at: Timestamp::UNIX_EPOCH,
            count: 2,
            previous: [0; 32],
            root: [0; 32],
            body: input.to_vec(),
        })),
    }
}
