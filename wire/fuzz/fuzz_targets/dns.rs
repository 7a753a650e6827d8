//! DNS messages: no panic, bounded answers, names that are names.
#![no_main]

use libfuzzer_sys::fuzz_target;
use wire::dns::{MAX_ADDRESSES, answer, question};

fuzz_target!(|bytes: &[u8]| {
    let question = question(bytes);
    let answer = answer(bytes);
    assert!(question.is_none() || answer.is_none(), "a message is a query or a response");
    if let Some(answer) = answer {
        assert!(answer.addresses.len() <= MAX_ADDRESSES);
        assert_eq!(wire::host::normalise(&answer.name).as_ref(), Some(&answer.name));
    }
    if let Some(question) = question {
        assert_eq!(wire::host::normalise(&question.name).as_ref(), Some(&question.name));
    }
});
