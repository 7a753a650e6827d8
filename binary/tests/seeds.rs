//! What the fuzz target `elf` begins with is made by hand; `UPDATE_SEEDS=1 cargo test -p binary --test seeds` writes it anew.

#[allow(dead_code, reason = "shared with the fuzz targets")]
mod support;

use std::{env, fs, path::Path};

use support::Go;

#[test]
fn seeds_are_programs_made_by_hand() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/elf");
    let old = Go { version: "go1.19.8", magic: 0xf0, ..Go::default() };
    let new = Go { version: "go1.27.3", text_in_header: false, ..Go::default() };
    let seeds = [
        ("go1.19.bin", old),
        ("go1.27_no_sections.bin", Go { sections: false, ..new.clone() }),
        ("go1.27_pie.bin", Go { relocated: true, ..new }),
    ];
    for (name, go) in seeds {
        let (path, made) = (folder.join(name), go.build());
        if env::var_os("UPDATE_SEEDS").is_some() {
            fs::create_dir_all(&folder).unwrap();
            fs::write(&path, &made).unwrap();
        }
        assert!(fs::read(&path).is_ok_and(|seed| seed == made), "{name} is not what is made today");
    }
}
