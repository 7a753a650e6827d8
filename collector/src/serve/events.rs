//! `/api/v1/pulls/stream`: changes of pulls as server-sent events (HTML Living Standard, section 9.2).
//!
//! An event `pull` for each change, whose data is the pull as in the list; an event `missed` where the reader was too slow,
//! whose data says how many changes it missed. Reading goes at the reader's pace: nothing is made before it is taken.

use std::convert::Infallible;
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream;
use http_body_util::{BodyExt, StreamBody};
use hyper::body::Frame;
use tokio::sync::{OwnedSemaphorePermit, watch};

use super::body::Body;
use super::told_to;
use crate::pulls::entry::Entry;
use crate::pulls::log::{Change, Subscription};

/// After so long without a change there is a comment, so that neither side takes the other for gone.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// A reader of changes.
struct Reader {
    changes: Subscription,
    stop: watch::Receiver<bool>,
    /// Given back when the connection is over.
    _place: OwnedSemaphorePermit,
}

/// Changes until the reader goes or `stop` turns true.
pub fn body(changes: Subscription, place: OwnedSemaphorePermit, stop: watch::Receiver<bool>) -> Body {
    let reader = Reader { changes, stop, _place: place };
    let frames = stream::unfold(reader, async |mut reader: Reader| {
        let bytes = reader.next().await?;
        Some((Ok::<_, Infallible>(Frame::data(bytes)), reader))
    });
    StreamBody::new(frames).boxed_unsync()
}

impl Reader {
    async fn next(&mut self) -> Option<Bytes> {
        tokio::select! {
            () = told_to(&mut self.stop) => None,
            change = self.changes.next() => change.map(|change| match change {
                Change::Pull(entry) => pull(&entry),
                Change::Missed(missed) => format!("event: missed\ndata: {{\"missed\":{missed}}}\n\n").into(),
            }),
            () = tokio::time::sleep(KEEP_ALIVE) => Some(Bytes::from_static(b": still here\n\n")),
        }
    }
}

fn pull(entry: &Entry) -> Bytes {
    // JSON on one line: a line feed in a string is escaped. Strings and numbers only, nothing that could not be written.
    let data = serde_json::to_string(&entry.document()).unwrap_or_default();
    format!("event: pull\nid: {}\ndata: {data}\n\n", entry.change).into()
}
