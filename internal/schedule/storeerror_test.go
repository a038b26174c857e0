package schedule_test

import (
	"os"
	"path/filepath"
	"regexp"
	"testing"
	"unicode"

	"cloudpay/internal/bilingual"
	"cloudpay/internal/schedule"
)

// doing is where the store says what it does, in its source.
var doing = regexp.MustCompile(`\b(?:do|post|transact)\(ctx, (?:p, |s, )?"([a-z][a-z ]*)"`)

// Whatever the store does has a name in both languages.
func TestStoreErrorsInBothLanguages(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("../store/*.go")
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, match := range doing.FindAllStringSubmatch(string(text), -1) {
			found++
			fault := &schedule.StoreError{Doing: match[1], Reason: bilingual.New("no", "no")}
			if text := fault.Wording(); hasHan(text.EN) || !hasHan(text.ZH) {
				t.Errorf("%s: %q has no Chinese: %s", file, match[1], text.ZH)
			}
		}
	}
	const least = 15
	if found < least {
		t.Errorf("found %d, want %d at least: is it said otherwise now?", found, least)
	}
}

func hasHan(text string) bool {
	for _, r := range text {
		if unicode.Is(unicode.Han, r) {
			return true
		}
	}
	return false
}
