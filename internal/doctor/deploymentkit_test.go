package doctor_test

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"cloudpay/internal/doctor"
)

// folder is a deployment's folder on disk: descriptions, files of values and code, by their paths.
type folder struct {
	t *testing.T
	// files are by path below the folder, and values those of its .env.
	files  map[string]string
	values map[string]string
	// modes are those of files that are executable.
	modes map[string]os.FileMode
	// main is the description that is examined.
	main string
}

// keyPair is the merchant's key and WeChat Pay's, made once for all tests.
var keyPair = sync.OnceValue(func() [2]*rsa.PrivateKey {
	var pair [2]*rsa.PrivateKey
	for i := range pair {
		pair[i], _ = rsa.GenerateKey(rand.Reader, 2048) // a nil key fails what uses it
	}
	return pair
})

// encoded is a PEM text as deployments have it.
func encoded(text string) string { return base64.StdEncoding.EncodeToString([]byte(text)) }

// goodValues are a .env with which every description of this repository is right.
func goodValues(t *testing.T) map[string]string {
	t.Helper()
	keys := keyPair()
	return map[string]string{
		"ENV_ID":                 "shop-1a2b",
		"WXPAY_APPID":            "wx1234567890abcdef",
		"WXPAY_MCHID":            "1900000001",
		"WXPAY_SERIAL_NO":        strings.Repeat("5A", 20),
		"WXPAY_PRIVATE_KEY":      encoded(privatePEM(t, keys[0])),
		"WXPAY_PUBLIC_KEY_ID":    "PUB_KEY_ID_0119000000012026112900000000000001",
		"WXPAY_PUBLIC_KEY":       encoded(publicPEM(t, keys[1])),
		"WXPAY_V3_KEY":           "v3" + strings.Repeat("0aB", 10),
		"CLOUDPAY_SERVICE_TOKEN": strings.Repeat("s1", 16),
		"CLOUDPAY_HTTP_TOKEN":    strings.Repeat("h2", 16),
		"CLOUDPAY_TIMER_TOKEN":   strings.Repeat("t3", 16),
		"CLOUDPAY_STORE":         "mysql://cloudpay:wordOfThePass@db.example:3306/cloudpay?tls=true",
	}
}

// newFolder has one of this repository's descriptions, and good values for it.
func newFolder(t *testing.T, description string) *folder {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", description))
	if err != nil {
		t.Fatal(err)
	}
	f := &folder{t: t, files: map[string]string{description: string(text)}, modes: map[string]os.FileMode{}, main: description}
	f.values = goodValues(t)
	for name := range f.values {
		if !slices.Contains(uncommented(string(text)), name) {
			delete(f.values, name)
		}
	}
	return f
}

// newContainers has one of this repository's descriptions of containers, with the files of its
// secrets.
func newContainers(t *testing.T, description string) *folder {
	t.Helper()
	f := newFolder(t, description)
	good, keys := goodValues(t), keyPair()
	for name, text := range map[string]string{
		"apiclient_key.pem": privatePEM(t, keys[0]), "pub_key.pem": publicPEM(t, keys[1]), "v3-key": good["WXPAY_V3_KEY"],
		"store": "postgres://cloudpay:wordOfThePass@database:5432/cloudpay", "http-token": good["CLOUDPAY_HTTP_TOKEN"],
		"service-token": good["CLOUDPAY_SERVICE_TOKEN"], "database-password": "wordOfThePass",
	} {
		f.files["secrets/"+name] = text + "\n"
	}
	return f
}

// uncommented are the variables that a description takes outside of comments.
func uncommented(text string) []string {
	var names []string
	for line := range strings.SplitSeq(text, "\n") {
		if !strings.HasPrefix(strings.TrimSpace(line), "#") {
			names = append(names, variableName.FindAllString(line, -1)...)
		}
	}
	return names
}

var variableName = regexp.MustCompile(`\b(ENV_ID|(WXPAY|CLOUDPAY)_[A-Z0-9_]+)\b`)

