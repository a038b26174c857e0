package doctor

import (
	"io"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"cloudpay/internal/app"
	"cloudpay/internal/bilingual"
	"cloudpay/internal/config"
	"cloudpay/internal/emulator/deployfile"
)

// configured has every fault that the function would report of its configuration when it starts,
// with the variables that the description gives it. The program itself is asked (package app), so
// that nothing is known here that the functions could contradict: keys that do not parse, values
// without their form, variables that contradict each other, routes without what they need.
//
// Faults of values that are not known are left out, and so are those that [unsetVariables] reports.
// If it is not known which API, mode or region is meant, nothing can be said of the others.
func configured(f described) []Finding {
	for _, name := range []string{"WXPAY_API", "WXPAY_MODE", "WXPAY_REGION"} {
		if v, written := f.Written.Variables[name]; written && f.isUnknown(v) {
			return []Finding{f.at(name).skipped(bilingual.Sprintf("the configuration was not examined: the value of %s is not known here",
				"未检查配置：此处不知道 %s 的值", name))}
		}
	}
	var findings []Finding
	for _, fault := range f.faults {
		if !f.isToReport(fault.Variable) {
			continue
		}
		findings = append(findings, f.at(strings.TrimSuffix(fault.Variable, config.FileSuffix)).fault(
			bilingual.Sprintf("%s %s%s", "%s %s%s", fault.Variable, fault.Problem, f.whence(fault.Variable)),
			bilingual.Sprintf("%s; %s", "%s；%s", fault.Remedy, f.change(fault.Variable))))
	}
	return findings
}

// isToReport reports whether a fault of a variable is one of the description: its value is known,
// or it is missing and the file names every variable that there is.
func (f described) isToReport(name string) bool {
	v, written := f.Written.Variables[name]
	_, inFile := f.Written.Variables[name+config.FileSuffix]
	if !written {
		return !inFile && !f.Written.Opaque
	}
	if name == nameStore && f.isIn(deployfile.Container) && strings.HasPrefix(f.value(name), "sqlite:") {
		return false // which the image's program may have, and this one not
	}
	// The path of a key that cannot be looked at has a stand-in, of which the program says that it
	// is damaged.
	if slices.Contains(keyFiles, name) && f.contents(name) == standIn(name) {
		return false
	}
	return v.Known && (f.value(name) != "" || v.Text == "" || hasDefault(v.Text))
}

// started is the function with the faults of its configuration, as the program that runs as it
// reports them.
func (f described) started() described {
	start := app.QueryOrder
	switch f.program() {
	case "web":
		start = app.Web
	case notices:
		start = app.PayNotify
	}
	function, err := start(f.environ(), io.Discard)
	if err != nil {
		return f // only an environment that cannot be read at all
	}
	if function.End != nil {
		defer function.End()
	}
	list := &examination{faults: &config.Faults{}}
	list.add(function.Broken)
	f.faults = list.faults.List
	return f
}

// environ is the environment that the function would have: the described variables, with stand-ins
// for the values that are not known, and what its platform adds. A variable that names a file
// counts as its content, which is known in the cloud only: this machine's files of that path are
// others.
func (f described) environ() []string {
	environ := f.platformVariables()
	for _, name := range f.variablesByLine() {
		v := f.Written.Variables[name]
		own, isFile := strings.CutSuffix(name, config.FileSuffix)
		_, both := f.Written.Variables[own]
		switch {
		case isFile && both:
			environ = append(environ, name+"="+f.value(name)) // a fault whatever is in the file
		case isFile && isThere(f.Written.Mounted[f.value(name)]):
			environ = append(environ, name+"="+f.Written.Mounted[f.value(name)])
		case isFile:
			environ = append(environ, own+"="+standIn(own))
		case f.isUnknown(v):
			environ = append(environ, name+"="+standIn(name))
		default:
			environ = append(environ, name+"="+f.contents(name))
		}
	}
	return environ
}

// unmountedFiles refuses paths of secrets that a Compose file does not give to the service: the
// container would start, and answer that the file is not there. On Kubernetes a volume holds the
// secrets, whose files the description does not name.
func unmountedFiles(f described) []Finding {
	if f.Written.Form != deployfile.Compose {
		return nil
	}
	var findings []Finding
	for _, name := range f.variablesByLine() {
		path := f.value(name)
		if strings.HasSuffix(name, config.FileSuffix) && strings.HasPrefix(path, mountedSecrets) && f.Written.Mounted[path] == "" {
			findings = append(findings, f.at(name).fault(
				bilingual.Sprintf("%s names a secret that the service does not have", "%s 所指的 secret 没有提供给该服务", name),
				bilingual.Sprintf("add %s to the service's secrets, and to those of the file", "请在服务与文件的 secrets 中加上 %s",
					strings.TrimPrefix(path, mountedSecrets))))
		}
	}
	return findings
}

