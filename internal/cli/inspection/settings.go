package inspection

import (
	"errors"
	"net/http"
	"slices"
	"strings"

	"cloudpay/internal/bilingual"
	"cloudpay/internal/cli/render"
	"cloudpay/internal/config"
)

// Function is a function of the emulated cloud, with the variables that it runs with.
type Function struct {
	Name string
	// Own says that it is one of cloudpay's, which read the variables of the table.
	Own       bool
	Variables []Variable
}

// Variable is one variable of a function. Its value leaves this process only if no key, token or
// password can be in it.
type Variable struct {
	Name, Value string
	// Source says where the value is from: "emulator", "--env", "--env-file" or "description",
	// which is a file that describes the function.
	Source string
}

// The objects of GET /settings.
type (
	settingsJSON struct {
		// Table is every variable of cloudpay's functions, in the README's order.
		Table     []rowJSON      `json:"table"`
		Functions []functionJSON `json:"functions"`
	}
	// rowJSON is a row of the README's table. Default is absent where it depends on others.
	rowJSON struct {
		Name    string `json:"name"`
		Values  string `json:"values"`
		Default string `json:"default,omitempty"`
		Meaning string `json:"meaning"`
		Secret  bool   `json:"secret,omitempty"`
	}
	functionJSON struct {
		Name string `json:"name"`
		Own  bool   `json:"own"`
		// Set are the variables that have a value, and Faults what is wrong with them.
		Set    []settingJSON `json:"set"`
		Faults []string      `json:"faults,omitempty"`
	}
	// settingJSON has either a value, or masked.
	settingJSON struct {
		Name   string `json:"name"`
		Source string `json:"source"`
		Value  string `json:"value,omitempty"`
		Masked bool   `json:"masked,omitempty"`
	}
)

// Settings returns GET /settings: what every variable does, which of them each function has, and
// where their values are from. functions is asked at each call, since a redeployment changes them;
// it is safe for concurrent use.
func Settings(functions func() []Function) http.Handler {
	show := func(_ *http.Request, in *render.Language) (any, error) {
		answer := settingsJSON{}
		secret := map[string]bool{}
		config.Describe(func(name, initial string, holds bool, values, meaning bilingual.Text) {
			secret[name] = holds
			answer.Table = append(answer.Table, rowJSON{name, in.Text(values), initial, in.Text(meaning), holds})
		})
		for _, f := range functions() {
			answer.Functions = append(answer.Functions, f.shown(secret, in))
		}
		return answer, nil
	}
	return &endpoint{calls: map[string]call{http.MethodGet: show}}
}

// shown is a function as the answer has it. secret has every variable of the table.
func (f Function) shown(secret map[string]bool, in *render.Language) functionJSON {
	out := functionJSON{Name: f.Name, Own: f.Own, Set: []settingJSON{}}
	wrong := f.faults()
	for _, fault := range wrong.List {
		out.Faults = append(out.Faults, in.Text(fault.Wording()))
	}
	// A value that is empty counts as absent for the functions, and hides nothing.
	for _, v := range f.Variables {
		setting := settingJSON{Name: v.Name, Source: v.Source, Value: v.Value}
		if v.Value != "" && !mayShow(v, secret, wrong) {
			setting.Value, setting.Masked = "", true
		}
		out.Set = append(out.Set, setting)
	}
	return out
}

// faults are what the configuration refuses. A function of the user's own has none: what its
// variables mean is not known.
func (f Function) faults() *config.Faults {
	if !f.Own {
		return &config.Faults{}
	}
	environ := make([]string, 0, len(f.Variables))
	for _, v := range f.Variables {
		environ = append(environ, v.Name+"="+v.Value)
	}
	_, err := config.Load(environ)
	if faults, are := errors.AsType[*config.Faults](err); are {
		return faults
	}
	return &config.Faults{}
}

// longestValue is the longest that is shown. What is longer is a key in PEM, or a list that no page
// has room for.
const longestValue = 200

// mayShow reports whether a value can be shown: it is of a variable of the table that holds no
// secret, and the configuration took it, so that it is no key that was put into the wrong variable.
// Of NAME_FILE the value is a path. Any other variable may hold anything.
func mayShow(v Variable, secret map[string]bool, wrong *config.Faults) bool {
	name, isFile := strings.CutSuffix(v.Name, config.FileSuffix)
	holds, known := secret[name]
	return known && (isFile || !holds) && !wrong.Has(name) && len(v.Value) <= longestValue && !strings.ContainsAny(v.Value, "\r\n") &&
		!slices.Contains(strings.Fields(v.Value), "-----BEGIN")
}
