//! Clients at the faulty server: each fault fails them, and its log says what they got.

use std::time::Duration;

use pullscope_tests::answer::Answer;
use pullscope_tests::clients::{Client, Puller};
use pullscope_tests::faulty::{self, Resetting};
use pullscope_tests::images::Image;
use pullscope_tests::log::Log;
use pullscope_tests::turn::together;

const LAYER: usize = 400_000;

/// Lets skopeo and ctr pull where the layer is answered with what `fault` makes of the good answer; gives the log.
#[track_caller]
fn layer(fault: fn(Answer) -> Answer) -> Log {
    let _turn = together();
    let image = Image::make(&[LAYER], 8);
    let layer = image.layers[0].clone();
    let server = faulty::serve(&image, move |request| {
        request.path.ends_with(&layer.digest).then(|| fault(faulty::blob(&layer)))
    });
    for client in [Client::Skopeo, Client::Ctr] {
        let outcome =
            Puller::plain(client).begin(&format!("{}/a/b:c", server.address())).wait(Duration::from_secs(5));
        assert!(!outcome.ok(), "{client:?}: {outcome:?}");
    }
    println!("{}", server.log());
    server.log().filter(|entry| entry.path.ends_with(&image.layers[0].digest))
}

#[test]
fn without_a_fault_the_clients_succeed() {
    let _turn = together();
    let image = Image::make(&[LAYER], 8);
    let server = faulty::serve(&image, |_| None);
    for client in Client::ALL {
        let _ = Puller::plain(client).pull(&format!("{}/a/b:c", server.address())).expect_ok();
    }
}

#[test]
fn a_layer_cut_by_a_close() {
    assert!(
        layer(|answer| answer.cut(LAYER / 2).then_close()).0.iter().all(|entry| entry.body_bytes == 200_000)
    );
}

#[test]
fn a_layer_cut_by_a_reset() {
    assert!(layer(|answer| answer.cut(30_000).then_reset()).0.iter().all(|entry| entry.body_bytes == 30_000));
}

#[test]
fn a_layer_that_stalls() {
    assert!(layer(|answer| answer.cut(10).then_stall()).0.iter().all(|entry| entry.body_bytes == 10));
}

#[test]
fn a_layer_without_any_answer() {
    assert!(layer(|_| Answer::silence()).0.iter().all(|entry| entry.code.is_none()));
}

#[test]
fn a_layer_with_a_head_that_is_none() {
    assert!(
        layer(|_| Answer::raw(b"HTTP/1.1 two hundred\r\n\r\n")).0.iter().all(|entry| entry.code.is_none())
    );
}

#[test]
fn a_layer_with_an_endless_head() {
    assert!(!layer(|_| Answer::endless_head()).0.is_empty());
}

#[test]
fn connections_that_are_reset() {
    let _turn = together();
    let server = Resetting::start();
    for client in [Client::Skopeo, Client::Ctr] {
        let before = server.connections();
        let outcome = Puller::plain(client).pull(&format!("{}/a/b:c", server.address())).expect_failure();
        println!("{client:?}: {} connections, {}", server.connections() - before, outcome.stderr);
        assert!(server.connections() > before);
    }
}
