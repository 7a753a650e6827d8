//! Operations of recipes.

use serde::Deserialize;
use toml::Spanned;

use super::scene::{Scene, get, response};
use crate::model::event::{Direction, Ending, Event, Phase, TargetId};
use crate::recipes::file::WrittenRecipe;
use crate::recipes::rule::Rule;

const REDIS: &str = "10.0.0.6:6379";

/// The rules of a recipe whose rules these are.
pub fn rules(text: &str) -> Vec<Rule> {
    #[derive(Deserialize)]
    struct File {
        recipe: Vec<Spanned<WrittenRecipe>>,
    }
    let text = format!("[[recipe]]\nname = \"app\"\nabout = \"x\"\ncomm = \"app\"\n{text}");
    let file: File = toml::from_str(&text).unwrap();
    file.recipe.into_iter().flat_map(|recipe| recipe.into_inner().check(&(0..0)).unwrap().rules).collect()
}

/// A command as clients send it.
pub fn command(words: &str) -> String {
    let words: Vec<&str> = words.split(' ').collect();
    let bulk = words.iter().map(|word| format!("${}\r\n{word}\r\n", word.len()));
    format!("*{}\r\n{}", words.len(), bulk.collect::<String>())
}

fn operations(text: &str, act: impl FnOnce(&mut Scene)) -> Vec<String> {
    let mut scene = Scene::with_rules(rules(text));
    act(&mut scene);
    scene.said(&["operation+", "operation-", "value-dropped", "corrected"])
}

const SERVED: &str = r#"
[[recipe.operation]]
operation = "create"
kind = { from = "kind", values = ["agent", "interpreter"] }
during = { served = "POST|GET /v1/{kind}" }
"#;

fn serves(target: &str, code: u16) -> Vec<String> {
    operations(SERVED, |scene| {
        let conn = scene.accept(1);
        scene.receive(conn, get("me", target));
        scene.send(conn, response(code, "", 3, 3));
    })
}

#[test]
fn exchanges() {
    assert_eq!(serves("/v1/agent", 200), ["operation+ create agent", "operation- create agent Ok 1ms"]);
    assert_eq!(
        serves("/v1/agent?x=1", 404),
        ["operation+ create agent", "operation- create agent Error 1ms"]
    );
    assert_eq!(serves("/v1/more", 200), ["operation+ create [OTHER]", "operation- create [OTHER] Ok 1ms"]);
    assert_eq!(serves("/v2/agent", 200), [""; 0]);
    let cut = operations(SERVED, |scene| {
        let conn = scene.accept(1);
        scene.receive(conn, get("me", "/v1/agent"));
        scene.close(conn);
    });
    assert_eq!(cut, ["operation+ create agent", "operation- create agent Error 1ms"]);
    let asked = operations(SERVED, |scene| scene.get("other", "/v1/agent", &response(200, "", 3, 3)));
    assert_eq!(asked, [""; 0], "the other side");
}

#[test]
fn codes_that_are_good() {
    let text = format!("{SERVED}ok = [\"404\", \"2xx\"]\n");
    for (code, status) in [(404, "Ok"), (204, "Ok"), (302, "Error"), (500, "Error")] {
        let said = operations(&text, |scene| {
            let conn = scene.accept(1);
            scene.receive(conn, get("me", "/v1/agent"));
            scene.send(conn, response(code, "", 0, 0));
        });
        assert_eq!(said[1], format!("operation- create agent {status} 1ms"), "{code}");
    }
}

#[test]
fn redis_calls() {
    let text = r#"
        [[recipe.operation]]
        operation = "session_create"
        during = { redis = "SETNX session:{id} *" }
        ok = ["1"]
    "#;
    for (reply, status) in [(":1\r\n", "Ok"), (":0\r\n", "Error"), ("-ERR no\r\n", "Error")] {
        let said = operations(text, |scene| {
            let conn = scene.connect(1, REDIS);
            scene.send(conn, command("setnx session:7 {}") + &command("zadd session:expiry 1 7"));
            scene.receive(conn, format!("{reply}:1\r\n"));
        });
        let ended = format!("operation- session_create all {status} 1ms");
        assert_eq!(said, ["operation+ session_create all", &ended], "{reply}");
    }
    let cut = operations(text, |scene| {
        let conn = scene.connect(1, REDIS);
        scene.send(conn, command("SETNX session:7 {}"));
        scene.close(conn);
    });
    assert_eq!(cut[1], "operation- session_create all Error 1ms");
}

