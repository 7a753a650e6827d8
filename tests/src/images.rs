//! Images made without a network, whose digests and sizes are known from the disk.
//!
//! umoci writes an OCI layout; each layer holds one file of random bytes, so that compression does not change its
//! size much. Making the bytes of a large image takes longer than the test that pulls it: images are kept below the
//! target directory and used again by later runs.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use fastrand::Rng;
use serde_json::Value;

use crate::go::workload;
use crate::place::Place;
use crate::process::run;

/// Changes when the rig makes images in another way, so that kept ones are not taken for new ones.
const FORMAT: u32 = 1;

/// The only tag in each layout.
pub const TAG: &str = "made";

/// A manifest, config or layer, as it stands on the disk and crosses the wire.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Blob {
    /// `sha256:` and 64 hexadecimal digits.
    pub digest: String,
    /// Its size in bytes.
    pub size: u64,
    /// Where it stands.
    pub file: PathBuf,
}

/// An image in an OCI layout of its own.
#[derive(Clone, Debug)]
pub struct Image {
    /// The directory of the layout.
    pub layout: PathBuf,
    /// The manifest.
    pub manifest: Blob,
    /// The config.
    pub config: Blob,
    /// The layers, from the lowest up. All differ.
    pub layers: Vec<Blob>,
}

impl Image {
    /// An image with a layer for each of `sizes` (bytes of its one file). The same sizes and `seed` give the same
    /// image on one machine; another seed shares no layer with it.
    #[track_caller]
    pub fn make(sizes: &[usize], seed: u64) -> Self {
        Self::made(None, sizes, seed)
    }

    /// The same with a program ([`workload`]) in the lowest layer: an image that runs. Without arguments it runs until it is
    /// told to end; with `exit N` it ends at once.
    #[track_caller]
    pub fn program(sizes: &[usize], seed: u64) -> Self {
        Self::made(Some(&workload()), sizes, seed)
    }

    #[track_caller]
    fn made(program: Option<&Path>, sizes: &[usize], seed: u64) -> Self {
        let kept = kept_images();
        fs::create_dir_all(&kept).expect("create the directory of the images");
        let mut name = format!("{FORMAT}-{seed}");
        for size in sizes {
            write!(name, "-{size}").expect("write to a string");
        }
        if let Some(program) = program.and_then(Path::file_name) {
            // The file's name says which program it is, and of which text.
            write!(name, "-{}", program.display()).expect("write to a string");
        }
        let layout = kept.join(name);
        if !layout.exists() {
            let work = tempfile::tempdir_in(&kept).expect("a directory to make an image in");
            let made = work.path().join("layout");
            make_layout(&made, program, sizes, seed, work.path());
            // Another test program may have made the same image meanwhile: then that one is as good.
            if fs::rename(&made, &layout).is_err() {
                assert!(layout.exists(), "can't move an image to {}", layout.display());
            }
        }
        Self::read(&layout)
    }

    /// Reads what the one manifest of a layout names (OCI image spec v1.0, image-layout.md and manifest.md).
    #[track_caller]
    fn read(layout: &Path) -> Self {
        let index = json(&layout.join("index.json"));
        let manifest = blob(layout, &index["manifests"][0]);
        let content = json(&manifest.file);
        let config = blob(layout, &content["config"]);
        let layers = content["layers"].as_array().expect("a manifest has layers");
        let layers = layers.iter().map(|layer| blob(layout, layer)).collect();
        Self { layout: layout.to_owned(), manifest, config, layers }
    }

    /// The config and the layers: what a first pull fetches as blobs.
    pub fn blobs(&self) -> impl Iterator<Item = &Blob> {
        std::iter::once(&self.config).chain(&self.layers)
    }

    /// The sum of the sizes of config and layers.
    pub fn blob_bytes(&self) -> u64 {
        self.blobs().map(|blob| blob.size).sum()
    }
}

/// Below the target directory, where `cargo clean` finds them.
fn kept_images() -> PathBuf {
    let program = std::env::current_exe().expect("the path of the test program");
    let profile = program.ancestors().find(|dir| dir.ends_with("deps")).and_then(Path::parent);
    profile.map_or_else(std::env::temp_dir, Path::to_owned).join("test-images")
}

#[track_caller]
fn make_layout(layout: &Path, program: Option<&Path>, sizes: &[usize], seed: u64, work: &Path) {
    let umoci = |arguments: &[&str]| {
        let mut command = Place::machine().command("umoci");
        command.args(arguments);
        let _ = run(command).expect_ok();
    };
    let layout = layout.to_str().expect("the target directory has a plain name");
    let image = format!("{layout}:{TAG}");
    umoci(&["init", "--layout", layout]);
    umoci(&["new", "--image", &image]);
    if let Some(program) = program {
        umoci(&["insert", "--image", &image, program.to_str().expect("a plain name"), "/workload"]);
        umoci(&["config", "--image", &image, "--config.entrypoint", "/workload"]);
    }
    let mut rng = Rng::with_seed(seed);
    for (number, size) in sizes.iter().enumerate() {
        let mut content = vec![0; *size];
        rng.fill(&mut content);
        let file = work.join("content");
        fs::write(&file, content).expect("write the content of a layer");
        let file = file.to_str().expect("the target directory has a plain name");
        umoci(&["insert", "--image", &image, file, &format!("/layer-{number}")]);
    }
    // Every insert leaves the manifest and config before it behind.
    umoci(&["gc", "--layout", layout]);
}

#[track_caller]
fn json(file: &Path) -> Value {
    let bytes = fs::read(file).unwrap_or_else(|error| panic!("read {}: {error}", file.display()));
    serde_json::from_slice(&bytes).unwrap_or_else(|error| panic!("{} is no JSON: {error}", file.display()))
}

/// The blob that `descriptor` names; the size is the disk's, and must be what the descriptor says.
#[track_caller]
fn blob(layout: &Path, descriptor: &Value) -> Blob {
    let digest = descriptor["digest"].as_str().expect("a descriptor has a digest").to_owned();
    let hex = digest.strip_prefix("sha256:").expect("umoci uses sha256");
    let file = layout.join("blobs/sha256").join(hex);
    let size = fs::metadata(&file).expect("a blob of a layout stands in it").len();
    assert_eq!(descriptor["size"].as_u64(), Some(size), "the size of {digest}");
    Blob { digest, size, file }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::Image;

    #[test]
    fn layers_have_about_the_size_asked_for_and_other_seeds_share_none() {
        let sizes = [300_000, 70_000, 0];
        let one = Image::make(&sizes, 1);
        assert_eq!(one.layers.len(), sizes.len());
        for (layer, size) in one.layers.iter().zip(sizes) {
            let size = u64::try_from(size).expect("a small size");
            assert!((size..size + size / 100 + 1000).contains(&layer.size), "{layer:?} for {size}");
        }
        let digests =
            |image: &Image| -> BTreeSet<_> { image.blobs().map(|blob| blob.digest.clone()).collect() };
        assert_eq!(digests(&one), digests(&Image::make(&sizes, 1)), "the same seed");
        let other = Image::make(&sizes[..2], 2);
        assert!(digests(&one).is_disjoint(&digests(&other)));
        assert_eq!(
            one.blob_bytes(),
            one.config.size + one.layers.iter().map(|layer| layer.size).sum::<u64>()
        );
    }
}
