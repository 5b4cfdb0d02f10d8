use syncline_core::store::DocumentKind;

/// What people call a document of this kind, with its article.
pub(crate) const fn kind_name(kind: DocumentKind) -> &'static str {
    match kind {
        DocumentKind::Tenant => "a tenant",
        DocumentKind::Blueprint => "a blueprint",
        DocumentKind::Connection => "a connection",
        DocumentKind::Credential => "a credential",
        DocumentKind::Sync => "a sync",
        DocumentKind::Run => "a run",
        DocumentKind::Review => "a review item",
        DocumentKind::Failure => "a failure",
        DocumentKind::Cursor => "a cursor",
        DocumentKind::Lease => "a lease",
        DocumentKind::Authorisation => "an authorisation",
        DocumentKind::Schema => "a schema",
        DocumentKind::Setting => "a setting",
        DocumentKind::Event => "an event",
        DocumentKind::Tombstone => "a tombstone",
        DocumentKind::Space => "an index",
        DocumentKind::BlueprintVersion => "a version of a blueprint",
        DocumentKind::MigrationJob => "a migration",
        DocumentKind::MigrationFailure => "a failure of a migration",
        DocumentKind::Flow => "a flow",
        DocumentKind::StateChange => "a change of state",
        DocumentKind::FileHint => "a hint at files",
        DocumentKind::EntityFiles => "a list of files",
    }
}
