package deployfile

import (
	"maps"
	"path"
	"regexp"
	"strings"
)

// compose reads the services of a Compose file (docs.docker.com/reference/compose-file). Each is a
// function here, of the cloud [Container], with its command as the handler.
func (r *reader) compose() []Function {
	r.style = composeStyle
	var functions []Function
	for _, m := range r.root.get("services").membersOf() {
		if m.value.kind != mapping {
			r.fault(m.value, "service %s must be an object", "服务 %s 须为对象", m.key)
			continue
		}
		functions = append(functions, r.service(m))
	}
	return functions
}

// service reads one service. A command of cloudpay's is the operator's command, which sweeps or
// migrates; any other service of cloudpay's image is the web server, which is its default.
func (r *reader) service(m member) Function {
	v := m.value
	f := Function{
		Name: m.key, File: r.file, Line: m.line, Cloud: Container, Handler: r.words(v.get("command")),
		Env: r.envFiles(v.get("env_file")), Doors: r.ports(v.get("ports")),
		MemoryMB: r.bytes(v.get("mem_limit").or(v.get("deploy", "resources", "limits", "memory"))),
	}
	maps.Copy(f.Env, r.listed(v.get("environment")))
	f.HTTP = !strings.Contains(f.Handler, "cloudpay")
	if f.Written = r.note(v); f.Written != nil {
		f.Written.Form, f.Written.Mounted = Compose, r.secrets(v.get("secrets"))
	}
	return f
}

// or is a value, or another one in its absence.
func (v *value) or(other *value) *value {
	if v.present() {
		return v
	}
	return other
}

// words is a command, which is a text or a list of its words.
func (r *reader) words(v *value) string {
	if !v.present() || v.kind == scalar {
		return r.text(v)
	}
	words := make([]string, 0, len(v.items))
	for _, item := range v.items {
		words = append(words, r.text(item))
	}
	return strings.Join(words, " ")
}

// listed are the variables of a service, which are a mapping or a list of NAME=value. A NAME alone
// takes its value from the environment of the command and from .env, as ${NAME} does.
func (r *reader) listed(v *value) map[string]string {
	if !v.present() || v.kind != list {
		return r.variables(v)
	}
	own := &value{line: v.line, kind: mapping}
	for _, item := range v.items {
		name, text, has := strings.Cut(item.name(), "=")
		if !has {
			text = "${" + name + "}"
		}
		own.members = append(own.members, member{name, &value{line: item.line, kind: scalar, text: text, quoted: true}, item.line})
	}
	return r.variables(own)
}

// envFiles are the variables of the files of a service (env_file). Unlike those of .env beside the
// description, they reach the container without being named in it. The service's own environment
// wins over them. A file that is not required may be absent.
func (r *reader) envFiles(v *value) map[string]string {
	all := map[string]string{}
	items := v.list()
	if v.present() && v.kind == scalar {
		items = []*value{v}
	}
	for _, item := range items {
		file := item.get("path").or(item)
		read, err := ReadEnvFile(r.path(r.text(file)))
		if err != nil {
			if item.get("required").name() != "false" {
				r.fault(file, "env_file %s: %w", "env_file %s：%w", r.text(file), err)
			}
			continue
		}
		for name := range read.Values {
			r.noteVariable(name, file.line, &value{line: file.line, kind: scalar})
		}
		maps.Copy(all, read.Values)
	}
	return all
}

// ports are the addresses at which other machines reach a service: those that are published on
// another address of this machine than loopback. Docker opens them past the machine's firewall.
func (r *reader) ports(v *value) []string {
	var doors []string
	for _, port := range v.list() {
		text := r.text(port.get("published").or(port.scalarOnly()))
		host := r.text(port.get("host_ip"))
		if text != "" && !strings.HasPrefix(text, "127.0.0.1:") && !strings.HasPrefix(text, "[::1]:") && host != "127.0.0.1" && host != "::1" {
			doors = append(doors, "port "+text)
		}
	}
	return doors
}

// scalarOnly is a value if it is a scalar; nil otherwise.
func (v *value) scalarOnly() *value {
	if v == nil || v.kind != scalar {
		return nil
	}
	return v
}

// secrets are the files on this machine that a service has below /run/secrets, or where their
// target says, by their path there. A secret from elsewhere (external, environment) is not among
// them.
func (r *reader) secrets(v *value) map[string]string {
	mounted := map[string]string{}
	for _, item := range v.list() {
		name := item.get("source").or(item.scalarOnly())
		target := item.get("target").or(name)
		if file := r.root.get("secrets", name.name(), "file"); file.present() {
			at := r.text(target)
			if !path.IsAbs(at) {
				at = path.Join("/run/secrets", at)
			}
			mounted[at] = r.path(r.text(file))
		}
	}
	return mounted
}

// memoryForm matches a size of memory, of Compose's units and of Kubernetes'.
var memoryForm = regexp.MustCompile(`(?i)^([0-9]+)([kmg]?)i?b?$`)

// bytes is a size of memory in MB; 0 if there is none, or less than one.
func (r *reader) bytes(v *value) int {
	found := memoryForm.FindStringSubmatch(r.text(v))
	if found == nil {
		return 0
	}
	size := 0
	for _, digit := range found[1] {
		size = min(size*10+int(digit-'0'), 1<<40)
	}
	switch strings.ToLower(found[2]) {
	case "g":
		return size << 10
	case "m":
		return size
	case "k":
		return size >> 10
	default:
		return size >> 20
	}
}

// interpolated matches the placeholders of a Compose file: $NAME, ${NAME}, ${NAME:-default},
// ${NAME:?error} and ${NAME:+alternative}, the colon left out or not; $$ is a dollar sign.
var interpolated = regexp.MustCompile(`\$(?:\$|([A-Za-z_]\w*)|\{([A-Za-z_]\w*)(?:(:?)([-?+])([^}]*))?\})`)

// interpolate fills in the placeholders of a Compose file. What is not set is empty there; a
// lenient reader notes it.
func (r *reader) interpolate(at *value, text string) string {
	return interpolated.ReplaceAllStringFunc(text, func(found string) string {
		part := interpolated.FindStringSubmatch(found)
		name := part[1] + part[2]
		if name == "" {
			return "$"
		}
		value, known := r.lookup(name)
		isSet := known && (value != "" || part[3] == "")
		switch {
		case part[4] == "+" && isSet:
			return part[5]
		case part[4] == "+":
			return ""
		case part[4] == "-" && !isSet:
			return part[5]
		case part[4] == "?" && !isSet && r.source.Lenient:
			r.unset = name
			return ""
		}
		return r.variable(at, name)
	})
}
