package doctor

import (
	"archive/zip"
	"bytes"
	"debug/elf"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"cloudpay/internal/bilingual"
	"cloudpay/internal/emulator/deployfile"
)

// otherLanguage matches the runtimes that start no binary.
var otherLanguage = regexp.MustCompile(`(?i)^(node|python|php|java|dotnet|ruby|powershell)`)

// runtimes refuses those on which a binary of Go does not start, and those that are no more: AWS
// ended go1.x in 2023 and provided.al2 on 2026-06-30. SCF's word is Go1; Golang1, which the console
// shows, is refused by the components' specification. A function without a runtime is one of
// Node.js in every tool.
func runtimes(f described) []Finding {
	if f.isIn(deployfile.Container) || f.Written.Lines["image"] != 0 || f.Runtime == "" && f.Written.Lines["runtime"] != 0 {
		return nil
	}
	right, fits := "Go1", []string{"Go1", "CustomRuntime", "CustomImage"}
	if f.isIn(deployfile.AWS) {
		right, fits = "provided.al2023", []string{"provided.al2023"}
	}
	if slices.Contains(fits, f.Runtime) {
		return nil
	}
	found := bilingual.Sprintf("its runtime is %q, which does not start the binary", "其运行时为 %q，不能启动该程序", f.Runtime)
	switch {
	case f.Runtime == "":
		found = bilingual.New("it has no runtime, and the tool takes Node.js", "没有设置运行时，而工具默认为 Node.js")
	case f.isIn(deployfile.AWS) && (f.Runtime == "go1.x" || strings.HasPrefix(f.Runtime, "provided")):
		found = bilingual.Sprintf("its runtime is %s, which AWS has ended", "其运行时为 %s，AWS 已停止支持", f.Runtime)
	}
	return []Finding{f.at("runtime").fault(found, bilingual.Sprintf(
		"write runtime %s; the runtime of a function that exists cannot be changed on CloudBase", "请写运行时 %s；CloudBase 上已创建的函数不能更改运行时", right))}
}

// handlers refuses entries that are no binary's name, and those of the other function: in a zip of
// several binaries the handler alone decides which runs. Lambda looks at no handler of a binary,
// and a web function is started by its script.
func handlers(f described) []Finding {
	if f.isIn(deployfile.Container) || f.Runtime != "Go1" || f.HTTP {
		return nil
	}
	other := map[string]string{"closeorder": "queryorder", "queryorder": "closeorder"}
	switch {
	case strings.ContainsAny(f.Handler, "./"):
		return []Finding{f.at("handler").fault(
			bilingual.Sprintf("its handler is %q, and for Go1 it is the binary's name", "其 handler 为 %q，而 Go1 应为程序文件名", f.Handler),
			bilingual.New("write handler main, or the binary's name in a zip of several", "请写 handler 为 main；zip 中有多个程序时写其文件名"))}
	case f.Handler != "" && other[f.Name] == f.Handler:
		return []Finding{f.at("handler").fault(
			bilingual.Sprintf("its handler is %s: it would do the other function's work", "其 handler 为 %s：会执行另一函数的工作", f.Handler),
			bilingual.Sprintf("write handler %s", "请写 handler 为 %s", f.Name))}
	}
	return nil
}

// bootstrapName is what starts a web function on SCF and CloudBase, and lambdaName what starts one
// on Lambda with a runtime of its own. Both names are fixed by the platforms.
const (
	bootstrapName = "scf_bootstrap"
	lambdaName    = "bootstrap"
)

// code looks at what would be packed, if it is built: that the binary is there, executable and for
// the platform's processor, and that a web function has its start script. The tools pack a folder
// or a zip as it is, so that each of these shows only at the first call in the cloud. Lambda's
// machine is the described one; the others have amd64.
func code(f described) []Finding {
	packed, err := f.packed()
	if err != nil {
		return nil
	}
	if f.isIn(deployfile.AWS) {
		machine := elf.EM_X86_64
		if f.Written.Values["architecture"] == "arm64" {
			machine = elf.EM_AARCH64
		}
		return f.binary(packed, lambdaName, machine)
	}
	name := f.Handler
	if f.HTTP || name == "" {
		name = "main"
	}
	if !f.HTTP {
		return f.binary(packed, name, elf.EM_X86_64)
	}
	return append(f.startScript(packed), f.binary(packed, name, elf.EM_X86_64)...)
}

// errNotSaid is the error for a function of which the file does not say what would be packed.
var errNotSaid = errors.New("the file does not say what is packed")

// packedFile is one file of what is packed: its mode in the cloud, and its first bytes.
type packedFile struct {
	mode os.FileMode
	head []byte
}

// headSize is how much of a file is read: a start script whole, and of a binary what says for which
// processor it is.
const headSize = 4 << 10

// maxPacked limits how many files are looked at. A function's folder has a handful, and one of
// Node.js' modules some thousand.
const maxPacked = 10_000

// packed are the files that would be packed, by name. The error says that nothing is built, or that
// the file does not say what would be packed.
func (f described) packed() (map[string]packedFile, error) {
	if f.Artifact != "" {
		return unzipped(f.Artifact)
	}
	if f.Written.Folder == "" || f.Runtime == "CustomImage" {
		return nil, errNotSaid
	}
	entries, err := os.ReadDir(f.Written.Folder)
	if err != nil {
		return nil, fmt.Errorf("listing the folder: %w", err)
	}
	files := map[string]packedFile{}
	for _, entry := range entries[:min(len(entries), maxPacked)] {
		path := filepath.Join(f.Written.Folder, entry.Name())
		// Opening a pipe without a writer never returns. What a link leads to is packed.
		info, err := os.Stat(path)
		if err != nil || !info.Mode().IsRegular() {
			continue
		}
		file, err := os.Open(path)
		if err != nil {
			return nil, fmt.Errorf("opening a file: %w", err)
		}
		head, _ := io.ReadAll(io.LimitReader(file, headSize))
		files[entry.Name()] = packedFile{info.Mode(), head}
		_ = file.Close() // nothing was written
	}
	return files, nil
}

