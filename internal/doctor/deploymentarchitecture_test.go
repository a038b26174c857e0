package doctor_test

import (
	"archive/zip"
	"strings"
	"testing"

	"cloudpay/internal/doctor"
)

// The processor that the provider names is every function's, so that what make package builds for
// AWS is right, and SCF's binary is not.
func TestProvidersArchitecture(t *testing.T) {
	t.Parallel()
	const amd64, arm64 = 0x3e, 0xb7
	for machine, fault := range map[byte]string{
		arm64: "", amd64: "the binary bootstrap is for EM_X86_64, and the platform has EM_AARCH64",
	} {
		f := newFolder(t, "serverless.aws.yml")
		f.files["dist/lambda/closeorder.zip"] = zipped(t, "bootstrap", binaryOf(machine))
		bad := f.examined().bad()
		switch {
		case fault == "" && len(bad) > 0:
			t.Errorf("a binary for arm64: got %s", bad.text())
		case fault != "" && (len(bad) == 0 || bad[0].Level != doctor.LevelFault || !strings.Contains(bad[0].Found.EN, fault)):
			t.Errorf("a binary for amd64: got %q, want %q", bad.text(), fault)
		}
	}
}

// zipped is a zip with one executable file.
func zipped(t *testing.T, name, text string) string {
	t.Helper()
	var packed strings.Builder
	w := zip.NewWriter(&packed)
	header := &zip.FileHeader{Name: name}
	header.SetMode(0o755)
	file, err := w.CreateHeader(header)
	if err == nil {
		_, err = file.Write([]byte(text))
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	return packed.String()
}
