//! Authorising: what a person does, and what an attacker tries.

use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use syncline_core::ErrorKind;
use syncline_core::connector::Access;
use syncline_engine::actor::Actor;
use syncline_engine::connection::{Authorising, Callback, ConnectionStatus};
use url::Url;

use crate::support::{Fault, REDIRECT, TENANT, World, admin};

async fn started(world: &World) -> Authorising {
    world
        .connections
        .authorise(world.request("main"), &admin())
        .await
        .unwrap()
}

async fn refused(world: &World, tenant: u32, callback: &Callback, actor: &Actor) -> String {
    let error = world.connections.complete(tenant, callback, actor).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Refused, "{error}");
    error.to_string()
}

#[tokio::test(start_paused = true)]
async fn a_person_agrees_and_the_connection_is_active() {
    let world = World::new();
    let request = syncline_engine::connection::AuthoriseRequest {
        objects: vec![("people".into(), Access::Write), ("firms".into(), Access::Read)],
        ..world.request("main")
    };
    let started = world.connections.authorise(request, &admin()).await.unwrap();
    let url = Url::parse(&started.authorize_url).unwrap();
    let scope = url
        .query_pairs()
        .find(|(name, _)| name == "scope")
        .unwrap()
        .1
        .into_owned();
    assert_eq!(scope, "people.write firms.read");
    let callback = Callback::parse(&world.acme.consent(&started.authorize_url));
    let connection = world.connections.complete(TENANT, &callback, &admin()).await.unwrap();
    assert_eq!(connection.status, ConnectionStatus::Active);
    assert_eq!(
        (connection.account.id.as_str(), connection.account.user_name.as_str()),
        ("org-1", "ada")
    );
    assert_eq!(
        (connection.base_url.as_str(), connection.creator.as_str()),
        ("https://eu1.acme.test", "ada")
    );
    assert_eq!(
        world.connections.find(TENANT, "main", &admin()).await.unwrap(),
        connection
    );
}

#[tokio::test(start_paused = true)]
async fn every_start_draws_a_new_state_and_challenge() {
    let world = World::new();
    let [one, two] = [started(&world).await, started(&world).await];
    assert_ne!(one.state.expose_secret(), two.state.expose_secret());
    let challenge = |started: &Authorising| {
        let url = Url::parse(&started.authorize_url).unwrap();
        url.query_pairs()
            .find(|(name, _)| name == "code_challenge")
            .unwrap()
            .1
            .into_owned()
    };
    assert_ne!(challenge(&one), challenge(&two));
    assert_eq!(challenge(&one).len(), 43);
}

#[tokio::test(start_paused = true)]
async fn a_state_works_once_even_if_the_first_use_failed() {
    let world = World::new();
    let begun = started(&world).await;
    let callback = Callback::parse(&world.acme.consent(&begun.authorize_url));
    world.connections.complete(TENANT, &callback, &admin()).await.unwrap();
    let tokens = world.acme.count("/token");
    assert!(
        refused(&world, TENANT, &callback, &admin())
            .await
            .contains("used already")
    );
    assert_eq!(world.acme.count("/token"), tokens);

    let begun = started(&world).await;
    let callback = Callback::parse(&world.acme.consent(&begun.authorize_url));
    world.acme.fault("/token", Fault::Status(500, ""));
    world
        .connections
        .complete(TENANT, &callback, &admin())
        .await
        .unwrap_err();
    refused(&world, TENANT, &callback, &admin()).await;
}

