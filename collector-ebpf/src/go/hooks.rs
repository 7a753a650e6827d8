//! The program behind every probe in a Go program. The probe's cookie says where it is; what each place relies on stands where
//! the work is done.

use aya_ebpf::macros::uprobe;
use aya_ebpf::programs::ProbeContext;
use collector_common::go::Point;

use super::{Probe, http1, http2, serve};

/// Runs at a [`Point`] of a Go program.
#[uprobe]
pub fn go(ctx: ProbeContext) -> u32 {
    // That there was nothing to tell is no failure.
    let _ = Probe::new(&ctx).and_then(|probe| run(&probe));
    0
}

#[inline(always)]
fn run(probe: &Probe) -> Option<()> {
    match Point::from_number(probe.point)? {
        Point::H1Request => http1::on_write(probe),
        Point::H1Response => http1::on_response(probe),
        Point::H1BodyEnd => http1::on_body_end(probe),
        Point::H1BodyRead => http1::on_body_read(probe),
        Point::H1BodyClose => http1::on_body_close(probe),
        Point::H2Field => http2::on_field(probe),
        Point::H2Request => http2::on_request(probe),
        Point::H2Response => http2::on_response(probe),
        Point::H2End => http2::on_end(probe),
        Point::H2Cleanup => http2::on_cleanup(probe),
        Point::Serve => serve::on_serve(probe),
        Point::ServeEnd => serve::on_serve_end(probe),
        Point::H2ServeRequest => serve::on_h2_request(probe),
        Point::H2ServeResponse => serve::on_h2_response(probe),
        Point::H2ServeDone => serve::on_h2_done(probe),
        Point::H2ServeEnd => serve::on_h2_end(probe),
    }
}
