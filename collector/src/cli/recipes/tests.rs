use super::*;
use crate::metrics::Metrics;

/// The metrics after these lines, under the shipped recipes of these names.
fn after(names: &str, lines: &str) -> Result<Metrics, traffic::Wrong> {
    let use_recipes = names.split(' ').map(|name| name.parse().unwrap()).collect();
    let settings = Settings::load(&SettingsArgs { use_recipes, ..SettingsArgs::default() }).unwrap();
    replay::run(&settings, &traffic::read(lines)?)
}

/// The rows of a table, with one space between columns and without quotes, that begin with one of these words.
fn rows(metrics: &Metrics, words: &[&str]) -> Vec<String> {
    let table = counted::table(metrics);
    let rows =
        table.lines().map(|line| line.replace('"', "").split_whitespace().collect::<Vec<_>>().join(" "));
    rows.filter(|row| words.iter().any(|word| row.split(' ').next() == Some(word))).collect()
}

/// What the example of a shipped recipe counts as.
fn example(name: &str, words: &[&str]) -> Vec<String> {
    let shipped: Shipped = name.parse().unwrap();
    let metrics = after(name, shipped.traffic()).unwrap();
    let strip = format!(" process={name}");
    rows(&metrics, words).iter().map(|row| row.replace(&strip, "")).collect()
}

#[track_caller]
fn wrong(lines: &str, line: usize, reason: &str) {
    let wrong = after("queue-consumer", lines).err().unwrap();
    assert_eq!((wrong.line, wrong.reason.as_str()), (line, reason));
}

#[test]
fn items_of_a_consumer_end_once() {
    assert_eq!(
        example("queue-consumer", &["work_duration_seconds", "work_in_flight", "work_basis"]),
        [
            "work_basis basis=exact queue=jobs 1",
            "work_basis basis=exact queue=mail 1",
            "work_basis basis=exact queue=tasks 1",
            "work_duration_seconds queue=jobs status=error 1 in 2 s",
            "work_duration_seconds queue=jobs status=ok 1 in 1 s",
            "work_duration_seconds queue=mail status=ok 1 in 0.2 s",
            "work_duration_seconds queue=tasks status=ok 1 in 0.5 s",
            "work_duration_seconds queue=tasks status=unknown 1 in 0.4 s",
            "work_in_flight queue=jobs 0",
            "work_in_flight queue=mail 0",
            "work_in_flight queue=tasks 0",
        ]
    );
}

#[test]
fn a_pool_says_that_it_is_an_estimate() {
    assert_eq!(
        example("queue-pool", &["work_duration_seconds", "work_in_flight", "work_basis"]),
        [
            "work_basis basis=estimate queue=jobs 1",
            // Taken at 0.1 s and 0.2 s, acknowledged at 1.0 s and 1.5 s.
            "work_duration_seconds queue=jobs status=ok 2 in 2.2 s",
            "work_in_flight queue=jobs 1",
        ]
    );
}

#[test]
fn a_routers_requests_and_the_errors_of_its_upstreams() {
    assert_eq!(
        example(
            "sandbox-router",
            &["operation_duration_seconds", "operations_in_flight", "proxy_errors_total"]
        ),
        [
            "operation_duration_seconds kind=agent-runtimes operation=invoke status=error 1 in 0.003 s",
            "operation_duration_seconds kind=agent-runtimes operation=invoke status=ok 1 in 0.82 s",
            "operation_duration_seconds kind=all operation=connect status=error 1 in 0.001 s",
            "operation_duration_seconds kind=all operation=connect status=ok 4 in 0.003 s",
            "operation_duration_seconds kind=all operation=session_lookup status=ok 1 in 0.001 s",
            "operation_duration_seconds kind=all operation=session_touch status=ok 1 in 0.001 s",
            "operation_duration_seconds kind=code-interpreter operation=sandbox_request status=ok 1 in 2 s",
            "operation_duration_seconds kind=code-interpreters operation=invoke status=ok 1 in 2.51 s",
            "operations_in_flight kind=agent-runtimes operation=invoke 1",
            "operations_in_flight kind=all operation=connect 0",
            "operations_in_flight kind=all operation=session_lookup 0",
            "operations_in_flight kind=all operation=session_touch 0",
            "operations_in_flight kind=code-interpreter operation=sandbox_request 0",
            "operations_in_flight kind=code-interpreters operation=invoke 0",
            "proxy_errors_total reason=connection_refused 1",
        ]
    );
}

