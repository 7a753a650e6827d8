//! A client of the CRI (runtime service and image service), as the kubelet and crictl are.
//!
//! It is a process of its own (`go/grpc.go`), with the library that those two have, so that what it sends looks like what they
//! send: header fields that are indexed once and referred to ever after, `grpc-timeout`, a reset of the stream when a deadline
//! passes. A test gives the process its name, lets many calls run at once on its one connection, and may kill it.

use std::collections::HashMap;
use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::marker::PhantomData;
use std::path::Path;
use std::process::{Child, ChildStdin, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use prost::Message;
use serde::Deserialize;
use serde_json::json;
use tempfile::TempDir;

use crate::go::{grpc_client, installed_as};
use crate::place::Place;
use crate::process::{Outcome, PATIENCE};

pub mod code;
pub mod messages;

use messages::{
    AuthConfig, Container, ContainerConfig, ContainerMetadata, ContainerStatsResponse, ContainerStatus,
    ContainerStatusResponse, CreateContainerRequest, Empty, ExecSyncRequest, ExecSyncResponse, Id, Image,
    ImageRequest, ImageSpec, ImageStatusResponse, LinuxPodSandboxConfig, LinuxSandboxSecurityContext,
    ListContainersResponse, ListImagesResponse, ListPodSandboxResponse, NamespaceOption, PodSandbox,
    PodSandboxConfig, PodSandboxMetadata, PullImageRequest, PullImageResponse, RunPodSandboxRequest,
    StopContainerRequest,
};

/// `NODE` of the CRI's `NamespaceMode`: no network of its own, so no CNI.
pub(crate) const NODE: i32 = 2;

/// A version of the CRI. The messages are the same.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Version {
    /// `runtime.v1`.
    #[default]
    V1,
    /// `runtime.v1alpha2`.
    V1Alpha2,
}

/// How a call ended, as its client was told.
#[derive(Clone, Debug)]
pub struct Answer<A> {
    /// The status code.
    pub code: u32,
    /// The message that came with it.
    pub message: String,
    /// The answer, empty unless the code is [`code::OK`].
    pub answer: A,
    /// From the call to its end, by the client's own clock.
    pub wall: Duration,
}

impl<A: std::fmt::Debug> Answer<A> {
    /// The answer.
    ///
    /// # Panics
    /// When the call failed.
    #[track_caller]
    pub fn expect_ok(self) -> A {
        assert_eq!(self.code, code::OK, "{self:?}");
        self.answer
    }

    /// The same.
    ///
    /// # Panics
    /// When the call did not fail with this code.
    #[track_caller]
    #[must_use]
    pub fn expect_code(self, code: u32) -> Self {
        assert_eq!(self.code, code, "{self:?}");
        self
    }
}

/// A call that goes on.
pub struct Call<A> {
    number: u64,
    end: Receiver<End>,
    answer: PhantomData<A>,
}

impl<A: Message + Default> Call<A> {
    /// Waits for its end.
    ///
    /// # Panics
    /// When none comes, or the client is gone.
    #[track_caller]
    pub fn wait(self) -> Answer<A> {
        let end = self.end.recv_timeout(PATIENCE).expect("the end of a call");
        let bytes = BASE64_STANDARD.decode(end.body.unwrap_or_default()).expect("a message in base64");
        let answer = A::decode(&bytes[..]).expect("a message of the CRI");
        Answer { code: end.code, message: end.message, answer, wall: Duration::from_nanos(end.nanoseconds) }
    }
}

/// What the process says of a call that has ended.
#[derive(Deserialize)]
struct End {
    call: u64,
    code: u32,
    message: String,
    // Go writes an empty list as null.
    body: Option<String>,
    nanoseconds: u64,
}

type Waiting = Arc<Mutex<HashMap<u64, Sender<End>>>>;

/// What to pull, and how.
#[derive(Clone, Debug, Default)]
pub struct Pull<'a> {
    /// The image.
    pub image: &'a str,
    /// User name and password.
    pub credentials: Option<(&'a str, &'a str)>,
    /// The pod that it is for.
    pub pod: Option<&'a PodSandboxConfig>,
    /// Handler that the image is for.
    pub handler: &'a str,
    /// How long it may take.
    pub deadline: Option<Duration>,
}

/// A running client with its connection; killed when dropped.
pub struct Client {
    child: Child,
    orders: Mutex<Option<ChildStdin>>,
    waiting: Waiting,
    next: AtomicU64,
    version: Version,
    dir: TempDir,
}

impl Client {
    /// Starts a client whose process is called `name`, with a connection to `socket`.
    #[track_caller]
    pub fn start(name: &str, socket: &Path) -> Self {
        Self::start_with(name, socket, Version::default())
    }

