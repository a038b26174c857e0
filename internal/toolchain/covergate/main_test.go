package main

import (
	"io"
	"strings"
	"testing"
)

const output = `ok  	shop/pkg/v2xml	0.021s	coverage: 95.0% of statements
ok  	shop/pkg/v3json	(cached)	coverage: 100.0% of statements
	shop/internal/order		coverage: 0.0% of statements
ok  	shop/internal/closing	3.1s	coverage: 89.9% of statements
ok  	shop/internal/archtest	0.1s	coverage: [no statements]
?   	shop/internal/empty	[no test files]
--- a test that prints: coverage: 1% of statements
`

func TestHold(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		gates []string
		want  []string // in the error; none: no error
	}{
		"no gates, nothing failed": {nil, nil},
		"met exactly":              {[]string{"shop/pkg/*=95"}, nil},
		"missed by a little":       {[]string{"shop/internal/closing=90"}, []string{"internal/closing is covered 89.9 %, less than 90 %"}},
		"a package untested":       {[]string{"shop/internal/order=90"}, []string{"internal/order is covered 0 %"}},
		"all faults at once":       {[]string{"shop/pkg/*=99", "shop/internal/order=1"}, []string{"v2xml", "order"}},
		"a gate that is alone":     {[]string{"shop/pkg/v4=95"}, []string{"no package shop/pkg/v4"}},
		"no statements to gate":    {[]string{"shop/internal/archtest=1"}, []string{"no package"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			gates, err := parseGates(test.gates)
			if err != nil {
				t.Fatal(err)
			}
			var out strings.Builder
			err = hold(gates, strings.NewReader(output), &out)
			if (err == nil) != (test.want == nil) {
				t.Fatalf("got error %v, want one about %q", err, test.want)
			}
			for _, want := range test.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("got error %q, want it to say %q", err, want)
				}
			}
			if out.String() != output {
				t.Errorf("got output %q, want the input", out.String())
			}
		})
	}
}

func TestHoldSeesFailures(t *testing.T) {
	t.Parallel()
	const failed = "--- FAIL: TestX (0.00s)\nFAIL\ncoverage: 99.0% of statements\nFAIL\tshop/pkg/v2xml\t0.021s\nFAIL\n"
	if err := hold(nil, strings.NewReader(failed), io.Discard); err == nil || !strings.Contains(err.Error(), "shop/pkg/v2xml") {
		t.Errorf("got error %v, want one that names the package", err)
	}
}

func TestParseGates(t *testing.T) {
	t.Parallel()
	for _, arg := range []string{"shop/pkg/*", "shop/pkg/*=", "shop/pkg/*=high"} {
		if _, err := parseGates([]string{arg}); err == nil || !strings.Contains(err.Error(), arg) {
			t.Errorf("%s: got error %v, want one that names it", arg, err)
		}
	}
}
