//! Between the types of `syncline-core` and those that a generator makes of the contract.
//!
//! Both sides of the border have types of their own, made by different generators from the same text. They have the same
//! names and fields, so what turns one into the other is written once and expanded on each side: neither can then drift
//! from the other. The host uses these too, which is why they are public.

mod error;
mod http;
mod job;
mod result;

pub use error::{cause, meaningless};
pub use http::milliseconds;
pub use job::{packed, short, unpacked};

/// Implements `From` and `TryFrom` between the types of the core and those of the module `$wit`, both ways.
#[doc(hidden)]
#[macro_export]
macro_rules! convert_contract {
    ($wit:ident) => {
        $crate::convert_errors!($wit);
        $crate::convert_http!($wit);
        $crate::convert_jobs!($wit);
        $crate::convert_results!($wit);
    };
}

/// Implements `From` both ways between enumerations without fields that have the same cases.
#[doc(hidden)]
#[macro_export]
macro_rules! convert_cases {
    ($wit:ident::$name:ident, $core:path: $($case:ident = $of_core:ident),+ $(,)?) => {
        impl From<$core> for $wit::$name {
            fn from(case: $core) -> Self {
                use $core as Core;
                match case {
                    $(Core::$of_core => Self::$case),+
                }
            }
        }

        impl From<$wit::$name> for $core {
            fn from(case: $wit::$name) -> Self {
                match case {
                    $($wit::$name::$case => Self::$of_core),+
                }
            }
        }
    };
}
