//! Which registry a request is counted for.

use super::scene::{BLOB, MANIFEST, Scene, get, ok, response};

fn requests(scene: &mut Scene) -> Vec<String> {
    let said = scene.said(&["request-"]);
    said.iter().map(|line| line.split(' ').skip(1).take(4).collect::<Vec<_>>().join(" ")).collect()
}

fn redirect(location: &str) -> String {
    response(307, &format!("Location: {location}\r\n"), 0, 0)
}

#[test]
fn the_host_of_the_request_names_it() {
    let mut scene = Scene::with_process();
    for host in ["registry.example.co.uk:5000", "127.0.0.1:5000", "localhost:5000", "registry-1.docker.io"] {
        scene.get(host, "/v2/", &ok());
    }
    assert_eq!(
        requests(&mut scene),
        ["example.co.uk", "[IP_ADDRESS]", "[UNKNOWN]", "docker.io"]
            .map(|registry| format!("{registry} ping GET 200"))
    );
}

#[test]
fn a_request_to_a_proxy_names_it_in_its_target() {
    let mut scene = Scene::with_process();
    scene.get("proxy.local", "http://registry.example.com/v2/", &ok());
    assert_eq!(requests(&mut scene), ["example.com ping GET 200"]);
}

#[test]
fn a_mirror_stands_in_for_another() {
    let mut scene = Scene::with_process();
    scene.get("mirror.example.com", &format!("{MANIFEST}?ns=docker.io"), &ok());
    assert_eq!(scene.said(&["request+", "connect"]), ["request+ docker.io", "connect docker.io ok 1ms"]);
}

#[test]
fn a_redirected_blob_belongs_to_the_registry_that_redirected_it() {
    let mut scene = Scene::with_process();
    scene.get("registry.example.com", BLOB, &redirect("http://cdn.example.net/data?signature=a"));
    // Through a second hop, and a relative one.
    scene.get("cdn.example.net", "/data?signature=a", &redirect("http://edge.example.org:8080/a/b"));
    scene.get("edge.example.org:8080", "/a/b", &redirect("c?d"));
    scene.get("edge.example.org:8080", "/a/c?d", &ok());
    assert_eq!(
        requests(&mut scene),
        [
            "example.com blob GET 307",
            "example.com blob GET 307",
            "example.com blob GET 307",
            "example.com blob GET 200"
        ]
    );
    // Anything else there is its own.
    scene.get("cdn.example.net", "/data?signature=b", &ok());
    assert_eq!(requests(&mut scene), ["example.net other GET 200"]);
}

#[test]
fn a_redirect_is_its_processs_own_and_is_forgotten() {
    let mut scene = Scene::with_process();
    scene.process(2);
    scene.get("registry.example.com", BLOB, &redirect("http://cdn.example.net/data"));
    scene.get_by(2, "cdn.example.net", "/data", &ok());
    scene.wait(19 * 60 * 1000);
    scene.get("cdn.example.net", "/data", &ok());
    scene.wait(19 * 60 * 1000);
    scene.get("cdn.example.net", "/data", &ok());
    scene.wait(21 * 60 * 1000);
    scene.get("cdn.example.net", "/data", &ok());
    assert_eq!(
        requests(&mut scene)[1..],
        [
            "example.net other GET 200",
            "example.com blob GET 200",
            "example.com blob GET 200",
            "example.net other GET 200"
        ]
    );
}

#[test]
fn a_head_is_redirected_as_well() {
    let mut scene = Scene::with_process();
    let conn = scene.connect(1, "10.0.0.1:80");
    scene.send(conn, format!("HEAD {BLOB} HTTP/1.1\r\nHost: registry.example.com\r\n\r\n"));
    scene.receive(conn, redirect("http://cdn.example.net/data"));
    scene.get("cdn.example.net", "/data", &ok());
    assert_eq!(requests(&mut scene), ["example.com blob HEAD 307", "example.com blob GET 200"]);
}

#[test]
fn a_token_server_belongs_to_the_registry_whose_challenge_named_it() {
    let mut scene = Scene::with_process();
    let field = "WWW-Authenticate: Bearer realm=\"http://auth.example.net/give\",service=\"x\"\r\n";
    scene.get("registry.example.com", "/v2/", &response(401, field, 0, 0));
    scene.get("auth.example.net", "/give?scope=y", &ok());
    scene.get("auth.example.net", "/other", &ok());
    // Of the usual shape, but nobody named it.
    scene.get("auth.docker.io", "/token?service=registry.docker.io", &ok());
    assert_eq!(
        requests(&mut scene),
        [
            "example.com ping GET 401",
            "example.com token GET 200",
            "example.net other GET 200",
            "docker.io token GET 200"
        ]
    );
}

#[test]
fn an_old_client_without_a_host_is_told_by_its_address() {
    let mut scene = Scene::with_process();
    let conn = scene.connect(1, "10.0.0.1:80");
    scene.send(conn, "GET /v2/ HTTP/1.0\r\n\r\n");
    scene.receive(conn, ok());
    scene.close(conn);
    assert_eq!(requests(&mut scene), ["[IP_ADDRESS] ping GET 200"]);
}

#[test]
fn another_program_in_the_same_process_knows_nothing_of_the_first() {
    let mut scene = Scene::with_process();
    scene.get("registry.example.com", BLOB, &redirect("http://cdn.example.net/data"));
    scene.tell(crate::model::event::Event::ProcessBegan {
        found: false,
        pid: 1,
        target: crate::model::event::TargetId(5),
        time: scene.now,
    });
    scene.all();
    let conn = scene.connect(1, "10.0.0.1:80");
    scene.pass_on(conn, 1);
    scene.send(conn, get("cdn.example.net", "/data"));
    assert!(!scene.all().iter().any(|line| line.contains("example.com")));
}