#[test]
fn connects() {
    let text = r#"
        [[recipe.operation]]
        operation = "dial"
        during = { connect = "10.0.0.6:6379" }
    "#;
    let said = operations(text, |scene| {
        scene.connect(1, REDIS);
        scene.connect(1, "10.0.0.7:6379");
        let conn = scene.connecting(1, REDIS, Phase::Called);
        scene.change(conn, Phase::Connecting, 0);
        scene.change(conn, Phase::Ended, 111);
    });
    let ends = ["operation- dial all Ok 1ms", "operation- dial all Error 2ms"];
    assert_eq!(said, ["operation+ dial all", ends[0], "operation+ dial all", ends[1]]);
}

#[test]
fn processes() {
    let text = r#"
        [[recipe.operation]]
        operation = "job"
        during = { process = true }
        ok = ["0", "3"]
    "#;
    let endings = [
        (Ending::Exited(0), "Ok 1ms"),
        (Ending::Exited(3), "Ok 1ms"),
        (Ending::Exited(4), "Error 1ms"),
        (Ending::Killed(9), "Error 1ms"),
        (Ending::Unknown, "Unknown -"),
    ];
    for (how, status) in endings {
        let shown = format!("{how:?}");
        let said = operations(text, |scene| scene.exits_with(1, how));
        assert_eq!(said, ["operation+ job all", &format!("operation- job all {status}")], "{shown}");
    }
}

#[test]
fn a_process_that_was_there_before() {
    let text = "[[recipe.operation]]\noperation = \"job\"\nduring = { process = true }\n";
    let said = operations(text, |scene| {
        scene.tell(Event::ProcessBegan { found: true, pid: 2, target: TargetId(0), time: scene.now });
        scene.exits_with(2, Ending::Exited(0));
    });
    assert_eq!(said, ["operation+ job all"], "that of process 1");
}

const COLLECTS: &str = r#"
    [[recipe.operation]]
    operation = "gc_cycle"
    begin = { command = "ZRANGEBYSCORE session:{set} **" }
    also = [{ reply = "DEL session:{id}" }]
    failed = [{ reply = "DEL session:{id}", is = "error" }]
    quiet = "2s"
    each = "process"

    [[recipe.operation]]
    operation = "gc_reclaim"
    during = { redis = "DEL session:{id}" }
    within = "gc_cycle"
"#;

#[test]
fn what_ends_when_it_is_quiet_and_what_is_within() {
    let said = operations(COLLECTS, |scene| {
        let conn = scene.connect(1, REDIS);
        scene.send(conn, command("DEL session:1"));
        scene.receive(conn, ":1\r\n");
        scene.send(conn, command("ZRANGEBYSCORE session:last -inf 5"));
        scene.receive(conn, "*1\r\n$1\r\n2\r\n");
        scene.wait(1500);
        scene.send(conn, command("ZRANGEBYSCORE session:expiry -inf 5"));
        scene.receive(conn, "*0\r\n");
        scene.wait(1500);
        scene.send(conn, command("DEL session:2"));
        scene.receive(conn, ":1\r\n");
        scene.wait(5000);
        scene.send(conn, command("DEL session:3"));
    });
    let reclaim = ["operation+ gc_reclaim all", "operation- gc_reclaim all Ok 1ms"];
    let cycle = ["operation+ gc_cycle all", "operation- gc_cycle all Ok 3005ms"];
    assert_eq!(said, [cycle[0], reclaim[0], reclaim[1], cycle[1]]);
}

