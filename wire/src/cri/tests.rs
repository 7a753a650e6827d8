//! The oracle is `prost`, with messages as `api.proto` has them, as far as they matter here.

use std::collections::BTreeMap;

use proptest::prelude::*;
use prost::Message as _;

use super::*;
use crate::grpc::Message;

mod proto;

use proto::*;

const IMAGE: &str = "registry.example.com:5000/team/app:v1";
const ID: &str = "3f4e8b6f9d2a4c5e8b6f9d2a4c5e3f4e8b6f9d2a4c5e8b6f9d2a4c5e8b6f9d2a";

/// The message when only its first `end` bytes were captured.
fn cut(bytes: &[u8], end: usize) -> Message<'_> {
    let length = u32::try_from(bytes.len()).unwrap();
    Message { compressed: false, length, body: &bytes[..end], whole: end == bytes.len() }
}

fn whole(bytes: &[u8]) -> Message<'_> {
    cut(bytes, bytes.len())
}

/// What is read of any cut message is what is read of the whole one, or not known.
fn never_false<T: PartialEq + std::fmt::Debug>(bytes: &[u8], read: impl Fn(&Message<'_>) -> Option<T>) {
    let truth = read(&whole(bytes));
    for end in 0..bytes.len() {
        let read = read(&cut(bytes, end));
        assert!(read.is_none() || read == truth, "{end} of {} bytes: {read:?}, not {truth:?}", bytes.len());
    }
}

fn spec(image: &str) -> ImageSpec {
    ImageSpec { image: image.into(), ..ImageSpec::default() }
}

fn sandbox(uid: &str) -> PodSandboxConfig {
    let metadata =
        PodSandboxMetadata { name: "web-0".into(), uid: uid.into(), namespace: "shop".into(), attempt: 1 };
    let labels = BTreeMap::from([("app".to_owned(), "web".to_owned())]);
    PodSandboxConfig { metadata: Some(metadata), hostname: "web-0".into(), labels, ..Default::default() }
}

fn pull(auth: Option<AuthConfig>, sandbox_config: Option<PodSandboxConfig>) -> Vec<u8> {
    PullImage { image: Some(spec(IMAGE)), auth, sandbox_config }.encode_to_vec()
}

#[test]
fn paths_name_calls() {
    assert_eq!(Call::of_path("/runtime.v1.ImageService/PullImage"), Some(Call::PullImage));
    assert_eq!(Call::of_path("/runtime.v1alpha2.ImageService/PullImage"), Some(Call::PullImage));
    assert_eq!(Call::of_path("/runtime.v1.RuntimeService/Status"), Some(Call::Status));
    assert_eq!(
        Call::of_path("/runtime.v1.RuntimeService/GetContainerEvents"),
        Some(Call::GetContainerEvents)
    );
    assert_eq!(Call::of_path("/runtime.v1.RuntimeService/Dance"), Some(Call::Other));
    // The method of the other service.
    assert_eq!(Call::of_path("/runtime.v1.RuntimeService/PullImage"), Some(Call::Other));
    assert_eq!(Call::of_path("/runtime.v1.RuntimeService/other"), Some(Call::Other));
    for path in [
        "",
        "/",
        "/runtime.v1.ImageService",
        "/runtime.v2.ImageService/PullImage",
        "runtime.v1.ImageService/PullImage",
    ] {
        assert_eq!(Call::of_path(path), None, "{path}");
    }
    assert_eq!(Call::of_path("/containerd.services.images.v1.Images/List"), None);
}

#[test]
fn names_are_those_of_the_methods() {
    assert_eq!(Call::PullImage.as_str(), "PullImage");
    assert_eq!(Call::Other.as_str(), "other");
    let names: std::collections::BTreeSet<_> = Call::ALL.iter().map(|call| call.as_str()).collect();
    assert_eq!((names.len(), Call::ALL.len()), (42, 42), "36 of the runtime, 6 of images less Other");
}

#[test]
fn a_pull_is_read() {
    let image = Some(ImageSpec {
        image: IMAGE.into(),
        annotations: BTreeMap::from([("a".to_owned(), "b".to_owned())]),
        user_specified_image: "app".into(),
        runtime_handler: "kata".into(),
    });
    let auth = Some(AuthConfig { username: "me".into(), password: "hunter2".into(), ..Default::default() });
    let bytes = PullImage { image, auth, sandbox_config: Some(sandbox("uid-1")) }.encode_to_vec();
    let expected = PullImageRequest {
        image: Some(IMAGE.to_owned()),
        runtime_handler: Some("kata".to_owned()),
        credentials: Some(true),
        sandbox: Some(true),
        pod: Some("uid-1".to_owned()),
    };
    assert_eq!(PullImageRequest::read(&whole(&bytes)), expected);
    assert!(!format!("{expected:?}{:?}", whole(&bytes)).contains("hunter2"));
}

#[test]
fn what_a_pull_does_not_say_is_known_of_a_whole_request_only() {
    let bytes = pull(None, None);
    let request = PullImageRequest::read(&whole(&bytes));
    assert_eq!(request.runtime_handler.as_deref(), Some(""));
    assert_eq!((request.credentials, request.sandbox, request.pod), (Some(false), Some(false), None));

    // One byte more was to come.
    let request = PullImageRequest::read(&Message { whole: false, ..whole(&bytes) });
    assert_eq!(request.image.as_deref(), Some(IMAGE));
    assert_eq!(request.runtime_handler.as_deref(), Some(""));
    assert_eq!((request.credentials, request.sandbox, request.pod), (None, None, None));

    assert_eq!(
        PullImageRequest::read(&Message { compressed: true, ..whole(&bytes) }),
        PullImageRequest::default()
    );
    let mut broken = bytes.clone();
    broken.push(0);
    assert_eq!(PullImageRequest::read(&whole(&broken)), PullImageRequest::default());
}

#[test]
fn a_sandbox_that_is_cut_is_there() {
    let bytes = pull(None, Some(sandbox("uid-1")));
    let at = bytes.windows(5).position(|window| window == b"uid-1").unwrap();
    let request = PullImageRequest::read(&cut(&bytes, at + 3));
    assert_eq!((request.credentials, request.sandbox, request.pod), (None, Some(true), None));
}

#[test]
fn credentials_are_something_in_one_of_five_fields() {
    let credentials = |auth| PullImageRequest::read(&whole(&pull(Some(auth), None))).credentials;
    let some = || "x".to_owned();
    assert_eq!(credentials(AuthConfig { username: some(), ..Default::default() }), Some(true));
    assert_eq!(credentials(AuthConfig { password: some(), ..Default::default() }), Some(true));
    assert_eq!(credentials(AuthConfig { auth: some(), ..Default::default() }), Some(true));
    assert_eq!(credentials(AuthConfig { identity_token: some(), ..Default::default() }), Some(true));
    assert_eq!(credentials(AuthConfig { registry_token: some(), ..Default::default() }), Some(true));
    assert_eq!(credentials(AuthConfig { server_address: some(), ..Default::default() }), Some(false));
    assert_eq!(credentials(AuthConfig::default()), Some(false));
    // An empty field that is encoded all the same: `prost` leaves it out.
    let bytes = [b"\x0a\x03\x0a\x01x\x12\x02\x0a\x00"];
    assert_eq!(PullImageRequest::read(&whole(bytes[0])).credentials, Some(false));
    // A user name of which nothing was captured but its length.
    assert_eq!(
        PullImageRequest::read(&cut(b"\x0a\x03\x0a\x01x\x12\x04\x0a\x02me", 9)).credentials,
        Some(true)
    );
}

#[test]
fn sandboxes_are_read() {
    let bytes =
        RunPodSandbox { config: Some(sandbox("uid-2")), runtime_handler: "gvisor".into() }.encode_to_vec();
    let request = RunPodSandboxRequest::read(&whole(&bytes));
    assert_eq!((request.pod.as_deref(), request.handler.as_deref()), (Some("uid-2"), Some("gvisor")));
    never_false(&bytes, |message| RunPodSandboxRequest::read(message).pod);
    never_false(&bytes, |message| RunPodSandboxRequest::read(message).handler);

    let bytes = RunPodSandbox { config: Some(sandbox("")), runtime_handler: String::new() }.encode_to_vec();
    let request = RunPodSandboxRequest::read(&whole(&bytes));
    assert_eq!((request.pod, request.handler.as_deref()), (None, Some("")));
    let request = RunPodSandboxRequest::read(&Message { whole: false, ..whole(&bytes) });
    assert_eq!(request, RunPodSandboxRequest::default());
}

#[test]
fn ids_are_read() {
    let create = CreateContainer {
        pod_sandbox_id: ID.into(),
        config: Some(ContainerConfig { image: Some(spec(IMAGE)), ..Default::default() }),
        sandbox_config: Some(sandbox("uid-3")),
    };
    let stop = IdAndNumber { id: ID.into(), number: 30 };
    for bytes in [create.encode_to_vec(), stop.encode_to_vec(), Id { id: ID.into() }.encode_to_vec()] {
        assert_eq!(id(&whole(&bytes)).as_deref(), Some(ID));
        never_false(&bytes, id);
    }
    assert_eq!(id(&whole(b"")), None);
}

/// Name, request, answer, and whether it is a pull by the request alone and with the answer.
type Shape = (&'static str, Vec<u8>, Vec<u8>, Option<bool>, Option<bool>);

/// A request of every shape that the CRI has.
fn shapes() -> Vec<Shape> {
    let text = |text: &str| Id { id: text.into() }.encode_to_vec();
    let auth = |auth| pull(Some(auth), None);
    let by_id = Filter { id: ID.into(), ..Default::default() };
    let by_state = Filter { state: Some(Number { number: 1 }), ..Default::default() };
    let with_both = Filter { id: ID.into(), ..by_state.clone() };
    let by_sandbox = Filter { sandbox: ID.into(), ..by_id.clone() };
    let list = nested(&by_id);
    let image =
        Image { image: Some(ImageInfo { id: format!("sha256:{ID}"), size: 7, ..Default::default() }) };
    let image = image.encode_to_vec();
    let images = Images { filter: Some(ImageFilter { image: Some(spec(IMAGE)) }) }.encode_to_vec();
    let config = Some(ContainerConfig { image: Some(spec(IMAGE)), ..Default::default() });
    let username = AuthConfig { username: "me".into(), ..Default::default() };
    let yes = Some(true);
    let no = Some(false);
    vec![
        ("PullImage", pull(None, None), text(&format!("sha256:{ID}")), None, yes),
        ("PullImage, auth", auth(username.clone()), text(ID), yes, yes),
        ("PullImage, auth, failed", auth(username.clone()), vec![], yes, yes),
        ("PullImage, empty auth", auth(AuthConfig::default()), text(ID), yes, yes),
        ("PullImage, sandbox", pull(None, Some(sandbox("uid"))), text(ID), yes, yes),
        ("PullImage, both", pull(Some(username), Some(sandbox("uid"))), text(ID), yes, yes),
        ("RemoveImage", nested(&spec(IMAGE)), vec![], None, no),
        ("ImageStatus", nested(&spec(IMAGE)), image.clone(), None, no),
        ("ImageStatus, absent", nested(&spec(IMAGE)), vec![], None, no),
        (
            "ImageStatus, verbose",
            ImageStatus { image: Some(spec(IMAGE)), verbose: true }.encode_to_vec(),
            image,
            no,
            no,
        ),
        ("ListImages, all", vec![], list.clone(), no, no),
        ("ListImages, one", images, list.clone(), no, no),
        ("ListContainers, id", nested(&by_id), list.clone(), None, no),
        ("ListContainers, none", nested(&Filter::default()), list.clone(), no, no),
        ("ListContainers, state", nested(&by_state), list.clone(), no, no),
        ("ListContainers, id and state", nested(&with_both), vec![], None, no),
        ("ListContainers, sandbox", nested(&by_sandbox), list, no, no),
        ("Version", text("0.1.0"), Id { id: "0.1.0".into() }.encode_to_vec(), no, no),
        ("StopPodSandbox", text(ID), vec![], no, no),
        ("StopContainer", IdAndNumber { id: ID.into(), number: 30 }.encode_to_vec(), vec![], no, no),
        (
            "RunPodSandbox",
            RunPodSandbox { config: Some(sandbox("u")), runtime_handler: "kata".into() }.encode_to_vec(),
            text(ID),
            no,
            no,
        ),
        (
            "CreateContainer",
            CreateContainer { pod_sandbox_id: ID.into(), config, sandbox_config: Some(sandbox("u")) }
                .encode_to_vec(),
            text(ID),
            no,
            no,
        ),
        (
            "ExecSync",
            Exec { id: ID.into(), cmd: vec!["ls".into(), "-l".into()], timeout: 3 }.encode_to_vec(),
            text("file"),
            no,
            no,
        ),
        (
            "PortForward",
            PortForward { id: ID.into(), port: vec![80, 443] }.encode_to_vec(),
            text("http://x"),
            no,
            no,
        ),
        (
            "UpdateRuntimeConfig",
            nested(&RuntimeConfig { network: Some(Id { id: "10.0.0.0/24".into() }) }),
            vec![],
            no,
            no,
        ),
        ("Status", Number { number: 1 }.encode_to_vec(), text("x"), no, no),
    ]
}

#[test]
fn the_shape_tells_a_pull() {
    for (name, request, response, alone, answered) in shapes() {
        assert_eq!(is_pull_image(&whole(&request), None), alone, "{name}");
        assert_eq!(is_pull_image(&whole(&request), Some(&whole(&response))), answered, "{name}, answered");
    }
}

#[test]
fn the_shape_of_a_cut_call_is_not_mistaken() {
    for (name, request, response, _, _) in shapes() {
        let truth = name.starts_with("PullImage");
        for end in 0..=request.len() {
            let request = cut(&request, end);
            let known = is_pull_image(&request, None);
            assert!(known.is_none_or(|known| known == truth), "{name}, {end}: {known:?}");
            for end in 0..=response.len() {
                let known = is_pull_image(&request, Some(&cut(&response, end)));
                // An answer with nothing in it is that to a pull that failed before it gave one: that has no message at all.
                let failed = truth && response.is_empty();
                assert!(failed || known.is_none_or(|known| known == truth), "{name}, {end}: {known:?}");
            }
        }
    }
}

#[test]
fn an_answer_that_is_cut_is_no_text() {
    // An image without an id: its first field is the number 6, whose byte is a visible character.
    let request = nested(&spec(IMAGE));
    let response = b"\x0a\x062\x04root";
    for end in 0..=response.len() {
        assert_ne!(is_pull_image(&whole(&request), Some(&cut(response, end))), Some(true), "{end}");
    }
}

#[test]
fn other_services_of_containerd_are_no_pulls() {
    // `Transfer`: three messages of which the first has a text.
    let any = |url: &str| Some(Pair { key: url.into(), value: "\n\u{3}a/b".into() });
    let transfer = Transfer {
        source: any("containerd.types.transfer.OCIRegistry"),
        destination: any("containerd.types.transfer.ImageStore"),
        options: Some(Id { id: "progress-x".into() }),
    };
    assert_eq!(is_pull_image(&whole(&transfer.encode_to_vec()), None), None);
}

fn config() -> impl Strategy<Value = Option<PodSandboxConfig>> {
    prop::option::of(
        (".{0,20}", prop::collection::btree_map(".{0,9}", ".{0,40}", 0..4))
            .prop_map(|(uid, labels)| PodSandboxConfig { labels, ..sandbox(&uid) }),
    )
}

fn auth() -> impl Strategy<Value = Option<AuthConfig>> {
    let field = || prop_oneof![Just(String::new()), ".{1,200}"];
    prop::option::of((field(), field(), field(), field(), field(), field()).prop_map(|fields| AuthConfig {
        username: fields.0,
        password: fields.1,
        auth: fields.2,
        server_address: fields.3,
        identity_token: fields.4,
        registry_token: fields.5,
    }))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn pulls_are_read_as_prost_reads_them(
        image in ".{0,60}",
        handler in "[a-z]{0,8}",
        auth in auth(),
        sandbox_config in config(),
    ) {
        let spec = ImageSpec { image: image.clone(), runtime_handler: handler.clone(), ..Default::default() };
        let secret = auth.as_ref().is_some_and(|auth| {
            [&auth.username, &auth.password, &auth.auth, &auth.identity_token, &auth.registry_token]
                .iter().any(|field| !field.is_empty())
        });
        let uid = sandbox_config.as_ref().and_then(|config| Some(config.metadata.as_ref()?.uid.clone()));
        let sandbox = sandbox_config.is_some();
        let bytes = PullImage { image: Some(spec), auth, sandbox_config }.encode_to_vec();
        let request = PullImageRequest::read(&whole(&bytes));
        prop_assert_eq!(request.image, Some(image).filter(|image| !image.is_empty()));
        prop_assert_eq!(request.runtime_handler, Some(handler));
        prop_assert_eq!((request.credentials, request.sandbox), (Some(secret), Some(sandbox)));
        prop_assert_eq!(request.pod, uid.filter(|uid| !uid.is_empty()));

        never_false(&bytes, |message| PullImageRequest::read(message).image);
        never_false(&bytes, |message| PullImageRequest::read(message).runtime_handler);
        never_false(&bytes, |message| PullImageRequest::read(message).credentials);
        never_false(&bytes, |message| PullImageRequest::read(message).sandbox);
        never_false(&bytes, |message| PullImageRequest::read(message).pod);
    }
}
