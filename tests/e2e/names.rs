//! The registry label for each way to name a registry.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use pullscope_tests::clients::{Client, Options, Puller};
use pullscope_tests::collector::Collector;
use pullscope_tests::hosts::Hosts;
use pullscope_tests::images::Image;
use pullscope_tests::loopback::{free_address, free_port};
use pullscope_tests::nginx::{Nginx, Site};
use pullscope_tests::place::Place;
use pullscope_tests::turn::alone;

use crate::compare::{same_traffic, settled};

/// A registry at `address` that the client calls `name`.
#[track_caller]
fn labelled(name: &str, address: IpAddr, label: &str) {
    let alone = alone();
    let image = Image::make(&[2_000], 4);
    let hosts = Hosts::new([(name, address)]);
    for client in [Client::Skopeo, Client::Ctr, Client::Docker] {
        let site = Site::at(free_port(address)).static_image(&image, "a/b:c");
        let reference = format!("{name}:{}/a/b:c", site.address().port());
        let nginx = Nginx::start([site]);
        let collector = Collector::start(&alone);
        let puller = Puller::start(client, Place::machine().with_hosts(&hosts), Options::default());
        let _ = puller.pull(&reference).expect_ok();
        let log = nginx.log();
        same_traffic(&settled(&collector, &log), client.process(), label, &log);
        collector.stop();
    }
}

#[test]
fn localhost() {
    labelled("localhost", Ipv4Addr::LOCALHOST.into(), "[UNKNOWN]");
}

#[test]
fn a_name_under_a_suffix_of_two_labels() {
    labelled("registry.example.co.uk", free_address().ip(), "example.co.uk");
}

#[test]
fn a_name_under_a_private_suffix() {
    labelled("images.team.github.io", free_address().ip(), "team.github.io");
}

#[test]
fn a_name_in_a_cluster() {
    labelled("registry.kube-system.svc.cluster.local", free_address().ip(), "cluster.local");
}

/// The clients' reference grammar has no address literals of IP version 6: only a name can lead to one.
#[test]
fn a_name_of_an_address_of_ip_version_6() {
    labelled("registry.example.com", Ipv6Addr::LOCALHOST.into(), "example.com");
}
