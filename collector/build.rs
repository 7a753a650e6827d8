//! Puts the kernel programs where the program embeds them from: `OUT_DIR/pullscope.bpf.o`.
//!
//! They are `PULLSCOPE_EBPF_OBJECT` when that is set, else `ebpf/pullscope.bpf.o` in Cargo's target folder (`ebpf-aarch64` and
//! the like for a processor that is not this machine's), where `cargo xtask build` puts them. Without them the file is empty: the program builds and its tests run without the
//! toolchain for kernel programs, and it says at its start what it lacks.

use std::{
    env, fs,
    path::{Path, PathBuf},
};

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-env-changed=PULLSCOPE_EBPF_OBJECT");
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("Cargo sets OUT_DIR"));
    let object = env::var_os("PULLSCOPE_EBPF_OBJECT").map_or_else(|| from_target_folder(&out), PathBuf::from);
    println!("cargo::rerun-if-changed={}", object.display());
    let copied = fs::copy(&object, out.join("pullscope.bpf.o"));
    copied.unwrap_or_else(|error| {
        panic!("the kernel programs cannot be copied from {}: {error}", object.display())
    });
}

/// The object in the target folder; made as an empty file when absent, since Cargo takes a file that is watched and
/// absent as changed, and would build the program again every time.
fn from_target_folder(out: &Path) -> PathBuf {
    let object = target_folder(out).join(kernel_folder()).join("pullscope.bpf.o");
    if !object.exists() {
        let made = fs::create_dir_all(object.parent().unwrap_or(out)).and_then(|()| fs::write(&object, ""));
        made.unwrap_or_else(|error| panic!("{} cannot be made: {error}", object.display()));
    }
    object
}

/// The folder that `cargo xtask build` puts the object in: they read registers, so each processor has its own.
fn kernel_folder() -> String {
    let [host, target] = ["HOST", "TARGET"].map(|name| env::var(name).expect("Cargo sets HOST and TARGET"));
    let [host, target] = [&host, &target].map(|triple| triple.split('-').next().unwrap_or_default());
    if host == target { "ebpf".to_owned() } else { format!("ebpf-{target}") }
}

/// Cargo tells build scripts no target folder, but `OUT_DIR` is `TARGET_FOLDER[/TRIPLE]/PROFILE/build/...` in it,
/// wherever `CARGO_TARGET_DIR` or a configuration put it.
fn target_folder(out: &Path) -> PathBuf {
    let triple = env::var_os("TARGET").expect("Cargo sets TARGET");
    let build =
        out.ancestors().find(|folder| folder.ends_with("build")).expect("OUT_DIR lies in a folder `build`");
    let above_profile = build.ancestors().nth(2).expect("OUT_DIR lies in a target folder");
    let above_triple = above_profile.parent().filter(|_| above_profile.ends_with(&triple));
    above_triple.unwrap_or(above_profile).to_owned()
}
