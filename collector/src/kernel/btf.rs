//! Field offsets from the kernel's own type information.
//!
//! The format is that of Documentation/bpf/btf.rst: a header, type records one behind the other, and a string table. Only
//! what leads from a struct's name to a member's offset is read. No crate fits: aya keeps its reader to itself, and a
//! general one keeps all of the kernel's 130,000 types in memory for the three dozen numbers that we need.

use std::collections::{HashMap, HashSet};
use std::path::Path;

use anyhow::{Context, bail, ensure};

/// Where the kernel shows its type information (`CONFIG_DEBUG_INFO_BTF`).
pub const VMLINUX: &str = "/sys/kernel/btf/vmlinux";

const MAGIC: u16 = 0xeb9f;
const KIND_ARRAY: u32 = 3;
const KIND_STRUCT: u32 = 4;
const KIND_UNION: u32 = 5;
const KIND_TYPEDEF: u32 = 8;
/// Anonymous structs and unions inside each other that are searched.
const MAX_DEPTH: u32 = 8;

/// The kernel's type information.
pub struct Btf {
    data: Vec<u8>,
    /// Where each type record begins; the type with id 1 is the first.
    types: Vec<u32>,
    strings: usize,
    /// Ids of structs by name.
    structs: HashMap<String, u32>,
    /// Names of tracepoints.
    tracepoints: HashSet<String>,
}

/// The fixed part of a type record, taken apart.
struct Record {
    name: u32,
    kind: u32,
    members: u32,
    /// Members give their offset in the low 24 bits only, the size of a bit field above.
    bit_fields: bool,
    body: usize,
}

impl Btf {
    /// Reads the running kernel's.
    pub fn of_running_kernel() -> anyhow::Result<Self> {
        let data = std::fs::read(Path::new(VMLINUX)).with_context(|| {
            format!("cannot read {VMLINUX}: pullscope needs a kernel built with CONFIG_DEBUG_INFO_BTF=y")
        })?;
        Self::parse(data)
            .with_context(|| format!("{VMLINUX} is not what Documentation/bpf/btf.rst describes"))
    }

    /// Takes type information in the byte order of this machine.
    pub fn parse(data: Vec<u8>) -> anyhow::Result<Self> {
        ensure!(data.get(..2) == Some(&MAGIC.to_ne_bytes()), "it does not begin with the magic number");
        let header_len = word(&data, 4)? as usize;
        let types_at = header_len + word(&data, 8)? as usize;
        let types_end = types_at + word(&data, 12)? as usize;
        let strings = header_len + word(&data, 16)? as usize;
        ensure!(types_end <= data.len() && strings <= data.len(), "its sections lie outside of it");
        let mut btf =
            Self { data, types: Vec::new(), strings, structs: HashMap::new(), tracepoints: HashSet::new() };
        let mut at = types_at;
        while at < types_end {
            btf.types.push(u32::try_from(at)?);
            let record = btf.record(at)?;
            if record.kind == KIND_STRUCT && record.name != 0 {
                let id = u32::try_from(btf.types.len())?;
                btf.structs.entry(btf.string(record.name)?.to_owned()).or_insert(id);
            }
            if record.kind == KIND_TYPEDEF {
                // include/trace/bpf_probe.h: every tracepoint has a type of this name.
                if let Some(tracepoint) =
                    btf.string(record.name)?.strip_prefix("btf_trace_").map(str::to_owned)
                {
                    btf.tracepoints.insert(tracepoint);
                }
            }
            at = record.body + body_size(&record)?;
        }
        Ok(btf)
    }

    /// Offset in bytes of a member, such as `sk_err` in `sock` or `skc_family` in `sock`: members of embedded structs are
    /// named with dots (`__sk_common.skc_family`), those of anonymous ones as if they were the outer struct's.
    pub fn offset(&self, structure: &str, path: &str) -> anyhow::Result<u32> {
        let id =
            *self.structs.get(structure).with_context(|| format!("this kernel has no struct {structure}"))?;
        let mut offset = 0;
        let mut id = id;
        for name in path.split('.') {
            let (bits, member_type) = self
                .member(id, name, 0)?
                .with_context(|| format!("this kernel's struct {structure} has no member {path}"))?;
            ensure!(bits % 8 == 0, "this kernel's {structure}.{path} is a bit field");
            offset += bits / 8;
            id = member_type;
        }
        Ok(offset)
    }

    /// Whether this kernel has a tracepoint of that name.
    pub fn has_tracepoint(&self, name: &str) -> bool {
        self.tracepoints.contains(name)
    }

