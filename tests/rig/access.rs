//! Registries that ask who is there: the challenges and tokens of each client.

use pullscope_tests::clients::{Client, Options, Puller};
use pullscope_tests::images::Image;
use pullscope_tests::nginx::{Nginx, Site};
use pullscope_tests::place::Place;
use pullscope_tests::registry::{Access, Registry};
use pullscope_tests::token::TokenServer;
use pullscope_tests::turn::together;

/// Pulls with and without `credentials` through nginx from a registry with `access`. Gives the log of the good pull.
#[track_caller]
fn pull(client: Client, access: &Access<'_>, credentials: Option<(&str, &str)>) -> pullscope_tests::log::Log {
    let _turn = together();
    let image = Image::make(&[1000], 2);
    let registry = Registry::start(access);
    registry.push(&image, "team/app:v1");
    let front = Site::new().front_of(&registry);
    let reference = format!("{}/team/app:v1", front.address());
    let nginx = Nginx::start([front]);
    let attempt = |credentials| {
        Puller::start(client, Place::machine(), Options { credentials, ..Options::default() })
            .pull(&reference)
    };
    let _ = attempt(credentials).expect_ok();
    let log = nginx.log();
    if credentials.is_some() {
        let _ = attempt(None).expect_failure();
        let _ = attempt(Some(("user", "wrong"))).expect_failure();
    }
    log
}

#[track_caller]
fn with_basic(client: Client) {
    let (user, password) = ("user", "pass");
    let log = pull(client, &Access::Basic { user, password }, Some((user, password)));
    println!("{client:?} with basic authentication:\n{log}");
    assert!(log.0.iter().any(|entry| entry.code == Some(401)), "a challenge");
    assert_eq!(log.filter(|entry| entry.code == Some(200)).of_kind("blob").0.len(), 2);
}

#[track_caller]
fn with_tokens(client: Client, tokens: &TokenServer) {
    let credentials = tokens.credentials();
    let credentials = credentials.as_ref().map(|(user, password)| (user.as_str(), password.as_str()));
    let log = pull(client, &Access::Token(tokens), credentials);
    println!("{client:?} with a token:\n{log}and at the token server (first the push):\n{}", tokens.log());
    assert!(log.0.iter().any(|entry| entry.code == Some(401)), "a challenge");
    assert_eq!(log.filter(|entry| entry.code == Some(200)).of_kind("blob").0.len(), 2);
    let given = tokens.log().of_kind("token").filter(|entry| entry.code == Some(200));
    assert!(given.0.iter().any(|entry| entry.query.as_ref().is_some_and(|query| query.contains("pull"))));
}

#[test]
fn basic_skopeo() {
    with_basic(Client::Skopeo);
}

#[test]
fn basic_podman() {
    with_basic(Client::Podman);
}

#[test]
fn basic_buildah() {
    with_basic(Client::Buildah);
}

#[test]
fn basic_ctr() {
    with_basic(Client::Ctr);
}

#[test]
fn basic_docker() {
    with_basic(Client::Docker);
}

#[test]
fn token_for_anyone_skopeo() {
    with_tokens(Client::Skopeo, &TokenServer::open());
}

#[test]
fn token_for_anyone_ctr() {
    with_tokens(Client::Ctr, &TokenServer::open());
}

#[test]
fn token_for_a_user_podman() {
    with_tokens(Client::Podman, &TokenServer::for_user("user", "pass"));
}

#[test]
fn token_for_a_user_ctr() {
    with_tokens(Client::Ctr, &TokenServer::for_user("user", "pass"));
}

#[test]
fn token_for_a_user_docker() {
    with_tokens(Client::Docker, &TokenServer::for_user("user", "pass"));
}
