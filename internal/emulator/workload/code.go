package workload

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"cloudpay/internal/bilingual"
	"cloudpay/internal/emulator/deployfile"
	"cloudpay/internal/emulator/platform"
)

// locate finds or builds a function's code, and completes its spec.
func (p *planner) locate(ctx context.Context, f deployfile.Function, spec *platform.Spec) error {
	switch spec.Runtime {
	case platform.Node:
		return p.node(f, spec)
	case platform.Web:
		if folder := folderWith(f.Folders, bootstrapFile); folder != "" {
			return p.web(folder, spec)
		}
	default:
	}
	if folder := folderWith(f.Folders, "*.go"); folder != "" {
		return p.build(ctx, folder, spec)
	}
	return p.binary(f, spec)
}

// folderWith is the first folder with a file whose name matches a pattern; empty if there is none.
func folderWith(folders []string, pattern string) string {
	for _, folder := range folders {
		if found, err := filepath.Glob(filepath.Join(folder, pattern)); err == nil && len(found) > 0 {
			return folder
		}
	}
	return ""
}

// build compiles Go sources.
func (p *planner) build(ctx context.Context, folder string, spec *platform.Spec) error {
	spec.Binary, spec.Folder = filepath.Join(p.Workspace, spec.Name), folder
	p.plan.Sources = append(p.plan.Sources, folder)
	fresh := spec.Binary + ".new"
	if err := platform.Build(ctx, folder, ".", fresh); err != nil {
		return err
	}
	// Processes of before keep the file that they run.
	if err := os.Rename(fresh, spec.Binary); err != nil {
		return bilingual.Errorf("keeping what was built: %w", "保存编译结果：%w", err)
	}
	return nil
}

// binaryNames are what a binary may be called in its folder: the handler, or what each platform
// wants.
func binaryNames(f deployfile.Function) []string {
	names := []string{"main", "bootstrap", f.Name}
	if f.Handler != "" {
		names = slices.Insert(names, 0, filepath.Base(f.Handler))
	}
	return names
}

// binary finds a built binary: in one of the folders, or in the zip file that is deployed.
func (p *planner) binary(f deployfile.Function, spec *platform.Spec) error {
	var tried []string
	for _, folder := range f.Folders {
		for _, name := range binaryNames(f) {
			path := filepath.Join(folder, name)
			if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() {
				spec.Binary = path
				p.plan.Sources = append(p.plan.Sources, folder)
				return executable(path, info)
			}
		}
		tried = append(tried, folder)
	}
	if f.Artifact != "" {
		return p.unpack(f, spec)
	}
	return bilingual.Errorf("there is neither a binary nor Go source of it: looked in %s", "找不到其二进制或 Go 源码：查找了 %s",
		strings.Join(tried, ", "))
}

// executable returns an error for a file that the platform could not run.
func executable(path string, info fs.FileInfo) error {
	if info.Mode()&0o111 == 0 {
		return bilingual.Errorf("%s is not executable, and would not start in the cloud either: chmod 755",
			"%s 不可执行，在云上也无法启动：请 chmod 755", path)
	}
	return nil
}

// maxUnpacked is the most bytes of a binary: SCF takes 500 MB of code.
const maxUnpacked = 500 << 20

// unpack takes the binary out of the zip file that is deployed.
func (p *planner) unpack(f deployfile.Function, spec *platform.Spec) error {
	archive, err := zip.OpenReader(f.Artifact)
	if err != nil {
		return bilingual.Errorf("its artifact %s: %w", "其部署包 %s：%w", f.Artifact, err)
	}
	defer func() { _ = archive.Close() }() // it was only read
	for _, name := range binaryNames(f) {
		at := slices.IndexFunc(archive.File, func(entry *zip.File) bool { return entry.Name == name })
		if at < 0 {
			continue
		}
		spec.Binary = filepath.Join(p.Workspace, f.Name)
		p.plan.Sources = append(p.plan.Sources, f.Artifact)
		return extract(archive.File[at], spec.Binary)
	}
	return bilingual.Errorf("its artifact %s has no %s in its root", "其部署包 %s 的根目录中没有 %s", f.Artifact, strings.Join(binaryNames(f), ", "))
}

// extract writes one entry of a zip file as an executable.
func extract(entry *zip.File, path string) error {
	read, err := entry.Open()
	if err != nil {
		return bilingual.Errorf("unpacking %s: %w", "解压 %s：%w", entry.Name, err)
	}
	defer func() { _ = read.Close() }() // it was only read
	if err := writeExecutable(path, io.LimitReader(read, maxUnpacked)); err != nil {
		return bilingual.Errorf("unpacking %s: %w", "解压 %s：%w", entry.Name, err)
	}
	return nil
}

