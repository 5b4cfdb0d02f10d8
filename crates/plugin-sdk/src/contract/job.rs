//! What a connector is asked to do.

use syncline_core::value::encode_all;
use syncline_core::{Result, Value};

use super::meaningless;

/// A value in its packed form.
#[doc(hidden)]
pub fn packed(value: &Value) -> Vec<u8> {
    encode_all([value])
}

/// A value from its packed form.
#[doc(hidden)]
pub fn unpacked(mut bytes: &[u8]) -> Result<Value> {
    let value = Value::decode(&mut bytes)?;
    if bytes.is_empty() {
        Ok(value)
    } else {
        Err(meaningless("a value with something behind it"))
    }
}

/// A size as the contract has it; one that is too large for it is none that anybody has.
#[doc(hidden)]
pub fn short(size: usize) -> u32 {
    u32::try_from(size).unwrap_or(u32::MAX)
}

/// What a connector is asked to do.
#[doc(hidden)]
#[macro_export]
macro_rules! convert_jobs {
    ($wit:ident) => {
        $crate::convert_cases!($wit::ValueKind, $crate::core::batch::ValueKind:
            Text = Text, Boolean = Bool, Number = Number, Date = Date, DateTime = DateTime, Choices = Choices,
            Json = Json);
        $crate::convert_cases!($wit::Comparison, $crate::core::job::Comparison:
            Equal = Equal, NotEqual = NotEqual, Less = Less, LessOrEqual = LessOrEqual, Greater = Greater,
            GreaterOrEqual = GreaterOrEqual);

        impl From<$crate::core::batch::ProjectedField> for $wit::ProjectedField {
            fn from(field: $crate::core::batch::ProjectedField) -> Self {
                Self {
                    path: field.path,
                    kind: field.kind.into(),
                }
            }
        }

        impl From<$wit::ProjectedField> for $crate::core::batch::ProjectedField {
            fn from(field: $wit::ProjectedField) -> Self {
                Self {
                    path: field.path,
                    kind: field.kind.into(),
                }
            }
        }

        /// The fields of a projection as the contract has them.
        fn fields_of(projection: $crate::core::batch::Projection) -> Vec<$wit::ProjectedField> {
            projection.fields.into_iter().map(Into::into).collect()
        }

        fn projection_of(fields: Vec<$wit::ProjectedField>) -> $crate::core::batch::Projection {
            $crate::core::batch::Projection {
                fields: fields.into_iter().map(Into::into).collect(),
            }
        }

        impl From<$crate::core::job::Fetch> for $wit::Fetch {
            fn from(fetch: $crate::core::job::Fetch) -> Self {
                use $crate::core::job::FetchBy;
                Self {
                    object: fetch.object,
                    projection: fields_of(fetch.projection),
                    by: match fetch.by {
                        FetchBy::Ids(ids) => $wit::FetchBy::Ids(ids),
                        FetchBy::Key { field, values } => $wit::FetchBy::Key((field, values)),
                    },
                }
            }
        }

        impl From<$wit::Fetch> for $crate::core::job::Fetch {
            fn from(fetch: $wit::Fetch) -> Self {
                use $crate::core::job::FetchBy;
                Self {
                    object: fetch.object,
                    projection: projection_of(fetch.projection),
                    by: match fetch.by {
                        $wit::FetchBy::Ids(ids) => FetchBy::Ids(ids),
                        $wit::FetchBy::Key((field, values)) => FetchBy::Key { field, values },
                    },
                }
            }
        }

        impl From<$crate::core::job::Condition> for $wit::Condition {
            fn from(condition: $crate::core::job::Condition) -> Self {
                Self {
                    field: condition.field,
                    comparison: condition.comparison.into(),
                    value: $crate::contract::packed(&condition.value),
                }
            }
        }

        impl TryFrom<$wit::Condition> for $crate::core::job::Condition {
            type Error = $crate::core::Error;

            fn try_from(condition: $wit::Condition) -> Result<Self, Self::Error> {
                Ok(Self {
                    field: condition.field,
                    comparison: condition.comparison.into(),
                    value: $crate::contract::unpacked(&condition.value)?,
                })
            }
        }

        impl From<$crate::core::job::Start> for $wit::Start {
            fn from(start: $crate::core::job::Start) -> Self {
                use $crate::core::job::Start;
                match start {
                    Start::Beginning => Self::Beginning,
                    Start::Cursor(cursor) => Self::Cursor(cursor.into()),
                    Start::Since(at) => Self::Since(at.into()),
                }
            }
        }

        impl TryFrom<$wit::Start> for $crate::core::job::Start {
            type Error = $crate::core::Error;

            fn try_from(start: $wit::Start) -> Result<Self, Self::Error> {
                Ok(match start {
                    $wit::Start::Beginning => Self::Beginning,
                    $wit::Start::Cursor(cursor) => Self::Cursor(cursor.into()),
                    $wit::Start::Since(at) => Self::Since(at.try_into()?),
                })
            }
        }

        impl From<$crate::core::job::Write> for $wit::Write {
            fn from(write: $crate::core::job::Write) -> Self {
                use $crate::core::job::Verb;
                Self {
                    operation: write.operation.to_string(),
                    verb: match write.verb {
                        Verb::Create { marker } => $wit::Verb::Create(marker),
                        Verb::Update { id, expected_stamp } => $wit::Verb::Update($wit::Update {
                            id,
                            expected_stamp: expected_stamp.map(Into::into),
                        }),
                        Verb::Delete { id } => $wit::Verb::Delete(id),
                    },
                    fields: write
                        .fields
                        .into_iter()
                        .map(|(field, value)| (field, $crate::contract::packed(&value)))
                        .collect(),
                }
            }
        }

        impl TryFrom<$wit::Write> for $crate::core::job::Write {
            type Error = $crate::core::Error;

            fn try_from(write: $wit::Write) -> Result<Self, Self::Error> {
                use $crate::core::job::Verb;
                let unpacked = |(field, value): (String, Vec<u8>)| Ok((field, $crate::contract::unpacked(&value)?));
                Ok(Self {
                    operation: write
                        .operation
                        .parse()
                        .map_err(|_| $crate::contract::meaningless("the id of an operation"))?,
                    verb: match write.verb {
                        $wit::Verb::Create(marker) => Verb::Create { marker },
                        $wit::Verb::Update(update) => Verb::Update {
                            id: update.id,
                            expected_stamp: update.expected_stamp.map(TryInto::try_into).transpose()?,
                        },
                        $wit::Verb::Delete(id) => Verb::Delete { id },
                    },
                    fields: write
                        .fields
                        .into_iter()
                        .map(unpacked)
                        .collect::<Result<_, Self::Error>>()?,
                })
            }
        }

        impl From<$crate::core::job::Job> for $wit::Job {
            fn from(job: $crate::core::job::Job) -> Self {
                use $crate::core::job::Job;
                match job {
                    Job::Pull(pull) => Self::Pull($wit::Pull {
                        object: pull.object,
                        projection: fields_of(pull.projection),
                        start: pull.start.into(),
                        conditions: pull.conditions.into_iter().map(Into::into).collect(),
                        page_size: pull.page_size.map($crate::contract::short),
                    }),
                    Job::Push(push) => Self::Push($wit::Push {
                        object: push.object,
                        projection: fields_of(push.projection),
                        writes: push.writes.into_iter().map(Into::into).collect(),
                    }),
                    Job::Feed(feed) => Self::Feed($wit::Feed {
                        cursor: feed.cursor.map(Into::into),
                        objects: feed
                            .objects
                            .into_iter()
                            .map(|of| $wit::FeedObject {
                                object: of.object,
                                fields: of.fields,
                            })
                            .collect(),
                    }),
                    Job::Sweep { object, projection } => Self::Sweep($wit::Sweep {
                        object,
                        projection: fields_of(projection),
                    }),
                }
            }
        }

        impl TryFrom<$wit::Job> for $crate::core::job::Job {
            type Error = $crate::core::Error;

            fn try_from(job: $wit::Job) -> Result<Self, Self::Error> {
                use $crate::core::job::{Feed, FeedObject, Pull, Push};
                Ok(match job {
                    $wit::Job::Pull(pull) => Self::Pull(Pull {
                        object: pull.object,
                        projection: projection_of(pull.projection),
                        start: pull.start.try_into()?,
                        conditions: pull
                            .conditions
                            .into_iter()
                            .map(TryInto::try_into)
                            .collect::<Result<_, Self::Error>>()?,
                        page_size: pull.page_size.map(|size| size as usize),
                    }),
                    $wit::Job::Push(push) => Self::Push(Push {
                        object: push.object,
                        projection: projection_of(push.projection),
                        writes: push
                            .writes
                            .into_iter()
                            .map(TryInto::try_into)
                            .collect::<Result<_, Self::Error>>()?,
                    }),
                    $wit::Job::Feed(feed) => Self::Feed(Feed {
                        cursor: feed.cursor.map(Into::into),
                        objects: feed
                            .objects
                            .into_iter()
                            .map(|of| FeedObject {
                                object: of.object,
                                fields: of.fields,
                            })
                            .collect(),
                    }),
                    $wit::Job::Sweep(sweep) => Self::Sweep {
                        object: sweep.object,
                        projection: projection_of(sweep.projection),
                    },
                })
            }
        }

        impl From<$crate::core::job::Budget> for $wit::Budget {
            fn from(budget: $crate::core::job::Budget) -> Self {
                Self {
                    rows: $crate::contract::short(budget.rows),
                    calls: $crate::contract::short(budget.calls),
                }
            }
        }

        impl From<$wit::Budget> for $crate::core::job::Budget {
            fn from(budget: $wit::Budget) -> Self {
                Self {
                    rows: budget.rows as usize,
                    calls: budget.calls as usize,
                }
            }
        }
    };
}
