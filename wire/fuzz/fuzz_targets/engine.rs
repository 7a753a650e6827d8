//! The Docker Engine API: no panic, and how an answer is cut changes nothing.
#![no_main]

use libfuzzer_sys::fuzz_target;
use wire::engine::{Call, Progress, has_credentials};
use wire::http::Method;
use wire::trouble::Trouble;

fuzz_target!(|bytes: &[u8]| {
    let _ = has_credentials(bytes);
    if let Ok(text) = std::str::from_utf8(bytes) {
        let _ = Trouble::of_text(text);
        let (path, query) = text.split_once('?').map_or((text, None), |(path, query)| (path, Some(query)));
        for method in Method::ALL {
            if let Some(Call::PullImage { image }) = Call::of(method, path, query) {
                assert!(image.len() <= text.len());
            }
        }
    }
    let whole = read(&[bytes]);
    let pieces: Vec<_> = bytes.chunks(1).collect();
    assert_eq!(read(&pieces), whole);
    // A gap loses lines, but invents none.
    let (before, after) = bytes.split_at(bytes.len() / 2);
    let mut progress = Progress::default();
    progress.feed(before);
    progress.gap();
    progress.feed(after);
    progress.finish();
    assert!(progress.missed() && (whole.0 || !progress.failed()));
});

type Read = (bool, Option<Trouble>, Option<bool>, bool);

fn read(pieces: &[&[u8]]) -> Read {
    let mut progress = Progress::default();
    for piece in pieces {
        progress.feed(piece);
    }
    progress.finish();
    (progress.failed(), progress.trouble(), progress.up_to_date(), progress.missed())
}
