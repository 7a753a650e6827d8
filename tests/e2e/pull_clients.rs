//! Pulls of the client programs, and of the Docker Engine: one each, with the status of the exit code.
//!
//! All programs do the same at the same time. What each of them fetched is in the log of its own front.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::os::fd::AsRawFd as _;
use std::os::unix::net::UnixStream;
use std::thread::sleep;
use std::time::{Duration, Instant};

use nix::sys::socket::{MsgFlags, recv};
use pullscope_tests::answer::Answer;
use pullscope_tests::clients::{Client, Options, Puller};
use pullscope_tests::collector::Collector;
use pullscope_tests::faulty;
use pullscope_tests::images::Image;
use pullscope_tests::log::Log;
use pullscope_tests::loopback::free_address;
use pullscope_tests::nginx::{Nginx, Site};
use pullscope_tests::place::Place;
use pullscope_tests::process::{Outcome, Running};
use pullscope_tests::registry::{Access, Registry};
use pullscope_tests::turn::alone;

use crate::pulls::{Pulled, Watch, durations_agree, in_flight, wait_until};

/// Longer than any of them takes, its own retries included.
const LONGEST: Duration = Duration::from_secs(60);

/// What runs the images of a client, as the label says it.
fn isolation(client: Client) -> &'static str {
    match client {
        Client::Podman => "podman",
        Client::Docker => "docker",
        Client::Skopeo | Client::Buildah | Client::Ctr => "oci",
    }
}

/// Why a client that is told to pull does so.
fn trigger(client: Client) -> &'static str {
    // The Engine is not told whether the image is to be run.
    if client == Client::Docker { "unknown" } else { "warmup" }
}

