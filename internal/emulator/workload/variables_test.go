package workload_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"cloudpay/internal/emulator/workload"
)

// envFile writes a file of variables.
func envFile(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), ".env")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// Later files and single variables win, and a merchant's own keys in a file are left out.
func TestVariables(t *testing.T) {
	t.Parallel()
	first := envFile(t, "# the shop\nSHOP=first\nexport LEVEL=debug\nQUOTED=\"a b\"\nWXPAY_PRIVATE_KEY=secret\nWXPAY_MCHID=1\n")
	second := envFile(t, "SHOP=second\nEMPTY=\n")
	given, leftOut, err := workload.Variables([]string{first, second}, []string{"LEVEL=info", "EQUALS=a=b"})
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{"SHOP": "second", "LEVEL": "info", "QUOTED": "a b", "EMPTY": "", "EQUALS": "a=b"}
	if diff := cmp.Diff(want, given); diff != "" {
		t.Errorf("variables (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"WXPAY_MCHID", "WXPAY_PRIVATE_KEY"}, leftOut); diff != "" {
		t.Errorf("left out (-want +got):\n%s", diff)
	}
}

// Names that the emulator or the cloud keeps for itself are refused with a sentence, all of them
// together, and no value is shown.
func TestVariablesRefused(t *testing.T) {
	t.Parallel()
	file := envFile(t, "TENCENTCLOUD_SECRETID=secret\n")
	broken := envFile(t, "SHOP=\"secret\nx")
	_, _, err := workload.Variables([]string{file, broken, filepath.Join(t.TempDir(), "none")},
		[]string{"secret", "WXPAY_API=secret", "WXPAY_PRIVATE_KEY=secret", "SCF_X=secret", "A B=secret", "AWS_REGION=secret"})
	if err == nil {
		t.Fatal("got no error")
	}
	for _, want := range []string{
		"TENCENTCLOUD_SECRETID: the prefix TENCENTCLOUD_ is the platform's own", "a line is not NAME=value", "no such file",
		"--env: write NAME=value", "--env: WXPAY_API is the emulator's own here: use --api",
		"WXPAY_PRIVATE_KEY is the emulator's own here, so that nothing real is reached", "SCF_X: the prefix SCF_",
		`"A B" must start with a letter`, "AWS_REGION: the prefix AWS_REGION",
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("got\n%v\nwant %q", err, want)
		}
	}
	if strings.Contains(err.Error(), "secret") {
		t.Errorf("a value is shown:\n%v", err)
	}
}