    /// The same for a version of the CRI.
    #[track_caller]
    pub fn start_with(name: &str, socket: &Path, version: Version) -> Self {
        let dir = tempfile::tempdir().expect("a directory for a client");
        let mut command = Place::machine().command(installed_as(&grpc_client(), dir.path(), name));
        let errors = File::create(dir.path().join("errors")).expect("a file for what a client says");
        command.arg(socket).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(errors);
        let mut child = command.spawn().expect("start a client of the CRI");
        let (orders, ends) =
            (child.stdin.take().expect("its input"), child.stdout.take().expect("its output"));
        let waiting = Waiting::default();
        thread::spawn({
            let waiting = Arc::clone(&waiting);
            // Ends with the process. Whoever still waits then finds that nobody will answer.
            move || {
                for line in BufReader::new(ends).lines().map_while(Result::ok) {
                    let end: End = serde_json::from_str(&line).expect("what the client says is JSON");
                    let waits = waiting.lock().expect("no panic elsewhere").remove(&end.call);
                    // A call that nobody waits for any more has an end too.
                    let _ = waits.map(|waits| waits.send(end));
                }
                waiting.lock().expect("no panic elsewhere").clear();
            }
        });
        Self { child, orders: Mutex::new(Some(orders)), waiting, next: AtomicU64::new(1), version, dir }
    }

    /// The process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// What it has said on its standard error.
    pub fn errors(&self) -> String {
        std::fs::read_to_string(self.dir.path().join("errors")).unwrap_or_default()
    }

    /// Begins to call `service` (`Image`, `Runtime`) by the name of a method.
    #[track_caller]
    pub fn begin<A>(
        &self,
        service: &str,
        method: &str,
        request: &impl Message,
        deadline: Option<Duration>,
    ) -> Call<A> {
        let version = match self.version {
            Version::V1 => "v1",
            Version::V1Alpha2 => "v1alpha2",
        };
        self.begin_at(&format!("/runtime.{version}.{service}Service/{method}"), request, deadline)
    }

    /// Begins to call a method of any service by its path.
    #[track_caller]
    pub fn begin_at<A>(&self, path: &str, request: &impl Message, deadline: Option<Duration>) -> Call<A> {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let (told, end) = channel();
        self.waiting.lock().expect("no panic elsewhere").insert(number, told);
        let deadline = deadline.map_or(0, |deadline| deadline.as_millis());
        self.order(&json!({
            "call": number,
            "method": path,
            "body": BASE64_STANDARD.encode(request.encode_to_vec()),
            "deadline_ms": u64::try_from(deadline).expect("a short time"),
        }));
        Call { number, end, answer: PhantomData }
    }

    #[track_caller]
    fn order(&self, order: &serde_json::Value) {
        let mut orders = self.orders.lock().expect("no panic elsewhere");
        let orders = orders.as_mut().expect("the client takes orders");
        writeln!(orders, "{order}").unwrap_or_else(|error| panic!("{error}: {}", self.errors()));
    }

    /// Gives a call up.
    #[track_caller]
    pub fn cancel<A>(&self, call: &Call<A>) {
        self.order(&json!({ "cancel": call.number }));
    }

    /// Lets the calls that go on come to their end, then the process.
    pub fn stop(mut self) {
        drop(self.orders.lock().expect("no panic elsewhere").take());
        let _ = self.child.wait();
    }

    /// Kills the process with all that it waits for.
    pub fn kill(self) {
        drop(self);
    }

    /// Begins to pull.
    #[track_caller]
    pub fn begin_pull(&self, pull: &Pull<'_>) -> Call<PullImageResponse> {
        let Pull { image, credentials, pod, handler, deadline } = *pull;
        let auth = credentials.map(|(username, password)| AuthConfig {
            username: username.to_owned(),
            password: password.to_owned(),
            server_address: String::new(),
        });
        let runtime_handler = handler.to_owned();
        let image = ImageSpec { image: image.to_owned(), runtime_handler, ..ImageSpec::default() };
        let request = PullImageRequest { image: Some(image), auth, sandbox_config: pod.cloned() };
        self.begin("Image", "PullImage", &request, deadline)
    }

    /// Pulls, and waits for the end.
    #[track_caller]
    pub fn pull(&self, pull: &Pull<'_>) -> Answer<PullImageResponse> {
        self.begin_pull(pull).wait()
    }

    /// Asks for an image.
    #[track_caller]
    pub fn image_status(&self, image: &str) -> Answer<ImageStatusResponse> {
        self.begin("Image", "ImageStatus", &image_request(image), None).wait()
    }

    /// All images.
    #[track_caller]
    pub fn images(&self) -> Vec<Image> {
        self.begin::<ListImagesResponse>("Image", "ListImages", &Empty {}, None).wait().expect_ok().images
    }

    /// Removes an image.
    #[track_caller]
    pub fn remove_image(&self, image: &str) -> Answer<Empty> {
        self.begin("Image", "RemoveImage", &image_request(image), None).wait()
    }

    /// Creates a sandbox with a handler, empty for the default one, and starts it.
    #[track_caller]
    pub fn run_sandbox(&self, pod: &PodSandboxConfig, handler: &str) -> Answer<Id> {
        let request = RunPodSandboxRequest { config: Some(pod.clone()), runtime_handler: handler.to_owned() };
        self.begin("Runtime", "RunPodSandbox", &request, None).wait()
    }

