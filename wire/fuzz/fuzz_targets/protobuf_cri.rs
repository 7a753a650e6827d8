//! Messages of calls: no panic, and what is read of a cut one is what is read of all of it.
#![no_main]

use libfuzzer_sys::fuzz_target;
use wire::grpc::{Message, timeout};
use wire::protobuf::{Fields, MAX_TEXT, Value};
use wire::{containerd, cri};

fuzz_target!(|bytes: &[u8]| {
    let _ = timeout(bytes);
    if let Some(first) = Message::first(bytes) {
        assert!(
            first.body.len() <= bytes.len() && first.whole == (first.body.len() == first.length as usize)
        );
    }
    let mut fields = Fields::of(bytes, true);
    let in_values: usize = fields
        .by_ref()
        .map(|(_, value)| match value {
            Value::Bytes(value) => {
                assert!(value.whole);
                value.bytes.len()
            }
            _ => 0,
        })
        .sum();
    assert!(in_values <= bytes.len() && fields.is_whole() != fields.is_malformed());
    // What is no message was perhaps read until it showed.
    if fields.is_malformed() {
        read(bytes, false);
        return;
    }

    let whole = read(bytes, true);
    for end in 0..bytes.len().min(200) {
        for (cut, whole) in read(&bytes[..end], false).into_iter().zip(&whole) {
            // Where a field is there twice, the last counts: a cut message may have the first only.
            let repeated = repeats(bytes);
            assert!(cut.is_none() || repeated || cut == *whole, "{end}: {cut:?}, not {whole:?}");
        }
    }
});

/// All that is read of a message, as text.
fn read(body: &[u8], whole: bool) -> Vec<Option<String>> {
    let message = Message { compressed: false, length: 0, body, whole };
    let pull = cri::PullImageRequest::read(&message);
    let sandbox = cri::RunPodSandboxRequest::read(&message);
    let transfer = containerd::TransferRequest::read(&message);
    let image = containerd::ImageRequest::read(&message);
    let flag = |flag: Option<bool>| flag.map(|flag| flag.to_string());
    let read = vec![
        pull.image,
        pull.runtime_handler,
        flag(pull.credentials),
        flag(pull.sandbox),
        pull.pod,
        sandbox.pod,
        sandbox.handler,
        cri::id(&message),
        flag(cri::is_pull_image(&message, None)),
        flag(cri::is_pull_image(&message, Some(&message))),
        flag(transfer.pull),
        transfer.reference,
        transfer.name,
        image.name,
        image.digest,
    ];
    assert!(read.iter().flatten().all(|text| text.len() <= MAX_TEXT));
    read
}

/// Whether a message, or one in it, has a field twice, or one that cannot be read.
fn repeats(bytes: &[u8]) -> bool {
    let mut seen = Vec::new();
    let mut fields = Fields::of(bytes, true);
    let found = fields.by_ref().any(|(number, value)| {
        let again = seen.contains(&number);
        seen.push(number);
        again || matches!(value, Value::Bytes(value) if repeats(value.bytes))
    });
    found || fields.is_malformed()
}
