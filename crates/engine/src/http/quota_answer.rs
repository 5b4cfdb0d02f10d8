//! Reads limits from the headers of answers, by their form: the same forms serve several providers.

use syncline_core::io::Head;

/// What an answer says of one limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Observed {
    pub(super) name: &'static str,
    pub(super) calls: u64,
    pub(super) used: u64,
    pub(super) seconds: u64,
}

const DAY: u64 = 86_400;

/// What the headers of an answer say, if they say anything.
pub(super) fn observed(head: &Head) -> Vec<Observed> {
    let mut found = Vec::new();
    for (name, value) in &head.headers {
        if name.ends_with("limit-info") {
            found.extend(usage(value));
        } else if let Some(prefix) = name.strip_suffix("ratelimit-remaining") {
            let seconds =
                number(head, &format!("{prefix}ratelimit-interval-milliseconds")).map(|length| length / 1_000);
            let calls = number(head, &format!("{prefix}ratelimit-max"));
            found.extend(remaining("interval", calls, value, seconds));
        } else if let Some(prefix) = name.strip_suffix("ratelimit-daily-remaining") {
            let calls = number(head, &format!("{prefix}ratelimit-daily"));
            found.extend(remaining("daily", calls, value, Some(DAY)));
        }
    }
    found
}

fn number(head: &Head, name: &str) -> Option<u64> {
    head.header(name)?.trim().parse().ok()
}

fn remaining(name: &'static str, calls: Option<u64>, left: &str, seconds: Option<u64>) -> Option<Observed> {
    let (calls, seconds) = (calls?, seconds.filter(|seconds| *seconds > 0)?);
    let left: u64 = left.trim().parse().ok()?;
    Some(Observed {
        name,
        calls,
        used: calls.saturating_sub(left),
        seconds,
    })
}

/// `api-usage=53/15000`, alone or among others in any order, counts the last 24 hours.
fn usage(value: &str) -> Option<Observed> {
    let usage = value
        .split([';', ','])
        .find_map(|part| part.trim().strip_prefix("api-usage="))?;
    let (used, calls) = usage.split_once('/')?;
    Some(Observed {
        name: "daily",
        calls: calls.trim().parse().ok()?,
        used: used.trim().parse().ok()?,
        seconds: DAY,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(headers: &[(&str, &str)]) -> Vec<Observed> {
        let headers = headers
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        observed(&Head { status: 200, headers })
    }

    #[test]
    fn usage_is_found_by_its_name_in_any_order() {
        let expected = [Observed {
            name: "daily",
            calls: 15_000,
            used: 53,
            seconds: DAY,
        }];
        assert_eq!(seen(&[("sforce-limit-info", "api-usage=53/15000")]), expected);
        assert_eq!(
            seen(&[(
                "sforce-limit-info",
                "per-app-api-usage=17/250(appName=demo); api-usage=53/15000"
            )]),
            expected
        );
    }

    #[test]
    fn what_remains_is_read_with_its_interval() {
        let headers = [
            ("x-hubspot-ratelimit-max", "110"),
            ("x-hubspot-ratelimit-remaining", "100"),
            ("x-hubspot-ratelimit-interval-milliseconds", "10000"),
            ("x-hubspot-ratelimit-daily", "250000"),
            ("x-hubspot-ratelimit-daily-remaining", "249000"),
        ];
        let expected = [
            Observed {
                name: "interval",
                calls: 110,
                used: 10,
                seconds: 10,
            },
            Observed {
                name: "daily",
                calls: 250_000,
                used: 1_000,
                seconds: DAY,
            },
        ];
        assert_eq!(seen(&headers), expected);
    }

    #[test]
    fn what_can_t_be_read_says_nothing() {
        assert!(seen(&[("sforce-limit-info", "api-usage=x/y"), ("x-ratelimit-remaining", "-1")]).is_empty());
    }
}
