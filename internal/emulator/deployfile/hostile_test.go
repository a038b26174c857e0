package deployfile_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"cloudpay/internal/emulator/deployfile"
)

// hostile are texts that are refused before or while they are parsed, each with what is said of it.
// A parser without bounds needs minutes for some of them, and all of the memory for others.
var hostile = []struct{ name, file, text, says string }{
	{"more than is read", "serverless.yml", strings.Repeat("# a comment\n", 30_000), "more than 256 KiB"},
	{"no UTF-8", "serverless.yml", "service: shop\n# \xc3\x28\n", "line 2 is not UTF-8"},
	{"JSON in GBK", "cloudbaserc.json", "{\"envId\": \"\xc9\xcc\xb5\xea\"}", "line 1 is not UTF-8"},
	{"UTF-16", "serverless.yml", "s\x00e\x00r\x00", "a byte of zero"},
	{"brackets that nest", "serverless.yml", strings.Repeat("[", 200_000), "nest more than"},
	{"braces that nest", "serverless.yml", "service: s\na: " + strings.Repeat("{a: ", 50_000), "nest more than"},
	{"lists of JSON that nest", "cloudbaserc.json", strings.Repeat("[", 200_000), "nest more than"},
	{"merges of merges", "serverless.yml", merges(), "aliases multiply them"},
}

// merges is a text of forty lines whose merges stand for nine to the power of forty members.
func merges() string {
	var text strings.Builder
	text.WriteString("service: s\nprovider: {name: tencent}\na0: &a0 {x: y}\n")
	for i := range 40 {
		all := strings.TrimSuffix(strings.Repeat(fmt.Sprintf("*a%d, ", i), 9), ", ")
		fmt.Fprintf(&text, "a%d: &a%[1]d\n  <<: [%s]\n", i+1, all)
	}
	return text.String()
}

// A hostile text is refused with a sentence that quotes nothing of it.
func TestHostileTexts(t *testing.T) {
	t.Parallel()
	for _, row := range hostile {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), row.file)
			if err := os.WriteFile(path, []byte(row.text), 0o600); err != nil {
				t.Fatal(err)
			}
			_, err := deployfile.ReadFile(path, deployfile.Source{Lenient: true, Lookup: os.LookupEnv})
			if err == nil || !strings.Contains(err.Error(), row.says) {
				t.Errorf("got %v, want an error that says %q", err, row.says)
			}
		})
	}
}

// Aliases of aliases stand for more values than there are atoms, and are read once each.
func TestAliasesAreShared(t *testing.T) {
	t.Parallel()
	var text strings.Builder
	text.WriteString("service: s\nprovider: {name: tencent}\na0: &a0 [x]\n")
	for i := range 40 {
		fmt.Fprintf(&text, "a%d: &a%[1]d [*a%d, *a%[2]d, *a%[2]d]\n", i+1, i)
	}
	text.WriteString("functions:\n  closeorder: {handler: main, runtime: Go1, environment: {variables: {WXPAY_MCHID: *a40}}}\n")
	path := filepath.Join(t.TempDir(), "serverless.yml")
	if err := os.WriteFile(path, []byte(text.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	functions, err := deployfile.ReadFile(path, deployfile.Source{Lenient: true, Lookup: os.LookupEnv})
	if err != nil || len(functions) != 1 {
		t.Errorf("got %d functions and error %v, want one", len(functions), err)
	}
}
