//! The `nomad-gateway` program.

use std::process::ExitCode;

use clap::Parser as _;
use nomad_gateway::cli::{Cli, Command};

/// What it gains and what it costs stands in docs/performance.md.
#[cfg(feature = "jemalloc")]
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> ExitCode {
    let Cli { command } = Cli::parse();
    match command {
        Command::Dev(args) => exit_code(nomad_gateway::dev::run(&args)),
        Command::Agent(args) => match nomad_gateway::agent::run(&args) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => failed(&error),
        },
        Command::Serve(args) => exit_code(nomad_gateway::serve::run(&args)),
        Command::Check(args) => exit_code(nomad_gateway::serve::check(&args)),
        Command::Acl(command) => match nomad_gateway::acl::run(&command) {
            Ok(answer) => ExitCode::from(answer),
            Err(error) => failed(&error),
        },
    }
}

fn exit_code<E: std::error::Error>(outcome: Result<(), E>) -> ExitCode {
    outcome.map_or_else(|error| failed(&error), |()| ExitCode::SUCCESS)
}

/// The program could not do what it was asked: 2, so that scripts can tell it from an answer of "no".
fn failed(error: &dyn std::error::Error) -> ExitCode {
    nomad_gateway::console::print_error(error);
    ExitCode::from(2)
}
