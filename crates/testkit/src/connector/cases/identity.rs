//! Manifest, scopes and account: who and what this is.

use std::collections::BTreeSet;

use syncline_core::connector::Access;
use syncline_core::manifest::Role;

use crate::connector::{Need, Scene};

topic! { "identity":
    the_manifest_is_constant(Need::Nothing, 1) "It says the same at every call.",
    sizes_are_at_least_one(Need::Nothing, 1) "Pages and batches hold at least one record.",
    hosts_are_names(Need::Nothing, 1) "Hosts are names without scheme and path, and so are those that authorisation needs.",
    scopes_are_sorted(Need::Nothing, 1) "Scopes are sorted and hold no duplicate.",
    reading_needs_no_more_than_writing(Need::Nothing, 1) "Reading an object asks for no scope that writing it does not ask for.",
    objects_only_add_scopes(Need::Nothing, 1) "Another object never takes a scope away.",
    the_account_has_an_id(Need::Nothing, 5) "The account has an id and a name, the same at every call.",
    users_have_ids(Need::Nothing, 5) "Users have ids, each there once, and somebody is active.",
}

async fn the_manifest_is_constant(scene: &Scene<'_>) {
    let connector = scene.remote.connector();
    let said = |scene: &Scene<'_>| serde_json::to_string(scene.remote.connector().manifest()).unwrap();
    let before = said(scene);
    connector.account(&scene.host, &scene.remote.config()).await.unwrap();
    assert_eq!(before, said(scene));
    assert!(!connector.manifest().provider.is_empty() && !connector.manifest().label.is_empty());
}

async fn sizes_are_at_least_one(scene: &Scene<'_>) {
    let capabilities = &scene.remote.connector().manifest().capabilities;
    for size in [
        capabilities.read.page_size,
        capabilities.read.fetch_size,
        capabilities.create.batch_size,
        capabilities.update.batch_size,
        capabilities.delete.batch_size,
    ] {
        assert!(size >= 1, "{capabilities:?}");
    }
}

async fn hosts_are_names(scene: &Scene<'_>) {
    let manifest = scene.remote.connector().manifest();
    if manifest.role == Role::App {
        // It sends no request.
        assert!(manifest.hosts.is_empty());
        return;
    }
    assert!(!manifest.hosts.is_empty());
    for host in &manifest.hosts {
        let name = host.strip_prefix("*.").unwrap_or(host);
        assert!(
            !name.is_empty() && !name.contains(['/', ':', '*', '?']) && name == name.to_ascii_lowercase(),
            "{host} is no host pattern"
        );
    }
    let authorisation = &manifest.authorisation;
    let bases = [
        Some(&authorisation.login_url),
        authorisation.token_base_url.as_ref(),
        authorisation.api_base_url.as_ref(),
    ];
    for base in bases.into_iter().flatten() {
        let host = base.strip_prefix("https://").expect("an address with https");
        let known = manifest.hosts.iter().any(|pattern| match pattern.strip_prefix('*') {
            Some(suffix) => host.ends_with(suffix),
            None => host == pattern,
        });
        assert!(known, "{host} is none of {:?}", manifest.hosts);
    }
}

fn scopes(scene: &Scene<'_>, objects: &[(&str, Access)]) -> Vec<String> {
    scene.remote.connector().scopes(objects)
}

/// Every object that the manifest names, alone and all together, for reading and for writing.
fn selections<'a>(scene: &'a Scene<'_>) -> Vec<Vec<(&'a str, Access)>> {
    let manifest = scene.remote.connector().manifest();
    let mut objects: Vec<&str> = manifest.default_objects.iter().map(String::as_str).collect();
    objects.push(&scene.subject().object);
    let mut selections = vec![Vec::new()];
    for access in [Access::Read, Access::Write] {
        selections.extend(objects.iter().map(|object| vec![(*object, access)]));
        selections.push(objects.iter().map(|object| (*object, access)).collect());
    }
    selections
}

async fn scopes_are_sorted(scene: &Scene<'_>) {
    for objects in selections(scene) {
        let asked = scopes(scene, &objects);
        assert!(
            asked.windows(2).all(|pair| pair[0] < pair[1]),
            "{asked:?} for {objects:?}"
        );
    }
}

async fn reading_needs_no_more_than_writing(scene: &Scene<'_>) {
    for objects in selections(scene) {
        let with = |access| {
            let objects: Vec<_> = objects.iter().map(|(object, _)| (*object, access)).collect();
            scopes(scene, &objects).into_iter().collect::<BTreeSet<_>>()
        };
        assert!(with(Access::Read).is_subset(&with(Access::Write)), "{objects:?}");
    }
}

async fn objects_only_add_scopes(scene: &Scene<'_>) {
    for objects in selections(scene) {
        for fewer in 0..objects.len() {
            let part: BTreeSet<_> = scopes(scene, &objects[..fewer]).into_iter().collect();
            let whole: BTreeSet<_> = scopes(scene, &objects).into_iter().collect();
            assert!(part.is_subset(&whole), "{objects:?}");
        }
    }
}

async fn the_account_has_an_id(scene: &Scene<'_>) {
    let connector = scene.remote.connector();
    let config = scene.remote.config();
    let account = connector.account(&scene.host, &config).await.unwrap();
    assert!(!account.id.is_empty() && !account.name.is_empty(), "{account:?}");
    let again = connector.account(&scene.host, &config).await.unwrap();
    assert_eq!(account, again);
}

async fn users_have_ids(scene: &Scene<'_>) {
    let connector = scene.remote.connector();
    let users = connector.users(&scene.host, &scene.remote.config()).await.unwrap();
    let ids: BTreeSet<_> = users.iter().map(|user| &user.id).collect();
    assert_eq!(ids.len(), users.len());
    assert!(ids.iter().all(|id| !id.is_empty()) && users.iter().any(|user| user.active));
}
