//! Requests that must not leave, and what a plugin sees of those that do.

use bytes::Bytes;
use syncline_core::ErrorKind;
use syncline_core::connector::Connector;
use syncline_core::io::{Head, Response};
use syncline_plugins::Approval;

use super::{Crm, block_on, ends, hostile, limits, support, wanting};

#[test]
fn no_host_is_reached_that_was_not_approved() {
    for what in [
        "another host",
        "loopback",
        "loopback by number",
        "loopback by name",
        "metadata",
        "a file",
        "a name in the address",
    ] {
        let Some(connector) = hostile() else { return };
        let crm = Crm::default();
        let error = block_on(connector.account(&crm, &wanting(what))).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Refused, "{what}: {error:?}");
        assert!(error.message().contains("held back"), "{error}");
        assert!(crm.urls().is_empty(), "{what}");
    }
    ends("another host", ErrorKind::Refused, "elsewhere.example");
}

#[test]
fn a_host_that_was_asked_for_but_not_approved_is_not_reached() {
    let plugins = support::plugins(limits());
    let Some(file) = support::file("hostile") else { return };
    let mut approval = Approval::of_all(&plugins.inspect(&file).unwrap());
    approval.hosts.retain(|host| host != "api.hostile.example");
    let error = plugins.connector(&file, &approval).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Refused, "{error:?}");
    assert!(error.message().contains("authorisation"), "{error}");
}

#[test]
fn a_redirect_leads_nowhere_else() {
    let Some(connector) = hostile() else { return };
    for to in [
        "http://169.254.169.254/",
        "http://localhost:8080/",
        "https://elsewhere.example/",
    ] {
        let crm = Crm {
            answer: Response {
                head: Head {
                    status: 302,
                    headers: vec![("location".into(), to.into())],
                },
                body: Bytes::new(),
            },
            ..Crm::default()
        };
        let error = block_on(connector.account(&crm, &wanting("a redirect"))).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Refused, "{error:?}");
        assert_eq!(crm.urls(), ["https://api.hostile.example/me"]);
    }
}

#[test]
fn no_header_is_smuggled() {
    for what in [
        "a token",
        "another host by header",
        "two requests in one",
        "a line break in a name",
        "chunks",
        "many headers",
    ] {
        let Some(connector) = hostile() else { return };
        let crm = Crm::default();
        let error = block_on(connector.account(&crm, &wanting(what))).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Refused, "{what}: {error:?}");
        assert!(crm.urls().is_empty(), "{what}");
    }
}

#[test]
fn requests_have_an_end() {
    ends("many requests", ErrorKind::Plugin, "more than the 200 requests");
    ends("many at once", ErrorKind::Plugin, "more than the 200 requests");
}

#[test]
fn an_answer_that_is_too_large_is_not_handed_over() {
    let Some(connector) = hostile() else { return };
    let mut crm = Crm::default();
    crm.answer.body = vec![b' '; 2 << 20].into();
    let error = block_on(connector.account(&crm, &wanting("behave"))).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Protocol, "{error:?}");
}

#[test]
fn what_a_plugin_gives_back_has_an_end_and_is_looked_at() {
    ends("no json", ErrorKind::Plugin, "can't be read");
    ends("much text", ErrorKind::Plugin, "more than it may");
    let Some(connector) = hostile() else { return };
    let (crm, config) = (Crm::default(), wanting("never described"));
    let error = block_on(connector.describe(&crm, &config, "things", None)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Plugin, "{error:?}");
}
