//! Programs that pull the images that they run: by themselves, with what the recipe says of them, and by `podman pull`, whose
//! credentials stand on a command line.

use pullscope_tests::collector::{Collector, Settings};
use pullscope_tests::endpoint::get;
use pullscope_tests::go::installed_as;
use pullscope_tests::images::Image;
use pullscope_tests::packages::program;
use pullscope_tests::place::Place;
use pullscope_tests::process::{PATIENCE, Running};
use pullscope_tests::registry::{Access, Registry};
use pullscope_tests::script::script;
use pullscope_tests::turn::{Alone, alone};

use crate::pulls::Watch;

const EXECUTOR: &str = "executor";
const USER: &str = "runner";
const PASSWORD: &str = "correct-horse-battery";

#[track_caller]
fn observe(alone: &Alone) -> Watch {
    let arguments = ["--use-recipes=executor", "--log.level=debug"];
    Watch::new(Collector::start_with(alone, &Settings { arguments: &arguments, ..Settings::default() }))
}

/// Nothing that pullscope shows holds the credentials.
#[track_caller]
fn no_secret(collector: &Collector) {
    let page = |path| get(collector.address(), path).expect("a page").1;
    let texts = [page("/metrics"), page("/"), page("/api/v1/pulls"), page("/readyz"), collector.log()];
    for text in texts {
        assert!(![USER, PASSWORD].iter().any(|secret| text.contains(secret)), "{text}");
    }
}

#[test]
fn that_pulls_by_itself() {
    let alone = alone();
    let image = Image::make(&[200_000, 1_000], 95);
    let registry = Registry::start(&Access::Basic { user: USER, password: PASSWORD });
    registry.push(&image, "team/app:v1");
    let dir = tempfile::tempdir().expect("a directory for an executor");
    let executor = installed_as(&program("skopeo"), dir.path(), EXECUTOR);
    let mut watch = observe(&alone);
    let reference = format!("{}/team/app:v1", registry.address());
    let copy = |password: &str| {
        let mut command = Place::machine().command(&executor);
        command.env("HOME", dir.path()).args(["copy", "--src-tls-verify=false"]);
        command.arg(format!("--src-creds={USER}:{password}")).arg(format!("docker://{reference}"));
        command.arg(format!("dir:{}", dir.path().join(password).display()));
        Running::spawn(command).wait(PATIENCE)
    };
    let _ = copy(PASSWORD).expect_ok();
    let pulled = watch.one();
    pulled.is(&[("runtime", EXECUTOR), ("isolation", "firecracker"), ("trigger", "execution")]);
    pulled.is(&[("status", "ok"), ("has_creds", "true"), ("on_disk", "false"), ("image", &reference)]);
    // Nobody says of a program of this name that it was started to pull: without a manifest there is no pull.
    let _ = copy("wrong").expect_failure();
    watch.none();
    let failed = [("process", EXECUTOR), ("kind", "manifest"), ("status", "error")];
    let scrape = watch.collector.scrape();
    assert_eq!(scrape.count("pullscope_downloads_total", &failed), 1, "{scrape}");
    no_secret(&watch.collector);
    watch.collector.stop();
}

/// Starts what stands on its command line, and waits for it.
const STARTS: &str = "#!/usr/bin/python3
import subprocess, sys
sys.exit(subprocess.run(sys.argv[1:]).returncode)
";

/// podman is a program of its own: its pulls are podman's.
#[test]
fn that_starts_podman() {
    let alone = alone();
    let image = Image::make(&[200_000, 1_000], 96);
    let registry = Registry::start(&Access::Basic { user: USER, password: PASSWORD });
    registry.push(&image, "team/app:v1");
    let dir = tempfile::tempdir().expect("a directory for podman");
    let executor = script(dir.path(), EXECUTOR, STARTS);
    let mut watch = observe(&alone);
    let reference = format!("{}/team/app:v1", registry.address());
    for (password, status) in [(PASSWORD, "ok"), ("wrong", "error")] {
        let mut command = Place::machine().command(&executor);
        command.env("HOME", dir.path()).env("XDG_RUNTIME_DIR", dir.path()).arg(program("podman"));
        command.arg("--root").arg(dir.path().join("root")).arg("--runroot").arg(dir.path().join("run"));
        command.args(["--storage-driver=vfs", "pull", "--tls-verify=false"]);
        command.args(["--creds", &format!("{USER}:{password}"), &reference]);
        let outcome = Running::spawn(command).wait(PATIENCE);
        assert_eq!(outcome.ok(), status == "ok", "{outcome:#?}");
        let pulled = watch.one();
        pulled.is(&[("runtime", "podman"), ("status", status), ("has_creds", "true"), ("image", &reference)]);
    }
    no_secret(&watch.collector);
    watch.collector.stop();
}
