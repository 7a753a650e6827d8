use super::{Handshake, Shown, Step};
use crate::model::event::{Direction, Flows, Protocol};
use crate::model::news::Data;

fn data(direction: Direction, start: u64, bytes: &[u8]) -> Data<'_> {
    let (protocol, flows) = (Protocol::Tls, Flows::default());
    Data { thread: 0, direction, protocol, start, bytes, end: false, flows, lost: 0, time: 0 }
}

#[test]
fn both_directions_are_not_mixed() {
    let mut handshake = Handshake::default();
    assert!(matches!(handshake.data(&data(Direction::Sent, 0, &[22, 3])), Shown::Nothing));
    assert!(matches!(handshake.data(&data(Direction::Received, 2, &[1])), Shown::Unreadable));
}

#[test]
fn a_hello_without_end_is_given_up() {
    let mut handshake = Handshake::default();
    // The longest record, with a message that is longer.
    let mut bytes = vec![0; 8 * 1024];
    bytes[..9].copy_from_slice(&[22, 3, 1, 0x40, 0, 1, 0, 0xf0, 0]);
    assert!(matches!(handshake.data(&data(Direction::Sent, 0, &bytes)), Shown::Nothing));
    assert!(matches!(handshake.data(&data(Direction::Sent, 8192, &[0; 8192])), Shown::Nothing));
    assert!(matches!(handshake.step, Step::MoreOfIt(..)));
    assert!(matches!(handshake.data(&data(Direction::Sent, 16384, &[0])), Shown::Unreadable));
    assert!(matches!(handshake.step, Step::Over));
}
