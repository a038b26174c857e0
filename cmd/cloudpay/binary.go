package main

import (
	"debug/elf"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"cloudpay/internal/emulator/platform"
)

// binaryOf is a function's executable in a folder: one of its name, as emulate builds it, or where
// `make package` puts it, for SCF and CloudBase or for Lambda. Any of these binaries runs on every
// runtime; what is built for another processor is passed over, which Lambda's is on most machines.
func binaryOf(bin, function string, on platform.Runtime) (string, error) {
	plain, scf := filepath.Join(bin, function), filepath.Join(bin, function, "main")
	lambda := filepath.Join(bin, "lambda", function, "bootstrap")
	places := []string{plain, scf, lambda}
	if on == platform.Lambda {
		places = []string{plain, lambda, scf}
	}
	var foreign []string
	for _, place := range places {
		facts, err := os.Stat(place)
		switch {
		case err != nil, facts.IsDir():
		case runsHere(place):
			return place, nil
		default:
			foreign = append(foreign, place)
		}
	}
	if len(foreign) > 0 {
		return "", usagef("--bin: %s is for another machine than this one (%s): leave --bin out to build the functions",
			"--bin：%s 不能在本机（%s）上运行：去掉 --bin 即可编译云函数", strings.Join(foreign, ", "), runtime.GOOS+"/"+runtime.GOARCH)
	}
	return "", usagef("--bin: there is no function %s in %s: looked for %s",
		"--bin：没有云函数 %s：在 %s 中查找了 %s", function, bin, strings.Join(places, ", "))
}

// machines are the processors that functions are deployed on, by their names in Go.
var machines = map[elf.Machine]string{elf.EM_X86_64: "amd64", elf.EM_AARCH64: "arm64"}

// runsHere reports whether an executable may be run on this machine. What is no ELF is for the
// system to judge.
func runsHere(executable string) bool {
	file, err := elf.Open(executable)
	if err != nil {
		return true
	}
	defer func() { _ = file.Close() }() // it was only read
	arch, known := machines[file.Machine]
	return runtime.GOOS == "linux" && (!known || arch == runtime.GOARCH)
}