#[tokio::test(start_paused = true)]
async fn two_who_come_back_at_once_with_one_state_get_one_connection() {
    let world = World::new();
    let begun = started(&world).await;
    let callback = Callback::parse(&world.acme.consent(&begun.authorize_url));
    let ada = admin();
    let (one, two) = tokio::join!(
        world.connections.complete(TENANT, &callback, &ada),
        world.connections.complete(TENANT, &callback, &ada)
    );
    assert!(one.is_ok() != two.is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_state_is_bound_to_its_tenant_and_to_who_started_it() {
    let world = World::new();
    let begun = started(&world).await;
    let callback = Callback::parse(&world.acme.consent(&begun.authorize_url));
    refused(&world, 2, &callback, &admin()).await;
    assert!(
        refused(&world, TENANT, &callback, &Actor::admin("eve"))
            .await
            .contains("somebody else")
    );
    refused(&world, TENANT, &callback, &admin()).await;
    assert_eq!(world.acme.count("/token"), 0);
}

#[tokio::test(start_paused = true)]
async fn a_state_nobody_drew_is_refused() {
    let world = World::new();
    started(&world).await;
    refused(&world, TENANT, &Callback::parse("code=x&state=guess"), &admin()).await;
    refused(&world, TENANT, &Callback::parse("code=x"), &admin()).await;
}

#[tokio::test(start_paused = true)]
async fn a_state_lives_ten_minutes() {
    let world = World::new();
    let begun = started(&world).await;
    let callback = Callback::parse(&world.acme.consent(&begun.authorize_url));
    world.clock.pass(Duration::from_secs(601)).await;
    assert!(
        refused(&world, TENANT, &callback, &admin())
            .await
            .contains("ten minutes")
    );
}

#[tokio::test(start_paused = true)]
async fn an_answer_from_another_authorisation_server_gets_no_code() {
    let world = World::new();
    let begun = started(&world).await;
    let query = world.acme.consent(&begun.authorize_url);
    let mixed_up = Callback::parse(&format!("{query}&iss=https%3A%2F%2Fevil.test"));
    assert!(refused(&world, TENANT, &mixed_up, &admin()).await.contains("evil.test"));
    assert_eq!(world.acme.count("/token"), 0);

    let begun = started(&world).await;
    let query = world.acme.consent(&begun.authorize_url);
    let named = Callback::parse(&format!("{query}&iss=https%3A%2F%2Flogin.acme.test"));
    world.connections.complete(TENANT, &named, &admin()).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_code_for_another_sign_in_does_not_fit_the_verifier() {
    let world = World::new();
    let (mine, theirs) = (started(&world).await, started(&world).await);
    world.acme.consent(&mine.authorize_url);
    let stolen = Callback::parse(&world.acme.consent(&theirs.authorize_url)).code;
    let injected = Callback {
        code: stolen,
        state: Some(mine.state),
        ..Callback::default()
    };
    let error = world
        .connections
        .complete(TENANT, &injected, &admin())
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Reauthorise, "{error}");
}

#[tokio::test(start_paused = true)]
async fn an_instance_elsewhere_gets_no_token() {
    for instance in [
        "https://evil.test",
        "http://eu1.acme.test",
        "https://acme.test.evil.test",
        "http://127.0.0.1:1",
    ] {
        let world = World::new();
        world.acme.set_instance(instance);
        let begun = started(&world).await;
        let callback = Callback::parse(&world.acme.consent(&begun.authorize_url));
        assert!(
            refused(&world, TENANT, &callback, &admin()).await.contains("instance"),
            "{instance}"
        );
        assert!(
            world.acme.seen().iter().all(|seen| seen.url.ends_with("/token")),
            "{instance}"
        );
        assert!(world.connections.list(TENANT, true, &admin()).await.unwrap().is_empty());
    }
}

#[tokio::test(start_paused = true)]
async fn a_person_who_does_not_agree_is_told_apart_from_a_failure() {
    let world = World::new();
    let begun = started(&world).await;
    let state = begun.state.expose_secret();
    let denied = Callback::parse(&format!(
        "error=access_denied&error_description=end-user+denied&state={state}"
    ));
    assert!(
        refused(&world, TENANT, &denied, &admin())
            .await
            .contains("end-user denied")
    );
    refused(
        &world,
        TENANT,
        &Callback::parse(&format!("code=x&state={state}")),
        &admin(),
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn login_urls_and_redirects_of_others_are_refused() {
    let world = World::new();
    for login in [
        "https://evil.test",
        "http://127.0.0.1:1",
        "https://login.acme.test.evil.test",
    ] {
        let request = syncline_engine::connection::AuthoriseRequest {
            login_url: Some(login.into()),
            ..world.request("x")
        };
        let error = world.connections.authorise(request, &admin()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Refused, "{login}: {error}");
    }
    for redirect in [
        "http://app.example/cb",
        "https://app.example/cb#x",
        "nonsense",
        "javascript:alert(1)",
    ] {
        let request = syncline_engine::connection::AuthoriseRequest {
            redirect_uri: redirect.into(),
            ..world.request("x")
        };
        let error = world.connections.authorise(request, &admin()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Invalid, "{redirect}: {error}");
    }
    for redirect in ["http://127.0.0.1:4711/cb", "http://localhost/cb", REDIRECT] {
        let request = syncline_engine::connection::AuthoriseRequest {
            redirect_uri: redirect.into(),
            ..world.request("x")
        };
        world.connections.authorise(request, &admin()).await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn members_do_not_connect_anything() {
    let world = World::new();
    let error = world
        .connections
        .authorise(world.request("x"), &Actor::member("bob"))
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Forbidden);
    let error = world
        .connections
        .connect_with_tokens(world.tokens("x"), &Actor::member("bob"))
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Forbidden);
}

#[tokio::test(start_paused = true)]
async fn a_wrong_client_secret_is_our_mistake_and_says_so() {
    let world = World::new();
    let mut request = world.request("main");
    request.client_secret = Some(SecretString::from("wrong"));
    let begun = world.connections.authorise(request, &admin()).await.unwrap();
    let callback = Callback::parse(&world.acme.consent(&begun.authorize_url));
    let error = world
        .connections
        .complete(TENANT, &callback, &admin())
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Rejected);
    assert!(error.to_string().contains("client secret"), "{error}");
}