#[test]
fn a_managers_sandboxes_sessions_and_collections() {
    assert_eq!(
        example("workload-manager", &["operation_duration_seconds"]),
        [
            "operation_duration_seconds kind=agent-runtime operation=sandbox_create status=ok 1 in 2 s",
            "operation_duration_seconds kind=agent-runtime operation=sandbox_delete status=ok 2 in 0.03 s",
            "operation_duration_seconds kind=all operation=gc_cycle status=ok 1 in 0.501 s",
            "operation_duration_seconds kind=all operation=sandbox_rollback status=ok 1 in 0.001 s",
            "operation_duration_seconds kind=all operation=session_create status=ok 2 in 0.002 s",
            "operation_duration_seconds kind=all operation=session_update status=ok 1 in 0.001 s",
            "operation_duration_seconds kind=code-interpreter operation=sandbox_create status=error 1 in 1.01 s",
            "operation_duration_seconds kind=expiry operation=gc_list status=ok 1 in 0.001 s",
            "operation_duration_seconds kind=last_activity operation=gc_list status=ok 1 in 0.001 s",
            "operation_duration_seconds kind=last_activity operation=gc_reclaim status=ok 1 in 0.001 s",
        ]
    );
    assert!(example("workload-manager", &["operations_in_flight"]).iter().all(|row| row.ends_with(" 0")));
}

#[test]
fn an_agents_blobs_and_what_it_asks_for_them() {
    assert_eq!(
        example("kraken-agent", &["operations_total", "served_cache_total", "served_downloads_total"]),
        [
            "operations_total kind=all operation=announce status=ok 1",
            "operations_total kind=all operation=blob_delete status=ok 1",
            "operations_total kind=all operation=metainfo_lookup status=ok 2",
            "operations_total kind=all operation=tag_lookup status=error 1",
            "operations_total kind=all operation=tag_serve status=error 1",
            "served_cache_total kind=blob result=hit 1",
            "served_cache_total kind=blob result=miss 1",
            "served_downloads_total kind=blob status=ok 2",
        ]
    );
}

#[test]
fn an_executors_pull_bears_what_its_recipe_says() {
    let [pull] = &example("executor", &["image_pull_duration_seconds"])[..] else { panic!("one pull") };
    assert!(
        pull.contains("isolation=firecracker") && pull.ends_with("trigger=execution 1 in 0.51 s"),
        "{pull}"
    );
}

/// No example leaves anything that could not be attributed.
#[test]
fn examples_are_whole() {
    for shipped in Shipped::all() {
        let left = example(
            shipped.name(),
            &["exchanges_unattributed_total", "series_dropped_total", "corrections_total"],
        );
        assert!(left.is_empty(), "{shipped}: {left:?}");
    }
}

