package deployfile

import "strings"

// routes are the paths of the HTTP access service that lead to a function: that of its own path
// (tcb fn deploy makes a route of it), and those of gateway.routes
// (docs.cloudbase.net/cli-v1/http-gateway).
func (r *reader) routes(function string, own *value) []string {
	var paths []string
	if own.present() {
		paths = append(paths, own.name())
	}
	for _, route := range r.root.get("gateway", "routes").list() {
		if route.leadsTo(function) {
			paths = append(paths, route.get("path").name())
		}
	}
	return paths
}

// leadsTo reports whether a route names a function as its target. The member that does so differs
// between the tool's versions, and so does the form, NAME or function:NAME, so that every text of
// the route counts but its path.
func (v *value) leadsTo(function string) bool {
	if v == nil {
		return false
	}
	if v.kind == scalar {
		return strings.TrimPrefix(v.text, "function:") == function
	}
	for _, item := range v.items {
		if item.leadsTo(function) {
			return true
		}
	}
	for _, m := range v.members {
		if m.key != "path" && m.value.leadsTo(function) {
			return true
		}
	}
	return false
}

// doors are the events of a function that open a public address, by the keys that such an event
// may have.
func doors(events *value, keys ...string) []string {
	var found []string
	for _, event := range events.list() {
		for _, key := range keys {
			if door := event.get(key); door.present() {
				found = append(found, key+door.suffix())
			}
		}
	}
	return found
}

// suffix is a door's route behind its key; empty if the route is not a text.
func (v *value) suffix() string {
	path := v.get("path").name()
	if v.kind == scalar {
		path = v.text
	}
	if path == "" {
		return ""
	}
	return " " + path
}

// name is a scalar's text as it is written; empty for any other value.
func (v *value) name() string {
	if v == nil || v.kind != scalar {
		return ""
	}
	return v.text
}
