# The commands that people type; `just --list` shows them. What CI checks stands in .ci/run.

# Show the recipes.
default:
    @just --list

# Build the gateway.
build *args:
    cargo build -p nomad-gateway {{ args }}

# Run the tests, all or those of a package: `just test -p nomad-frames`.
test *args:
    cargo test {{ if args == "" { "--workspace --all-features" } else { args } }}

# Format, then check spelling, lints and documentation.
lint:
    cargo fmt --all
    .ci/run format spelling lints documentation

# Run a bench: `just bench forward`.
bench name:
    cargo bench -p nomad-benches --bench {{ name }}

# Start a fleet of five agents and the gateway: `just dev --acl`.
dev *args:
    cargo run --release -p nomad-gateway -- dev {{ args }}

# Everything that must hold before a change lands, or steps of it by name.
ci *steps:
    .ci/run {{ steps }}
