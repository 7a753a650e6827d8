//! HTTP/2 on the stage: frames with literal header fields (RFC 7541 section 6.2), as hardly any program sends them.

use super::go::captured;
use super::scene::Scene;
use crate::model::event::{ConnId, Direction, Event, Frame, Layer};

/// The frames of one connection.
#[derive(Clone, Copy)]
pub struct Frames {
    pub conn: ConnId,
    pub layer: Layer,
}

impl Frames {
    pub fn tell(
        &self,
        scene: &mut Scene,
        direction: Direction,
        (kind, flags, stream): (u8, u8, u32),
        payload: &[u8],
        length: u32,
    ) {
        scene.advance_in(self.conn, self.layer, direction, u64::from(length) + 9);
        let frame =
            Frame { direction, layer: self.layer, kind, flags, stream, length, payload: captured(payload) };
        let flows = scene.flows_in(self.conn, self.layer);
        let (conn, lost, time) = (self.conn, scene.lost(self.conn), scene.now);
        scene.tell(Event::Frame { conn, pid: scene.pid_of(conn), frame, flows, lost, time });
    }

    pub fn headers(
        &self,
        scene: &mut Scene,
        direction: Direction,
        stream: u32,
        end: bool,
        fields: &[(&str, &str)],
    ) {
        let mut block = Vec::new();
        for (name, value) in fields {
            block.push(0);
            for text in [name, value] {
                // Longer ones would need a second byte (RFC 7541 section 5.1).
                block.push(u8::try_from(text.len()).ok().filter(|length| *length < 127).unwrap());
                block.extend(text.as_bytes());
            }
        }
        let length = u32::try_from(block.len()).unwrap();
        self.tell(scene, direction, (1, 4 | u8::from(end), stream), &block, length);
    }

    pub fn ask(&self, scene: &mut Scene, direction: Direction, stream: u32, host: &str, path: &str) {
        let fields = [(":method", "GET"), (":scheme", "https"), (":authority", host), (":path", path)];
        self.headers(scene, direction, stream, true, &fields);
    }

    /// `DATA` without its bytes.
    pub fn data(&self, scene: &mut Scene, direction: Direction, stream: u32, length: u32, end: bool) {
        self.tell(scene, direction, (0, u8::from(end), stream), b"", length);
    }

    /// `DATA` with its bytes.
    pub fn content(&self, scene: &mut Scene, direction: Direction, stream: u32, bytes: &[u8], end: bool) {
        let length = u32::try_from(bytes.len()).unwrap();
        self.tell(scene, direction, (0, u8::from(end), stream), bytes, length);
    }

    pub fn reset(&self, scene: &mut Scene, direction: Direction, stream: u32) {
        self.tell(scene, direction, (3, 0, stream), &[0, 0, 0, 8], 4);
    }
}
