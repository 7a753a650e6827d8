use super::*;

fn target(name: &str, comm: &str, argv: Option<&str>) -> Target {
    Target {
        name: TargetName::try_from(name.to_owned()).unwrap(),
        comm: Comm::try_from(comm.to_owned()).unwrap(),
        argv: argv.map(|pattern| ArgvPattern::try_from(pattern.to_owned()).unwrap()),
        role: Role::Both,
        redis: false,
        threads: false,
    }
}

fn names(targets: &Targets) -> Vec<&str> {
    targets.as_slice().iter().map(|t| t.name.as_str()).collect()
}

#[test]
fn every_default_is_valid() {
    let all = defaults::all();
    assert_eq!(all.len(), defaults::TABLE.len());
    assert!(Targets::new(all, false).is_ok());
}

#[test]
fn a_target_of_the_same_name_takes_a_defaults_place() {
    let targets = Targets::new(vec![target("containerd", "containerd-dev", None)], true).unwrap();
    assert_eq!(names(&targets).iter().filter(|name| **name == "containerd").count(), 1);
    assert_eq!(targets.resolve(b"containerd-dev", b""), Some(targets.as_slice().len() - 1));
    assert_eq!(targets.resolve(b"containerd", b""), None);
}

#[test]
fn a_target_of_the_same_comm_supersedes_a_default() {
    let targets = Targets::new(vec![target("mirror", "spegel", None)], true).unwrap();
    assert!(!names(&targets).contains(&"spegel"));
    let place = targets.resolve(b"spegel", b"").unwrap();
    assert_eq!(names(&targets)[place], "mirror");
}

#[test]
fn without_defaults_only_the_operators_remain() {
    let targets = Targets::new(vec![target("puller", "puller", None)], false).unwrap();
    assert_eq!(names(&targets), ["puller"]);
}

#[test]
fn same_names_and_same_plain_comms_are_refused() {
    let conflict = |own| Targets::new(own, false).unwrap_err();
    assert_eq!(
        conflict(vec![target("a", "x", None), target("a", "y", None)]),
        Conflict { place: 1, problem: Problem::Name }
    );
    assert_eq!(
        conflict(vec![target("a", "x", None), target("b", "x", None)]),
        Conflict { place: 1, problem: Problem::Comm }
    );
}

#[test]
fn one_target_too_many_is_refused() {
    let many = |n: usize| (0..n).map(|i| target(&format!("t{i}"), &format!("t{i}"), None)).collect();
    assert!(Targets::new(many(MAX_TARGETS), false).is_ok());
    assert_eq!(
        Targets::new(many(MAX_TARGETS + 1), false).unwrap_err(),
        Conflict { place: MAX_TARGETS, problem: Problem::TooMany }
    );
    let room = MAX_TARGETS - defaults::TABLE.len();
    assert!(Targets::new(many(room), true).is_ok());
    assert_eq!(Targets::new(many(room + 1), true).unwrap_err().problem, Problem::TooMany);
}

#[test]
fn a_command_line_decides_between_targets_of_one_comm() {
    let own = vec![
        target("conserver", "python3", Some(r"conserver/main\.py")),
        target("executor", "python3", Some(r"^python3 executor/main\.py")),
        target("python", "python3", None),
    ];
    let targets = Targets::new(own, false).unwrap();
    assert_eq!(targets.resolve(b"python3", b"python3\0-u\0conserver/main.py\0"), Some(0));
    assert_eq!(targets.resolve(b"python3", b"python3\0executor/main.py\0"), Some(1));
    assert_eq!(targets.resolve(b"python3", b"python3\0other.py\0"), Some(2));
    assert_eq!(targets.resolve(b"python3.11", b"python3\0conserver/main.py\0"), None);
    let comm = Comm::try_from("python3".to_owned()).unwrap();
    assert_eq!(targets.by_comm()[&comm], Verdict::AskArgv);
}

#[test]
fn the_kernel_decides_where_the_comm_tells() {
    let targets = Targets::new(vec![target("a", "x", None), target("b", "y", Some("z"))], false).unwrap();
    let verdicts = targets.by_comm();
    assert_eq!(verdicts[&Comm::try_from("x".to_owned()).unwrap()], Verdict::Watch(0));
    assert_eq!(verdicts[&Comm::try_from("y".to_owned()).unwrap()], Verdict::AskArgv);
}

#[test]
fn a_pattern_without_a_match_is_no_target() {
    let targets = Targets::new(vec![target("b", "y", Some("needle"))], false).unwrap();
    assert_eq!(targets.resolve(b"y", b"y\0hay\0"), None);
    // Bytes that are no UTF-8, and a needle past what is looked at.
    assert_eq!(targets.resolve(b"y", b"y\0\xff\xfeneedle\0"), Some(0));
    assert_eq!(targets.resolve(b"y", &[vec![b'a'; 5000], b"needle".to_vec()].concat()), None);
}

#[test]
fn names_comms_and_patterns_are_checked() {
    for bad in ["", "Upper", "sp ace", "q\"", "123456789012345678901234567890123"] {
        assert!(TargetName::try_from(bad.to_owned()).is_err(), "{bad:?}");
    }
    for bad in ["", "a/b", "a\0", "1234567890123456"] {
        assert!(Comm::try_from(bad.to_owned()).is_err(), "{bad:?}");
    }
    assert!(Comm::try_from("docker-registry".to_owned()).is_ok());
    let pattern = |text: &str| ArgvPattern::try_from(text.to_owned()).unwrap_err();
    assert!(pattern("").contains("1 to 256 bytes"));
    assert!(pattern("(").contains("not a regular expression: unclosed group"));
    assert!(pattern(r"\w{100}").contains("needs more than 262144 bytes"));
    assert!(ArgvPattern::try_from(r"(\S+ )*[\w/]+/main\.py( --\w+)?$".to_owned()).is_ok());
}