    /// Stops a sandbox and what is in it.
    #[track_caller]
    pub fn stop_sandbox(&self, id: &str) -> Answer<Empty> {
        self.about("StopPodSandbox", id)
    }

    /// Removes a sandbox and what is in it.
    #[track_caller]
    pub fn remove_sandbox(&self, id: &str) -> Answer<Empty> {
        self.about("RemovePodSandbox", id)
    }

    /// All sandboxes.
    #[track_caller]
    pub fn sandboxes(&self) -> Vec<PodSandbox> {
        let call = self.begin::<ListPodSandboxResponse>("Runtime", "ListPodSandbox", &Empty {}, None);
        call.wait().expect_ok().items
    }

    /// Creates a container of `image` in a sandbox. It gets the name `name`.
    #[track_caller]
    pub fn create_container(
        &self,
        sandbox: &str,
        pod: &PodSandboxConfig,
        name: &str,
        image: &str,
    ) -> Answer<Id> {
        let image = ImageSpec { image: image.to_owned(), ..ImageSpec::default() };
        let metadata = ContainerMetadata { name: name.to_owned(), attempt: 0 };
        let config =
            ContainerConfig { metadata: Some(metadata), image: Some(image), ..ContainerConfig::default() };
        self.create_container_by(sandbox, pod, config)
    }

    /// Creates a container in a sandbox.
    #[track_caller]
    pub fn create_container_by(
        &self,
        sandbox: &str,
        pod: &PodSandboxConfig,
        config: ContainerConfig,
    ) -> Answer<Id> {
        let request = CreateContainerRequest {
            pod_sandbox_id: sandbox.to_owned(),
            config: Some(config),
            sandbox_config: Some(pod.clone()),
        };
        self.begin("Runtime", "CreateContainer", &request, None).wait()
    }

    /// Starts a container.
    #[track_caller]
    pub fn start_container(&self, id: &str) -> Answer<Empty> {
        self.about("StartContainer", id)
    }

    /// What is known of a container.
    #[track_caller]
    pub fn container_status(&self, id: &str) -> ContainerStatus {
        let response: Answer<ContainerStatusResponse> = self.about("ContainerStatus", id);
        response.expect_ok().status.expect("a status")
    }

    /// How much memory a container has, as the kubelet counts it: its working set, in bytes.
    #[track_caller]
    pub fn working_set(&self, id: &str) -> u64 {
        let response: Answer<ContainerStatsResponse> = self.about("ContainerStats", id);
        let stats = response.expect_ok().stats.expect("figures of a container");
        stats.memory.and_then(|memory| memory.working_set_bytes).expect("its memory").value
    }

    /// Runs a program in a container to its end.
    #[track_caller]
    pub fn exec(&self, id: &str, words: &[&str]) -> Outcome {
        let cmd = words.iter().map(ToString::to_string).collect();
        let request = ExecSyncRequest { container_id: id.to_owned(), cmd };
        let call = self.begin::<ExecSyncResponse>("Runtime", "ExecSync", &request, None);
        let Answer { code, message, answer, wall } = call.wait();
        assert_eq!(code, code::OK, "{message}");
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        Outcome {
            code: Some(answer.exit_code),
            signal: None,
            stdout: text(answer.stdout),
            stderr: text(answer.stderr),
            wall,
            timed_out: false,
        }
    }

    /// Stops a container: it has a second to end by itself.
    #[track_caller]
    pub fn stop_container(&self, id: &str) -> Answer<Empty> {
        let request = StopContainerRequest { id: id.to_owned(), timeout: 1 };
        self.begin("Runtime", "StopContainer", &request, None).wait()
    }

    /// Removes a container.
    #[track_caller]
    pub fn remove_container(&self, id: &str) -> Answer<Empty> {
        self.about("RemoveContainer", id)
    }

    /// All containers.
    #[track_caller]
    pub fn containers(&self) -> Vec<Container> {
        let call = self.begin::<ListContainersResponse>("Runtime", "ListContainers", &Empty {}, None);
        call.wait().expect_ok().containers
    }

    #[track_caller]
    fn about<A: Message + Default>(&self, method: &str, id: &str) -> Answer<A> {
        self.begin("Runtime", method, &Id { id: id.to_owned() }, None).wait()
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        if self.child.try_wait().ok().flatten().is_none() {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}

/// A pod on the node's network, of this name, which is its uid too.
pub fn pod(name: &str) -> PodSandboxConfig {
    let metadata = PodSandboxMetadata {
        name: name.to_owned(),
        uid: name.to_owned(),
        namespace: "tests".to_owned(),
        attempt: 0,
    };
    let options = NamespaceOption { network: NODE, pid: 0 };
    let context = LinuxSandboxSecurityContext { namespace_options: Some(options), privileged: false };
    let linux = LinuxPodSandboxConfig { cgroup_parent: String::new(), security_context: Some(context) };
    PodSandboxConfig { metadata: Some(metadata), linux: Some(linux), ..PodSandboxConfig::default() }
}

fn image_request(image: &str) -> ImageRequest {
    ImageRequest { image: Some(ImageSpec { image: image.to_owned(), ..ImageSpec::default() }) }
}