// missingSecrets refuses files of a Compose file's secrets that are not there: nothing would be
// started. Without values the machine may be one that nothing is started on, and the finding says
// that they were not looked at.
func missingSecrets(d Deployment, given values, ours []described) []Finding {
	missing := map[string]bool{}
	for _, f := range ours {
		for _, local := range f.Written.Mounted {
			if name, err := filepath.Rel(filepath.Dir(d.File), local); err == nil && !isThere(local) {
				missing[name] = true
			}
		}
	}
	if len(missing) == 0 {
		return nil
	}
	names := strings.Join(slices.Sorted(maps.Keys(missing)), ", ")
	about := deploymentCheck.about(filepath.Base(d.File))
	if !given.given {
		return []Finding{about.skipped(bilingual.Sprintf("the files of its secrets were not examined, since they are not there: %s",
			"secrets 的文件不存在，因此未检查：%s", names))}
	}
	return []Finding{about.fault(bilingual.Sprintf("the files of its secrets are not there: %s", "secrets 的文件不存在：%s", names),
		bilingual.New("write each (docs/containers.md)", "请逐一写入（docs/containers.md）"))}
}

// isThere reports whether a file can be looked at.
func isThere(path string) bool {
	_, err := os.Stat(path)
	return path != "" && err == nil
}

// platformVariables are what the platform sets that the configuration is read with: that it is a
// cloud, where a function's own files are lost with its instance, and how much memory there is.
func (f described) platformVariables() []string {
	switch {
	case f.isIn(deployfile.Tencent):
		return []string{"SCF_RUNTIME=" + f.Runtime, "SCF_FUNCTION_MEMORY_SIZE=" + strconv.Itoa(f.MemoryMB)}
	case f.isIn(deployfile.AWS):
		return []string{"AWS_LAMBDA_FUNCTION_NAME=" + f.Name, "AWS_LAMBDA_FUNCTION_MEMORY_SIZE=" + strconv.Itoa(f.MemoryMB)}
	default:
		return nil
	}
}

// keyFiles are the variables that may be the path of a file, and pathForm matches such a path.
var (
	keyFiles = []string{namePrivateKey, namePublicKey, "WXPAY_CERT_ROOTS"}
	pathForm = regexp.MustCompile(`^(/|\.{1,2}/|[A-Za-z0-9_-]+/)?[A-Za-z0-9_./-]*\.(pem|key|crt|cer)$`)
)

// contents is a variable's value; where that is the path of a key in the function's folder, what is
// there. A path elsewhere exists in the cloud only, and has a stand-in. Where the folder is not
// built yet, nothing is known of a path in it either.
func (f described) contents(name string) string {
	value := f.value(name)
	if !slices.Contains(keyFiles, name) || !pathForm.MatchString(value) {
		return value
	}
	if !filepath.IsAbs(value) && f.Written.Folder != "" {
		if text, err := readFile(filepath.Join(f.Written.Folder, value), maxFile); err == nil {
			return text
		}
		if _, err := os.Stat(f.Written.Folder); err == nil {
			return filepath.Join(f.Written.Folder, value) // which is not there, so that it is a fault
		}
	}
	return standIn(name)
}

// standIn is a value of the form that a variable must have, for one that is not known; empty for a
// variable that nothing else depends on. Faults of it are never reported. Its use is that others
// are not at fault because of it: events need a store, a partner's list its default.
func standIn(name string) string {
	switch name {
	case namePrivateKey:
		return "-----BEGIN PRIVATE KEY-----\nMAA=\n-----END PRIVATE KEY-----"
	case namePublicKey:
		return "-----BEGIN PUBLIC KEY-----\nMAA=\n-----END PUBLIC KEY-----"
	case nameStore:
		return "mysql://user:password@database.example:3306/cloudpay?tls=true"
	case "WXPAY_PUBLIC_KEY_ID":
		return "PUB_KEY_ID_0"
	case nameMchID, "WXPAY_SUB_MCHID", nameSerialNo:
		return "1"
	case nameAppID, "WXPAY_SUB_APPID", nameLoginEnv, "CLOUDPAY_LOGIN_WX_APPID":
		return "wx0"
	case "CLOUDPAY_LOGIN_PROVIDER":
		return "claim=value"
	case "CLOUDPAY_NOTIFY_URL", "CLOUDPAY_PAYNOTIFY_FORWARD_URL", "CLOUDPAY_LOGIN_URL":
		return "https://receiver.example"
	}
	if secretVariable.MatchString(name) { // 32 letters and digits, which differ from those of any other
		letters := strings.ReplaceAll(name, "_", "")
		return strings.Repeat(letters, 4)[:32]
	}
	return ""
}

// plainStores warns of a database that is reached in clear, as the functions' first line of log
// does. It is no fault: a private network may be all the protection that is wanted.
func plainStores(f described) []Finding {
	if f.value(nameStore) == "" {
		return nil
	}
	examined, err := app.New([]string{nameStore + "=" + f.value(nameStore)}, io.Discard)
	if err != nil {
		return nil
	}
	defer examined.End()
	if examined.PlainStore == "" {
		return nil
	}
	return []Finding{f.at(nameStore).warning(
		bilingual.Sprintf("the database is reached over a network without TLS%s: its password and the orders can be read on the way",
			"数据库经网络连接而未加密%s：窃听者能读到其密码与订单", f.whence(nameStore)),
		bilingual.New("write sslmode=verify-full (PostgreSQL) or tls=true (MySQL) in the address (docs/databases.md)",
			"在地址中写 sslmode=verify-full（PostgreSQL）或 tls=true（MySQL），见 docs/databases.md"))}
}
