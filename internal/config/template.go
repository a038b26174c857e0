package config

import (
	"bytes"
	"errors"
	"slices"
	"strings"

	"cloudpay/internal/bilingual"
)

// templateNames are the names that the HTTP function pay-common of CloudBase's official template
// has for variables of ours, by our names (github.com/TencentCloudBase/awesome-cloudbase-examples,
// integration/cloudbase-wx-pay, config/config.js). Its other names are for what it does besides
// closing and querying.
var templateNames = map[string]string{
	"WXPAY_APPID":           "appId",
	"WXPAY_MCHID":           "merchantId",
	nameSerialNo:            "merchantSerialNumber",
	namePrivateKey:          "privateKey",
	namePublicKeyID:         "wxPayPublicKeyId",
	namePublicKey:           "wxPayPublicKey",
	nameV3Key:               "apiV3Key",
	"CLOUDPAY_CORS_ORIGINS": "corsAllowOrigin",
}

// Template is the environment of a function that takes the place of the template pay-common.
type Template struct {
	// Environ is the environment for [Load]: each of the template's variables is in it by the name
	// that it has here, unless that is set itself.
	Environ []string

	// taken are our names that the template's variables were taken for.
	taken map[string]bool
	// faults are those of variables that are set by both names.
	faults []Fault
}

// FromTemplate reads an environment in the form of [os.Environ]. A variable that is set by both
// names is taken by ours, and is a fault if the two values differ: which of them is meant is not
// known.
func FromTemplate(environ []string) Template {
	env := parse(environ)
	t := Template{Environ: slices.Clone(environ), taken: map[string]bool{}}
	for _, v := range variables {
		theirs, has := templateNames[v.name]
		value, given := env[theirs]
		switch {
		case !has, !given:
		case !env.has(v):
			t.Environ = append(t.Environ, v.name+"="+value)
			t.taken[v.name] = true
		case !env.holds(v, value):
			t.faults = append(t.faults, Fault{
				Variable: v.name,
				Problem:  bilingual.New("and "+theirs+" are both set, with different values", "与 "+theirs+" 同时设置，且取值不同"),
				Remedy:   bilingual.New("leave out "+theirs, "请去掉 "+theirs),
			})
		}
	}
	return t
}

// holds reports whether v has this value, itself or in its file. Keys are compared as keys: the
// template has them in one line.
func (env environment) holds(v variable, value string) bool {
	own := env[v.name]
	if path, inFile := env[v.nameOfFile()]; inFile {
		text, err := readFile(path)
		if err != nil {
			return true // a fault of the file already
		}
		own = strings.TrimSpace(string(text))
	}
	if own == value || v.inFile != pemInFile {
		return own == value
	}
	a, b := keyIn(own), keyIn(value)
	return a != nil && bytes.Equal(a, b)
}

// keyIn is the key in a value's first PEM block; nil if there is none.
func keyIn(value string) []byte {
	text, fault := pemText(value)
	if fault != nil {
		return nil
	}
	blocks, err := DecodePEM(text)
	if err != nil || len(blocks) == 0 {
		return nil
	}
	return blocks[0].Bytes
}

// Report is the error that a configuration is refused with, which may be nil: a [*Faults] with
// those of the environment itself, and with each fault under the name that is set. Any other error
// is returned as it is.
func (t Template) Report(broken error) error {
	report := &Faults{}
	if broken != nil && !errors.As(broken, &report) {
		return broken
	}
	list := slices.Clone(t.faults)
	for _, fault := range report.List {
		if t.taken[fault.Variable] {
			fault.Variable = templateNames[fault.Variable]
		}
		list = append(list, fault)
	}
	if len(list) == 0 {
		return nil
	}
	return &Faults{List: list}
}
