package deployfile

import (
	"path/filepath"
	"strings"
)

// cloudBase reads the functions of cloudbaserc.json (docs.cloudbase.net/cli-v1/config). The command
// uploads the folder functionRoot/NAME, or a function's own dir.
func (r *reader) cloudBase() []Function {
	r.style = cloudBaseStyle
	root := r.text(r.root.get("functionRoot"))
	described := r.root.get("functions")
	if described.present() && described.kind != list {
		r.fault(described, "functions must be a list", "functions 须为列表")
		return nil
	}
	var functions []Function
	for _, v := range described.list() {
		if v.kind != mapping || !v.get("name").present() {
			r.fault(v, "a function has a name", "云函数须有 name")
			continue
		}
		functions = append(functions, r.cloudBaseFunction(v, root))
	}
	return functions
}

// list is the items of a list, none of a value that is not there.
func (v *value) list() []*value {
	if v == nil {
		return nil
	}
	return v.items
}

func (r *reader) cloudBaseFunction(v *value, root string) Function {
	f := Function{
		Name: r.text(v.get("name")), File: r.file, Line: v.get("name").line, Cloud: Tencent,
		Runtime: r.text(v.get("runtime")), Handler: r.text(v.get("handler")),
		HTTP:      strings.EqualFold(r.text(v.get("type")), "HTTP"),
		TimeLimit: r.seconds(v.get("timeout")),
		MemoryMB:  r.megabytes(v.first("memorySize", "memory")),
		Env:       r.variables(v.get("envVariables")),
	}
	f.Doors = r.routes(f.Name, v.get("path"))
	if dir := r.text(v.get("dir")); dir != "" {
		f.Folders = append(f.Folders, r.path(dir))
	}
	f.Folders = append(f.Folders, r.path(root, f.Name), r.path("functions", f.Name), r.path("cloudfunctions", f.Name))
	for _, trigger := range v.get("triggers").list() {
		if r.text(trigger.get("type")) == "timer" {
			f.Timers = append(f.Timers, r.scfTimer(f.Name, trigger.get("name"), trigger.get("config"), nil))
		}
	}
	if f.Written = r.note(v); f.Written != nil {
		f.Written.Guarded = r.guardedRoutes(f.Name)
		if root != "" || v.get("dir").present() {
			f.Written.Folder = f.Folders[0]
		}
	}
	return f
}

// first is the first of several members that is there.
func (v *value) first(keys ...string) *value {
	for _, key := range keys {
		if found := v.get(key); found.present() {
			return found
		}
	}
	return nil
}

// path is a path of the file, which starts in the file's folder unless it is absolute.
func (r *reader) path(parts ...string) string {
	path := filepath.Join(parts...)
	if filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(r.dir, path)
}
