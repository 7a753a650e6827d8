//! The `pullscope` program: see [`pullscope::cli`].

use std::process::ExitCode;

fn main() -> ExitCode {
    pullscope::cli::main()
}
