//! Taking a program out of the object, and saying in a sentence why the kernel refuses one.

use anyhow::{Context, anyhow};
use aya::Ebpf;
use aya::programs::ProgramError;

/// A program of the object.
pub fn program<'a, T>(ebpf: &'a mut Ebpf, name: &str) -> anyhow::Result<&'a mut T>
where
    &'a mut T: TryFrom<&'a mut aya::programs::Program, Error = ProgramError>,
{
    let program =
        ebpf.program_mut(name).with_context(|| format!("this build has no kernel program {name}"))?;
    Ok(program.try_into()?)
}

/// The verifier's log is for whoever changes the programs; the operator is told that there is one.
pub fn explain(error: ProgramError) -> anyhow::Error {
    match error {
        ProgramError::LoadError { io_error, verifier_log } => {
            let log = verifier_log.to_string();
            if log.is_empty() {
                return anyhow!(io_error);
            }
            tracing::debug!(log, "the verifier's words");
            // What a lockdown forbids, the verifier does not know (kernel/trace/bpf_trace.c, `bpf_tracing_func_proto`; the
            // second wording since 6.11).
            let forbidden = ["unknown func bpf_probe_read", "cannot use helper bpf_probe_read"];
            if forbidden.iter().any(|words| log.contains(words)) {
                return anyhow!(
                    "this kernel lets no program read its memory: boot it without lockdown=confidentiality \
                     (lockdown=integrity will do)"
                );
            }
            anyhow!(
                "this kernel's verifier refuses it ({io_error}; --log.level=debug shows why): please report it"
            )
        }
        error => anyhow!(error),
    }
}

/// Adds the mend where the kernel said that we may not.
pub fn refused(error: anyhow::Error) -> anyhow::Error {
    let denied = error.chain().any(|cause| {
        cause
            .downcast_ref::<std::io::Error>()
            .is_some_and(|io| io.kind() == std::io::ErrorKind::PermissionDenied)
    });
    if !denied {
        return error;
    }
    error.context(
        "the kernel does not allow it: run as root, or with CAP_BPF, CAP_PERFMON, CAP_NET_ADMIN and \
         CAP_SYS_PTRACE, and without lockdown=confidentiality",
    )
}
