mod recipes;

use clap::{Args, FromArgMatches};

use super::*;

fn args(flags: &[&str]) -> SettingsArgs {
    // Without the environment: it belongs to the whole test process.
    let command = SettingsArgs::augment_args(clap::Command::new("test").no_binary_name(true))
        .mut_args(|arg| arg.env(None::<&str>));
    SettingsArgs::from_arg_matches(&command.get_matches_from(flags)).unwrap()
}

fn file(text: &str) -> file::File {
    file::File::parse(text).unwrap()
}

fn error(text: &str) -> (usize, String) {
    let error = file::File::parse(text).unwrap_err();
    (error.line, error.reason)
}

#[test]
fn defaults() {
    let settings = Settings::merge(&args(&[]), file("")).unwrap();
    assert_eq!(settings.listen_addresses, ["127.0.0.1:10617".parse().unwrap()]);
    assert_eq!(settings.telemetry_path.as_str(), "/metrics");
    assert_eq!(settings.strategy, Strategy::Auto);
    assert_eq!(settings.ring_buffer_bytes.get(), 4 << 20);
    assert_eq!(settings.max_connections.get(), 16384);
    assert_eq!(settings.max_registries.get(), 200);
    assert_eq!(settings.pulls_remember.get(), 1000);
    assert_eq!((settings.tls_go, settings.tls_openssl), (Switch::Auto, Switch::Auto));
    assert!(!settings.bpf_stats);
    assert_eq!((settings.log_level, settings.log_format), (log::Level::Info, log::Format::Text));
    assert_eq!(settings.targets.as_slice().len(), crate::targets::defaults::TABLE.len());
}

#[test]
fn a_file_sets_everything() {
    let text = r#"
        max_registries = 7
        default_targets = false
        use_recipes = ["executor"]
        [web]
        listen_address = [":9", "[::1]:10"]
        telemetry_path = "/m"
        [kernel]
        strategy = "syscall"
        ring_buffer_bytes = 65536
        max_connections = 99
        [tls]
        go = "off"
        openssl = "off"
        [pulls]
        remember = 0
        [log]
        level = "debug"
        format = "json"
        [[targets]]
        name = "puller"
        comm = "python3"
        argv = "pull"
        role = "client"
        [[recipe]]
        name = "own"
        comm = "own"
    "#;
    let settings = Settings::merge(&args(&[]), file(text)).unwrap();
    let addresses: Vec<_> = settings.listen_addresses.iter().map(ToString::to_string).collect();
    assert_eq!(addresses, [":9", "[::1]:10"]);
    assert_eq!(settings.telemetry_path.as_str(), "/m");
    assert_eq!(settings.strategy, Strategy::Syscall);
    assert_eq!(settings.ring_buffer_bytes.get(), 65536);
    assert_eq!(settings.max_connections.get(), 99);
    assert_eq!((settings.tls_go, settings.tls_openssl), (Switch::Off, Switch::Off));
    assert_eq!((settings.max_registries.get(), settings.pulls_remember.get()), (7, 0));
    assert_eq!((settings.log_level, settings.log_format), (log::Level::Debug, log::Format::Json));
    let [target, own, executor] = settings.targets.as_slice() else { panic!("{:?}", settings.targets) };
    assert_eq!((own.name.as_str(), executor.name.as_str()), ("own", "executor"));
    assert_eq!(settings.recipes.len(), 2);
    assert_eq!((target.name.as_str(), target.comm.as_str()), ("puller", "python3"));
    assert!(target.argv.as_ref().unwrap().matches(b"python3\0pull.py\0"));
    assert_eq!(target.role, crate::targets::Role::Client);
}

#[test]
fn a_flag_wins_over_the_file() {
    let text = "max_registries = 7\n[tls]\nopenssl = \"auto\"\n[web]\nlisten_address = \":9\"\n[kernel]\nstrategy = \"syscall\"\n[log]\nlevel = \"error\"\n";
    let flags = [
        "--web.listen-address=:1,:2",
        "--web.listen-address=:3",
        "--kernel.strategy=sock",
        "--tls.openssl=off",
        "--log.level=warn",
    ];
    let settings = Settings::merge(&args(&flags), file(text)).unwrap();
    let addresses: Vec<_> = settings.listen_addresses.iter().map(ToString::to_string).collect();
    assert_eq!(addresses, [":1", ":2", ":3"]);
    assert_eq!(settings.strategy, Strategy::Sock);
    assert_eq!((settings.tls_go, settings.tls_openssl), (Switch::Auto, Switch::Off));
    assert_eq!(settings.log_level, log::Level::Warn);
    assert_eq!(settings.max_registries.get(), 7);
}

