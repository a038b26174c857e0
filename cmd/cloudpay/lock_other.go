//go:build !unix

package main

import "os"

// lock does nothing where there is no flock: two emulators in one folder are then
// the user's to avoid.
func lock(*os.File) error { return nil }
