//! What a connector gives back.

/// What a connector gives back.
#[doc(hidden)]
#[macro_export]
macro_rules! convert_results {
    ($wit:ident) => {
        impl From<$crate::core::batch::Hint> for $wit::Hint {
            fn from(hint: $crate::core::batch::Hint) -> Self {
                Self {
                    object: hint.object,
                    id: hint.id,
                }
            }
        }

        impl From<$wit::Hint> for $crate::core::batch::Hint {
            fn from(hint: $wit::Hint) -> Self {
                Self {
                    object: hint.object,
                    id: hint.id,
                }
            }
        }

        impl From<$crate::core::job::Progress> for $wit::Progress {
            fn from(progress: $crate::core::job::Progress) -> Self {
                use $crate::core::job::Progress;
                match progress {
                    Progress::More { checkpoint, total } => Self::More($wit::More {
                        checkpoint: checkpoint.map(Into::into),
                        total,
                    }),
                    Progress::Wait { checkpoint, until } => Self::Wait($wit::Waiting {
                        checkpoint: checkpoint.into(),
                        until: until.into(),
                    }),
                    Progress::Done { cursor } => Self::Done(cursor.into()),
                }
            }
        }

        impl TryFrom<$wit::Progress> for $crate::core::job::Progress {
            type Error = $crate::core::Error;

            fn try_from(progress: $wit::Progress) -> Result<Self, Self::Error> {
                Ok(match progress {
                    $wit::Progress::More(more) => Self::More {
                        checkpoint: more.checkpoint.map(Into::into),
                        total: more.total,
                    },
                    $wit::Progress::Wait(waiting) => Self::Wait {
                        checkpoint: waiting.checkpoint.into(),
                        until: waiting.until.try_into()?,
                    },
                    $wit::Progress::Done(cursor) => Self::Done {
                        cursor: cursor.into(),
                    },
                })
            }
        }

        impl From<$crate::core::batch::Outcome> for $wit::Outcome {
            fn from(outcome: $crate::core::batch::Outcome) -> Self {
                use $crate::core::batch::OutcomeKind;
                Self {
                    index: $crate::contract::short(outcome.index),
                    kind: match outcome.kind {
                        OutcomeKind::Applied { created } => $wit::OutcomeKind::Applied(created),
                        OutcomeKind::NotApplied { not_before } => {
                            $wit::OutcomeKind::NotApplied(not_before.map(Into::into))
                        }
                        OutcomeKind::Rejected { fields } => $wit::OutcomeKind::Rejected(fields),
                        OutcomeKind::Conflict => $wit::OutcomeKind::Conflict,
                        OutcomeKind::Gone => $wit::OutcomeKind::Gone,
                        OutcomeKind::Duplicate { existing } => $wit::OutcomeKind::Duplicate(existing),
                        OutcomeKind::Unknown => $wit::OutcomeKind::Unknown,
                    },
                    id: outcome.id,
                    stamp: outcome.stamp.map(Into::into),
                    message: outcome.message,
                    row: outcome.row.map($crate::contract::short),
                }
            }
        }

        impl TryFrom<$wit::Outcome> for $crate::core::batch::Outcome {
            type Error = $crate::core::Error;

            fn try_from(outcome: $wit::Outcome) -> Result<Self, Self::Error> {
                use $crate::core::batch::OutcomeKind;
                Ok(Self {
                    index: outcome.index as usize,
                    kind: match outcome.kind {
                        $wit::OutcomeKind::Applied(created) => OutcomeKind::Applied { created },
                        $wit::OutcomeKind::NotApplied(not_before) => OutcomeKind::NotApplied {
                            not_before: not_before.map(TryInto::try_into).transpose()?,
                        },
                        $wit::OutcomeKind::Rejected(fields) => OutcomeKind::Rejected { fields },
                        $wit::OutcomeKind::Conflict => OutcomeKind::Conflict,
                        $wit::OutcomeKind::Gone => OutcomeKind::Gone,
                        $wit::OutcomeKind::Duplicate(existing) => OutcomeKind::Duplicate { existing },
                        $wit::OutcomeKind::Unknown => OutcomeKind::Unknown,
                    },
                    id: outcome.id,
                    stamp: outcome.stamp.map(TryInto::try_into).transpose()?,
                    message: outcome.message,
                    row: outcome.row.map(|row| row as usize),
                })
            }
        }
    };
}
