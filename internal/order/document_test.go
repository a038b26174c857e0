package order

import (
	"flag"
	"fmt"
	"maps"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"cloudpay/internal/order/errcode"
)

// These tests compare the tables of docs/api.md with the code's, which are not exported.

var update = flag.Bool("update", false, "write the tables of docs/api.md (make generate)")

const apiDocument = "../../docs/api.md"

func readDocument(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(apiDocument)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// TestAPIDocumentTables compares the generated tables with the code; with -update it writes them.
func TestAPIDocumentTables(t *testing.T) {
	t.Parallel()
	text := readDocument(t)
	for name, want := range map[string]string{
		"parameters": parametersTable(), "sub_orders": subOrdersTable(), "codes": codesTable(),
	} {
		begin, end := "<!-- "+name+":begin -->\n", "<!-- "+name+":end -->"
		before, rest, begun := strings.Cut(text, begin)
		table, after, ended := strings.Cut(rest, end)
		if !begun || !ended {
			t.Fatalf("%s: got no %q before a %q, want the table between the two", apiDocument, begin, end)
		}
		if diff := cmp.Diff(want, table); diff != "" && !*update {
			t.Errorf("%s is out of date, run make generate (-want +got):\n%s", apiDocument, diff)
		}
		text = before + begin + want + end + after
	}
	if *update {
		if err := os.WriteFile(apiDocument, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

func parametersTable() string {
	var table strings.Builder
	table.WriteString("| parameter | also | value | close | query | meaning |\n|---|---|---|---|---|---|\n")
	for _, p := range parameters {
		fmt.Fprintf(&table, "| `%s` | %s | %s | %s | %s | %s |\n", p.Name, inCode(p.Also), valueOf(p), p.Close, p.Query, meaningOf(p))
	}
	return table.String()
}

func subOrdersTable() string {
	var table strings.Builder
	table.WriteString("| field | also | value | meaning |\n|---|---|---|---|\n")
	for _, p := range subOrderParameters {
		fmt.Fprintf(&table, "| `%s` | %s | %s | %s |\n", p.Name, inCode(p.Also), valueOf(p), meaningOf(p))
	}
	return table.String()
}

func inCode(names []string) string {
	marked := make([]string, 0, len(names))
	for _, name := range names {
		marked = append(marked, "`"+name+"`")
	}
	return strings.Join(marked, ", ")
}

func valueOf(p Parameter) string {
	text := p.Value
	if p.Number {
		text += " (in JSON a string or a number)"
	}
	if !strings.Contains(text, p.Example) {
		text += ", such as `" + p.Example + "`"
	}
	return text
}

// variable matches what stands in code style in documents, and not in help texts.
var variable = regexp.MustCompile(`\b(WXPAY_[A-Z_]+|CLOUDPAY_[A-Z_]+|sub_appid)\b`)

func meaningOf(p Parameter) string {
	text := variable.ReplaceAllString(p.Help.EN+" / "+p.Help.ZH, "`$1`")
	if p.Note != "" {
		text += ". " + p.Note
	}
	if p.Trusted {
		text = strings.TrimSuffix(text, ".") + ". Not for users"
	}
	return strings.TrimSuffix(text, ".")
}

func codesTable() string {
	var table strings.Builder
	table.WriteString("| code | other spellings | on a close | on a query | meaning | what to do |\n|---|---|---|---|---|---|\n")
	for _, c := range errcode.Table {
		fmt.Fprintf(&table, "| `%s` | %s | %s | %s | %s / %s | %s / %s |\n",
			c.Name, inCode(c.Aliases), c.Close, c.Query, c.Meaning, c.MeaningZH, c.Remedy, c.RemedyZH)
	}
	return table.String()
}

// TestAPIDocumentOutcomes: each outcome has a row, with its codes.
func TestAPIDocumentOutcomes(t *testing.T) {
	t.Parallel()
	said := map[bool]string{true: "yes", false: "no"}
	rows := section(t, readDocument(t), "## Outcomes")
	for outcome, v := range codesOn {
		row := fmt.Sprintf("| `%s` | %s | %s |", outcome, v.returnCode, said[v.retryable])
		if v.resultCode != "" {
			row = fmt.Sprintf("| `%s` | %s / %s | %s |", outcome, v.returnCode, v.resultCode, said[v.retryable])
		}
		if !strings.Contains(rows, "\n"+row) {
			t.Errorf("%s: got no row that begins %q", apiDocument, row)
		}
	}
	var known []string
	for outcome := range codesOn {
		known = append(known, string(outcome))
	}
	slices.Sort(known)
	if diff := cmp.Diff(known, rowNames(rows)); diff != "" {
		t.Errorf("%s: outcomes (-want +got):\n%s", apiDocument, diff)
	}
}

// TestAPIDocumentFields: the first columns of the tables name the fields of the result, all of them
// and nothing else.
func TestAPIDocumentFields(t *testing.T) {
	t.Parallel()
	text := readDocument(t)
	for heading, fields := range map[string]any{
		"## The result object":  Result{},
		"### `subOrders`":       SubFacts{},
		"### `coupons`":         Coupon{},
		"### `promotionDetail`": Promotion{},
		"### `goodsDetail`":     Goods{},
	} {
		if diff := cmp.Diff(jsonNames(fields), rowNames(section(t, text, heading))); diff != "" {
			t.Errorf("%s, %s: fields (-want +got):\n%s", apiDocument, heading, diff)
		}
	}
}

// TestReadmeTables: the README's tables have every parameter and every outcome, with its codes.
func TestReadmeTables(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	rows, _, _ := strings.Cut(section(t, string(text), "## Calling it"), "\nOver HTTP")
	var names []string
	for _, p := range parameters {
		names = append(names, p.Name)
	}
	slices.Sort(names)
	if diff := cmp.Diff(names, rowNames(rows)); diff != "" {
		t.Errorf("README.md: parameters (-want +got):\n%s", diff)
	}
	rows = section(t, string(text), "## The result object")
	for outcome, v := range codesOn {
		row := regexp.MustCompile(fmt.Sprintf("(?m)^\\| `%s` \\| %s / %s.* \\| .*%s", outcome, v.returnCode, orDash(v.resultCode), errCodeOn[outcome]))
		if !row.MatchString(rows) {
			t.Errorf("README.md: got no row that matches %q", row)
		}
	}
}

func orDash(code string) string {
	if code == "" {
		return "–"
	}
	return code
}

// section is the text below a heading, up to the next heading of "##" or of "###" in code style:
// the latter are objects of their own.
func section(t *testing.T, text, heading string) string {
	t.Helper()
	_, rest, found := strings.Cut(text, "\n"+heading+"\n")
	if !found {
		t.Fatalf("%s: got no heading %q", apiDocument, heading)
	}
	return rest[:regexp.MustCompile("(?m)^(## |### `)|\\z").FindStringIndex(rest)[0]]
}

var row = regexp.MustCompile(`(?m)^\| ([^|]*) \|`)

// rowNames lists the names in code style in the first column of a text's tables, sorted.
func rowNames(text string) []string {
	names := map[string]bool{}
	for _, cell := range row.FindAllStringSubmatch(text, -1) {
		for _, name := range regexp.MustCompile("`([^`]+)`").FindAllStringSubmatch(cell[1], -1) {
			names[name[1]] = true
		}
	}
	return slices.Sorted(maps.Keys(names))
}

// jsonNames lists the JSON names of a struct's fields, sorted.
func jsonNames(of any) []string {
	var names []string
	for _, field := range reflect.VisibleFields(reflect.TypeOf(of)) {
		if name, _, _ := strings.Cut(field.Tag.Get("json"), ","); name != "-" && !field.Anonymous {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}