/// Lets all of them pull at once, and gives what became of it. The wall time of a client is no less than its pull's. One that
/// asks its registry for nothing, as buildah when it has the image, has not pulled.
#[track_caller]
fn pull_all(
    watch: &mut Watch,
    pullers: &[(Client, Puller<'_>)],
    reference: impl Fn(Client) -> String,
    asked: impl Fn(Client) -> bool,
) -> Vec<(Client, Outcome, Option<Pulled>)> {
    let running: Vec<_> = pullers.iter().map(|(client, puller)| puller.begin(&reference(*client))).collect();
    let outcomes: Vec<_> = running.into_iter().map(|running| running.wait(LONGEST)).collect();
    let count = pullers.iter().filter(|(client, _)| asked(*client)).count();
    let mut pulled: BTreeMap<_, _> = watch
        .some(count)
        .into_iter()
        .map(|pulled| (pulled.entry["runtime"].as_str().expect("a runtime").to_owned(), pulled))
        .collect();
    let all = pullers.iter().zip(outcomes).map(|((client, _), outcome)| {
        let pulled = pulled.remove(client.process());
        assert_eq!(pulled.is_some(), asked(*client), "{client:?}");
        if let Some(pulled) = &pulled {
            pulled.is(&[
                ("isolation", isolation(*client)),
                ("trigger", trigger(*client)),
                ("registry", "[IP_ADDRESS]"),
                ("status", if outcome.ok() { "ok" } else { "error" }),
            ]);
            assert!(pulled.duration() <= outcome.wall, "{:?} by the client's clock: {pulled}", outcome.wall);
        }
        (*client, outcome, pulled)
    });
    all.collect()
}

/// The same where each must ask for something.
#[track_caller]
fn each_pulls(
    watch: &mut Watch,
    pullers: &[(Client, Puller<'_>)],
    reference: impl Fn(Client) -> String,
) -> Vec<(Client, Outcome, Pulled)> {
    let all = pull_all(watch, pullers, reference, |_| true).into_iter();
    all.map(|(client, outcome, pulled)| (client, outcome, pulled.expect("a pull of each"))).collect()
}

fn start_all(options: Options<'_>) -> Vec<(Client, Puller<'_>)> {
    let start = |client| (client, Puller::start(client, Place::machine(), options));
    Client::ALL.map(start).into()
}

#[test]
fn first_second_and_missing() {
    let alone = alone();
    let image = Image::make(&[200_000, 3_000], 1);
    let registry = Registry::start(&Access::Open);
    registry.push(&image, "team/app:v1");
    let fronts = Client::ALL.map(|_| Site::new().front_of(&registry));
    let addresses = fronts.each_ref().map(Site::address);
    let nginx = Nginx::start(fronts);
    let address = |client| addresses[Client::ALL.iter().position(|one| *one == client).expect("one of all")];
    let pullers = start_all(Options::default());
    let mut watch = Watch::new(Collector::start(&alone));

    let reference = |client| format!("{}/team/app:v1", address(client));
    for (client, outcome, pulled) in each_pulls(&mut watch, &pullers, reference) {
        let _ = outcome.expect_ok();
        pulled.is(&[("on_disk", "false"), ("has_creds", "false"), ("image", &reference(client))]);
        assert_eq!(pulled.entry["digest"], image.manifest.digest, "{pulled}");
        assert_eq!(pulled.entry["layers"]["named"], image.blobs().count(), "{pulled}");
        assert!(pulled.bytes() >= image.blob_bytes() + image.manifest.size, "{pulled}");
    }

    let before = nginx.log().0.len();
    let since = || Log(nginx.log().0.split_off(before));
    let asked = |client| since().0.iter().any(|entry| entry.server == Some(address(client)));
    for (client, outcome, pulled) in pull_all(&mut watch, &pullers, reference, asked) {
        let _ = outcome.expect_ok();
        let Some(pulled) = pulled else { continue };
        // What it already has, each client finds out in its own way, and some fetch the config again all the same.
        let blobs = since().at(address(client)).of_kind("blob");
        let on_disk = if blobs.0.is_empty() { "true" } else { "false" };
        pulled.is(&[("on_disk", on_disk), ("has_creds", "false"), ("image", &reference(client))]);
    }

    let missing = |client| format!("{}/team/app:none", address(client));
    for (client, outcome, pulled) in each_pulls(&mut watch, &pullers, missing) {
        let _ = outcome.expect_failure();
        pulled.failed(&["not_found"]).is(&[("image", &missing(client))]);
    }
    watch.collector.stop();
}

#[test]
fn credentials() {
    let alone = alone();
    let (user, password) = ("alice", "open-sesame");
    let image = Image::make(&[3_000], 2);
    let registry = Registry::start(&Access::Basic { user, password });
    registry.push(&image, "team/app:v1");
    let mut watch = Watch::new(Collector::start(&alone));
    let reference = |_| format!("{}/team/app:v1", registry.address());
    for credentials in [None, Some((user, "wrong")), Some((user, password))] {
        let pullers = start_all(Options { credentials, ..Options::default() });
        for (_, outcome, pulled) in each_pulls(&mut watch, &pullers, reference) {
            pulled.is(&[("has_creds", if credentials.is_some() { "true" } else { "false" })]);
            if credentials == Some((user, password)) {
                let _ = outcome.expect_ok();
            } else {
                let _ = outcome.expect_failure();
                pulled.failed(&["unauthorized"]);
            }
        }
    }
    watch.collector.stop();
}

#[test]
fn a_registry_that_is_down_or_breaks_off() {
    let alone = alone();
    let image = Image::make(&[400_000], 8);
    let layer = image.layers[0].clone();
    let server = faulty::serve(&image, move |request| {
        request.path.ends_with(&layer.digest).then(|| faulty::blob(&layer).cut(200_000).then_reset())
    });
    let down = free_address();
    let pullers: Vec<_> = Client::ALL.map(|client| (client, Puller::impatient(client))).into();
    let mut watch = Watch::new(Collector::start(&alone));
    for (address, reason) in [(down, "connection_refused"), (server.address(), "reset")] {
        let reference = format!("{address}/a/b:c");
        for (client, outcome, pulled) in each_pulls(&mut watch, &pullers, |_| reference.clone()) {
            let _ = outcome.expect_failure();
            pulled.failed(&[reason]);
            // Who never got as far as a request has named no image.
            if address != down || client == Client::Docker {
                pulled.is(&[("image", &reference)]);
            }
        }
    }
    watch.collector.stop();
}

#[test]
fn a_client_that_is_killed() {
    let alone = alone();
    let image = Image::make(&[400_000], 8);
    let (server, digest) = (faulty::stalling(&image), &image.layers[0].digest);
    let reference = format!("{}/a/b:c", server.address());
    let pullers: Vec<_> = Client::ALL.map(|client| (client, Puller::plain(client))).into();
    let mut watch = Watch::new(Collector::start(&alone));
    let running: Vec<_> = pullers.iter().map(|(_, puller)| puller.begin(&reference)).collect();
    wait_until("all requests for the layer", || {
        let log = server.log();
        log.0.iter().filter(|entry| entry.path.ends_with(digest)).count() == pullers.len()
    });
    let _ = in_flight(&watch.collector, pullers.len() as u64);
    for one in running {
        assert_eq!(one.kill().signal, Some(9));
    }
    for pulled in watch.some(pullers.len()) {
        // The one that is killed with docker is the one who asked for the pull.
        let by_engine = pulled.entry["runtime"] == "dockerd";
        pulled.failed(&[if by_engine { "canceled" } else { "killed" }]).is(&[("image", &reference)]);
    }
    watch.collector.stop();
}

/// Who leaves without having read what the engine says of the progress resets the connection (`net/unix/af_unix.c`,
/// `unix_release_sock`): the engine's next read fails, and none finds an end.
#[test]
fn a_caller_of_the_engine_that_does_not_read() {
    let alone = alone();
    let image = Image::make(&[400_000], 8);
    let (server, digest) = (faulty::stalling(&image), &image.layers[0].digest);
    let reference = format!("{}/a/b:c", server.address());
    let puller = Puller::plain(Client::Docker);
    let mut watch = Watch::new(Collector::start(&alone));
    let mut caller = UnixStream::connect(puller.engine()).expect("connect to the Engine");
    let (asked, target) = (Instant::now(), Puller::engine_target(&reference));
    write!(caller, "POST {target} HTTP/1.1\r\nHost: docker\r\nContent-Length: 0\r\n\r\n")
        .expect("ask for a pull");
    wait_until("a request for the layer", || server.log().0.iter().any(|entry| entry.path.ends_with(digest)));
    wait_until("something to read", || {
        recv(caller.as_raw_fd(), &mut [0], MsgFlags::MSG_PEEK | MsgFlags::MSG_DONTWAIT) == Ok(1)
    });
    let _ = in_flight(&watch.collector, 1);
    drop(caller);
    // Time to notice. dockerd goes on with what it fetches for some ten seconds, and gives up then, or when it is stopped.
    sleep(Duration::from_secs(1));
    let wall = asked.elapsed();
    drop(puller);
    let given_up = watch.one();
    assert!(given_up.duration() <= wall, "{wall:?} until dockerd was stopped: {given_up}");
    given_up.failed(&["canceled"]).is(&[("image", &reference), ("runtime", "dockerd")]);
    watch.collector.stop();
}

/// What is missing is pulled to be run; what is there is not pulled.
#[test]
fn docker_run_and_podman_run() {
    let alone = alone();
    let image = Image::program(&[3_000], 2);
    let registry = Registry::start(&Access::Open);
    registry.push(&image, "team/app:v1");
    let reference = format!("{}/team/app:v1", registry.address());
    let missing = format!("{}/team/app:none", registry.address());
    let pullers = [Client::Docker, Client::Podman].map(|client| (client, Puller::plain(client)));
    let mut watch = Watch::new(Collector::start(&alone));
    for (client, puller) in &pullers {
        let of = [("isolation", isolation(*client)), ("runtime", client.process()), ("trigger", "execution")];
        let outcome = puller.run(&reference, 7);
        assert_eq!(outcome.code, Some(7), "{outcome:?}");
        let pulled = watch.one();
        pulled.is(&of).is(&[("status", "ok"), ("on_disk", "false"), ("image", &reference)]);
        assert!(pulled.duration() <= outcome.wall, "{:?} by the client's clock: {pulled}", outcome.wall);
        let outcome = puller.run(&reference, 0);
        assert_eq!(outcome.code, Some(0), "{outcome:?}");
        watch.none();
        let _ = puller.run(&missing, 0).expect_failure();
        watch.one().is(&of).is(&[("image", &missing)]).failed(&["not_found"]);
    }
    watch.collector.stop();
}

#[test]
fn several_images_in_one_go() {
    let alone = alone();
    let registry = Registry::start(&Access::Open);
    let names = ["team/one:v1", "team/two:v1", "team/three:v1"];
    let (one, other) = (Image::make(&[100_000], 60), Image::make(&[100_000], 61));
    for (name, image) in names.iter().zip([&one, &other, &one]) {
        registry.push(image, name);
    }
    let references = names.map(|name| format!("{}/{name}", registry.address()));
    let podman = Puller::plain(Client::Podman);
    let mut watch = Watch::new(Collector::start(&alone));
    let mut command = podman.command(&references[0]);
    command.args(&references[1..]);
    let outcome = Running::spawn(command).wait(LONGEST).expect_ok();
    let pulled = watch.some(names.len());
    for (pulled, reference) in pulled.iter().zip(&references) {
        pulled.is(&[("image", reference), ("status", "ok"), ("trigger", "warmup")]);
    }
    for new in &pulled[..2] {
        new.is(&[("on_disk", "false")]);
    }
    let total: Duration = pulled.iter().map(Pulled::duration).sum();
    assert!(total <= outcome.wall, "{total:?} in {:?}", outcome.wall);
    watch.collector.stop();
}

/// Against the wall time of each program from its start to its end, which a slow registry makes much longer than what it does
/// before and after the pull.
#[test]
fn durations() {
    const TRIES: u64 = 12;
    let alone = alone();
    let images: Vec<_> = (0..TRIES).map(|seed| Image::make(&[2_000_000], 70 + seed)).collect();
    let sites: Vec<_> =
        images.iter().map(|image| Site::new().static_image(image, "a/b:c").limit_rate(1_000_000)).collect();
    let references: Vec<_> = sites.iter().map(|site| format!("{}/a/b:c", site.address())).collect();
    let _nginx = Nginx::start(sites);
    let mut watch = Watch::new(Collector::start(&alone));
    for client in Client::ALL {
        let program = Puller::plain(client);
        let mut references = references.iter();
        durations_agree(|| {
            let reference = references.next().expect("an image that is not there yet");
            let wall = match client {
                // What counts is how long the Engine is busy for its client.
                Client::Docker => program.call_engine(reference),
                _ => program.pull(reference).expect_ok().wall,
            };
            let pulled = watch.one();
            pulled.is(&[("on_disk", "false"), ("status", "ok"), ("runtime", client.process())]);
            (wall, pulled.duration())
        });
    }
    watch.collector.stop();
}

/// A stall is no end: the pull goes on, and is seen to.
#[test]
fn a_pull_that_goes_on_is_in_the_log() {
    let alone = alone();
    let image = Image::make(&[400_000], 8);
    let layer = image.layers[0].clone();
    let server = faulty::serve(&image, move |request| {
        let answer: fn(Answer) -> Answer = |answer| answer.cut(1_000).then_stall();
        request.path.ends_with(&layer.digest).then(|| answer(faulty::blob(&layer)))
    });
    let reference = format!("{}/a/b:c", server.address());
    let puller = Puller::plain(Client::Skopeo);
    let mut watch = Watch::new(Collector::start(&alone));
    let running = puller.begin(&reference);
    let scrape = in_flight(&watch.collector, 1);
    let of = [("runtime", "skopeo"), ("registry", "[IP_ADDRESS]")];
    assert_eq!(scrape.count("pullscope_image_pulls_in_flight", &of), 1, "{scrape}");
    let entry = || crate::pulls::pulls(&watch.collector).pop().expect("the pull");
    wait_until("the layer in the log", || {
        let entry = entry();
        entry["image"] == *reference && entry["phases"].as_array().is_some_and(|all| all.len() >= 3)
    });
    let entry = entry();
    assert_eq!((&entry["state"], entry["status"].is_null()), (&"running".into(), true), "{entry:#}");
    let _ = running.kill();
    watch.one().failed(&["killed"]).is(&[("image", &reference)]);
    watch.collector.stop();
}
