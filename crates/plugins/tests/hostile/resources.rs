//! Time, memory, stack and log.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use syncline_core::ErrorKind;
use syncline_core::connector::{Access, Connector};
use syncline_core::io::{Class, Head};

use super::{Crm, block_on, ends, hostile, limits, support, wanting};

#[test]
fn a_crash_is_told_with_what_the_plugin_said() {
    ends("crash", ErrorKind::Plugin, "the plugin crashed");
    let Some(connector) = hostile() else { return };
    let error = block_on(connector.account(&Crm::default(), &wanting("crash"))).unwrap_err();
    let cause = std::error::Error::source(&error).unwrap().to_string();
    assert!(cause.contains("I crash on purpose"), "{cause}");
}

#[test]
fn a_loop_comes_to_an_end() {
    ends("loop", ErrorKind::Plugin, "computed for longer");
}

#[test]
fn a_loop_that_asks_the_time_comes_to_an_end() {
    ends("clock", ErrorKind::Plugin, "computed for longer");
}

#[test]
fn a_loop_keeps_no_thread_from_others() {
    let Some(connector) = hostile() else { return };
    let crm = Crm::default();
    let (bad, good) = (wanting("loop"), wanting("behave"));
    block_on(async {
        // One thread for both: the second is done long before the first has used up its time.
        let looping = connector.account(&crm, &bad);
        let behaving = async {
            tokio::task::yield_now().await;
            connector.account(&crm, &good).await.unwrap();
            Instant::now()
        };
        let (looped, behaved) = tokio::join!(async { (looping.await, Instant::now()) }, behaving);
        assert_eq!(looped.0.unwrap_err().kind(), ErrorKind::Plugin);
        assert!(looped.1 > behaved);
    });
}

#[test]
fn memory_has_an_end() {
    ends("memory", ErrorKind::Plugin, "more memory than the 128 MiB");
}

#[test]
fn a_stack_has_an_end() {
    ends("stack", ErrorKind::Plugin, "its stack");
}

#[test]
fn a_log_has_an_end() {
    ends("log", ErrorKind::Plugin, "more log lines");
    ends("long log", ErrorKind::Plugin, "more log lines");
    let Some(connector) = hostile() else { return };
    let crm = Crm::default();
    block_on(connector.account(&crm, &wanting("log"))).unwrap_err();
    assert_eq!(crm.lines.load(Ordering::Relaxed), 100);
}

#[test]
fn a_loop_where_nothing_can_be_told_ends_in_the_safe_answer() {
    let Some(connector) = hostile() else { return };
    for status in [418, 500] {
        let head = Head {
            status,
            headers: Vec::new(),
        };
        assert_eq!(connector.classify(&head, b""), Class::Unknown, "{status}");
    }
    assert!(connector.scopes(&[("loop", Access::Read)]).is_empty());
    assert_eq!(connector.scopes(&[("things", Access::Read)]), ["everything"]);
}

#[test]
fn a_success_needs_no_plugin() {
    let Some(connector) = hostile() else { return };
    let head = Head {
        status: 204,
        headers: Vec::new(),
    };
    assert_eq!(connector.classify(&head, b""), Class::Success);
}

#[test]
fn instructions_can_be_counted_instead_of_time() {
    let mut limits = limits();
    limits.computing = Duration::from_secs(3_600);
    limits.fuel = Some(100_000_000);
    let Some(connector) = support::connector(&support::plugins(limits), "hostile") else {
        return;
    };
    let error = block_on(connector.account(&Crm::default(), &wanting("loop"))).unwrap_err();
    assert!(error.message().contains("instructions"), "{error}");
}

#[test]
fn too_many_at_once_are_told_to_come_back() {
    let mut limits = limits();
    limits.instances = 1;
    let Some(connector) = support::connector(&support::plugins(limits), "hostile") else {
        return;
    };
    let (crm, config) = (Crm::default(), wanting("behave"));
    block_on(async {
        let (first, second) = tokio::join!(connector.account(&crm, &config), connector.account(&crm, &config));
        first.unwrap();
        let error = second.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unavailable, "{error:?}");
        connector.account(&crm, &config).await.unwrap();
    });
}