#[test]
fn what_failed_and_went_on() {
    let said = operations(COLLECTS, |scene| {
        let conn = scene.connect(1, REDIS);
        scene.send(conn, command("ZRANGEBYSCORE session:last -inf 5"));
        scene.receive(conn, "*1\r\n$1\r\n2\r\n");
        scene.send(conn, command("DEL session:2"));
        scene.receive(conn, "-READONLY no\r\n");
        scene.wait(3000);
    });
    assert_eq!(said.last().unwrap(), "operation- gc_cycle all Error 3ms");
}

#[test]
fn values_without_room() {
    let text = r#"
        [[recipe.operation]]
        operation = "get"
        kind = { from = "key", most = 2 }
        during = { redis = "GET {key}" }
    "#;
    let said = operations(text, |scene| {
        let conn = scene.connect(1, REDIS);
        for key in ["a", "b", "a", "c"] {
            scene.send(conn, command(&format!("GET {key}")));
            scene.receive(conn, "$-1\r\n");
        }
        scene.send(conn, command(&format!("GET {}", "x".repeat(100))));
        scene.receive(conn, "$-1\r\n");
    });
    let kinds: Vec<&str> = said.iter().filter_map(|line| line.strip_prefix("operation+ get ")).collect();
    assert_eq!(kinds, ["a", "b", "a", "[OTHER]", "unknown"], "the last is longer than is kept");
    assert!(said.contains(&"value-dropped operation_duration_seconds".to_owned()), "{said:?}");
}

#[test]
fn an_end_that_never_comes_is_given_up() {
    let text = r#"
        [[recipe.operation]]
        operation = "job"
        begin = { served = "POST|GET /start", at = "request" }
        end = [{ served = "POST|GET /end", at = "answer" }]
        each = "process"
        longest = "1m"
    "#;
    let said = operations(text, |scene| {
        let conn = scene.accept(1);
        scene.receive(conn, get("me", "/start"));
        scene.send(conn, response(200, "", 0, 0));
        scene.receive(conn, get("me", "/end"));
        scene.send(conn, response(200, "", 0, 0));
        scene.receive(conn, get("me", "/start"));
        scene.wait(61_000);
    });
    let job = "operation+ job all";
    let ends =
        ["operation- job all Ok 3ms", "operation- job all Unknown -", "corrected operations_in_flight"];
    assert_eq!(said, [job, ends[0], job, ends[1], ends[2]]);
}

#[test]
fn bytes_that_nobody_saw() {
    let text = "[[recipe.operation]]\noperation = \"get\"\nduring = { redis = \"GET *\" }\n";
    let said = operations(text, |scene| {
        let conn = scene.connect(1, REDIS);
        scene.send(conn, command("GET a"));
        scene.lose(conn, Direction::Received, 7);
        scene.close(conn);
    });
    assert_eq!(said, ["operation+ get all", "operation- get all Unknown -"]);
}

/// What a list was for is told of what it listed, until another list has it.
#[test]
fn values_that_lists_tell() {
    let text = r#"
        [[recipe.operation]]
        operation = "gc_reclaim"
        kind = { from = "by", listed_by = "ZRANGEBYSCORE session:{by} **", item = "id", values = ["idle", "expiry"] }
        during = { redis = "DEL session:{id}" }
    "#;
    let said = operations(text, |scene| {
        let conn = scene.connect(1, REDIS);
        scene.send(conn, command("ZRANGEBYSCORE session:idle -inf 5"));
        scene.receive(conn, "*2\r\n$1\r\na\r\n$1\r\nb\r\n");
        scene.send(conn, command("ZRANGEBYSCORE session:expiry -inf 5"));
        scene.receive(conn, "*1\r\n$1\r\nb\r\n");
        for id in ["a", "b", "c"] {
            scene.send(conn, command(&format!("DEL session:{id}")));
            scene.receive(conn, ":1\r\n");
        }
    });
    let begun: Vec<&str> =
        said.iter().filter_map(|line| line.strip_prefix("operation+ gc_reclaim ")).collect();
    assert_eq!(begun, ["idle", "expiry", "unknown"]);
}
