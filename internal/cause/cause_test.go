package cause_test

import (
	"strings"
	"testing"
	"unicode"

	"cloudpay/internal/bilingual"
	"cloudpay/internal/cause"
)

// TestTable holds each row to what its readers rely on.
func TestTable(t *testing.T) {
	t.Parallel()
	prefixes := map[cause.Side]string{
		cause.V3: "v3-", cause.V2: "v2-", cause.Reply: "reply-", cause.Notification: "notice-", cause.PaySign: "pay-sign-", cause.Account: "account-",
	}
	seen := map[cause.ID]bool{}
	for _, row := range cause.All() {
		if seen[row.ID] {
			t.Errorf("%s is there twice", row.ID)
		}
		seen[row.ID] = true
		if !strings.HasPrefix(string(row.ID), prefixes[row.Side]) {
			t.Errorf("%s is on side %q, want the side of its prefix", row.ID, row.Side)
		}
		bothLanguages(t, row.ID, "What", row.What)
		bothLanguages(t, row.ID, "Remedy", row.Remedy)
		if row.Decides != (bilingual.Text{}) {
			bothLanguages(t, row.ID, "Decides", row.Decides)
		}
		if strings.HasSuffix(row.What.EN, ".") || strings.HasSuffix(row.What.ZH, "。") {
			t.Errorf("%s: What is %q, want a clause without a full stop", row.ID, row.What)
		}
		if !strings.HasSuffix(row.Remedy.EN, ".") || !strings.HasSuffix(row.Remedy.ZH, "。") {
			t.Errorf("%s: Remedy is %q, want sentences", row.ID, row.Remedy)
		}
		if got, ok := cause.Of(row.ID); !ok || got != row {
			t.Errorf("Of(%s) is %+v (%t), want its row", row.ID, got, ok)
		}
	}
	if _, ok := cause.Of("no-such"); ok {
		t.Error("Of found an ID that is not in the table")
	}
}

func bothLanguages(t *testing.T, id cause.ID, field string, text bilingual.Text) {
	t.Helper()
	if text.EN == "" || !strings.ContainsFunc(text.ZH, func(r rune) bool { return unicode.Is(unicode.Han, r) }) {
		t.Errorf("%s: %s is %+v, want a text in both languages", id, field, text)
	}
}

// TestEnough holds the table to how many causes are told apart.
func TestEnough(t *testing.T) {
	t.Parallel()
	for side, least := range map[cause.Side]int{cause.V3: 24, cause.V2: 11, cause.PaySign: 25} {
		if got := len(cause.IDs(side)); got < least {
			t.Errorf("%s: got %d causes, want %d at least", side, got, least)
		}
	}
	if got := len(cause.IDs(cause.Reply)) + len(cause.IDs(cause.Notification)); got < 5 {
		t.Errorf("replies and notifications: got %d causes, want 5 at least", got)
	}
	if got, all := len(cause.IDs("")), len(cause.All()); got != all {
		t.Errorf("got %d IDs of all sides, want %d", got, all)
	}
}