// replace replaces text in the description, which must be there.
func (f *folder) replace(old, replacement string) {
	f.t.Helper()
	if !strings.Contains(f.files[f.main], old) {
		f.t.Fatalf("%s has no %q", f.main, old)
	}
	f.files[f.main] = strings.Replace(f.files[f.main], old, replacement, 1)
}

// replaceAll is replace, wherever the text is.
func (f *folder) replaceAll(old, replacement string) {
	f.t.Helper()
	f.replace(old, replacement)
	f.files[f.main] = strings.ReplaceAll(f.files[f.main], old, replacement)
}

// without removes the lines that contain a text.
func (f *folder) without(text string) {
	f.t.Helper()
	before := strings.Split(f.files[f.main], "\n")
	after := slices.DeleteFunc(slices.Clone(before), func(line string) bool { return strings.Contains(line, text) })
	if len(after) == len(before) {
		f.t.Fatalf("%s has no line with %q", f.main, text)
	}
	f.files[f.main] = strings.Join(after, "\n")
}

// set sets a value of the .env.
func (f *folder) set(name, value string) { f.values[name] = value }

// env is the text of the .env, its variables in order.
func (f *folder) env() string {
	var text strings.Builder
	for _, name := range slices.Sorted(maps.Keys(f.values)) {
		text.WriteString(name + "=" + f.values[name] + "\n")
	}
	return text.String()
}

// examined writes the folder and examines its description, with its .env. It fails if that takes
// more than five seconds, if a finding has no words in a language, or if one holds a secret.
func (f *folder) examined() findings {
	f.t.Helper()
	dir := f.t.TempDir()
	for path, text := range f.files {
		f.write(filepath.Join(dir, path), text, f.modes[path])
	}
	deployment := doctor.Deployment{File: filepath.Join(dir, f.main)}
	if f.values != nil {
		deployment.EnvFiles = []string{filepath.Join(dir, "values.env")}
		f.write(deployment.EnvFiles[0], f.env(), 0)
	}
	ctx, cancel := context.WithTimeout(f.t.Context(), 5*time.Second)
	defer cancel()
	list := worded(ctx, f.t, deployment)
	if ctx.Err() != nil {
		f.t.Errorf("it takes more than five seconds")
	}
	for name, value := range f.values {
		if isSecret := strings.HasSuffix(name, "KEY") || strings.HasSuffix(name, "TOKEN"); isSecret && len(value) > 15 && strings.Contains(list.text(), value) {
			f.t.Errorf("the findings hold %s:\n%s", name, list.text())
		}
	}
	if strings.Contains(list.text(), "wordOfThePass") {
		f.t.Errorf("the findings hold the database's password:\n%s", list.text())
	}
	return list
}

func (f *folder) write(path, text string, mode os.FileMode) {
	f.t.Helper()
	if mode == 0 {
		mode = 0o600
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		f.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), mode); err != nil {
		f.t.Fatal(err)
	}
}

// worded examines a deployment. Each finding has words in both languages, and each bad one a
// remedy.
func worded(ctx context.Context, t *testing.T, deployment doctor.Deployment) findings {
	t.Helper()
	var list findings
	for finding := range deployment.Examine(ctx) {
		bad := finding.Level == doctor.LevelFault || finding.Level == doctor.LevelWarning
		if bad && finding.Remedy.ZH == "" || finding.Found.EN == "" || !strings.ContainsFunc(finding.Found.ZH, isHan) && strings.Contains(finding.Found.ZH, " ") {
			t.Errorf("no words or no remedy for %+v", finding)
		}
		list = append(list, finding)
	}
	return list
}

// bad are the faults and, behind them, the warnings.
func (list findings) bad() findings {
	var faults, warnings findings
	for _, f := range list {
		switch f.Level {
		case doctor.LevelFault:
			faults = append(faults, f)
		case doctor.LevelWarning:
			warnings = append(warnings, f)
		case doctor.LevelFact, doctor.LevelFine, doctor.LevelSkipped:
		}
	}
	return append(faults, warnings...)
}