// unzipped are the files of a zip, with the modes that the archive has for them. A zip that is made
// on Windows has none, and its binaries do not start.
func unzipped(path string) (map[string]packedFile, error) {
	if info, err := os.Stat(path); err != nil || !info.Mode().IsRegular() {
		return nil, errors.Join(err, errNotRegular)
	}
	archive, err := zip.OpenReader(path)
	if err != nil {
		return nil, fmt.Errorf("opening the zip: %w", err)
	}
	defer func() { _ = archive.Close() }() // nothing was written
	files := map[string]packedFile{}
	for _, entry := range archive.File[:min(len(archive.File), maxPacked)] {
		file, err := entry.Open()
		if err != nil {
			return nil, fmt.Errorf("reading the zip: %w", err)
		}
		head, _ := io.ReadAll(io.LimitReader(file, headSize))
		_ = file.Close() // nothing was written
		files[entry.Name] = packedFile{entry.Mode(), head}
	}
	return files, nil
}

// binary checks the binary of that name: a file for Linux that may be executed, for the processor
// of the platform. Windows keeps no modes, so that zips which are made there lose them.
func (f described) binary(packed map[string]packedFile, name string, machine elf.Machine) []Finding {
	build := bilingual.New("make package builds it", "make package 会构建它")
	file, there := packed[name]
	if !there {
		found := bilingual.Sprintf("what is packed has no binary %s", "打包内容中没有程序 %s", name)
		for other := range packed {
			if strings.HasSuffix(other, ".go") {
				found = bilingual.Sprintf("what is packed are Go's sources, and no binary %s: the tool builds nothing",
					"打包内容是 Go 源码，没有程序 %s：工具不会编译", name)
			}
		}
		return []Finding{f.at("handler").fault(found, build)}
	}
	const executable = 0o111
	if file.mode&executable == 0 {
		return []Finding{f.at("handler").fault(bilingual.Sprintf("the binary %s is not executable", "程序 %s 没有可执行权限", name),
			bilingual.Sprintf("chmod 755 %s, and pack it where file modes are kept", "请 chmod 755 %s，并在保留文件权限的系统上打包", name))}
	}
	const machineAt, machineEnd = 18, 20
	if !bytes.HasPrefix(file.head, []byte(elf.ELFMAG)) || len(file.head) < machineEnd {
		return []Finding{f.at("handler").fault(bilingual.Sprintf("the binary %s is none of Linux", "程序 %s 不是 Linux 程序", name), build)}
	}
	if is := elf.Machine(file.head[machineAt]) | elf.Machine(file.head[machineAt+1])<<8; is != machine {
		return []Finding{f.at("handler").fault(bilingual.Sprintf("the binary %s is for %s, and the platform has %s", "程序 %s 用于 %s，而平台为 %s",
			name, is.String(), machine.String()), build)}
	}
	return nil
}

// startScript checks scf_bootstrap, which starts a web function: that very name, executable, with
// line feeds alone, and #!/bin/bash in its first line
// (docs.cloudbase.net/cloud-function/develop/scf-bootstrap).
func (f described) startScript(packed map[string]packedFile) []Finding {
	remedy := bilingual.New("copy internal/toolchain/pack/scf_bootstrap, mode 755 (make package does)",
		"请复制 internal/toolchain/pack/scf_bootstrap，权限 755（make package 会做）")
	file, there := packed[bootstrapName]
	const executable = 0o111
	var found bilingual.Text
	switch {
	case !there:
		found = bilingual.New("what is packed has no scf_bootstrap, which starts a web function", "打包内容中没有启动 Web 函数的 scf_bootstrap")
	case bytes.ContainsRune(file.head, '\r'):
		found = bilingual.New("scf_bootstrap has Windows' line ends, with which it does not start", "scf_bootstrap 为 Windows 换行，无法启动")
	case !bytes.HasPrefix(file.head, []byte("#!/bin/bash\n")):
		found = bilingual.New("scf_bootstrap does not begin with the line #!/bin/bash", "scf_bootstrap 首行不是 #!/bin/bash")
	case file.mode&executable == 0:
		found = bilingual.New("scf_bootstrap is not executable", "scf_bootstrap 没有可执行权限")
	default:
		return nil
	}
	return []Finding{f.at("type").fault(found, remedy)}
}

// codeNotBuilt says which code was not looked at, since it is not there.
func codeNotBuilt(d Deployment, _ values, ours []described) []Finding {
	var missing []string
	for _, f := range ours {
		if _, err := f.packed(); err != nil && !errors.Is(err, errNotSaid) {
			missing = append(missing, f.Name)
		}
	}
	if len(missing) == 0 {
		return nil
	}
	return []Finding{deploymentCheck.about(filepath.Base(d.File)).skipped(bilingual.Sprintf(
		"the code of %s was not looked at: it is not built yet (make package)", "未检查 %s 的代码：尚未构建（make package）", strings.Join(missing, ", ")))}
}
