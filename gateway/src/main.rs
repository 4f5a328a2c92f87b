//! The `nomad-gateway` program.

use std::process::ExitCode;

use clap::Parser as _;
use nomad_gateway::cli::{Cli, Command};

fn main() -> ExitCode {
    let Cli { command } = Cli::parse();
    let outcome = match command {
        Command::Dev(args) => nomad_gateway::dev::run(&args),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            nomad_gateway::console::complain(&error);
            ExitCode::FAILURE
        }
    }
}