#[test]
fn errors_name_line_and_key() {
    let (line, reason) = error("max_registries = 5\n\n[web]\nlisten_adress = \":1\"\n");
    assert_eq!(line, 4);
    assert!(reason.starts_with("unknown key `listen_adress`, expected"), "{reason}");
    let (line, reason) = error("[[targets]]\nname = \"a\"\ncomm = \"a\"\n[[targets]]\nname = \"b\"\n");
    assert_eq!((line, reason.as_str()), (4, "missing key `comm`"));
    let (line, reason) = error("[kernel]\nring_buffer_bytes = 5000\n");
    assert_eq!((line, reason.as_str()), (2, "5000 is not a power of two from 4096 to 1073741824"));
    let (line, reason) = error("\n\nmax_registries = \"many\"\n");
    assert_eq!(line, 3);
    assert!(reason.contains("invalid type"), "{reason}");
    let (line, _) = error("max_registries = 3\nthis is not toml\n");
    assert_eq!(line, 2);
    let (line, reason) = error("[web]\nlisten_address = [\":1\",\n \"nonsense\"]\n");
    assert_eq!(line, 2);
    assert!(reason.contains("expected an address"), "{reason}");
}

#[test]
fn errors_of_targets_name_their_line() {
    let (line, reason) = error("[[targets]]\nname = \"Upper\"\ncomm = \"a\"\n");
    assert_eq!(line, 2);
    assert!(reason.contains("a-z, 0-9"), "{reason}");
    let (line, reason) = error("[[targets]]\nname = \"a\"\ncomm = \"sixteen-bytes-xx\"\n");
    assert_eq!(line, 3);
    assert!(reason.contains("at most 15 bytes"), "{reason}");
    let (line, reason) = error("[[targets]]\nname = \"a\"\ncomm = \"a\"\nargv = \"(\"\n");
    assert_eq!(line, 4);
    assert!(reason.contains("not a regular expression"), "{reason}");
    let two = "[[targets]]\nname = \"a\"\ncomm = \"a\"\n\n[[targets]]\nname = \"a\"\ncomm = \"b\"\n";
    let (line, reason) = error(two);
    assert_eq!((line, reason.as_str()), (5, "another target or recipe has the same name"));
    let (line, reason) = error("[[targets]]\nname = \"a\"\ncomm = \"a\"\nrole = \"boss\"\n");
    assert_eq!(line, 4);
    assert!(reason.contains("`client`, `server`"), "{reason}");
}

#[test]
fn a_file_that_is_not_there_is_a_usage_failure() {
    let failure = Settings::load(&args(&["--config.file=does-not-exist.toml"])).unwrap_err();
    assert_eq!(failure.status(), crate::failure::exit::USAGE);
    assert!(failure.to_string().starts_with("config file does-not-exist.toml: No such file"), "{failure}");
}

#[test]
fn addresses_and_paths_are_checked() {
    for good in ["127.0.0.1:1", ":0", "localhost:65535", "[::1]:80", "a-b.c_d:1"] {
        assert_eq!(good.parse::<ListenAddress>().unwrap().to_string(), good);
    }
    for bad in ["", "1", "1.2.3.4", "::1:80", "[::1:80", "[x]:1", "a b:1", ":65536", "x:-1"] {
        assert!(bad.parse::<ListenAddress>().is_err(), "{bad:?}");
    }
    for bad in ["", "metrics", "/a b", "/a?b", "/healthz", "/readyz", "/api", "/api/v1/pulls", "/api/"] {
        assert!(bad.parse::<TelemetryPath>().is_err(), "{bad:?}");
    }
    for bad in ["0", "1001", "-1", "99999999999999999999", "x"] {
        assert!(bad.parse::<MaxRegistries>().is_err(), "{bad:?}");
    }
    for bad in ["10001", "-1", "x"] {
        assert!(bad.parse::<PullsRemember>().is_err(), "{bad:?}");
    }
}
