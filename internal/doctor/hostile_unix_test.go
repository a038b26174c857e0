//go:build unix

package doctor_test

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"cloudpay/internal/doctor"
)

// pipe is a pipe in a folder, into which nothing is ever written: opening it never returns.
func pipe(t *testing.T, path string) string {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// A pipe in the place of any file is a fault, and holds nothing up.
func TestPipes(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	deployment := doctor.Deployment{File: pipe(t, filepath.Join(dir, "serverless.yml"))}
	worded(t.Context(), t, deployment).saying("it is no regular file").want(t, doctor.LevelFault, "serverless.yml")

	deployment = doctor.Deployment{File: "../../cloudbaserc.json", EnvFiles: []string{pipe(t, filepath.Join(dir, "values.env"))}}
	worded(t.Context(), t, deployment).saying("it is no regular file").want(t, doctor.LevelFault, "values.env")

	e := newEnv(t)
	e.doctor.Offline, e.doctor.Certificate = true, pipe(t, filepath.Join(dir, "apiclient_cert.pem"))
	e.examined().of(doctor.CheckCertificate).want(t, doctor.LevelFault, "is no regular file")
}

// A pipe among the files that are packed is passed over, and a zip that is one is not opened.
func TestPipesInTheCode(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	text := `{"functionRoot": "./dist", "functions": [{"name": "closeorder", "runtime": "Go1", "handler": "main", "timeout": 20}]}`
	file := filepath.Join(dir, "cloudbaserc.json")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	pipe(t, filepath.Join(dir, "dist", "closeorder", "main"))
	worded(t.Context(), t, doctor.Deployment{File: file}).saying("has no binary main").want(t, doctor.LevelFault, "closeorder")

	pipe(t, filepath.Join(dir, "main.zip"))
	yml := filepath.Join(dir, "serverless.yml")
	text = "service: s\nprovider: {name: aws, runtime: provided.al2023}\npackage: {artifact: main.zip}\nfunctions:\n" +
		"  closeorder: {handler: bootstrap, environment: {WXPAY_MCHID: '1900000001'}}\n"
	if err := os.WriteFile(yml, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	worded(t.Context(), t, doctor.Deployment{File: yml}).saying("is not built yet").want(t, doctor.LevelSkipped, "closeorder")
}

// Values of any size are examined, and none is in a finding.
func TestHugeValues(t *testing.T) {
	t.Parallel()
	f := newFolder(t, "cloudbaserc.json")
	const private = "s3cretS3cret"
	f.set("WXPAY_PRIVATE_KEY", strings.Repeat(private, 5000))
	f.set("CLOUDPAY_SERVICE_TOKEN", strings.Repeat(private, 400))
	list := f.examined()
	if strings.Contains(list.text(), private) {
		t.Errorf("a value is shown:\n%s", list.text())
	}
	if len(list.saying("more than the 4 KB that the platform takes")) == 0 {
		t.Errorf("got no word of 4 KB:\n%s", list.text())
	}
	f.set("CLOUDPAY_SERVICE_TOKEN", strings.Repeat(private, 30_000))
	f.examined().saying("it has more than 256 KiB").want(t, doctor.LevelFault, "values.env")
}

// CloudBase's security rules are in no file: that they were not checked is said, with the way to
// look them up.
func TestSecurityRulesAreNotChecked(t *testing.T) {
	t.Parallel()
	newFolder(t, "cloudbaserc.json").examined().saying("security rules").want(t, doctor.LevelSkipped, "权限控制")
	if list := newFolder(t, "serverless.yml").examined().saying("security rules"); len(list) > 0 {
		t.Errorf("of a file without an environment of CloudBase:\n%s", list.text())
	}
}
