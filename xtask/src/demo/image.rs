//! The demo's image: made by umoci without a network, pushed by skopeo.

use std::{
    fs::File,
    io::{self, Read as _},
    net::SocketAddr,
    path::Path,
};

use anyhow::{Context as _, Result};

use crate::{steps::Live, workspace::Workspace};

/// Repository and tag in the demo's registry.
pub const NAME: &str = "demo/app:latest";
/// A tag that is not there.
pub const MISSING: &str = "demo/app:no-such-tag";

/// The layers: a small, a middling and a large one, in KiB.
const LAYERS: [u64; 3] = [64, 1024, 8 * 1024];

/// Makes the image and pushes it.
pub fn push(workspace: &Workspace, live: &Live, folder: &Path, registry: SocketAddr) -> Result<()> {
    let layout = folder.join("image");
    let image = format!("{}:latest", layout.display());
    live.run(workspace.command("umoci").arg("init").arg("--layout").arg(&layout))?;
    live.run(workspace.command("umoci").args(["new", "--image", &image]))?;
    for (number, size) in LAYERS.iter().enumerate() {
        let content = folder.join(format!("layer-{number}"));
        write_random(&content, size * 1024).with_context(|| format!("cannot write {}", content.display()))?;
        let mut insert = workspace.command("umoci");
        live.run(insert.args(["insert", "--image", &image]).arg(&content).arg(format!("/layer-{number}")))?;
    }
    let mut push = workspace.command("skopeo");
    push.args(["copy", "--quiet", "--insecure-policy", "--dest-tls-verify=false"]);
    live.run(push.arg(format!("oci:{image}")).arg(format!("docker://{registry}/{NAME}")))
}

/// Random content: it keeps its size when the layer is compressed.
fn write_random(path: &Path, length: u64) -> io::Result<()> {
    io::copy(&mut File::open("/dev/urandom")?.take(length), &mut File::create(path)?).map(drop)
}