#[test]
fn a_line_that_is_none_is_told_with_its_number() {
    wrong("now 1 exec", 1, "`now` is no time in seconds such as 0.250");
    wrong("# nothing\n\n0.0000000001 1 exec", 3, "`0.0000000001` is no time in seconds such as 0.250");
    wrong("1 1 exec\n0.5 1 exit 0", 2, "the times go back");
    wrong("1 me exec", 1, "`me` is no process such as 4711, or 4711/4712 with its thread");
    wrong("1 1", 1, "nothing happens to the process");
    wrong("1 1 exec nobody", 1, "no recipe has that name");
    wrong("1 1 exit 0", 1, "process 1 has not begun: `TIME 1 exec`");
    wrong("1 1 exec\n1 1 exit 256", 2, "`256` is no number from 0 to 255");
    wrong("1 1 exec\n1 1 1 connect redis:6379", 2, "`redis:6379` is no address such as 127.0.0.1:6379");
    wrong("1 1 exec\n1 1 1 connected", 2, "connection 1 does not connect");
    wrong("1 1 exec\n1 1 1 closed", 2, "connection 1 is not open");
    wrong(
        "1 1 exec\n1 1 1 connect 127.0.0.1:1\n1 1 1 connect 127.0.0.1:1",
        3,
        "connection 1 is open already",
    );
    wrong("1 1 exec\n1 1 1 served FETCH /", 2, "`FETCH` is no method such as GET");
    wrong("1 1 exec\n1 1 1 asked GET x", 2, "`x` is no path: it begins with a slash");
    wrong("1 1 exec\n1 1 1 got 99", 2, "an answer has a status code from 100 to 599");
    wrong("1 1 exec\n1 1 1 redis-reply integer x", 2, "`x` is no integer");
    wrong(
        "1 1 exec\n1 1 1 redis-reply array 1 a b",
        2,
        "an array has its number of elements, then the first of them",
    );
    wrong(
        "1 1 exec\n1 1 1 redis-reply",
        2,
        "`` is no reply: nil, status WORD, error CODE, integer NUMBER, text WORD, or array COUNT [WORD...]",
    );
    let long = after("queue-consumer", "1 1 exec\n1 1 die").err().unwrap();
    assert!(
        long.reason.starts_with("`die` is not what a process does: exec [RECIPE], fork CHILD"),
        "{}",
        long.reason
    );
    let long = after("queue-consumer", "1 1 exec\n1 1 7 redis").err().unwrap();
    assert!(
        long.reason.starts_with("`redis` is not what happens on a connection: connect ADDRESS"),
        "{}",
        long.reason
    );
    let which = after("queue-consumer queue-pool", "1 1 exec").err().unwrap();
    assert_eq!(which.reason, "the recipe is needed where there is not one: `exec RECIPE`");
}

/// Replies of every kind, on a connection that is known from its beginning: only one with an item begins one.
#[test]
fn replies_of_every_kind_are_told_apart() {
    let begun = |reply: &str| {
        let lines = format!(
            "0 1 exec queue-consumer\n0 1 1 connect 127.0.0.1:6379\n0 1 1 connected\n1 1/1 1 redis BLPOP a 0\n2 1/1 1 \
             redis-reply {reply}\n3 1/1 1 redis BLPOP a 0\n"
        );
        !rows(&after("queue-consumer queue-pool", &lines).unwrap(), &["work_total"]).is_empty()
    };
    assert!(begun("array 2 a ?") && begun("text a"));
    for reply in ["nil", "error WRONGTYPE", "array 0"] {
        assert!(!begun(reply), "{reply}");
    }
}

/// The worked example of docs/recipes.md shows what is really printed.
#[test]
fn the_documented_example_is_so() {
    let page = include_str!("../../../../docs/recipes.md");
    let block = |start: &str, opened: &str| {
        let (_, rest) = page.split_once(start).unwrap();
        let (_, rest) = rest.split_once(opened).unwrap();
        rest.split_once("```").unwrap().0.to_owned()
    };
    let directory = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        let path = directory.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    };
    let recipe = write("worker.toml", &block("**3. The recipe**", "```toml\n"));
    let traffic = write("worker.traffic", &block("`worker.traffic`:", "```text\n"));
    let said = test(recipe, Some(&traffic)).unwrap();
    let (described, counted) = said.split_once("\n\n").unwrap();
    assert_eq!(counted, block("", "--traffic worker.traffic\n"));
    let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    assert_eq!(words(described), words(&block("**4. Is it right?**", "worker.toml\n")));
}

proptest::proptest! {
    /// Whatever stands in the file: an answer, no panic.
    #[test]
    fn any_traffic_is_taken(lines in proptest::collection::vec(
        "[0-9]{1,2}( [1-3](/[1-3])?)?( [1-2])?( (exec|exit|killed|fork|thread-end|connect|connected|refused|closed|redis|redis-reply|served|answered|asked|got))?( (127.0.0.1:1|GET|HEAD|200|1|nil|array|BLPOP|LREM|a|\\?))?( (/|a|\\?|5))?",
        0..30,
    )) {
        let lines = lines.join("\n");
        if let Ok(steps) = traffic::read(&lines) {
            proptest::prop_assert!(steps.len() <= lines.lines().count());
        }
        _ = after("queue-consumer", &format!("0 1 exec\n{lines}"));
    }
}
