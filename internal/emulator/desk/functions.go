package desk

import (
	"context"
	"debug/elf"
	"errors"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"time"

	"cloudpay/internal/bilingual"
	"cloudpay/internal/emulator/platform"
)

// timeLimit is what the emulated platform gives an invocation, as serverless.yml says for the real
// one.
const timeLimit = 10 * time.Second

// LongestCall is longer than the emulated platform lets a call take, the start of an instance
// included.
const LongestCall = 3 * timeLimit

// Functions lists the functions of this repository that take events, by the names that they are
// called by.
func Functions() []string { return []string{"closeorder", "queryorder"} }

// optional are the executables that only some descriptions need.
var optional = []string{"web"}

// Build compiles functions into bin the way they are compiled for deployment. They are built from
// the source that the user stands in, with the build tags given. When ctx ends first, the error is
// ctx's.
func Build(ctx context.Context, bin string, functions []string, tags ...string) error {
	dir, err := repository(ctx)
	if err != nil {
		return err
	}
	for _, name := range functions {
		err := platform.Build(ctx, dir, "./functions/"+name, filepath.Join(bin, name), tags...)
		switch {
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case err != nil:
			return bilingual.Errorf("building the function %s: %w", "编译云函数 %s：%w", name, err)
		}
	}
	return nil
}

// repository is the folder of cloudpay's module, when the user stands in it. Another module's
// functions would be built without a word and then fail to start, so the module's path is checked.
func repository(ctx context.Context) (string, error) {
	path, dir, err := platform.Module(ctx)
	switch {
	case ctx.Err() != nil:
		return "", context.Cause(ctx)
	case errors.Is(err, exec.ErrNotFound):
		return "", bilingual.Errorf("the functions are built from source, and the go command is not on the PATH: install Go 1.26",
			"云函数需从源码编译，而 PATH 中没有 go 命令：请安装 Go 1.26")
	case err != nil, path+"/internal/emulator/desk" != reflect.TypeFor[here]().PkgPath(): // as `make module` named it
		return "", bilingual.Errorf("the functions are built from source: run this inside cloudpay's repository",
			"云函数需从源码编译：请在 cloudpay 的代码仓库中运行")
	}
	return dir, nil
}

// here is a type of this package. Its path has the module's, which `make module` may have changed.
type here struct{}

// Find finds the functions' executables in a folder: files of their names, as Build makes them, or
// where `make package` puts them, for SCF and CloudBase or for Lambda. Any of these binaries runs
// on every runtime. One that is built for another processor is passed over, which Lambda's is on
// most machines. The result is by function. closeorder and queryorder must be there, web need not;
// the error names the first that is missing.
func Find(bin string, on platform.Runtime) (map[string]string, error) {
	found := map[string]string{}
	for _, name := range Functions() {
		var err error
		if found[name], err = find(bin, name, on); err != nil {
			return nil, err
		}
	}
	for _, name := range optional {
		if path, err := find(bin, name, on); err == nil {
			found[name] = path
		}
	}
	return found, nil
}

// find looks in the folder's places in turn. An executable for another machine is named in the
// error, since a folder with only such files looks complete to its user.
func find(bin, function string, on platform.Runtime) (string, error) {
	plain, scf := filepath.Join(bin, function), filepath.Join(bin, function, "main")
	lambda := filepath.Join(bin, "lambda", function, "bootstrap")
	places := []string{plain, scf, lambda}
	if on == platform.Lambda {
		places = []string{plain, lambda, scf}
	}
	var foreign []string
	for _, place := range places {
		info, err := os.Stat(place)
		switch {
		case err != nil, info.IsDir(): // dist/closeorder is the folder that holds SCF's main
		case runsHere(place):
			return place, nil
		default:
			foreign = append(foreign, place)
		}
	}
	if len(foreign) > 0 {
		return "", bilingual.Errorf("%s is for another machine than this one (%s): leave --bin out to build the functions",
			"%s 不能在本机（%s）上运行：去掉 --bin 即可编译云函数", strings.Join(foreign, ", "), runtime.GOOS+"/"+runtime.GOARCH)
	}
	return "", bilingual.Errorf("there is no function %s in %s: looked for %s",
		"没有云函数 %s：在 %s 中查找了 %s", function, bin, strings.Join(places, ", "))
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

// environ lists an environment as processes take it, NAME=VALUE sorted by name, so that two runs
// start their functions alike.
func environ(env map[string]string) []string {
	list := make([]string, 0, len(env))
	for _, name := range slices.Sorted(maps.Keys(env)) {
		list = append(list, name+"="+env[name])
	}
	return list
}
