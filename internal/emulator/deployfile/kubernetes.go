package deployfile

import (
	"maps"
	"strings"
)

// kubernetes reads the containers of a file of Kubernetes' objects. Each is a function here, of the
// cloud [Container], under the name of its object and with its command as the handler. Its
// variables are its own and those of the ConfigMaps and Secrets in the same file.
func (r *reader) kubernetes(documents []*value) []Function {
	r.style = plainStyle
	var functions []Function
	for _, document := range documents {
		pod := document.get("spec", "template", "spec")
		switch document.get("kind").name() {
		case "CronJob":
			pod = document.get("spec", "jobTemplate", "spec", "template", "spec")
		case "Pod":
			pod = document.get("spec")
		}
		for _, container := range pod.get("containers").list() {
			functions = append(functions, r.container(documents, document.get("metadata", "name"), container))
		}
	}
	return functions
}

// container reads one container of the object of that name. A variable with a valueFrom has a value
// that only the cluster knows; an envFrom of an object that is elsewhere makes the rest unknown.
// Its own variables win over those of its objects.
func (r *reader) container(documents []*value, name, v *value) Function {
	f := Function{
		Name: name.name(), File: r.file, Line: at(v.get("name"), v).line, Cloud: Container, Env: map[string]string{},
		Handler:  strings.TrimSpace(r.words(v.get("command")) + " " + r.words(v.get("args"))),
		MemoryMB: r.bytes(v.get("resources", "limits", "memory")),
	}
	isOpaque := false
	for _, from := range v.get("envFrom").list() {
		data, found := objectOf(documents, from)
		isOpaque = isOpaque || !found
		maps.Copy(f.Env, r.variables(data))
	}
	own := &value{kind: mapping}
	for _, entry := range v.get("env").list() {
		text := entry.get("value").or(&value{line: entry.line, kind: mapping})
		own.members = append(own.members, member{entry.get("name").name(), text, entry.line})
	}
	maps.Copy(f.Env, r.variables(own))
	f.HTTP = !strings.Contains(f.Handler, "cloudpay")
	if f.HTTP {
		f.Doors = publicObjects(documents)
	}
	if f.Written = r.note(v); f.Written != nil {
		f.Written.Form, f.Written.Opaque = Kubernetes, isOpaque
	}
	return f
}

// objectOf is the data of the object that an envFrom names; false if the file does not have it, or
// has it in base64.
func objectOf(documents []*value, from *value) (data *value, found bool) {
	kind, key := "ConfigMap", "data"
	reference := from.get("configMapRef", "name")
	if secret := from.get("secretRef", "name"); secret.present() {
		kind, key, reference = "Secret", "stringData", secret
	}
	for _, document := range documents {
		isIt := document.get("kind").name() == kind && document.get("metadata", "name").name() == reference.name()
		if data := document.get(key); isIt && data.present() {
			return data, true
		}
	}
	return nil, false
}

// publicObjects are the objects of a file that open an address to other networks. Which container
// they lead to is not looked at: a file of cloudpay's has one web server.
func publicObjects(documents []*value) []string {
	var doors []string
	for _, document := range documents {
		kind, name := document.get("kind").name(), document.get("metadata", "name").name()
		typed := document.get("spec", "type").name()
		if kind == "Ingress" || kind == "Service" && (typed == "LoadBalancer" || typed == "NodePort") {
			doors = append(doors, kind+" "+name)
		}
	}
	return doors
}
