//go:build !linux

package main

import "github.com/rogpeppe/go-internal/testscript"

// terminalCommands are there on Linux only.
var terminalCommands map[string]func(ts *testscript.TestScript, neg bool, args []string)
