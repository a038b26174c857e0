package wechatpay

import (
	"os"
	"regexp"
	"strings"
	"testing"
	"unicode"
)

// Every advice of v3json's about certificates is worded here: an operator is told no field of a Go
// struct, and is told it in Chinese too.
func TestAdviceOf(t *testing.T) {
	t.Parallel()
	source, err := os.ReadFile("../../pkg/v3json/certificate.go")
	if err != nil {
		t.Fatal(err)
	}
	found := regexp.MustCompile(`(?m)^\t(?:remedy|hint)\w+ = "([^"]*)"`).FindAllStringSubmatch(string(source), -1)
	const least = 4
	if len(found) < least {
		t.Fatalf("found %d advices, want %d at least", len(found), least)
	}
	isHan := func(r rune) bool { return unicode.Is(unicode.Han, r) }
	for _, advice := range found {
		got := adviceOf(advice[1])
		if !strings.ContainsFunc(got.ZH, isHan) || strings.Contains(got.EN, "Roots") {
			t.Errorf("%s: got %+v", advice[1], got)
		}
	}
}
