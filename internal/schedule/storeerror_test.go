package schedule_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"testing"
	"unicode"

	"cloudpay/internal/bilingual"
	"cloudpay/internal/order"
	"cloudpay/internal/schedule"
)

// doing matches what the store does, in its source.
var doing = regexp.MustCompile(`\b(?:do|post|transact)\(ctx, (?:p, |s, )?"([a-z][a-z ]*)"`)

// TestStoreErrorsInBothLanguages finds what the store does in its source. Each has a name in both
// languages.
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

func TestStoreError(t *testing.T) {
	t.Parallel()
	driver := errors.New("no route to host")
	fault := &schedule.StoreError{Doing: "registering orders", Reason: bilingual.New("no database", "没有数据库"), Err: driver}
	if got := fault.Error(); got != "registering orders: no database" || !errors.Is(fault, driver) || fault.Detail() != driver.Error() {
		t.Errorf("got %q, want the reason; and the driver's error to be wrapped", got)
	}
	if got := (&schedule.StoreError{Doing: "flying"}).Wording().ZH; got != "flying：" {
		t.Errorf("got %q, want an unknown activity as it is", got)
	}
	lasting := &schedule.StoreError{Lasting: true, Err: driver}
	for err, want := range map[error]bool{lasting: true, fmt.Errorf("looking: %w", lasting): true, fault: false, driver: false, nil: false} {
		if got := schedule.Lasting(err); got != want {
			t.Errorf("Lasting(%v) = %v, want %v", err, got, want)
		}
	}
}

func TestIsAnswer(t *testing.T) {
	t.Parallel()
	for err, want := range map[error]bool{
		&schedule.NotRegisteredError{}: true, &schedule.ConflictError{}: true, &schedule.LostClaimError{}: true,
		&schedule.BusyError{}: true, &schedule.EndedError{}: true, &schedule.ContradictionError{}: true,
		&schedule.WithdrawnError{}: true, &schedule.TooLateError{}: true, &schedule.WentBackError{}: true,
		order.MissingOutTradeNo(): true, fmt.Errorf("looking: %w", &schedule.NotRegisteredError{}): true,
		&schedule.StoreError{Err: errors.New("x")}: false, errors.New("x"): false, nil: false,
	} {
		if got := schedule.IsAnswer(err); got != want {
			t.Errorf("IsAnswer(%T) = %v, want %v", err, got, want)
		}
	}
}