// writeExecutable writes a file that only its owner may run. Processes of before keep the old one.
func writeExecutable(path string, from io.Reader) error {
	fresh := path + ".new"
	write, err := os.OpenFile(fresh, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(write, from)
	err = errors.Join(err, write.Chmod(0o700), write.Close())
	if err == nil {
		err = os.Rename(fresh, path)
	}
	if err != nil {
		return bilingual.Errorf("writing %s: %w", "写入 %s：%w", path, err)
	}
	return nil
}

// node finds a Node.js function: the folder with the handler's file, and everything that it
// requires.
func (p *planner) node(f deployfile.Function, spec *platform.Spec) error {
	spec.Handler = f.Handler
	if spec.Handler == "" || !strings.Contains(spec.Handler, ".") {
		spec.Handler = "index.main"
	}
	file := spec.Handler[:strings.LastIndex(spec.Handler, ".")]
	for _, pattern := range []string{file + ".js", file + ".cjs", file + ".mjs"} {
		if folder := folderWith(f.Folders, pattern); folder != "" {
			spec.Folder = folder
			p.plan.Sources = append(p.plan.Sources, folder)
			return required(folder)
		}
	}
	return bilingual.Errorf("there is no %s.js for its handler %s: looked in %s", "没有 %s.js，而其入口为 %s：查找了 %s",
		file, spec.Handler, strings.Join(f.Folders, ", "))
}

// required returns an error if a dependency that package.json names is not installed. The cloud
// installs them at deployment.
func required(folder string) error {
	text, err := os.ReadFile(filepath.Join(folder, "package.json"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	var manifest struct {
		Dependencies map[string]json.RawMessage `json:"dependencies"`
	}
	if err == nil {
		err = json.Unmarshal(text, &manifest)
	}
	if err != nil {
		return bilingual.Errorf("its package.json: %w", "其 package.json：%w", err)
	}
	var missing []string
	for _, name := range slices.Sorted(maps.Keys(manifest.Dependencies)) {
		if !installed(folder, name) {
			missing = append(missing, name)
		}
	}
	if len(missing) > 0 {
		return bilingual.Errorf("its node_modules lack %s: run `npm install` in %s", "其 node_modules 缺少 %s：请在 %s 中运行 `npm install`",
			strings.Join(missing, ", "), folder)
	}
	return nil
}

// installed reports whether Node.js would find a package from a folder: in its node_modules or in
// those of a folder above it.
func installed(folder, name string) bool {
	for {
		if _, err := os.Stat(filepath.Join(folder, "node_modules", filepath.FromSlash(name))); err == nil {
			return true
		}
		above := filepath.Dir(folder)
		if above == folder {
			return false
		}
		folder = above
	}
}

// bootstrapFile starts a web function (SCF doc "启动文件说明").
const bootstrapFile = "scf_bootstrap"

// platformPath matches the folders in which SCF has its languages, such as /var/lang/node18/bin/.
var platformPath = regexp.MustCompile(`/var/lang/[A-Za-z0-9_.-]+/bin/`)

// web finds a web function's start file. If that names a program where only SCF has it, a copy
// without the path is run, which finds the program on the PATH.
func (p *planner) web(folder string, spec *platform.Spec) error {
	path := filepath.Join(folder, bootstrapFile)
	spec.Binary, spec.Folder = path, folder
	p.plan.Sources = append(p.plan.Sources, folder)
	info, err := os.Stat(path)
	var text []byte
	if err == nil {
		text, err = os.ReadFile(path)
	}
	if err != nil {
		return bilingual.Errorf("reading its start file: %w", "读取启动文件：%w", err)
	}
	if err := executable(path, info); err != nil {
		return err
	}
	switch {
	case !strings.HasPrefix(string(text), "#!"):
		return bilingual.Errorf("%s must begin with #!/bin/bash", "%s 首行须为 #!/bin/bash", path)
	case strings.Contains(string(text), "\r\n"):
		return bilingual.Errorf("%s has the line ends of Windows, and would not start in the cloud either", "%s 使用了 Windows 换行符，在云上也无法启动", path)
	case !platformPath.Match(text):
		return nil
	}
	spec.Binary = filepath.Join(p.Workspace, spec.Name+"."+bootstrapFile)
	return writeExecutable(spec.Binary, bytes.NewReader(platformPath.ReplaceAll(text, nil)))
}
