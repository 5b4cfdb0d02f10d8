//! What HubSpot is and can do, and the scopes that objects need.

use std::collections::BTreeSet;

use syncline_core::connector::Access;
use syncline_core::file::FILES;
use syncline_core::manifest::{
    Authorisation, Capabilities, CompareAndSet, CreateCapabilities, DeleteEvidence, Manifest, RateLimit,
    ReadCapabilities, Revocation, Role, Setting, WriteCapabilities,
};

use crate::journal::JOURNAL_SETTING;
use crate::object::{ObjectName, Scope};
use crate::webhook::SIGNATURES_SETTING;

/// Host of the API for every data centre.
pub(crate) const API_BASE: &str = "https://api.hubapi.com";
/// The version spoken unless the connection says otherwise.
pub(crate) const DEFAULT_VERSION: &str = "2026-09";
/// Name of the setting that chooses the version.
pub(crate) const VERSION_SETTING: &str = "api_version";
/// Name of the setting that chooses the version of the token endpoint.
const OAUTH_SETTING: &str = "oauth_version";
/// The limit that searches fall under.
pub(crate) const SEARCH_BUCKET: &str = "search";
/// Records per call of a list, a batch read or a batch write.
pub(crate) const BATCH: usize = 100;
/// Records per page of a search.
pub(crate) const SEARCH_PAGE: usize = 200;
/// How far back an incremental read starts again, in seconds: the search index lags, in no order.
pub(crate) const OVERLAP_SECONDS: u32 = 600;

pub(crate) fn manifest() -> Manifest {
    Manifest {
        provider: "hubspot".into(),
        label: "HubSpot".into(),
        api_version: DEFAULT_VERSION.into(),
        authorisation: Authorisation {
            login_url: "https://app.hubspot.com".into(),
            authorize_path: "/oauth/authorize".into(),
            token_base_url: Some(API_BASE.into()),
            token_path: "/oauth/{oauth_version}/token".into(),
            revoke: Some(Revocation {
                path: "/oauth/2026-03/token/revoke".into(),
                with_client: true,
            }),
            rotates_refresh_tokens: false,
            names_instance: false,
            api_base_url: Some(API_BASE.into()),
        },
        hosts: [
            "api.hubapi.com",
            "*.hubapi.com",
            "*.hubspot.com",
            // Where the signed addresses of files lead to, by data centre.
            "*.hubspot.net",
            "*.hubspotusercontent-na1.net",
            "*.hubspotusercontent-na2.net",
            "*.hubspotusercontent-na3.net",
            "*.hubspotusercontent-eu1.net",
            "*.hubspotusercontent-ap1.net",
        ]
        .map(str::to_owned)
        .to_vec(),
        capabilities: Capabilities {
            read: ReadCapabilities {
                page_size: BATCH,
                fetch_size: BATCH,
                stamp_milliseconds: 1,
                overlap_seconds: OVERLAP_SECONDS,
                index_lags: true,
                hides_records: false,
            },
            create: CreateCapabilities {
                job_size: None,
                batch_size: BATCH,
                marker: true,
                makes_marker: true,
            },
            update: WriteCapabilities {
                batch_size: BATCH,
                compare_and_set: CompareAndSet::None,
            },
            delete: WriteCapabilities {
                batch_size: BATCH,
                compare_and_set: CompareAndSet::None,
            },
            delete_evidence: DeleteEvidence::ArchivedList,
            undelete: false,
            merges_reported: true,
            merge_makes_new_id: true,
            webhooks: true,
            files: true,
        },
        limits: vec![
            RateLimit {
                name: "ten-secondly".into(),
                calls: 100,
                seconds: 10,
                bucket: None,
            },
            RateLimit {
                name: "search".into(),
                calls: 4,
                seconds: 1,
                bucket: Some(SEARCH_BUCKET.into()),
            },
        ],
        default_objects: vec!["companies".into(), "contacts".into()],
        role: Role::Crm,
        settings: vec![
            Setting {
                name: VERSION_SETTING.into(),
                description: "API version: a date such as 2026-09, or v3 for the numbered paths".into(),
                default: Some(DEFAULT_VERSION.into()),
            },
            Setting {
                name: OAUTH_SETTING.into(),
                description: "version of the token endpoint: a date such as 2026-03, v3, or v1 until February 2027"
                    .into(),
                default: Some("2026-03".into()),
            },
            Setting {
                name: JOURNAL_SETTING.into(),
                description:
                    "`on` reads the webhooks journal for changes in near real time; it needs an OAuth app with \
                              the scopes developer.webhooks_journal.*"
                        .into(),
                default: Some("off".into()),
            },
            Setting {
                name: SIGNATURES_SETTING.into(),
                description: "signatures that webhooks may carry: `v3`, or `any` for those of private apps that carry \
                              only an older one"
                    .into(),
                default: Some("v3".into()),
            },
        ],
    }
}

/// The least scopes for these objects. Owners are always read, since owner fields name them.
pub(crate) fn scopes(objects: &[(&str, Access)]) -> Vec<String> {
    let mut scopes = BTreeSet::from(["oauth".to_owned()]);
    for (name, access) in objects {
        let mut name = *name;
        if name == FILES {
            scopes.insert(FILES.into());
            // Files are attached to notes.
            name = "notes";
        }
        scopes.insert("crm.objects.owners.read".into());
        match ObjectName::new(name).scope() {
            Scope::Whole(scope) => {
                scopes.insert(scope.into());
            }
            Scope::Objects(word) => {
                scopes.insert(format!("crm.objects.{word}.read"));
                scopes.insert(format!("crm.schemas.{word}.read"));
                if *access == Access::Write {
                    scopes.insert(format!("crm.objects.{word}.write"));
                }
            }
        }
    }
    scopes.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scopes_are_the_least_sorted_and_without_duplicates() {
        assert_eq!(
            scopes(&[
                ("contacts", Access::Write),
                ("0-2", Access::Read),
                ("notes", Access::Read)
            ]),
            [
                "crm.objects.companies.read",
                "crm.objects.contacts.read",
                "crm.objects.contacts.write",
                "crm.objects.owners.read",
                "crm.schemas.companies.read",
                "crm.schemas.contacts.read",
                "oauth",
            ]
        );
        assert_eq!(scopes(&[]), ["oauth"]);
        let read = scopes(&[("contacts", Access::Read)]);
        let with_files = scopes(&[("contacts", Access::Read), (FILES, Access::Read)]);
        assert_eq!(
            with_files,
            [read[..3].to_vec(), vec!["files".into()], read[3..].to_vec()].concat()
        );
        assert!(scopes(&[("p42_pet", Access::Write)]).contains(&"crm.objects.custom.write".to_owned()));
        assert!(scopes(&[("tickets", Access::Write)]).contains(&"tickets".to_owned()));
    }
}
