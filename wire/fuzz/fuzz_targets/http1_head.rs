//! Heads: what is parsed stays inside the bytes, does not depend on what follows, and shows no secret.
#![no_main]

use libfuzzer_sys::fuzz_target;
use wire::http::{Framing, Method, RequestHead, ResponseHead};

fuzz_target!(|bytes: &[u8]| {
    if let Ok((head, length)) = RequestHead::parse(bytes) {
        assert_eq!(RequestHead::parse(&bytes[..length]), Ok((head.clone(), length)));
        assert_ne!(head.framing, Framing::UntilClose);
        let host = head.host.as_deref();
        assert_eq!(host.and_then(wire::host::normalise).as_deref(), host);
        let shown = format!("{:?}", head.target);
        assert_eq!(shown, format!("RequestTarget({} bytes)", head.target.as_str().len()));
    }
    for method in [Method::Get, Method::Head, Method::Connect] {
        let Ok((head, length)) = ResponseHead::parse(bytes, method) else { continue };
        assert_eq!(ResponseHead::parse(&bytes[..length], method), Ok((head.clone(), length)));
        assert!((100..1000).contains(&head.code));
        assert!(method != Method::Head || head.framing == Framing::None);
        assert!(head.challenge || head.realm.is_none());
        if let Some(range) = head.content_range {
            assert!(range.first <= range.last && range.total.is_none_or(|total| range.last < total));
        }
    }
});