    /// Offset in bits and type of a member of a struct or union.
    fn member(&self, id: u32, name: &str, depth: u32) -> anyhow::Result<Option<(u32, u32)>> {
        let Some(at) = self.types.get((id as usize).wrapping_sub(1)) else { bail!("type {id} is missing") };
        let record = self.record(*at as usize)?;
        if !matches!(record.kind, KIND_STRUCT | KIND_UNION) || depth > MAX_DEPTH {
            return Ok(None);
        }
        for index in 0..record.members as usize {
            let at = record.body + index * 12;
            let (member_name, member_type, bits) =
                (word(&self.data, at)?, word(&self.data, at + 4)?, word(&self.data, at + 8)?);
            let bits = if record.bit_fields { bits & 0x00ff_ffff } else { bits };
            if member_name == 0 {
                if let Some((inner, inner_type)) = self.member(member_type, name, depth + 1)? {
                    return Ok(Some((bits + inner, inner_type)));
                }
            } else if self.string(member_name)? == name {
                return Ok(Some((bits, member_type)));
            }
        }
        Ok(None)
    }

    fn record(&self, at: usize) -> anyhow::Result<Record> {
        let info = word(&self.data, at + 4)?;
        Ok(Record {
            name: word(&self.data, at)?,
            kind: info >> 24 & 0x1f,
            members: info & 0xffff,
            bit_fields: info >> 31 == 1,
            body: at + 12,
        })
    }

    fn string(&self, offset: u32) -> anyhow::Result<&str> {
        let bytes = self.data.get(self.strings + offset as usize..).context("a name lies outside")?;
        let len = bytes.iter().position(|byte| *byte == 0).context("a name has no end")?;
        Ok(std::str::from_utf8(&bytes[..len])?)
    }
}

/// Bytes behind the fixed part, by kind (the order is that of the `BTF_KIND_` constants, include/uapi/linux/btf.h).
fn body_size(record: &Record) -> anyhow::Result<usize> {
    let members = record.members as usize;
    Ok(match record.kind {
        // pointer, forward, typedef, volatile, const, restrict, function, float, type tag
        2 | 7..=12 | 16 | 18 => 0,
        // integer, variable, declaration tag
        1 | 14 | 17 => 4,
        KIND_ARRAY => 12,
        KIND_STRUCT | KIND_UNION | 15 | 19 => members * 12,
        6 | 13 => members * 8,
        kind => bail!("type kind {kind} is not known to this version of pullscope"),
    })
}

fn word(data: &[u8], at: usize) -> anyhow::Result<u32> {
    let bytes = data.get(at..at + 4).context("it ends too early")?;
    Ok(u32::from_ne_bytes(bytes.try_into()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A member: name, type, offset value.
    type Member<'a> = (&'a str, u32, u32);

    /// Builds type information out of types: kind and flag, name, members.
    fn btf(types: &[(u32, &str, &[Member<'_>])]) -> Vec<u8> {
        let mut strings = vec![0];
        let mut name = |text: &str| {
            if text.is_empty() {
                return 0;
            }
            let at = u32::try_from(strings.len()).unwrap();
            strings.extend_from_slice(text.as_bytes());
            strings.push(0);
            at
        };
        let mut records = Vec::new();
        for (kind, type_name, members) in types {
            let info = kind << 24 | u32::try_from(members.len()).unwrap();
            records.extend([name(type_name), info, 0]);
            for (member, member_type, offset) in *members {
                records.extend([name(member), *member_type, *offset]);
            }
        }
        let len = u32::try_from(records.len() * 4).unwrap();
        let header = [u32::from(MAGIC) | 1 << 16, 24, 0, len, len, u32::try_from(strings.len()).unwrap()];
        header.iter().chain(&records).flat_map(|word| word.to_ne_bytes()).chain(strings).collect()
    }

    #[test]
    fn finds_members_through_embedded_and_anonymous_types() {
        let data = btf(&[
            (KIND_STRUCT, "inner", &[("a", 0, 0), ("b", 0, 64)]),
            (KIND_UNION, "", &[("x", 0, 0), ("y", 0, 0)]),
            (KIND_STRUCT, "outer", &[("first", 0, 0), ("", 2, 32), ("in", 1, 128)]),
        ]);
        let btf = Btf::parse(data).unwrap();
        assert_eq!(btf.offset("outer", "y").unwrap(), 4);
        assert_eq!(btf.offset("outer", "in.b").unwrap(), 24);
    }

    #[test]
    fn refuses_what_is_not_there_and_bit_fields() {
        let data = btf(&[(KIND_STRUCT | 0x80, "s", &[("flag", 0, 1 << 24 | 3), ("whole", 0, 32)])]);
        let btf = Btf::parse(data).unwrap();
        assert_eq!(btf.offset("s", "whole").unwrap(), 4);
        assert!(btf.offset("s", "flag").unwrap_err().to_string().contains("bit field"));
        assert!(btf.offset("s", "none").unwrap_err().to_string().contains("no member none"));
        assert!(btf.offset("t", "none").unwrap_err().to_string().contains("no struct t"));
    }

    #[test]
    fn refuses_cut_data() {
        let data = btf(&[(KIND_STRUCT, "s", &[("a", 0, 0)])]);
        for len in 0..data.len() {
            let Ok(btf) = Btf::parse(data[..len].to_vec()) else { continue };
            assert!(btf.offset("s", "a").is_err());
        }
    }
}
