//! Pod sandboxes.

use super::pulling::{CRI, Grpc, IMAGE, field, message};
use super::scene::Scene;

const SAID: [&str; 3] = ["sandbox-created", "sandbox-deleted", "sandbox-rolled-back"];

struct Kubelet {
    scene: Scene,
    grpc: Grpc,
    stream: u32,
}

impl Kubelet {
    fn new() -> Self {
        let mut scene = Scene::new();
        scene.program(1, CRI);
        let grpc = scene.grpc_server(1, Some((90, "kubelet")));
        Self { scene, grpc, stream: 1 }
    }

    fn ask(&mut self, method: &str, request: &[Vec<u8>]) -> u32 {
        self.stream += 2;
        let path = format!("/runtime.v1.RuntimeService/{method}");
        self.grpc.ask(&mut self.scene, self.stream, &path, &message(request));
        self.stream
    }

    fn call(&mut self, method: &str, request: &[Vec<u8>], answer: &[Vec<u8>]) {
        let stream = self.ask(method, request);
        self.grpc.answer(&mut self.scene, stream, &message(answer));
    }

    fn fails(&mut self, method: &str, request: &[Vec<u8>]) {
        let stream = self.ask(method, request);
        self.grpc.fail(&mut self.scene, stream, "2", "no");
    }

    fn run(&mut self, id: &str, handler: &str) {
        self.call("RunPodSandbox", &sandbox(handler), &[field(1, id)]);
    }

    fn container(&mut self, sandbox: &str, id: &str) {
        self.call("CreateContainer", &[field(1, sandbox)], &[field(1, id)]);
    }

    fn remove(&mut self, id: &str) {
        self.call("RemovePodSandbox", &[field(1, id)], &[]);
    }

    fn said(&mut self) -> Vec<String> {
        self.scene.said(&SAID)
    }
}

/// A `RunPodSandboxRequest` for the pod with the uid `uid`.
fn sandbox(handler: &str) -> Vec<Vec<u8>> {
    let config = field(1, field(1, [field(1, "name"), field(2, "uid")].concat()));
    if handler.is_empty() { vec![config] } else { vec![config, field(2, handler)] }
}

#[test]
fn a_sandbox_in_which_something_ran_is_removed() {
    let mut kubelet = Kubelet::new();
    kubelet.run("s1", "kata");
    kubelet.container("s1", "c1");
    kubelet.call("StartContainer", &[field(1, "c1")], &[]);
    kubelet.call("StopPodSandbox", &[field(1, "s1")], &[]);
    kubelet.remove("s1");
    // Who removes it again has nothing to remove.
    kubelet.remove("s1");
    assert_eq!(
        kubelet.said(),
        ["sandbox-created kata ok", "sandbox-deleted kata ok", "sandbox-deleted unknown ok"]
    );
}

#[test]
fn a_sandbox_in_which_nothing_was_started_is_rolled_back() {
    for steps in ["", "c", "cf"] {
        let mut kubelet = Kubelet::new();
        kubelet.run("s1", "");
        kubelet.said();
        for step in steps.chars() {
            match step {
                'c' => kubelet.container("s1", "c1"),
                _ => kubelet.fails("StartContainer", &[field(1, "c1")]),
            }
        }
        kubelet.fails("RemovePodSandbox", &[field(1, "s1")]);
        assert_eq!(kubelet.said(), ["sandbox-deleted default error"], "{steps}");
        kubelet.remove("s1");
        assert_eq!(kubelet.said(), ["sandbox-deleted default ok", "sandbox-rolled-back default"], "{steps}");
    }
}

#[test]
fn a_sandbox_that_could_not_be_created_is_rolled_back() {
    let mut kubelet = Kubelet::new();
    kubelet.fails("RunPodSandbox", &sandbox("runc"));
    assert_eq!(kubelet.said(), ["sandbox-created runc error", "sandbox-rolled-back runc"]);
    let stream = kubelet.ask("RunPodSandbox", &sandbox("runc"));
    kubelet.grpc.give_up(&mut kubelet.scene, stream);
    assert_eq!(kubelet.said(), ["sandbox-created runc error", "sandbox-rolled-back runc"]);
}

#[test]
fn of_a_sandbox_from_before_no_handler_is_known() {
    let mut kubelet = Kubelet::new();
    kubelet.call("StartContainer", &[field(1, "c0")], &[]);
    kubelet.remove("s0");
    assert_eq!(kubelet.said(), ["sandbox-deleted unknown ok"]);
}

/// Whether something was started in it is not known when the end of the call was not seen.
#[test]
fn what_may_have_been_started_is_no_rollback() {
    for how in ["cut", "lost", "unread-create"] {
        let mut kubelet = Kubelet::new();
        kubelet.run("s1", "");
        if how == "unread-create" {
            // The id of the container is not in the answer that was captured.
            kubelet.call("CreateContainer", &[field(1, "s1")], &[]);
            kubelet.call("StartContainer", &[field(1, "c1")], &[]);
        } else {
            kubelet.container("s1", "c1");
            let stream = kubelet.ask("StartContainer", &[field(1, "c1")]);
            if how == "cut" {
                kubelet.grpc.give_up(&mut kubelet.scene, stream);
            } else {
                let conn = kubelet.grpc.frames.conn;
                kubelet.scene.lose_event(conn);
                kubelet.scene.progress(conn);
            }
        }
        kubelet.remove("s1");
        assert_eq!(kubelet.said()[1..], ["sandbox-deleted default ok"], "{how}");
    }
}

#[test]
fn a_pull_for_a_pod_has_the_handler_of_its_sandbox() {
    let mut kubelet = Kubelet::new();
    kubelet.run("s1", "gvisor");
    let pod = |uid: &str| field(3, field(1, [field(1, "name"), field(2, uid)].concat()));
    for (uid, isolation) in [("uid", "gvisor"), ("another", "default")] {
        kubelet.stream += 2;
        let request = message(&[field(1, field(1, IMAGE)), pod(uid)]);
        let (grpc, stream) = (kubelet.grpc, kubelet.stream);
        grpc.ask(&mut kubelet.scene, stream, "/runtime.v1.ImageService/PullImage", &request);
        grpc.answer(&mut kubelet.scene, stream, &message(&[field(1, "id")]));
        let expected = format!("target 1 example.com {isolation} ok on-disk no-creds execution");
        assert_eq!(kubelet.scene.pulled(), [expected]);
    }
}

#[test]
fn handlers_are_few_and_have_names() {
    let mut kubelet = Kubelet::new();
    for number in 0..40 {
        kubelet.run(&format!("s{number}"), &format!("handler-{number}"));
    }
    let said = kubelet.said();
    assert_eq!(said[31], "sandbox-created handler-31 ok");
    assert_eq!(said[32..], vec!["sandbox-created other ok"; 8]);
    kubelet.run("x", "a b");
    kubelet.run("y", &"a".repeat(64));
    assert_eq!(kubelet.said(), ["sandbox-created other ok"; 2]);
}
